//! What may stand in a JSON string's place unread: another JSON string.

use memchr::memchr2;

/// Bytes that are looked at together.
const WORD: usize = size_of::<u64>();
const ONES: u64 = u64::from_ne_bytes([1; WORD]);
const HIGHEST: u64 = 0x80 * ONES;
/// A text that has no end within so many words is long.
const SHORT: usize = 4;

/// How long the JSON string is with which `bytes` begin, its quotes included, if it is one by the rules of RFC 8259 and of
/// whole characters. Whether it is UTF-8 is not looked at.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes.strip_prefix(b"\"")?;
    loop {
        rest = match rest.get(plain_length(rest)..)? {
            [b'"', rest @ ..] => return Some(bytes.len() - rest.len()),
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => rest,
            // Half of a character is none by itself, whatever the grammar says; see `answer::halves`.
            [b'\\', b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B', a, b, rest @ ..] => match rest {
                [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', c, d, rest @ ..]
                    if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) =>
                {
                    rest
                }
                _ => return None,
            },
            [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..] => return None,
            [b'\\', b'u', a, b, c, d, rest @ ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => rest,
            _ => return None,
        };
    }
}

/// How many bytes come before the first that is a quote, a backslash or a control character; all if there is none. A word
/// at a time, since most texts are a few letters.
fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks();
    for (at, word) in words.iter().take(SHORT).enumerate() {
        let found = ends(*word);
        if found != 0 {
            // The first byte of a word is the lowest.
            return WORD * at + found.trailing_zeros() as usize / 8;
        }
    }
    let short = WORD * words.len().min(SHORT);
    let rest = if words.len() > SHORT { bytes.get(short..).unwrap_or_default() } else { rest };
    let end = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
    let plain = rest.get(..end).unwrap_or_default();
    short + if has_controls(plain) { plain.iter().take_while(|byte| **byte >= b' ').count() } else { end }
}

fn has_controls(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks();
    let any = words.iter().fold(0, |any, word| any | below(u64::from_le_bytes(*word), b' '));
    any & HIGHEST != 0 || rest.iter().any(|byte| *byte < b' ')
}

/// Not zero if any byte of a word is a quote, a backslash or a control character; the lowest bit that is set is then in the
/// first such byte.
fn ends(word: [u8; WORD]) -> u64 {
    let word = u64::from_le_bytes(word);
    let is = |byte: u8| below(word ^ (u64::from(byte) * ONES), 1);
    (below(word, b' ') | is(b'"') | is(b'\\')) & HIGHEST
}

/// The highest bits of those bytes of a word that are below `bound`: each borrows when that is taken off it, unless its
/// own highest bit was set. A borrow may set the next byte's bit too, and other bits mean nothing.
fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(u64::from(bound) * ONES) & !word
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_whole_string(bytes: &[u8]) -> bool {
        length(bytes) == Some(bytes.len())
    }

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

    #[test]
    fn the_first_special_byte_is_found_wherever_it_stands() {
        for length in 0..150 {
            let plain: Vec<u8> = "aé !#[]~\u{7f}\u{80}ÿ😄".bytes().cycle().take(length).collect();
            assert_eq!(plain_length(&plain), length);
            for at in 0..length {
                for special in [b'"', b'\\', 0, b'\n', 0x1f] {
                    let mut bytes = plain.clone();
                    bytes[at] = special;
                    assert_eq!(plain_length(&bytes), at, "{special} of {length}");
                    bytes[at + 1..].fill(b'\t');
                    assert_eq!(plain_length(&bytes), at, "{special} of {length}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_string_is_what_serde_json_takes_for_one(inner in "([a-z\"\\\\/u0é\n\u{1}]|\\\\[\"\\\\bu]|\\\\u([0-9a-g]{3,4}|d[89c][0-9]{2})){0,8}") {
            let text = format!("\"{inner}\"");
            let whole = serde_json::from_str::<String>(&text).is_ok();
            prop_assert_eq!(is_whole_string(text.as_bytes()), whole);
            let more = format!("{text},\"b\"");
            if let Some(length) = length(more.as_bytes()) {
                prop_assert!(serde_json::from_str::<String>(&more[..length]).is_ok());
            }
        }
    }
}
