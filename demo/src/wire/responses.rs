//! The Responses API's events, in the order and shape in which Azure sends them: items one after the other, each opened,
//! told in parts and closed with its whole text, and everything once more at the end.

mod object;

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Value, json};

use self::object::{Ending, response};
use super::filter;
use crate::ask::responses::Echo;
use crate::fault::{Fault, Telling};
use crate::step::{Event, Finish, Tokens, Voice};

/// Digits of an identifier, and of a call's.
const ID_DIGITS: usize = 50;
const CALL_ID_DIGITS: usize = 24;

/// A delta and its padding together are a multiple of this, in bytes.
const PADDED_TO: usize = 16;

/// An answer on its way: what is open, and what is whole.
#[derive(Debug)]
pub(crate) struct Events {
    id: String,
    created_at: u64,
    echo: Echo,
    /// The number of the next event.
    sequence: u64,
    open: Option<Item>,
    /// Items that are whole; an item's index is how many were whole before it.
    whole: Vec<Value>,
    answer_chars: usize,
    tokens: Option<Tokens>,
    finish: Option<Finish>,
    /// The filter took the answer back, though it was whole.
    blocked: bool,
    out: String,
}

#[derive(Debug)]
enum Item {
    Reasoning {
        id: String,
        /// The summary's parts; the last one is open.
        parts: Vec<String>,
    },
    Message {
        id: String,
        kind: Kind,
        text: String,
    },
    Call {
        id: String,
        call_id: String,
        name: String,
        arguments: String,
    },
}

/// What the only part of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
}

impl Kind {
    /// The part with `text`.
    fn part(self, text: &str) -> Value {
        match self {
            Self::Text => json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text}),
            Self::Refusal => json!({"type": "refusal", "refusal": text}),
        }
    }
}

impl Events {
    pub(super) fn new(echo: Echo) -> Self {
        Self {
            id: super::id("resp_", ID_DIGITS),
            created_at: super::now(),
            echo,
            sequence: 0,
            open: None,
            whole: Vec::new(),
            answer_chars: 0,
            tokens: None,
            finish: None,
            blocked: false,
            out: String::new(),
        }
    }

    /// The server-sent events that one event of the script makes.
    pub(super) fn event(&mut self, event: &Event) -> Bytes {
        match event {
            Event::Opened => self.life("response.created", Ending::Open, Value::Null),
            Event::Started => self.life("response.in_progress", Ending::Open, Value::Null),
            Event::SummaryPart => {
                self.open_reasoning();
                self.open_part();
            }
            Event::HiddenThought => self.open_reasoning(),
            Event::Piece(voice, text) => self.piece(*voice, text),
            Event::Call(name) => self.open_call(name),
            Event::ItemDone => self.close("completed"),
            Event::Finish(finish) => {
                match finish {
                    Finish::Stop | Finish::ToolCalls => self.close("completed"),
                    Finish::Length => self.close("incomplete"),
                    // The filter does not wait for the end of a text: what is open stays so.
                    Finish::ContentFilter => self.open = None,
                }
                self.finish = Some(*finish);
            }
            Event::LateVerdict { .. } => self.blocked = true,
            Event::Usage(tokens) => self.tokens = Some(*tokens),
            Event::Done => self.end(),
            Event::Error(fault, telling) => self.fail(*fault, *telling),
            Event::Foreign => self.out.push_str(
                "data: {\"id\":\"chatcmpl-demo\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"demo\",\
                 \"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
            ),
            Event::Broken => self.out.push_str("event: response.output_text.delta\ndata: {\"type\":\"response.out\n\n"),
        }
        Bytes::from(std::mem::take(&mut self.out))
    }

