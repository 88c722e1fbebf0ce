//! Chat completions: a request's body, and the events of an answer. Pure and synchronous; nothing here waits or knows
//! the time.
//!
//! In: [`Event`]s, in order. Out: choice lines, appended to a buffer, and at the end whether the answer was whole.
//! Whatever passes unchanged is copied as upstream wrote it; only thoughts that hide in the content are written anew.

mod chunk;
mod message;
mod parts;
mod repeat;
pub(crate) mod request;
mod text;

use serde_json::value::RawValue;

use self::chunk::{Choice, Chunk, Delta};
use self::repeat::Repeat;
use self::text::{ChoiceText, Texts, WrongType, has_text};
use super::refusal::Account;
use super::sse::Event;
use super::{Next, filter};
use crate::answer::halves::replace_lone;
use crate::answer::lines::{Kind, Lines, Piece, Text};
use crate::answer::stray::StrayClose;
use crate::answer::{self, Answer};
use crate::error::{ChatError, Code};
use crate::json;

/// Choices that one answer may have. This program asks for one; the bound is for what upstream may invent.
const MAX_CHOICES: u32 = 16;

/// Reads one answer.
#[derive(Debug, Default)]
pub struct Reader {
    /// The content begins inside a think block.
    starts_in_thoughts: bool,
    texts: Vec<ChoiceText>,
    repeat: Repeat,
    stray: StrayClose,
    answer: Answer,
}

impl Reader {
    /// At the start of an answer. `starts_in_thoughts`: its content begins inside a think block whose opening tag the chat
    /// template wrote (`STARTS_IN_THOUGHTS`).
    pub fn new(starts_in_thoughts: bool) -> Self {
        Self { starts_in_thoughts, ..Self::default() }
    }

    /// Takes one event and appends its choice lines, each with its `\n`, to `lines`.
    ///
    /// # Errors
    /// Upstream reports a failure, or the event is not what a chat completion stream holds.
    pub fn event(&mut self, event: &Event<'_>, lines: &mut Vec<u8>) -> Result<Next, ChatError> {
        if event.name == "error" {
            return Err(Account::read(&event.data.text()).into_stream_error());
        }
        if let Some(text) = self.repeat.line(event.data.bytes(), lines) {
            self.look_for_stray_close(text);
            return Ok(Next::Event);
        }
        match &*event.data.text() {
            "[DONE]" => return Ok(Next::End),
            "" => {}
            data => self.chunk(data, lines)?,
        }
        Ok(Next::Event)
    }

    /// The stream is over. Appends what was still held back.
    ///
    /// # Errors
    /// `upstream_truncated`: no finish reason ever came, whatever else did.
    pub fn end(&mut self, lines: &mut Vec<u8>) -> Result<(), ChatError> {
        let mut out = Lines::new(lines, b"");
        for (index, text) in (0..).zip(&mut self.texts) {
            for (kind, text) in text.finish() {
                out.piece(index, Piece { kind, text: &text });
            }
        }
        self.answer.end()
    }

    /// What is known of the answer so far.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    fn chunk(&mut self, data: &str, lines: &mut Vec<u8>) -> Result<(), ChatError> {
        let before = lines.len();
        let chunk: Chunk<'_> = serde_json::from_str(data).map_err(|error| unreadable(&error, data))?;
        if chunk.error.flatten().is_some_and(says_something) {
            return Err(Account::read(data).into_stream_error());
        }
        let usage = chunk.usage.flatten().filter(|usage| usage.get().starts_with('{'));
        if let Some(usage) = usage {
            self.answer.uses(usage.get());
        }
        let prompt_filter = chunk.prompt_filter_results.flatten();
        self.answer.filters(prompt_filter.is_some_and(filter::any_filtered));
        let Some(choices) = chunk.choices.flatten() else {
            // A failure may come in a plain shape of its own, without the key `error`.
            let failure = Account::told_in(data).filter(|_| usage.is_none() && prompt_filter.is_none());
            return failure.map_or(Ok(()), |account| Err(account.into_stream_error()));
        };
        // A line holds what passes of its event.
        lines.reserve(data.len());
        let mut out = Lines::new(lines, data.as_bytes());
        let is_alone = usage.is_none() && choices.more.is_empty() && !out.is_multiline();
        let mut passed = None;
        for choice in choices.first.into_iter().chain(choices.more) {
            passed = self.choice(&choice, &mut out)?;
        }
        if let Some(Passed { text, at }) = passed.filter(|_| is_alone) {
            let line = lines.get(before..).unwrap_or_default();
            let padding = chunk.obfuscation.flatten().map(RawValue::get);
            if self.repeat.remember(data, text, padding, line, at - before) {
                // The next lines' size will be known: the buffer need not be kept for them.
                lines.shrink_to_fit();
            }
        }
        Ok(())
    }

    /// `Some`: the choice passed as upstream wrote it, and one like it with another text will too.
    fn choice<'a>(&mut self, choice: &Choice<'a>, out: &mut Lines<'_>) -> Result<Option<Passed<'a>>, ChatError> {
        let reason = choice.finish_reason.filter(|raw| is_reason(raw));
        if let Some(reason) = reason {
            self.answer.finishes(reason.get());
        }
        self.answer.filters(choice.content_filter_results.is_some_and(filter::any_filtered));
        let index = choice.index.map_or(Ok(0), read_index)?;
        let held = choice_text(&mut self.texts, index, self.starts_in_thoughts)?;
        let Some(delta) = choice.delta.as_ref().and_then(Option::as_ref) else {
            if reason.is_some() {
                for (kind, text) in held.finish() {
                    out.piece(index, Piece { kind, text: &text });
                }
            }
            write(out, index, choice, None);
            return Ok(None);
        };
        let texts = held.take(delta, reason.is_some()).map_err(|WrongType(field)| wrong_type(field))?;
        let has_tool_call = delta.tool_calls.is_some_and(|raw| !json::is_null(raw));
        let is_plain = texts.is_untouched && reason.is_none() && !has_tool_call && held.is_settled();
        if !held.is_clear() {
            // What comes next is not told as it comes.
            self.repeat.forget();
        }
        let told = texts.tells(Kind::Content) || texts.tells(Kind::Thoughts) || !held.is_clear();
        self.answer.puts_out(told || has_tool_call || delta.refusal.is_some_and(has_text));
        if texts.tells(Kind::Thoughts) {
            self.answer.thinks(answer::Told::Whole);
        }
        if let Some(content) = texts.content.as_deref() {
            self.look_for_stray_close(content);
        }
        for (kind, text) in &texts.before {
            out.only(index, *kind, Text::Json(text));
        }
        if reason.is_none() && !has_tool_call && texts.says_nothing() && is_bare(choice, delta) {
            // All that came is held back, or has gone out already.
            return Ok(None);
        }
        let [content_at, reasoning_at] = write(out, index, choice, Some((delta, &texts)));
        let text = |raw: Option<&'a RawValue>| raw.filter(|raw| has_text(raw)).map(RawValue::get);
        let passed = match (text(delta.content), text(delta.reasoning_content).or(text(delta.reasoning))) {
            (Some(text), None) => Some(Passed { text, at: content_at }),
            (None, Some(text)) => Some(Passed { text, at: reasoning_at }),
            _ => None,
        };
        Ok(passed.filter(|_| is_plain))
    }

    fn look_for_stray_close(&mut self, content: &str) {
        if self.answer.has_told_thoughts() || self.stray.is_found() {
            return;
        }
        self.stray.look(content);
        if self.stray.is_found() {
            self.answer.has_stray_close();
        }
    }
}

