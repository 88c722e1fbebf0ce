/** What an image file's first bytes say of it, before any decoder unpacks it. */

/** Size in pixels, and whether there is more than one frame. */
export interface ImageHeader {
  width: number;
  height: number;
  isAnimated: boolean;
}

/** Reads the header of a PNG, JPEG, GIF or WebP; null for others, and for one that is cut. */
export function headerOf(bytes: Uint8Array): ImageHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return png(view) ?? gif(view) ?? webp(view) ?? jpeg(view);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function ascii(view: DataView, at: number, length: number): string {
  return String.fromCharCode(...Array.from({ length }, (_, index) => view.getUint8(at + index)));
}

function png(view: DataView): ImageHeader | null {
  if (view.getUint32(0) !== 0x89504e47 || ascii(view, 12, 4) !== 'IHDR') return null;
  const header = { width: view.getUint32(16), height: view.getUint32(20), isAnimated: false };
  // An animation says so in a chunk before the first one of pixels.
  for (let at = 8; at + 8 <= view.byteLength; at += 12 + view.getUint32(at)) {
    const type = ascii(view, at + 4, 4);
    if (type === 'acTL') return { ...header, isAnimated: true };
    if (type === 'IDAT') break;
  }
  return header;
}

function gif(view: DataView): ImageHeader | null {
  if (!/^GIF8[79]a/.test(ascii(view, 0, 6))) return null;
  const header = { width: view.getUint16(6, true), height: view.getUint16(8, true), isAnimated: false };
  const table = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  let at = 13 + table(view.getUint8(10));
  try {
    for (let frames = 0; ; ) {
      const kind = view.getUint8(at);
      if (kind === 0x2c) {
        frames += 1;
        if (frames > 1) return { ...header, isAnimated: true };
        at += 10 + table(view.getUint8(at + 9)) + 1;
      } else if (kind === 0x21) at += 2;
      else return header;
      for (let size = view.getUint8(at); size > 0; size = view.getUint8(at)) at += size + 1;
      at += 1;
    }
  } catch {
    return header; // Cut, as only the beginning of the file is looked at.
  }
}

function webp(view: DataView): ImageHeader | null {
  if (ascii(view, 0, 4) !== 'RIFF' || ascii(view, 8, 4) !== 'WEBP') return null;
  const three = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  switch (ascii(view, 12, 4)) {
    case 'VP8X':
      return { width: three(24) + 1, height: three(27) + 1, isAnimated: (view.getUint8(20) & 2) !== 0 };
    case 'VP8 ':
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff, isAnimated: false };
    case 'VP8L': {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1, isAnimated: false };
    }
    default:
      return null;
  }
}

function jpeg(view: DataView): ImageHeader | null {
  if (view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; ; ) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at += 1;
    // The frames' headers, of whichever coding; the others of this range are tables.
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5), isAnimated: false };
    } else at += 2 + view.getUint16(at + 2);
  }
}