    /// Writes an event. Its type comes first, as it does at the service.
    fn push(&mut self, kind: &str, mut fields: Value) {
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("sequence_number".to_owned(), json!(self.sequence));
        }
        self.sequence += 1;
        let fields = fields.to_string();
        let fields = fields.strip_prefix('{').unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(self.out, "event: {kind}\ndata: {{\"type\":\"{kind}\",{fields}\n\n");
    }

    /// An event of the answer's life, which holds the whole response object.
    fn life(&mut self, kind: &str, ending: Ending, error: Value) {
        let filters = match ending {
            Ending::Open | Ending::Failed => Value::Null,
            Ending::Completed | Ending::Incomplete(_) => {
                let prompt = self.tokens.map_or(0, |tokens| tokens.prompt * 4);
                let blocked = self.blocked || self.finish == Some(Finish::ContentFilter);
                filter::list(prompt, self.answer_chars, blocked)
            }
        };
        let mut object = response(&self.id, self.created_at, &self.echo, ending);
        for (name, value) in [
            ("content_filters", filters),
            ("error", error),
            ("output", json!(self.whole)),
            ("usage", self.tokens.filter(|_| ending.is_counted()).map_or(Value::Null, usage)),
        ] {
            if let Some(object) = object.as_object_mut() {
                object.insert(name.to_owned(), value);
            }
        }
        self.push(kind, json!({"response": object}));
    }

    /// Opens a reasoning item unless one is open.
    fn open_reasoning(&mut self) {
        if matches!(self.open, Some(Item::Reasoning { .. })) {
            return;
        }
        self.close("completed");
        let id = super::id("rs_", ID_DIGITS);
        let item = json!({"id": id, "type": "reasoning", "summary": []});
        self.push("response.output_item.added", json!({"output_index": self.whole.len(), "item": item}));
        self.open = Some(Item::Reasoning { id, parts: Vec::new() });
    }

    /// Closes the summary's open part and opens the next.
    fn open_part(&mut self) {
        self.close_part();
        let Some(Item::Reasoning { id, parts }) = &mut self.open else { return };
        let part = json!({"type": "summary_text", "text": ""});
        let fields =
            json!({"item_id": id, "output_index": self.whole.len(), "summary_index": parts.len(), "part": part});
        parts.push(String::new());
        self.push("response.reasoning_summary_part.added", fields);
    }

    fn close_part(&mut self) {
        let Some(Item::Reasoning { id, parts }) = &self.open else { return };
        let Some(text) = parts.last() else { return };
        let place = json!({"item_id": id, "output_index": self.whole.len(), "summary_index": parts.len() - 1});
        let part = json!({"type": "summary_text", "text": text});
        let (done, part_done) = (with(&place, "text", json!(text)), with(&place, "part", part));
        self.push("response.reasoning_summary_text.done", done);
        self.push("response.reasoning_summary_part.done", part_done);
    }

    /// Opens a message of this kind unless one is open.
    fn open_message(&mut self, kind: Kind) {
        if matches!(&self.open, Some(Item::Message { kind: open, .. }) if *open == kind) {
            return;
        }
        self.close("completed");
        let id = super::id("msg_", ID_DIGITS);
        let output_index = self.whole.len();
        let item = json!({"id": id, "type": "message", "status": "in_progress", "content": [], "role": "assistant"});
        self.push("response.output_item.added", json!({"output_index": output_index, "item": item}));
        let part = json!({"item_id": id, "output_index": output_index, "content_index": 0, "part": kind.part("")});
        self.push("response.content_part.added", part);
        self.open = Some(Item::Message { id, kind, text: String::new() });
    }

    fn open_call(&mut self, name: &str) {
        self.close("completed");
        let (id, call_id) = (super::id("fc_", ID_DIGITS), super::id("call_", CALL_ID_DIGITS));
        let item = call(&id, &call_id, name, "", "in_progress");
        self.push("response.output_item.added", json!({"output_index": self.whole.len(), "item": item}));
        self.open = Some(Item::Call { id, call_id, name: name.to_owned(), arguments: String::new() });
    }

    /// A piece of text, in the item that it belongs to.
    fn piece(&mut self, voice: Voice, piece: &str) {
        match voice {
            Voice::Thought => {
                self.open_reasoning();
                if matches!(&self.open, Some(Item::Reasoning { parts, .. }) if parts.is_empty()) {
                    self.open_part();
                }
            }
            Voice::InlineThought | Voice::Answer => self.open_message(Kind::Text),
            Voice::Refusal => self.open_message(Kind::Refusal),
            Voice::Arguments => {}
        }
        let output_index = self.whole.len();
        let (kind, mut fields) = match &mut self.open {
            Some(Item::Reasoning { id, parts }) => {
                let summary_index = parts.len().saturating_sub(1);
                if let Some(part) = parts.last_mut() {
                    part.push_str(piece);
                }
                let place = json!({"item_id": id, "output_index": output_index, "summary_index": summary_index});
                ("response.reasoning_summary_text.delta", place)
            }
            Some(Item::Message { id, kind, text }) => {
                text.push_str(piece);
                self.answer_chars += piece.chars().count();
                let place = json!({"item_id": id, "output_index": output_index, "content_index": 0});
                match kind {
                    Kind::Text => ("response.output_text.delta", with(&place, "logprobs", json!([]))),
                    Kind::Refusal => ("response.refusal.delta", place),
                }
            }
            Some(Item::Call { id, arguments, .. }) => {
                arguments.push_str(piece);
                ("response.function_call_arguments.delta", json!({"item_id": id, "output_index": output_index}))
            }
            None => return,
        };
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("delta".to_owned(), json!(piece));
            // No recorded refusal is padded.
            if self.echo.obfuscation && voice != Voice::Refusal {
                fields.insert("obfuscation".to_owned(), json!(padding(piece.len())));
            }
        }
        self.push(kind, fields);
    }

    /// Closes what is open with its whole text.
    fn close(&mut self, status: &str) {
        self.close_part();
        let output_index = self.whole.len();
        let item = match self.open.take() {
            None => return,
            Some(Item::Reasoning { id, parts }) => {
                let part = |text: &String| json!({"type": "summary_text", "text": text});
                json!({"id": id, "type": "reasoning", "summary": parts.iter().map(part).collect::<Vec<_>>()})
            }
            Some(Item::Message { id, kind, text }) => {
                let place = json!({"item_id": id, "output_index": output_index, "content_index": 0});
                match kind {
                    Kind::Text => {
                        let done = with(&with(&place, "text", json!(text)), "logprobs", json!([]));
                        self.push("response.output_text.done", done);
                    }
                    Kind::Refusal => self.push("response.refusal.done", with(&place, "refusal", json!(text))),
                }
                self.push("response.content_part.done", with(&place, "part", kind.part(&text)));
                json!({"id": id, "type": "message", "status": status, "content": [kind.part(&text)], "role": "assistant"})
            }
            Some(Item::Call { id, call_id, name, arguments }) => {
                let done = json!({"item_id": id, "output_index": output_index, "arguments": arguments});
                self.push("response.function_call_arguments.done", done);
                call(&id, &call_id, &name, &arguments, status)
            }
        };
        self.push("response.output_item.done", json!({"output_index": output_index, "item": item}));
        self.whole.push(item);
    }

    /// The last event.
    fn end(&mut self) {
        match self.finish {
            Some(Finish::Length) => {
                self.life("response.incomplete", Ending::Incomplete("max_output_tokens"), Value::Null);
            }
            Some(Finish::ContentFilter) => {
                self.life("response.incomplete", Ending::Incomplete("content_filter"), Value::Null);
            }
            Some(Finish::Stop | Finish::ToolCalls) | None => {
                self.life("response.completed", Ending::Completed, Value::Null);
            }
        }
    }

    fn fail(&mut self, fault: Fault, telling: Telling) {
        let reason = fault.reason();
        let nested = json!({"error": reason.object()});
        match telling {
            Telling::ReasonLast => {
                self.life("response.failed", Ending::Failed, Value::Null);
                self.push("error", nested);
            }
            Telling::ReasonFirst => {
                self.push("error", nested);
                let short = json!({"code": reason.code, "message": reason.message});
                self.life("response.failed", Ending::Failed, short);
            }
            Telling::ReasonAlone => {
                self.push("error", json!({"code": reason.code, "message": reason.message, "param": null}));
            }
            Telling::NoReason => self.life("response.failed", Ending::Failed, Value::Null),
        }
    }
}

/// `place` with one field more.
fn with(place: &Value, name: &str, value: Value) -> Value {
    let mut fields = place.clone();
    if let Some(fields) = fields.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
    fields
}

fn call(id: &str, call_id: &str, name: &str, arguments: &str, status: &str) -> Value {
    json!({"id": id, "type": "function_call", "status": status, "arguments": arguments, "call_id": call_id, "name": name})
}

/// Random letters and digits behind a delta of `length` bytes, so that its length says less.
fn padding(length: usize) -> String {
    (0..PADDED_TO - length % PADDED_TO).map(|_| fastrand::alphanumeric()).collect()
}

fn usage(tokens: Tokens) -> Value {
    let output = tokens.reasoning + tokens.answer;
    json!({
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.prompt + output,
    })
}

#[cfg(test)]
mod tests;
