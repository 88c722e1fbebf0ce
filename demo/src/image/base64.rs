//! Base64 to bytes, one at a time and only as far as somebody asks.

/// The bytes of `text` up to its end, its padding or its first character that is no base64.
pub(super) fn decode(text: &str) -> impl Iterator<Item = u8> {
    let mut sextets = text.bytes().map_while(sextet);
    let (mut bits, mut held) = (0_u32, 0_u32);
    std::iter::from_fn(move || {
        while held < 8 {
            bits = (bits << 6 | u32::from(sextets.next()?)) & 0xffff;
            held += 6;
        }
        held -= 8;
        u8::try_from(bits >> held & 0xff).ok()
    })
}

/// How many bytes `text` decodes to if it is base64 throughout.
pub(super) fn decoded_size(text: &str) -> usize {
    text.trim_end_matches('=').len().saturating_mul(3) / 4
}

fn sextet(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 4648, section 10.
    #[test]
    fn the_standards_examples_decode() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(decode(text).collect::<Vec<_>>(), plain.as_bytes());
            assert_eq!(decoded_size(text), plain.len());
        }
    }

    #[test]
    fn what_is_no_base64_ends_it() {
        assert_eq!(decode("Zm9v\nYmFy").collect::<Vec<_>>(), b"foo");
        assert_eq!(decode("////").collect::<Vec<_>>(), [255; 3]);
    }
}
