//! Upstream's events become the answer's lines. Pure and synchronous; nothing here waits or knows the time.
//!
//! In: [`Event`]s, in order. Out: choice lines, appended to a buffer, and at the end whether the answer was whole.
//! Whatever passes unchanged is copied as upstream wrote it; only thoughts that hide in the content are written anew.

mod chunk;
mod inline;
mod lines;
mod repeat;

use serde_json::value::RawValue;

use self::chunk::{Choice, Chunk};
use self::inline::{InlineThoughts, Place, Told};
use self::lines::{Lines, Piece, Text, Texts};
use self::repeat::Repeat;
use crate::error::{ChatError, Code};
use crate::filter;
use crate::json::{self, Object};
use crate::refusal::Account;
use crate::sse::Event;

/// Choices that one answer may have. This program asks for one; the bound is for what upstream may invent.
const MAX_CHOICES: u32 = 16;

/// What follows after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More events.
    Event,
    /// Nothing: upstream said `[DONE]`.
    End,
}

/// What is known of an answer while it comes.
#[derive(Debug, Default)]
pub struct Answer {
    thoughts: Vec<InlineThoughts>,
    repeat: Repeat,
    /// Upstream's last finish reason, as it wrote it.
    finish_reason: Option<Box<str>>,
    /// Upstream's last usage, as it wrote it.
    usage: Option<Box<str>>,
    /// A filter result said `"filtered": true`.
    filtered: bool,
    /// Any thought, content, refusal or tool call has come.
    has_token: bool,
}

impl Answer {
    /// Takes one event and appends its choice lines, each with its `\n`, to `lines`.
    ///
    /// # Errors
    /// Upstream reports a failure, or the event is not what a chat completion stream holds.
    pub fn event(&mut self, event: &Event<'_>, lines: &mut Vec<u8>) -> Result<Next, ChatError> {
        let data = event.data.as_ref();
        if event.name == "error" {
            return Err(Account::read(data).into_stream_error());
        }
        if data == "[DONE]" {
            return Ok(Next::End);
        }
        if data.is_empty() {
            return Ok(Next::Event);
        }
        if self.repeat.line(data, lines) {
            return Ok(Next::Event);
        }
        let before = lines.len();
        let Object(chunk) =
            serde_json::from_str::<Object<Chunk<'_>>>(data).map_err(|error| unreadable(&error, data))?;
        if chunk.error.is_some() {
            return Err(Account::read(data).into_stream_error());
        }
        let mut out = Lines::new(lines, data);
        if let Some(usage) = chunk.usage {
            if !usage.get().starts_with('{') {
                return Err(wrong_type("usage"));
            }
            self.usage = Some(usage.get().replace(['\n', '\r'], " ").into());
        }
        self.filtered |= chunk.prompt_filter_results.is_some_and(filter::any_filtered);
        let Some(choices) = chunk.choices else { return Ok(Next::Event) };
        let is_alone = chunk.usage.is_none() && choices.more.is_empty() && !out.is_multiline();
        let mut passed = None;
        for choice in choices.first.into_iter().chain(choices.more) {
            passed = self.choice(&choice, &mut out)?;
        }
        if let Some(Passed { text, at }) = passed.filter(|_| is_alone) {
            let line = lines.get(before..).unwrap_or_default();
            self.repeat.remember(data, text.get(), line, at - before);
        }
        Ok(Next::Event)
    }

    /// The stream is over. Appends what was still held back.
    ///
    /// # Errors
    /// `upstream_truncated`: no finish reason ever came, whatever else did.
    pub fn end(&mut self, lines: &mut Vec<u8>) -> Result<(), ChatError> {
        let mut out = Lines::new(lines, "");
        for (index, inline) in (0..).zip(&mut self.thoughts) {
            out.told(index, &inline.finish());
        }
        if self.finish_reason.is_some() {
            return Ok(());
        }
        Err(ChatError::new(Code::UpstreamTruncated, "The answer broke off before its end. Try again.")
            .caused_by("the stream ended without a finish reason"))
    }

