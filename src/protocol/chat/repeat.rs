//! Nearly all events of an answer differ in one string only, the piece of text; the rest, hundreds of bytes of ids and
//! filter results, comes again byte for byte. So the last event that passed unchanged is remembered around its text. One
//! that is equal around another string needs no parsing, since JSON with another string in a string's place is the
//! same JSON otherwise, and makes the same line around that string.
//!
//! In: an event's data. Out: its line, or nothing, and then it is read as any other. A property test compares the two.

use crate::protocol::whole_string::is_whole_string;

/// What is remembered of an event and its line, at most; all bytes but the text's. Azure's have less than a kilobyte.
const MAX_BYTES: usize = 4096;

/// The last event around its text, and its line around the same text. Empty until there is one.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    event: Around,
    line: Around,
}

#[derive(Debug, Default)]
struct Around {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Around {
    /// Remembers `whole` but for the `len` bytes from `at`, where they are that far in.
    fn remember(&mut self, whole: &[u8], at: usize, len: usize) -> Option<()> {
        let (before, rest) = whole.split_at_checked(at)?;
        let (_, after) = rest.split_at_checked(len)?;
        self.before.clear();
        self.before.extend_from_slice(before);
        self.after.clear();
        self.after.extend_from_slice(after);
        Some(())
    }
}

impl Repeat {
    /// Appends the line of an event that differs from the remembered one in its text only, and answers that text, a JSON
    /// string. `None`: it may be any event.
    pub(super) fn line<'a>(&self, data: &'a str, lines: &mut Vec<u8>) -> Option<&'a str> {
        if self.event.before.is_empty() {
            return None;
        }
        let end = data.len().checked_sub(self.event.after.len())?;
        let text = data.get(self.event.before.len()..end)?;
        let bytes = data.as_bytes();
        let is_like_it = bytes.starts_with(&self.event.before) && bytes.ends_with(&self.event.after);
        if !is_like_it || !is_whole_string(text.as_bytes()) {
            return None;
        }
        lines.reserve(self.line.before.len() + text.len() + self.line.after.len());
        for part in [&self.line.before, text.as_bytes(), &self.line.after] {
            lines.extend_from_slice(part);
        }
        Some(text)
    }

    /// Nothing is remembered from here on, until an event is again.
    pub(super) fn forget(&mut self) {
        self.event.before.clear();
    }

    /// Remembers an event and its line. `text` is the string that changes, a part of `data` with its quotes; it is in
    /// `line` from `at`.
    pub(super) fn remember(&mut self, data: &str, text: &str, line: &[u8], at: usize) {
        let in_data = text.as_ptr().addr().wrapping_sub(data.as_ptr().addr());
        let known = if data.len() + line.len() <= MAX_BYTES + 2 * text.len() {
            self.event
                .remember(data.as_bytes(), in_data, text.len())
                .and_then(|()| self.line.remember(line, at, text.len()))
        } else {
            None
        };
        if known.is_none() {
            self.event.before.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_not_remembered_and_forgets_what_was() {
        let mut repeat = Repeat::default();
        let data = r#"{"a":"x"}"#;
        repeat.remember(data, &data[5..8], b"<\"x\">", 1);
        let mut lines = Vec::new();
        assert_eq!(repeat.line(r#"{"a":"other"}"#, &mut lines), Some("\"other\""));
        assert_eq!(lines, b"<\"other\">");
        let long = format!(r#"{{"a":"x","b":"{}"}}"#, "b".repeat(MAX_BYTES));
        repeat.remember(&long, &long[5..8], b"<\"x\">", 1);
        assert!(repeat.line(&long, &mut lines).is_none() && repeat.line(data, &mut lines).is_none());
        let text = format!("\"{}\"", "x".repeat(2 * MAX_BYTES));
        let wide = format!(r#"{{"a":{text}}}"#);
        repeat.remember(&wide, &wide[5..wide.len() - 1], format!("<{text}>").as_bytes(), 1);
        assert!(repeat.line(data, &mut lines).is_some(), "the text itself is not remembered");
    }
}
