//! What may stand in a JSON string's place unread: another JSON string.

use memchr::memchr2;

/// Whether all of `bytes`, which are UTF-8, is one JSON string, by the rules of RFC 8259, of whole characters.
pub(super) fn is_whole_string(bytes: &[u8]) -> bool {
    let [b'"', rest @ .., b'"'] = bytes else { return false };
    let mut rest = rest;
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        let Some((plain, [b'\\', escape @ ..])) = rest.split_at_checked(at) else { return false };
        rest = match escape {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => rest,
            // Half of a character is none by itself, whatever the grammar says; see `answer::halves`.
            [b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B', a, b, rest @ ..] => match rest {
                [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', c, d, rest @ ..]
                    if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) =>
                {
                    rest
                }
                _ => return false,
            },
            [b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..] => return false,
            [b'u', a, b, c, d, rest @ ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => rest,
            _ => return false,
        };
        if has_controls(plain) {
            return false;
        }
    }
    !has_controls(rest)
}

fn has_controls(bytes: &[u8]) -> bool {
    // Eight at a time: a byte below 32 borrows when 32 is taken off it, unless its own highest bit was set.
    const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    let borrows = words.iter().fold(0, |borrows, word| {
        let word = u64::from_ne_bytes(*word);
        borrows | (word.wrapping_sub(SPACES) & !word)
    });
    borrows & HIGHEST != 0 || rest.iter().any(|byte| *byte < b' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_string_is() {
        for good in [r#""""#, r#""a""#, r#""\"""#, r#""\\""#, r#""é😄\ud83d\uDE04\u00e9\n\/""#, "\"\u{7f}\""] {
            assert!(is_whole_string(good.as_bytes()), "{good}");
        }
        for bad in [
            r#""\ud83d""#,
            r#""\ude04""#,
            r#""\ud83d\n""#,
            r#""\ud83d\ud83d""#,
            "",
            "\"",
            "a",
            r#""a" "#,
            r#""a"b""#,
            r#""\""#,
            r#""\x""#,
            r#""\u12g4""#,
            r#""\u123""#,
            "\"\n\"",
            r#""a\"#,
        ] {
            assert!(!is_whole_string(bad.as_bytes()), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_string_is_what_serde_json_takes_for_one(inner in "([a-z\"\\\\/u0é\n\u{1}]|\\\\[\"\\\\bu]|\\\\u([0-9a-g]{3,4}|d[89c][0-9]{2})){0,8}") {
            let text = format!("\"{inner}\"");
            let whole = serde_json::from_str::<String>(&text).is_ok();
            prop_assert_eq!(is_whole_string(text.as_bytes()), whole);
        }
    }
}
