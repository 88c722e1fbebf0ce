//! The Responses API: a request's body, and the events of an answer. Pure and synchronous; nothing here waits or knows
//! the time.
//!
//! In: [`Event`]s, in order. Out: choice lines, appended to a buffer, and at the end whether the answer was whole. Events
//! are told apart by the `type` in their data and belong to an item by its place in the output. Those that say nothing
//! to a reader are skipped, unknown ones too. Every text comes once more, whole, up to four times at its end; of that
//! only is told what did not come before, and an event that is too large to be held for it is sifted (`KEYS`).

mod ending;
mod fields;
mod input;
mod measure;
mod quick;
pub(crate) mod request;
mod teller;
mod wishes;

use serde_json::value::RawValue;

use self::ending::Status;
pub(crate) use self::fields::KEYS;
use self::fields::{EventFields, ItemFields, PartFields, ResponseFields, did_not_fit, index, plain, read, told};
use self::quick::Quick;
use self::teller::{Part, Role, Teller};
use super::Next;
use super::refusal::Account;
use super::sse::Event;
use crate::answer::Answer;
use crate::answer::lines::Lines;
use crate::error::{ChatError, Code};
use crate::json;

/// Events above this are sifted once the texts in them have come in pieces. Bytes.
const MAX_REPEATED_BYTES: usize = 16 * 1024;

/// Reads one answer.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own, and any may hold with any")]
pub struct Reader {
    teller: Teller,
    quick: Quick,
    /// The line that says whose message it is has been written.
    has_role: bool,
    /// The reasoning item that is open.
    thinking: Option<u32>,
    /// The part that is open has come in pieces, so that its whole text says nothing new.
    comes_in_pieces: bool,
    /// Text is coming; false again when a thought's part is whole.
    is_speaking: bool,
    /// The service said that it failed, and not why.
    has_failed: bool,
    answer: Answer,
}

impl Reader {
    /// At the start of an answer. `starts_in_thoughts`: its content begins inside a think block whose opening tag the chat
    /// template wrote (`STARTS_IN_THOUGHTS`).
    pub fn new(starts_in_thoughts: bool) -> Self {
        Self {
            teller: Teller::new(starts_in_thoughts),
            quick: Quick::default(),
            has_role: false,
            thinking: None,
            comes_in_pieces: false,
            is_speaking: false,
            has_failed: false,
            answer: Answer::default(),
        }
    }

