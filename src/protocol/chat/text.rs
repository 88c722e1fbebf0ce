//! The texts of one choice: each delta's content and thoughts become what its line says, with thoughts where they belong
//! and whole characters only.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::chunk::Delta;
use super::parts;
use crate::answer::halves::Half;
use crate::answer::inline::{InlineThoughts, Route, Told};
use crate::answer::lines::Kind;

/// What is known of a choice's texts between two events.
#[derive(Debug)]
pub(super) struct ChoiceText {
    inline: InlineThoughts,
    content: Half,
    thoughts: Half,
    refusal: Half,
}

/// A delta's texts, as JSON, after thoughts have been put where they belong.
#[derive(Debug, Default)]
pub(super) struct Texts<'a> {
    /// Lines of their own, before the choice's.
    pub(super) before: Vec<(Kind, Cow<'a, str>)>,
    pub(super) content: Option<Cow<'a, str>>,
    pub(super) reasoning: Option<Cow<'a, str>>,
    pub(super) refusal: Option<Cow<'a, str>>,
    /// Content and thoughts are as upstream wrote them, where it wrote them.
    pub(super) is_untouched: bool,
    /// Upstream wrote a text.
    had_text: bool,
}

impl Texts<'_> {
    /// Whether the delta had a text, and the choice's own line has none of it.
    pub(super) fn says_nothing(&self) -> bool {
        let own = [&self.content, &self.reasoning, &self.refusal];
        self.had_text && !own.into_iter().flatten().any(|text| is_text(text))
    }

    /// Whether a piece of this kind is told.
    pub(super) fn tells(&self, kind: Kind) -> bool {
        let own = match kind {
            Kind::Content => self.content.as_deref(),
            Kind::Thoughts => self.reasoning.as_deref(),
        };
        own.is_some_and(is_text) || self.before.iter().any(|(of, _)| *of == kind)
    }
}

/// A delta's field that holds neither text nor parts.
#[derive(Debug)]
pub(super) struct WrongType(pub(super) &'static str);

impl ChoiceText {
    /// `starts_inside`: the content begins inside a think block.
    pub(super) fn new(starts_inside: bool) -> Self {
        Self {
            inline: InlineThoughts::new(starts_inside),
            content: Half::default(),
            thoughts: Half::default(),
            refusal: Half::default(),
        }
    }

    /// Whether nothing is held back.
    pub(super) fn is_clear(&self) -> bool {
        self.inline.is_clear() && ![&self.content, &self.thoughts, &self.refusal].iter().any(|half| half.is_held())
    }

    /// Whether nothing is held back and all content that comes is content.
    pub(super) fn is_settled(&self) -> bool {
        self.inline.is_past() && self.is_clear()
    }

    /// The choice is over: what was held back.
    pub(super) fn finish(&mut self) -> Vec<(Kind, String)> {
        let mut pieces: Vec<_> =
            self.thoughts.finish().map(|half| (Kind::Thoughts, half.to_owned())).into_iter().collect();
        let half = self.content.finish().map(|half| self.inline.push(half));
        for told in half.into_iter().chain([self.inline.finish()]) {
            pieces.extend(told.pieces().map(|piece| (piece.kind, piece.text.to_owned())));
        }
        pieces
    }

    /// Takes a delta. `finishes`: its choice ends with it.
    pub(super) fn take<'a>(&mut self, delta: &Delta<'a>, finishes: bool) -> Result<Texts<'a>, WrongType> {
        let mut texts = Texts { is_untouched: true, ..Texts::default() };
        let mut split = Vec::new();
        let own = [delta.content, delta.reasoning_content, delta.reasoning, delta.refusal];
        texts.had_text = own.into_iter().flatten().any(|raw| has_text(raw) || is_parts(raw));
        texts.refusal = delta.refusal.map(|raw| self.refusal.join(raw.get()));
        let own = match own_reasoning(delta) {
            Some(raw) if is_parts(raw) => {
                self.take_parts(raw, Kind::Thoughts, &mut split);
                texts.is_untouched = false;
                None
            }
            Some(raw) if crate::json::is_string(raw) || crate::json::is_null(raw) => Some(raw),
            Some(_) => return Err(WrongType("delta.reasoning_content")),
            None => None,
        };
        if own.is_some_and(has_text) {
            self.inline.stop_looking();
        }
        texts.reasoning = own.map(|raw| self.thoughts.join(raw.get()));
        let content = match delta.content {
            Some(raw) if crate::json::is_string(raw) => Some(self.content.join(raw.get())),
            Some(raw) if crate::json::is_null(raw) => Some(Cow::Borrowed(raw.get())),
            Some(raw) if is_parts(raw) => {
                self.take_parts(raw, Kind::Content, &mut split);
                texts.is_untouched = false;
                None
            }
            Some(_) => return Err(WrongType("delta.content")),
            None => None,
        };
        if let Some(half) = self.thoughts_end_here(own, content.as_deref()) {
            texts.before.push((Kind::Thoughts, json(half)));
        }
        let is_copied = |text: &Option<Cow<'_, str>>| matches!(text, Some(Cow::Owned(_)));
        texts.is_untouched &= !is_copied(&content) && !is_copied(&texts.reasoning);
        let mut unsplit = None;
        match content {
            Some(content) if is_text(&content) => match self.inline.route(content.get(1..).unwrap_or_default()) {
                Route::Content => unsplit = Some((Kind::Content, content)),
                Route::Thoughts => unsplit = Some((Kind::Thoughts, content)),
                Route::Mixed => {
                    tell(&self.inline.push(&text(&content)), &mut split);
                    texts.is_untouched = false;
                }
            },
            content => texts.content = content,
        }
        if finishes {
            split.extend(self.finish());
        }
        texts.place(unsplit, split);
        Ok(texts)
    }

    /// A half of a thought's character that waits is lone once content goes on.
    fn thoughts_end_here(&mut self, own: Option<&RawValue>, content: Option<&str>) -> Option<&'static str> {
        let goes_on = own.is_some_and(has_text) || !content.is_some_and(is_text);
        if goes_on { None } else { self.thoughts.finish() }
    }

    /// Takes a list of parts; those that do not say what they are, are of `kind`.
    fn take_parts(&mut self, raw: &RawValue, kind: Kind, split: &mut Vec<(Kind, String)>) {
        for (kind, string) in parts::read(raw, kind) {
            match kind {
                Kind::Thoughts => {
                    self.inline.stop_looking();
                    split.push((kind, text(&self.thoughts.join(string))));
                }
                Kind::Content => {
                    split.extend(self.thoughts.finish().map(|half| (Kind::Thoughts, half.to_owned())));
                    tell(&self.inline.push(&text(&self.content.join(string))), split);
                }
            }
        }
    }
}

