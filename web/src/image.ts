/**
 * Images that people put into a question, made small and harmless before anything keeps or sends them: always encoded anew,
 * which applies the orientation and drops what a camera wrote into the file (place, device, time).
 */
import { headerOf } from './image-header';

/** Larger sides than this are scaled down by the models' services anyway. */
const MAX_SIDE = 2_048;
/** Aimed at for one image, if the service's own bound is not smaller. */
const MAX_BYTES = 1_000_000;
/** A picture of more pixels is refused by its header, before a decoder unpacks it. */
const MAX_PIXELS = 50_000_000;
/** A file larger than this is not even read. */
const MAX_FILE_BYTES = 50_000_000;

/** An image that is ready to be sent. */
export interface Prepared {
  url: string;
  width: number;
  height: number;
  bytes: number;
  /** Whether the file moved; only its first frame is left. */
  wasAnimated: boolean;
}

/** Why an image cannot be taken. */
export type ImageRefusal = 'too-large' | 'unreadable';

/** Prepares an image file. `maxBytes` is the service's bound, if it has one. */
export async function prepare(file: Blob, maxBytes: number | null): Promise<Prepared | ImageRefusal> {
  if (file.size > MAX_FILE_BYTES) return 'too-large';
  const header = headerOf(new Uint8Array(await file.slice(0, 512 * 1024).arrayBuffer()));
  if (header && header.width * header.height > MAX_PIXELS) return 'too-large';
  const image = await decode(file, header);
  if (image === 'too-large' || image === 'unreadable') return image;
  try {
    const encoded = await shrink(image, Math.min(maxBytes ?? MAX_BYTES, MAX_BYTES), !/jpe?g|hei[cf]/.test(file.type));
    if (!encoded) return 'unreadable';
    const { blob, width, height } = encoded;
    return { url: await dataUrl(blob), width, height, bytes: blob.size, wasAnimated: header?.isAnimated ?? false };
  } finally {
    image.close();
  }
}

/** Decodes at a reduced size where the header allows to know it, so that a phone's memory holds it. */
async function decode(file: Blob, header: { width: number; height: number } | null): Promise<ImageBitmap | ImageRefusal> {
  // Without a header that this page can read (HEIC, AVIF, BMP) nothing tells how large a picture unpacks, but its file does a little.
  if (!header && file.size > MAX_FILE_BYTES / 4) return 'too-large';
  try {
    const image = await createImageBitmap(file, { imageOrientation: 'from-image' });
    if (image.width * image.height <= MAX_PIXELS) return image;
    image.close();
    return 'too-large';
  } catch {
    return 'unreadable';
  }
}

interface Encoded {
  blob: Blob;
  width: number;
  height: number;
}

/** The best encoding that fits: of what is no photograph PNG, which keeps a screenshot's letters sharp; else JPEG, less and less of it. */
async function shrink(image: ImageBitmap, maxBytes: number, isDrawn: boolean): Promise<Encoded | null> {
  for (let scale = Math.min(1, MAX_SIDE / Math.max(image.width, image.height)); scale > 0.01; scale *= 0.75) {
    const width = Math.max(1, Math.round(image.width * scale));
    const height = Math.max(1, Math.round(image.height * scale));
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d');
    if (!context) return null;
    context.imageSmoothingQuality = 'high';
    context.drawImage(image, 0, 0, width, height);
    const png = isDrawn ? await encoded(canvas, 'image/png') : null;
    if (png && png.size <= maxBytes) return { blob: png, width, height };
    // JPEG knows no transparency; what shines through becomes white, not black.
    context.globalCompositeOperation = 'destination-over';
    context.fillStyle = '#fff';
    context.fillRect(0, 0, width, height);
    for (const quality of [0.85, 0.7, 0.55]) {
      const jpeg = await encoded(canvas, 'image/jpeg', quality);
      if (jpeg && jpeg.size <= maxBytes) return { blob: jpeg, width, height };
    }
  }
  return null;
}

function encoded(canvas: HTMLCanvasElement, type: string, quality?: number): Promise<Blob | null> {
  return new Promise((resolve) => canvas.toBlob(resolve, type, quality));
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error('unreadable'));
    reader.readAsDataURL(blob);
  });
}