/// A choice that passed as upstream wrote it.
struct Passed<'a> {
    /// Its one text, a JSON string.
    text: &'a str,
    /// Where that is among the lines.
    at: usize,
}

/// Writes a choice in the original app's shape: the fields that upstream sent, of those that pass. Answers where in the
/// buffer the content and the thoughts begin, if they are there.
fn write(out: &mut Lines<'_>, index: u32, choice: &Choice<'_>, delta: Option<(&Delta<'_>, &Texts<'_>)>) -> [usize; 2] {
    let mut texts_at = [0; 2];
    out.index(index);
    if let Some((delta, texts)) = delta {
        out.put(",\"delta\":{");
        let mut first = true;
        pass(out, &mut first, "\"role\":", delta.role);
        let content_at = out.field(&mut first, Kind::Content.key(), texts.content.as_deref().map(Text::Json));
        let reasoning_at = out.field(&mut first, Kind::Thoughts.key(), texts.reasoning.as_deref().map(Text::Json));
        texts_at = [content_at, reasoning_at];
        out.field(&mut first, "\"refusal\":", texts.refusal.as_deref().map(Text::Json));
        pass(out, &mut first, "\"tool_calls\":", delta.tool_calls);
        out.put("}");
    }
    let mut first = false;
    pass(out, &mut first, "\"finish_reason\":", choice.finish_reason);
    pass(out, &mut first, "\"logprobs\":", choice.logprobs);
    pass(out, &mut first, "\"content_filter_results\":", choice.content_filter_results);
    pass(out, &mut first, "\"content_filter_offsets\":", choice.content_filter_offsets);
    out.put("}\n");
    texts_at
}

/// A member as upstream wrote it, but for halves of characters.
fn pass(out: &mut Lines<'_>, first: &mut bool, key: &str, raw: Option<&RawValue>) {
    if let Some(raw) = raw {
        out.field(first, key, Some(Text::Json(&replace_lone(raw.get()))));
    }
}

/// Whether a choice holds nothing beside its texts that a reader would miss.
fn is_bare(choice: &Choice<'_>, delta: &Delta<'_>) -> bool {
    let is_absent = |raw: Option<&RawValue>| raw.is_none_or(json::is_null);
    let verdict = choice.content_filter_results.is_some_and(filter::any_filtered);
    is_absent(delta.role) && is_absent(choice.logprobs) && !verdict && choice.content_filter_offsets.is_none()
}

/// Whether a finish reason is one. Servers that have to fill the field write `""` or `"null"` into every chunk.
fn is_reason(raw: &RawValue) -> bool {
    has_text(raw) && raw.get() != "\"null\""
}

/// Whether the value under `error` is a failure's: some servers send the key in every chunk.
fn says_something(raw: &RawValue) -> bool {
    !matches!(raw.get(), "null" | "false" | "\"\"" | "{}" | "[]")
}

fn read_index(raw: &RawValue) -> Result<u32, ChatError> {
    match raw.get().trim_matches('"') {
        "null" => Ok(0),
        number => number.parse().map_err(|_| wrong_type("index")),
    }
}

fn choice_text(all: &mut Vec<ChoiceText>, index: u32, starts_inside: bool) -> Result<&mut ChoiceText, ChatError> {
    if index >= MAX_CHOICES {
        return Err(protocol(format!("choice index {index} is not below {MAX_CHOICES}")));
    }
    let at = index as usize;
    if all.len() <= at {
        // Mostly there is one, and never many.
        all.reserve_exact(at + 1 - all.len());
        all.resize_with(at + 1, || ChoiceText::new(starts_inside));
    }
    all.get_mut(at).ok_or_else(|| protocol("choice index"))
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