impl<'a> Texts<'a> {
    /// Gives each piece its place: the last one rides on the choice's own line, the others go before it, and thoughts of
    /// the delta's own before thoughts that were found in its content.
    fn place(&mut self, unsplit: Option<(Kind, Cow<'a, str>)>, split: Vec<(Kind, String)>) {
        let finds_thoughts = unsplit.iter().map(|(kind, _)| *kind).chain(split.iter().map(|(kind, _)| *kind));
        if finds_thoughts.into_iter().any(|kind| kind == Kind::Thoughts)
            && let Some(own) = self.reasoning.take_if(|own| is_text(own))
        {
            self.before.push((Kind::Thoughts, own));
        }
        let split = split.into_iter().filter(|(_, text)| !text.is_empty()).map(|(kind, text)| (kind, json(&text)));
        let mut last = None;
        for piece in unsplit.into_iter().chain(split) {
            self.before.extend(last.replace(piece));
        }
        match last {
            Some((Kind::Content, text)) => self.content = Some(text),
            Some((Kind::Thoughts, text)) => {
                self.is_untouched = false;
                self.reasoning = Some(text);
            }
            None => {}
        }
    }
}

/// A text as a JSON string; one always serialises.
fn json(text: &str) -> Cow<'static, str> {
    Cow::Owned(serde_json::to_string(text).unwrap_or_default())
}

fn tell(told: &Told, split: &mut Vec<(Kind, String)>) {
    split.extend(told.pieces().map(|piece| (piece.kind, piece.text.to_owned())));
}

/// The delta's own thoughts: the one of two fields that says something.
fn own_reasoning<'a>(delta: &Delta<'a>) -> Option<&'a RawValue> {
    let says_something = |raw: &RawValue| has_text(raw) || is_parts(raw);
    match (delta.reasoning_content, delta.reasoning) {
        (Some(thoughts), Some(other)) if !says_something(thoughts) && says_something(other) => Some(other),
        (thoughts, other) => thoughts.or(other),
    }
}

fn is_parts(raw: &RawValue) -> bool {
    raw.get().starts_with(['[', '{'])
}

/// The text of a JSON string that is known to be one.
fn text(string: &str) -> String {
    crate::json::lossy_text(string).unwrap_or_default()
}

/// Whether a raw value is a string with something in it.
pub(super) fn has_text(raw: &RawValue) -> bool {
    is_text(raw.get())
}

fn is_text(json: &str) -> bool {
    json.starts_with('"') && json.len() > 2
}