    /// Whether a finish reason has come: from here on a lost connection loses nothing of the answer.
    pub fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Whether any thought, content, refusal or tool call has come.
    pub fn has_token(&self) -> bool {
        self.has_token
    }

    /// The finish reason of the whole answer, as JSON. A filter's verdict counts even when it came after `stop`.
    pub fn finish_reason(&self) -> &str {
        if self.filtered { "\"content_filter\"" } else { self.finish_reason.as_deref().unwrap_or("null") }
    }

    /// Upstream's count of tokens, as JSON.
    pub fn usage(&self) -> &str {
        self.usage.as_deref().unwrap_or("null")
    }

    /// `Some`: the choice passed as upstream wrote it, and one like it with another text will too.
    fn choice<'a>(&mut self, choice: &Choice<'a>, out: &mut Lines<'_>) -> Result<Option<Passed<'a>>, ChatError> {
        if let Some(reason) = choice.finish_reason.filter(|raw| !json::is_null(raw)) {
            if !json::is_string(reason) {
                return Err(wrong_type("finish_reason"));
            }
            self.finish_reason = Some(reason.get().into());
        }
        self.filtered |= choice.content_filter_results.is_some_and(filter::any_filtered);
        let finishes = choice.finish_reason.is_some_and(|raw| !json::is_null(raw));

        let index = choice.index;
        let inline = inline_thoughts(&mut self.thoughts, index)?;
        let Some(Object(delta)) = &choice.delta else {
            if finishes {
                out.told(index, &inline.finish());
            }
            out.choice(choice, None);
            return Ok(None);
        };

        let reasoning = match (delta.reasoning_content, delta.reasoning) {
            (Some(thoughts), Some(other)) if !has_text(thoughts) && has_text(other) => Some(other),
            (thoughts, other) => thoughts.or(other),
        };
        check_text("delta.reasoning_content", reasoning)?;
        check_text("delta.content", delta.content)?;
        self.has_token |= [reasoning, delta.content, delta.refusal].into_iter().flatten().any(has_text)
            || delta.tool_calls.is_some_and(|raw| !json::is_null(raw));
        if reasoning.is_some_and(has_text) {
            inline.stop_looking();
        }

        let mut texts = Texts { content: delta.content.map(Text::Raw), reasoning: reasoning.map(Text::Raw) };
        let mut thoughts = None;
        let mut untouched = true;
        let told = match delta.content.filter(|raw| has_text(raw)).map(|raw| (raw, route(inline, raw))) {
            None | Some((_, Route::Content)) => Told::default(),
            Some((raw, Route::Thoughts)) => {
                untouched = false;
                texts.content = None;
                thoughts = Some(Text::Raw(raw));
                Told::default()
            }
            Some((raw, Route::Mixed)) => {
                untouched = false;
                let text = json::lossy_text(raw).map_err(|error| unreadable(&error, raw.get()))?;
                texts.content = None;
                inline.push(&text)
            }
        };
        let held = if finishes { inline.finish() } else { Told::default() };
        if let Some(own) = reasoning.filter(|raw| has_text(raw))
            && (thoughts.is_some() || !told.thoughts.is_empty() || !held.thoughts.is_empty())
        {
            // A delta with thoughts of its own and thoughts inside its content: both are told.
            out.thoughts(index, own);
            texts.reasoning = None;
        }
        texts.reasoning = thoughts.or(texts.reasoning);
        // The last piece of text rides on the choice's own line, the others go before it.
        let mut pieces = told.pieces().into_iter().chain(held.pieces()).filter(|piece| !piece.is_empty());
        let mut last = pieces.next();
        for piece in pieces {
            if let Some(earlier) = last.replace(piece) {
                out.piece(index, earlier);
            }
        }
        match last {
            Some(Piece::Content(text)) => texts.content = Some(Text::New(text)),
            Some(Piece::Thoughts(text)) => texts.reasoning = Some(Text::New(text)),
            None => {}
        }
        let is_plain = untouched && !finishes && delta.tool_calls.is_none_or(json::is_null) && inline.is_past();
        let [content_at, reasoning_at] = out.choice(choice, Some((delta, texts)));
        let passed = match (delta.content.filter(|raw| has_text(raw)), reasoning.filter(|raw| has_text(raw))) {
            (Some(text), None) => Some(Passed { text, at: content_at }),
            (None, Some(text)) => Some(Passed { text, at: reasoning_at }),
            _ => None,
        };
        Ok(passed.filter(|_| is_plain))
    }
}

