//! Nearly all events of an answer differ in one string only, the piece of text, or in that and the padding that hides its
//! length; the rest, hundreds of bytes of ids and filter results, comes again byte for byte: see [`Frame`]. Who is like the
//! last one that passed unchanged makes the same line around its text.
//!
//! In: an event's data. Out: its line, or nothing, and then it is read as any other. A property test compares the two.

use crate::protocol::frame::{Frame, MAX_BYTES, Value};

/// The last event, and its line around the same text, both within the bound of an event. Empty until there is one.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    event: Frame,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Repeat {
    /// Appends the line of an event that is like the remembered one, and answers its text, a JSON string. `None`: it may be
    /// any event.
    pub(super) fn line<'a>(&self, data: &'a [u8], lines: &mut Vec<u8>) -> Option<&'a str> {
        let text = self.event.text(data)?;
        lines.reserve(self.before.len() + text.len() + self.after.len());
        for part in [&self.before, text.as_bytes(), &self.after] {
            lines.extend_from_slice(part);
        }
        Some(text)
    }

    /// Nothing is remembered from here on, until an event is again.
    pub(super) fn forget(&mut self) {
        self.event.forget();
    }

    /// Remembers an event and its line. `text` and `padding` are the strings that change, parts of `data` with their
    /// quotes; the text is in `line` from `at`. Answers whether it is short enough for it.
    pub(super) fn remember(&mut self, data: &str, text: &str, padding: Option<&str>, line: &[u8], at: usize) -> bool {
        self.forget();
        let Some((before, rest)) = line.split_at_checked(at) else { return false };
        let Some((_, after)) = rest.split_at_checked(text.len()) else { return false };
        let is_remembered = self.event.remember(data, [(Some(text), Value::Text), (padding, Value::Padding)]);
        if !is_remembered || self.event.size() + before.len() + after.len() > MAX_BYTES {
            self.forget();
            return false;
        }
        self.before.clear();
        self.before.extend_from_slice(before);
        self.after.clear();
        self.after.extend_from_slice(after);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_made_anew_around_another_text() {
        let mut repeat = Repeat::default();
        let data = r#"{"a":"x","b":"y"}"#;
        repeat.remember(data, &data[5..8], Some(&data[13..16]), b"<\"x\">", 1);
        let mut lines = Vec::new();
        assert_eq!(repeat.line(br#"{"a":"other","b":""}"#, &mut lines), Some("\"other\""));
        assert_eq!(lines, b"<\"other\">");
        repeat.forget();
        assert!(repeat.line(data.as_bytes(), &mut lines).is_none());
    }

    #[test]
    fn a_line_that_is_too_long_is_not_remembered_and_forgets_what_was() {
        let mut repeat = Repeat::default();
        let data = r#"{"a":"x"}"#;
        let room = MAX_BYTES - r#"{"a":}<"#.len();
        for (length, is_remembered) in [(room, true), (room + 1, false)] {
            let line = format!("<\"x\"{}", ">".repeat(length));
            repeat.remember(data, &data[5..8], None, line.as_bytes(), 1);
            assert_eq!(repeat.line(data.as_bytes(), &mut Vec::new()).is_some(), is_remembered);
        }
    }
}