    /// Takes one event and appends its choice lines, each with its `\n`, to `lines`.
    ///
    /// # Errors
    /// Upstream reports a failure, or the event is not what a stream of this protocol holds.
    pub fn event(&mut self, event: &Event<'_>, lines: &mut Vec<u8>) -> Result<Next, ChatError> {
        if event.name == "error" {
            return Err(Account::read(&event.data.text()).into_stream_error());
        }
        let bytes = event.data.bytes();
        if !event.sifted
            && let Some((part, text)) = self.quick.delta(bytes)
        {
            self.comes_in_pieces = true;
            self.is_speaking = true;
            self.teller.tell(part, text, &mut Lines::new(lines, bytes), &mut self.answer)?;
            return Ok(Next::Event);
        }
        let data = &*event.data.text();
        match data {
            "[DONE]" => return Ok(Next::End),
            "" => return Ok(self.next()),
            _ => {}
        }
        let fields: EventFields<'_> = serde_json::from_str(data).map_err(|error| unreadable(&error, data))?;
        let kind = plain(fields.kind).unwrap_or(event.name);
        if kind == "error" {
            return Err(Account::read(data).into_stream_error());
        }
        let mut out = Lines::new(lines, bytes);
        match kind {
            _ if self.has_failed && kind != "response.failed" => Ok(Next::Failed),
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.ending(kind, &fields, event.sifted, &mut out)
            }
            "response.output_item.added" => self.item_added(&fields, &mut out),
            "response.output_item.done" => self.item_done(&fields, event.sifted, &mut out),
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                self.comes_in_pieces = false;
                Ok(Next::Event)
            }
            "response.content_part.done" | "response.reasoning_summary_part.done" => {
                self.part_done(kind, &fields, event.sifted, &mut out)
            }
            _ => match self.text(kind, &fields) {
                Some((part, true)) => {
                    let next = self.piece(part, &fields, event.sifted, &mut out)?;
                    if !event.sifted && fields.kind.is_some() {
                        self.quick.remember(data, part, &fields);
                    }
                    Ok(next)
                }
                Some((part, false)) => {
                    let whole = match part.role {
                        Role::Refusal => fields.refusal,
                        Role::Call => fields.arguments,
                        Role::Content | Role::Summary | Role::Thought => fields.text,
                    };
                    self.whole(part, whole, event.sifted, &mut out)
                }
                None if fields.kind.is_none() => foreign(&fields, data),
                None => Ok(Next::Event),
            },
        }
    }

    /// The stream is over. Appends what was still held back.
    ///
    /// # Errors
    /// `upstream_error`: the service said that it failed. `upstream_truncated`: it said nothing of an end, whatever else
    /// came.
    pub fn end(&mut self, lines: &mut Vec<u8>) -> Result<(), ChatError> {
        self.teller.finish(&mut Lines::new(lines, b""), &mut self.answer);
        if self.has_failed {
            let error = Account::default().into_stream_error();
            return Err(error.caused_by("response.failed without a reason, and none came after it"));
        }
        self.answer.end()
    }

    /// What is known of the answer so far.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Whether the model thinks without a word: a reasoning item is open, and nothing of it comes.
    pub fn is_silently_thinking(&self) -> bool {
        self.thinking.is_some() && !self.is_speaking
    }

    /// From how many bytes on the next event need not be held, but can be sifted; `None` if all of it may be new.
    pub fn sifts_above(&self) -> Option<usize> {
        self.comes_in_pieces.then_some(MAX_REPEATED_BYTES)
    }

    fn next(&self) -> Next {
        if self.has_failed { Next::Failed } else { Next::Event }
    }

    /// The text that an event is about, if it is about one, and whether it is a piece of it or the whole.
    fn text(&self, kind: &str, fields: &EventFields<'_>) -> Option<(Part, bool)> {
        let (kind, is_piece) = match kind.rsplit_once('.')? {
            (kind, "delta") => (kind, true),
            (kind, "done") => (kind, false),
            _ => return None,
        };
        let item = index(fields.output_index);
        let (role, index) = match kind {
            "response.output_text" => (Role::Content, index(fields.content_index)),
            "response.refusal" => (Role::Refusal, index(fields.content_index)),
            "response.reasoning_text" => (Role::Thought, index(fields.content_index)),
            "response.reasoning_summary_text" => (Role::Summary, index(fields.summary_index)),
            // One that was not announced has no name yet; the item's end tells it whole.
            "response.function_call_arguments" => return self.teller.call(item).map(|part| (part, is_piece)),
            _ => return None,
        };
        Some((Part { item, role, index }, is_piece))
    }

    fn piece(
        &mut self,
        part: Part,
        fields: &EventFields<'_>,
        sifted: bool,
        out: &mut Lines<'_>,
    ) -> Result<Next, ChatError> {
        let Some(delta) = told(fields.delta) else {
            return if sifted { Err(too_large()) } else { Ok(Next::Event) };
        };
        if !json::is_string(delta) {
            return Err(wrong_type("delta"));
        }
        self.comes_in_pieces = true;
        self.is_speaking = true;
        self.teller.tell(part, delta.get(), out, &mut self.answer)?;
        Ok(Next::Event)
    }

    fn whole(
        &mut self,
        part: Part,
        text: Option<&RawValue>,
        sifted: bool,
        out: &mut Lines<'_>,
    ) -> Result<Next, ChatError> {
        if part.role.is_thought() {
            self.is_speaking = false;
        }
        match told(text) {
            Some(text) if json::is_string(text) => self.teller.complete(part, text.get(), out, &mut self.answer)?,
            Some(_) => return Err(wrong_type("text")),
            None if sifted && !self.teller.has_told(part.item) => return Err(too_large()),
            None => {}
        }
        Ok(Next::Event)
    }

    fn item_added(&mut self, fields: &EventFields<'_>, out: &mut Lines<'_>) -> Result<Next, ChatError> {
        self.comes_in_pieces = false;
        let (at, item) = (index(fields.output_index), read::<ItemFields<'_>>(fields.item));
        match plain(item.kind) {
            Some("reasoning") => {
                self.teller.knows_thoughts();
                self.thinking = Some(at);
                self.is_speaking = false;
            }
            Some("message") if !self.has_role => {
                self.has_role = true;
                out.index(0);
                out.put(",\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}\n");
            }
            Some("function_call") => self.call(at, &item, out)?,
            _ => {}
        }
        Ok(Next::Event)
    }

    /// An item is whole. What it holds is told if nothing of it has been.
    fn item_done(&mut self, fields: &EventFields<'_>, sifted: bool, out: &mut Lines<'_>) -> Result<Next, ChatError> {
        let (at, item) = (index(fields.output_index), read::<ItemFields<'_>>(fields.item));
        self.item(at, &item, sifted, out)?;
        if self.thinking == Some(at) {
            self.thinking = None;
        }
        // The end repeats what all items said.
        self.comes_in_pieces = self.answer.has_output();
        Ok(Next::Event)
    }

    fn item(&mut self, at: u32, item: &ItemFields<'_>, sifted: bool, out: &mut Lines<'_>) -> Result<(), ChatError> {
        match plain(item.kind) {
            Some("function_call") => return self.call(at, item, out),
            Some("reasoning") if sifted && did_not_fit(item.summary) && !self.teller.has_told(at) => {
                return Err(too_large());
            }
            Some("reasoning") => self.teller.knows_thoughts(),
            Some("message") if sifted && !self.teller.has_told(at) => return Err(too_large()),
            Some("message") => {}
            _ => return Ok(()),
        }
        if self.teller.has_told(at) {
            return Ok(());
        }
        for list in [item.summary, item.content] {
            for (index, part) in (0..).zip(read::<Vec<PartFields<'_>>>(list)) {
                if let Some((role, text)) = role(&part)
                    && let Some(text) = told(text).filter(|text| json::is_string(text))
                {
                    self.teller.complete(Part { item: at, role, index }, text.get(), out, &mut self.answer)?;
                }
            }
        }
        Ok(())
    }

    /// A part is whole: of a server that sends neither pieces nor a text's own end, all that comes of it before the item's.
    fn part_done(
        &mut self,
        kind: &str,
        fields: &EventFields<'_>,
        sifted: bool,
        out: &mut Lines<'_>,
    ) -> Result<Next, ChatError> {
        self.is_speaking = false;
        let (item, part) = (index(fields.output_index), read::<PartFields<'_>>(fields.part));
        let index =
            index(if kind == "response.content_part.done" { fields.content_index } else { fields.summary_index });
        match role(&part) {
            Some((role, text)) => self.whole(Part { item, role, index }, text, sifted, out),
            None => Ok(Next::Event),
        }
    }

    /// A function call: it begins, if it has not, and its arguments are told as far as they are there.
    fn call(&mut self, at: u32, item: &ItemFields<'_>, out: &mut Lines<'_>) -> Result<(), ChatError> {
        let part = match (self.teller.call(at), told(item.call_id).or(item.id), told(item.name)) {
            (Some(part), ..) => part,
            (None, Some(id), Some(name)) if json::is_string(id) && json::is_string(name) => {
                self.teller.begin_call(at, [id, name], out, &mut self.answer)?
            }
            _ => return Err(wrong_type("item")),
        };
        match told(item.arguments).filter(|arguments| json::is_string(arguments)) {
            Some(arguments) => self.teller.complete(part, arguments.get(), out, &mut self.answer),
            None => Ok(()),
        }
    }

    fn ending(
        &mut self,
        kind: &str,
        fields: &EventFields<'_>,
        sifted: bool,
        out: &mut Lines<'_>,
    ) -> Result<Next, ChatError> {
        let response: ResponseFields<'_> = read(fields.response);
        let status = Status::of(&response, kind);
        if status == Status::Failed {
            return self.failure(&response);
        }
        if !self.answer.has_output() {
            if sifted {
                return Err(too_large());
            }
            for (at, item) in (0..).zip(read::<Vec<ItemFields<'_>>>(response.output)) {
                self.item(at, &item, sifted, out)?;
            }
        }
        self.teller.finish(out, &mut self.answer);
        let reason = ending::finish_reason(status, &response, self.teller.calls() > 0);
        ending::line(reason, &response, out);
        self.answer.finishes(&format!("\"{reason}\""));
        if let Some(usage) = ending::usage(&response) {
            self.answer.uses(&usage);
        }
        // Nothing that follows is the answer's.
        Ok(Next::End)
    }

    /// The response failed. Azure says so without a reason, and tells that in an event of its own afterwards.
    fn failure(&mut self, response: &ResponseFields<'_>) -> Result<Next, ChatError> {
        if let Some(error) = told(response.error) {
            return Err(Account::read(error.get()).into_stream_error());
        }
        if ending::is_filtered(response) {
            return Err(Account::content_filter(ending::categories(response)).into_stream_error());
        }
        self.has_failed = true;
        self.quick.forget();
        Ok(Next::Failed)
    }
}

/// What a part of an item is, and its text.
fn role<'a>(part: &PartFields<'a>) -> Option<(Role, Option<&'a RawValue>)> {
    match plain(part.kind)? {
        "output_text" => Some((Role::Content, part.text)),
        "refusal" => Some((Role::Refusal, part.refusal)),
        "summary_text" => Some((Role::Summary, part.text)),
        "reasoning_text" => Some((Role::Thought, part.text)),
        _ => None,
    }
}

/// An event without a type.
fn foreign(fields: &EventFields<'_>, data: &str) -> Result<Next, ChatError> {
    if told(fields.error).is_some() {
        return Err(Account::read(data).into_stream_error());
    }
    if fields.choices.is_some() {
        return Err(protocol("chunks of a chat completion where the Responses API was asked (AZURE_INFERENCE_API)"));
    }
    Ok(Next::Event)
}

fn protocol(cause: impl std::fmt::Display) -> ChatError {
    ChatError::new(Code::UpstreamProtocol, "The model's service sent something that is no answer. Tell the operator.")
        .caused_by(cause)
}

fn wrong_type(field: &str) -> ChatError {
    protocol(format!("an event's {field} has the wrong type"))
}

fn too_large() -> ChatError {
    ChatError::new(
        Code::UpstreamProtocol,
        "The model's service sent more at once than this program accepts. Tell the operator.",
    )
    .caused_by("an event is too large to be held (MAX_EVENT_BYTES), and its text came nowhere else")
}

/// Position and size only: the event's text may hold the conversation.
fn unreadable(error: &serde_json::Error, data: &str) -> ChatError {
    protocol(format!(
        "an event of {} bytes is none of the Responses API: {:?} fault at column {}",
        data.len(),
        error.classify(),
        error.column()
    ))
}

#[cfg(test)]
mod tests;
