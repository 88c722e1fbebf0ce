//! Writes choice lines, in the shape of a chat completion's choice.

use super::inline::Told;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Content,
    Thoughts,
}

impl Kind {
    /// The delta's key for it, as it stands in a line.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Content => "\"content\":",
            Self::Thoughts => "\"reasoning_content\":",
        }
    }
}

/// One piece of text that was told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
}

impl Told {
    /// Its pieces that are not empty.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let pieces = [(Kind::Content, &self.before), (Kind::Thoughts, &self.thoughts), (Kind::Content, &self.after)];
        pieces.into_iter().filter(|(_, text)| !text.is_empty()).map(|(kind, text)| Piece { kind, text })
    }
}

/// A value in a line: JSON as upstream wrote it, or a text to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text<'a> {
    Json(&'a str),
    New(&'a str),
}

/// Writes choice lines.
#[derive(Debug)]
pub(crate) struct Lines<'o> {
    lines: &'o mut Vec<u8>,
    /// The event's data had more than one line: what is copied may hold line breaks between JSON's tokens.
    multiline: bool,
}

impl<'o> Lines<'o> {
    /// Writes to the end of `lines`; `data` is the event's.
    pub(crate) fn new(lines: &'o mut Vec<u8>, data: &[u8]) -> Self {
        Self { lines, multiline: memchr::memchr(b'\n', data).is_some() }
    }

    pub(crate) fn is_multiline(&self) -> bool {
        self.multiline
    }

    /// A line with nothing but a piece of text.
    pub(crate) fn piece(&mut self, index: u32, Piece { kind, text }: Piece<'_>) {
        self.only(index, kind, Text::New(text));
    }

    /// A line with nothing but one text.
    pub(crate) fn only(&mut self, index: u32, kind: Kind, text: Text<'_>) {
        self.index(index);
        self.put(",\"delta\":{");
        self.put(kind.key());
        self.text(text);
        self.put("},\"finish_reason\":null}\n");
    }

    /// The beginning of a line: its choice's index.
    pub(crate) fn index(&mut self, index: u32) {
        self.put("{\"index\":");
        self.number(index);
    }

    pub(crate) fn number(&mut self, number: u32) {
        // Writing into memory does not fail.
        let _ = serde_json::to_writer(&mut *self.lines, &number);
    }

    /// A member of an object, if it has a value. `first` says whether it would be the object's first. Answers where in the
    /// buffer the value begins.
    pub(crate) fn field(&mut self, first: &mut bool, key: &str, value: Option<Text<'_>>) -> usize {
        let Some(value) = value else { return self.lines.len() };
        if !std::mem::take(first) {
            self.put(",");
        }
        self.put(key);
        let at = self.lines.len();
        self.text(value);
        at
    }

    pub(crate) fn text(&mut self, text: Text<'_>) {
        match text {
            Text::Json(json) if self.multiline => {
                self.lines.extend(json.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
            }
            Text::Json(json) => self.put(json),
            Text::New(text) => {
                // A string always serialises into memory.
                let _ = serde_json::to_writer(&mut *self.lines, text);
            }
        }
    }

    pub(crate) fn put(&mut self, text: &str) {
        self.lines.extend_from_slice(text.as_bytes());
    }
}