/// A choice that passed as upstream wrote it.
struct Passed<'a> {
    /// Its one text.
    text: &'a RawValue,
    /// Where that is among the lines.
    at: usize,
}

/// How a piece of content passes.
enum Route {
    /// As content, untouched.
    Content,
    /// As thoughts, untouched.
    Thoughts,
    /// A tag may be in it, or part of one.
    Mixed,
}

/// Chooses without decoding the string, for nearly all pieces are plain.
fn route(inline: &mut InlineThoughts, content: &RawValue) -> Route {
    let raw = content.get().as_bytes();
    match inline.place() {
        Place::Answering if inline.is_clear() => Route::Content,
        Place::Start
            if inline.is_clear() && (!matches!(raw.get(1), Some(b' ' | b'<' | b'\\')) || beyond_ascii(raw)) =>
        {
            inline.stop_looking();
            Route::Content
        }
        // Some encoders write < as \u003c; an escape beyond ASCII is no part of a tag.
        Place::Thinking
            if inline.is_clear()
                && memchr::memchr(b'<', raw).is_none()
                && !memchr::memchr_iter(b'\\', raw)
                    .any(|at| raw.get(at..).is_some_and(|at| at.starts_with(b"\\u00"))) =>
        {
            Route::Thoughts
        }
        _ => Route::Mixed,
    }
}

/// Whether a string begins with the escape of a character, or of half of one, that is no part of a tag.
fn beyond_ascii(raw: &[u8]) -> bool {
    raw.starts_with(b"\"\\u") && !raw.starts_with(b"\"\\u00")
}

fn inline_thoughts(all: &mut Vec<InlineThoughts>, index: u32) -> Result<&mut InlineThoughts, ChatError> {
    if index >= MAX_CHOICES {
        return Err(protocol(format!("choice index {index} is not below {MAX_CHOICES}")));
    }
    let at = index as usize;
    if all.len() <= at {
        all.resize_with(at + 1, InlineThoughts::default);
    }
    all.get_mut(at).ok_or_else(|| protocol("choice index"))
}

fn check_text(field: &str, raw: Option<&RawValue>) -> Result<(), ChatError> {
    if raw.is_none_or(|raw| json::is_string(raw) || json::is_null(raw)) { Ok(()) } else { Err(wrong_type(field)) }
}

/// Whether a raw value is a string with something in it.
fn has_text(raw: &RawValue) -> bool {
    json::is_string(raw) && raw.get().len() > 2
}

fn protocol(cause: impl std::fmt::Display) -> ChatError {
    ChatError::new(Code::UpstreamProtocol, "The model's service sent something that is no answer. Tell the operator.")
        .caused_by(cause)
}

fn wrong_type(field: &str) -> ChatError {
    protocol(format!("an event's {field} has the wrong type"))
}

/// Position and size only: the event's text may hold the conversation.
fn unreadable(error: &serde_json::Error, data: &str) -> ChatError {
    protocol(format!(
        "an event of {} bytes is no chunk: {:?} fault at column {}",
        data.len(),
        error.classify(),
        error.column()
    ))
}

#[cfg(test)]
mod tests;
