//! Halves of characters. JSON may escape a character beyond U+FFFF as two halves, `\ud83d\ude04`, and models that write
//! token by token send one half in one event and the other in the next. A half alone is no character: readers of lines
//! stop at it, and a conversation that holds one is refused everywhere. So a first half at the end of a piece waits for
//! the next piece of the same text, and one whose other half never comes becomes U+FFFD.
//!
//! In: JSON strings, as they were written. Out: the same, with whole characters only.

use std::borrow::Cow;

/// The length of an escape `\uXXXX`.
const ESCAPE: usize = 6;
/// U+FFFD as an escape, which has the length of what it replaces.
const REPLACEMENT: &str = "\\ufffd";

/// One text's unfinished character.
#[derive(Debug, Default)]
pub(crate) struct Half {
    /// The escape of a first half, as it was written, at the end of what has come.
    held: Option<Box<str>>,
}

/// Which half of a character an escape is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    First,
    Second,
}

impl Half {
    /// Whether a half is waiting.
    pub(crate) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Takes the next piece of the text, a JSON string with its quotes. What comes out is one too.
    pub(crate) fn join<'a>(&mut self, string: &'a str) -> Cow<'a, str> {
        let Some(inner) = string.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Cow::Borrowed(string);
        };
        if inner.is_empty() || (self.held.is_none() && !may_have_half(inner)) {
            return Cow::Borrowed(string);
        }
        let held = self.held.take();
        let mut text = [held.as_deref().unwrap_or_default(), inner].concat();
        self.held = make_whole(&mut text);
        Cow::Owned(format!("\"{text}\""))
    }

    /// The text is over, or another one goes on: what a half that waits becomes, as text.
    pub(crate) fn finish(&mut self) -> Option<&'static str> {
        self.held.take().map(|_| "\u{FFFD}")
    }
}

/// Replaces lone halves in any JSON; its length stays.
pub(crate) fn replace_lone(json: &str) -> Cow<'_, str> {
    if !may_have_half(json) {
        return Cow::Borrowed(json);
    }
    let mut text = json.to_owned();
    if let Some(last) = make_whole(&mut text) {
        // It stood at the very end, so this was no string with its quotes; it is told as it came.
        text.push_str(&last);
    }
    Cow::Owned(text)
}

fn may_have_half(json: &str) -> bool {
    let bytes = json.as_bytes();
    memchr::memchr_iter(b'\\', bytes).any(|at| bytes.get(at + 1) == Some(&b'u'))
}

/// Replaces the lone halves in the inside of a string. A first half at its end is taken off and answered.
fn make_whole(text: &mut String) -> Option<Box<str>> {
    let mut lone = Vec::new();
    let mut waiting: Option<usize> = None;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr(b'\\', rest.as_bytes())) {
        let here = at + found;
        let side = text.get(here..here + ESCAPE).and_then(side);
        let follows = waiting.is_some_and(|first| first + ESCAPE == here);
        match side {
            Some(Side::Second) if follows => waiting = None,
            Some(Side::Second) => {
                lone.extend(waiting.take());
                lone.push(here);
            }
            Some(Side::First) => lone.extend(waiting.replace(here)),
            None => lone.extend(waiting.take()),
        }
        // Any escape but that of a character by its number has two bytes.
        at = here + if side.is_some() { ESCAPE } else { 2 };
    }
    let held = match waiting {
        Some(first) if first + ESCAPE == text.len() => Some(text.split_off(first).into_boxed_str()),
        Some(first) => {
            lone.push(first);
            None
        }
        None => None,
    };
    for at in lone {
        text.replace_range(at..at + ESCAPE, REPLACEMENT);
    }
    held
}

/// Which half an escape is, if it is one.
fn side(escape: &str) -> Option<Side> {
    let code = u16::from_str_radix(escape.strip_prefix("\\u")?, 16).ok()?;
    match code {
        0xD800..=0xDBFF => Some(Side::First),
        0xDC00..=0xDFFF => Some(Side::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn join(pieces: &[&str]) -> Vec<String> {
        let mut half = Half::default();
        let mut all: Vec<String> = pieces.iter().map(|piece| half.join(piece).into_owned()).collect();
        all.extend(half.finish().map(str::to_owned));
        all
    }

    #[test]
    fn a_first_half_waits_for_the_second() {
        assert_eq!(join(&[r#""a\ud83d""#, r#""\ude04b""#]), [r#""a""#, r#""\ud83d\ude04b""#]);
        assert_eq!(join(&[r#""\uD83D""#, r#""""#, r#""\uDE04""#]), [r#""""#, r#""""#, r#""\uD83D\uDE04""#]);
    }

    #[test]
    fn a_half_that_stays_alone_is_replaced() {
        assert_eq!(join(&[r#""\ud83d""#, r#""b""#]), [r#""""#, r#""\ufffdb""#]);
        assert_eq!(join(&[r#""a\ude04b\ud83dc""#]), [r#""a\ufffdb\ufffdc""#]);
        assert_eq!(join(&[r#""\ud83d\ud83d""#]), [r#""\ufffd""#, "\u{FFFD}"]);
        assert_eq!(join(&[r#""\ud83d\n""#]), [r#""\ufffd\n""#]);
        assert_eq!(replace_lone(r#"[{"a":"\ud83d"},"\ud83d\ude04"]"#), r#"[{"a":"\ufffd"},"\ud83d\ude04"]"#);
    }

    #[test]
    fn what_has_no_half_is_not_copied() {
        for string in [r#""""#, r#""a""#, r#""\\n""#, "null", r#""é😄""#] {
            assert!(matches!(Half::default().join(string), Cow::Borrowed(same) if same == string));
        }
        assert_eq!(join(&[r#""\\ud83d""#]), [r#""\\ud83d""#], "an escaped backslash is no escape of a character");
    }

    proptest! {
        #[test]
        fn any_cut_between_escapes_gives_the_same_text(
            atoms in prop::collection::vec(prop_oneof![
                Just("\\ud83d"), Just("\\ude04"), Just("\\n"), Just("a"), Just("\\\\"), Just("\\u00e9"), Just("é")], 0..8),
            cut in 0..8_usize,
        ) {
            let cut = cut.min(atoms.len());
            let piece = |atoms: &[&str]| format!("\"{}\"", atoms.concat());
            let read = |pieces: &[String]| {
                let mut half = Half::default();
                let mut text = String::new();
                for piece in pieces {
                    text.push_str(&serde_json::from_str::<String>(&half.join(piece)).expect("whole characters"));
                }
                text.extend(half.finish());
                text
            };
            let whole = crate::json::lossy_text(&piece(&atoms)).unwrap();
            prop_assert_eq!(read(&[piece(&atoms)]), whole.clone());
            prop_assert_eq!(read(&[piece(&atoms[..cut]), piece(&atoms[cut..])]), whole);
        }
    }
}
