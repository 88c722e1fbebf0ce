//! Writes choice lines, in the original app's shape.

use serde_json::value::RawValue;

use super::chunk::{Choice, Delta};
use super::inline::Told;

/// One piece of text that was told apart.
#[derive(Clone, Copy)]
pub(super) enum Piece<'a> {
    Content(&'a str),
    Thoughts(&'a str),
}

impl Piece<'_> {
    pub(super) fn is_empty(&self) -> bool {
        let (Self::Content(text) | Self::Thoughts(text)) = self;
        text.is_empty()
    }
}

impl Told {
    pub(super) fn pieces(&self) -> [Piece<'_>; 3] {
        [Piece::Content(&self.before), Piece::Thoughts(&self.thoughts), Piece::Content(&self.after)]
    }
}

/// A text field: as upstream wrote it, or written anew.
pub(super) enum Text<'a> {
    Raw(&'a RawValue),
    New(&'a str),
}

/// The two text fields of a delta, after thoughts have been put where they belong.
pub(super) struct Texts<'a> {
    pub(super) content: Option<Text<'a>>,
    pub(super) reasoning: Option<Text<'a>>,
}

/// Writes choice lines.
pub(super) struct Lines<'o> {
    lines: &'o mut Vec<u8>,
    /// The event's data had more than one line: raw slices may hold line breaks between JSON's tokens.
    multiline: bool,
}

impl<'o> Lines<'o> {
    /// Writes to the end of `lines`; `data` is the event's.
    pub(super) fn new(lines: &'o mut Vec<u8>, data: &str) -> Self {
        Self { lines, multiline: memchr::memchr(b'\n', data.as_bytes()).is_some() }
    }

    /// A line for each piece that is not empty.
    pub(super) fn told(&mut self, index: u32, told: &Told) {
        for piece in told.pieces().into_iter().filter(|piece| !piece.is_empty()) {
            self.piece(index, piece);
        }
    }

    /// A line with nothing but a piece of text.
    pub(super) fn piece(&mut self, index: u32, piece: Piece<'_>) {
        match piece {
            Piece::Content(text) => self.only(index, "\"content\":", &Text::New(text)),
            Piece::Thoughts(text) => self.only(index, "\"reasoning_content\":", &Text::New(text)),
        }
    }

    /// A line with nothing but thoughts, as upstream wrote them.
    pub(super) fn thoughts(&mut self, index: u32, thoughts: &RawValue) {
        self.only(index, "\"reasoning_content\":", &Text::Raw(thoughts));
    }

    fn only(&mut self, index: u32, name: &str, text: &Text<'_>) {
        self.index(index);
        self.put(",\"delta\":{");
        self.put(name);
        self.text(text);
        self.put("},\"finish_reason\":null}\n");
    }

    /// A choice in the original app's shape: the fields that upstream sent, of those that pass.
    pub(super) fn choice(&mut self, choice: &Choice<'_>, delta: Option<(&Delta<'_>, Texts<'_>)>) {
        self.index(choice.index);
        if let Some((delta, texts)) = delta {
            self.put(",\"delta\":{");
            let mut first = true;
            self.field(&mut first, "\"role\":", delta.role.map(Text::Raw).as_ref());
            self.field(&mut first, "\"content\":", texts.content.as_ref());
            self.field(&mut first, "\"reasoning_content\":", texts.reasoning.as_ref());
            self.field(&mut first, "\"refusal\":", delta.refusal.map(Text::Raw).as_ref());
            self.field(&mut first, "\"tool_calls\":", delta.tool_calls.map(Text::Raw).as_ref());
            self.put("}");
        }
        let mut first = false;
        self.field(&mut first, "\"finish_reason\":", choice.finish_reason.map(Text::Raw).as_ref());
        self.field(&mut first, "\"logprobs\":", choice.logprobs.map(Text::Raw).as_ref());
        self.field(&mut first, "\"content_filter_results\":", choice.content_filter_results.map(Text::Raw).as_ref());
        self.field(&mut first, "\"content_filter_offsets\":", choice.content_filter_offsets.map(Text::Raw).as_ref());
        self.put("}\n");
    }

    fn index(&mut self, index: u32) {
        self.put("{\"index\":");
        // Numbers below MAX_CHOICES; writing into memory does not fail.
        let _ = serde_json::to_writer(&mut *self.lines, &index);
    }

    fn field(&mut self, first: &mut bool, name: &str, value: Option<&Text<'_>>) {
        if let Some(value) = value {
            if !std::mem::take(first) {
                self.put(",");
            }
            self.put(name);
            self.text(value);
        }
    }

    fn text(&mut self, text: &Text<'_>) {
        match text {
            Text::Raw(raw) if self.multiline => {
                self.lines.extend(raw.get().bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
            }
            Text::Raw(raw) => self.put(raw.get()),
            Text::New(text) => {
                // A string always serialises into memory.
                let _ = serde_json::to_writer(&mut *self.lines, text);
            }
        }
    }

    fn put(&mut self, text: &str) {
        self.lines.extend_from_slice(text.as_bytes());
    }
}
