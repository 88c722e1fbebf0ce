//! Magic bytes and dimensions of the four formats that models take.

use super::Header;

/// The longest start that tells PNG, WebP and GIF.
const START_BYTES: usize = 30;

/// Reads the header from the beginning of a file; takes no more of `bytes` than it needs.
pub(super) fn read(mut bytes: impl Iterator<Item = u8>) -> Option<Header> {
    let mut start = Vec::with_capacity(START_BYTES);
    start.extend(bytes.by_ref().take(2));
    if start == [0xff, 0xd8] {
        return jpeg(&mut bytes);
    }
    start.extend(bytes.take(START_BYTES - start.len()));
    match start.as_slice() {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', rest @ ..] => png(rest),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', w0, w1, h0, h1, ..] => {
            header("GIF", u16::from_le_bytes([*w0, *w1]), u16::from_le_bytes([*h0, *h1]))
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', rest @ ..] => webp(rest),
        _ => None,
    }
}

/// The first chunk is `IHDR`: length, name, width and height as big-endian numbers of 32 bits.
fn png(rest: &[u8]) -> Option<Header> {
    let [_, _, _, _, b'I', b'H', b'D', b'R', w0, w1, w2, w3, h0, h1, h2, h3, ..] = rest else { return None };
    header("PNG", u32::from_be_bytes([*w0, *w1, *w2, *w3]), u32::from_be_bytes([*h0, *h1, *h2, *h3]))
}

/// Lossy, lossless, or extended: 14 bits each behind the start code, 14 bits each packed, 24 bits each less one.
fn webp(rest: &[u8]) -> Option<Header> {
    let [b'V', b'P', b'8', form, _, _, _, _, chunk @ ..] = rest else { return None };
    match (form, chunk) {
        (b' ', [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..]) => {
            header("WebP", u16::from_le_bytes([*w0, *w1]) & 0x3fff, u16::from_le_bytes([*h0, *h1]) & 0x3fff)
        }
        (b'L', [0x2f, b0, b1, b2, b3, ..]) => {
            let bits = u32::from_le_bytes([*b0, *b1, *b2, *b3]);
            header("WebP", (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        (b'X', [_, _, _, _, w0, w1, w2, h0, h1, h2, ..]) => {
            header("WebP", u32::from_le_bytes([*w0, *w1, *w2, 0]) + 1, u32::from_le_bytes([*h0, *h1, *h2, 0]) + 1)
        }
        _ => None,
    }
}

/// Segment by segment to the first that starts a frame.
fn jpeg(bytes: &mut impl Iterator<Item = u8>) -> Option<Header> {
    loop {
        if bytes.next()? != 0xff {
            return None;
        }
        let marker = bytes.find(|byte| *byte != 0xff)?; // any number of fill bytes may stand before it
        match marker {
            0x01 | 0xd0..=0xd7 => {} // no segment
            // A frame, of all kinds; the three left out of the range are tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let (_length, _precision) = (number(bytes)?, bytes.next()?);
                let (height, width) = (number(bytes)?, number(bytes)?);
                return header("JPEG", width, height);
            }
            0xd9 | 0xda => return None, // the end, or pixels before any frame
            _ => {
                // The length counts its own two bytes. `nth` drops a segment without keeping it.
                let rest = usize::from(number(bytes)?).checked_sub(2)?;
                if rest > 0 {
                    bytes.nth(rest - 1)?;
                }
            }
        }
    }
}

fn number(bytes: &mut impl Iterator<Item = u8>) -> Option<u16> {
    Some(u16::from_be_bytes([bytes.next()?, bytes.next()?]))
}

/// A header with a size; one without is broken.
fn header(kind: &'static str, width: impl Into<u32>, height: impl Into<u32>) -> Option<Header> {
    let (width, height) = (width.into(), height.into());
    (width > 0 && height > 0).then_some(Header { kind, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(parts: &[&[u8]]) -> Option<(&'static str, u32, u32)> {
        read(parts.concat().into_iter()).map(|header| (header.kind, header.width, header.height))
    }

    #[test]
    fn each_format_tells_its_size() {
        let png: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x03\0\x08";
        assert_eq!(told(&[png]), Some(("PNG", 1024, 768)));
        assert_eq!(told(&[b"GIF89a\x0a\0\x14\0"]), Some(("GIF", 10, 20)));
        assert_eq!(told(&[b"GIF87a\x0a\0\x14\0"]), Some(("GIF", 10, 20)));
        let riff: &[u8] = b"RIFF\0\0\0\0WEBP";
        let lossy: &[u8] = b"VP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x20\x03\x58\x42";
        assert_eq!(told(&[riff, lossy]), Some(("WebP", 800, 600)), "the upper two bits are a scale");
        let packed = (800_u32 - 1) | (600 - 1) << 14;
        assert_eq!(told(&[riff, b"VP8L\0\0\0\0\x2f", &packed.to_le_bytes()]), Some(("WebP", 800, 600)));
        assert_eq!(told(&[riff, b"VP8X\0\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0"]), Some(("WebP", 800, 600)));
    }

    #[test]
    fn a_jpeg_is_walked_to_its_frame() {
        let notes = [&b"\xff\xe1\x01\x02"[..], &[0xc0; 0x100]].concat();
        let table: &[u8] = b"\xff\xc4\0\x03x";
        for frame in [0xc0, 0xc1, 0xc2, 0xcf] {
            let frame = [0xff, frame, 0, 17, 8, 0x02, 0x58, 0x03, 0x20, 3];
            assert_eq!(told(&[b"\xff\xd8", &notes, table, b"\xff\xff", &frame]), Some(("JPEG", 800, 600)));
        }
        for broken in
            [&b"\xff\xd8\xff\xe1\0\x01"[..], b"\xff\xd8\xff\xda\0\x02", b"\xff\xd8\0", b"\xff\xd8\xff\xc0\0\x11"]
        {
            assert_eq!(told(&[broken]), None, "{broken:x?}");
        }
    }

    #[test]
    fn nothing_else_is_an_image() {
        for other in
            ["", "G", "GIF88a____", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "RIFF____WAVEfmt ____________"]
        {
            assert_eq!(told(&[other.as_bytes()]), None, "{other}");
        }
        assert_eq!(told(&[b"GIF89a\0\0\x14\0"]), None, "a side of nothing");
    }

    /// Cut anywhere, or with any byte changed, a header is read or it is not; nothing else happens.
    #[test]
    fn broken_headers_are_no_headers() {
        let png: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x03\0";
        let webp: &[u8] = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0";
        let jpeg: &[u8] = b"\xff\xd8\xff\xe0\0\x04xx\xff\xc0\0\x11\x08\x02\x58\x03\x20";
        for whole in [png, webp, jpeg, b"GIF89a\x0a\0\x14\0"] {
            assert!(told(&[whole]).is_some());
            for cut in 0..whole.len() {
                assert_eq!(told(&[&whole[..cut]]), None, "{cut} of {whole:x?}");
                for byte in 0..=u8::MAX {
                    let mut changed = whole.to_vec();
                    changed[cut] = byte;
                    let _ = told(&[&changed]);
                }
            }
        }
    }
}
