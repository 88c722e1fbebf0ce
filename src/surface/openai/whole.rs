//! Puts an answer together from its choice lines, for clients that want it in one piece.
//!
//! In: choice lines, as they come. Out: one chat completion, when the answer is whole; nothing of one that broke.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::chunks::reason;
use super::delta::Delta;
use super::{completion_id, unix_seconds};
use crate::answer::Answer;
use crate::error::{ChatError, Code};
use crate::json;

/// The most bytes of an answer that are held. A model's longest answers, at 128,000 tokens, have about 600 KB.
pub(crate) const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Calls that one choice may make: as many as a request may bring tools.
const MAX_CALLS: usize = 128;

/// An answer that is being put together.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    choices: Vec<Held>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Held {
    index: u32,
    content: String,
    thoughts: String,
    refusal: String,
    calls: Vec<Call>,
    /// How it ends, as JSON.
    reason: Option<Box<RawValue>>,
    logprobs: Logprobs<Box<RawValue>>,
}

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Line<'a> {
    index: u32,
    #[serde(default, borrow)]
    delta: Option<Delta<'a>>,
    #[serde(default, borrow)]
    finish_reason: Option<&'a RawValue>,
    #[serde(default, borrow)]
    logprobs: Option<&'a RawValue>,
}

json::liberal! {
    struct CallPiece {
        index: &'a RawValue = "index",
        id: &'a RawValue = "id",
        function: FunctionPiece<'a> = "function",
    }

    struct FunctionPiece {
        name: &'a RawValue = "name",
        arguments: &'a RawValue = "arguments",
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct Logprobs<T> {
    #[serde(default = "Option::default")]
    content: Option<Vec<T>>,
    #[serde(default = "Option::default")]
    refusal: Option<Vec<T>>,
}

impl<T> Default for Logprobs<T> {
    fn default() -> Self {
        Self { content: None, refusal: None }
    }
}

impl Whole {
    /// Takes the next choice lines.
    ///
    /// # Errors
    /// `upstream_protocol`: the answer has more bytes, or more calls, than are held.
    pub(crate) fn take(&mut self, lines: &[u8]) -> Result<(), ChatError> {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // Lines are JSON that this program wrote.
            let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else { continue };
            self.line(&line)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), ChatError> {
        let at = match self.choices.binary_search_by_key(&line.index, |choice| choice.index) {
            Ok(at) => at,
            // A verdict alone is no choice.
            Err(_) if line.delta.is_none() => return Ok(()),
            Err(at) => {
                self.choices.insert(at, Held { index: line.index, ..Held::default() });
                at
            }
        };
        let Some(choice) = self.choices.get_mut(at) else { return Ok(()) };
        let mut bytes = 0;
        if let Some(delta) = &line.delta {
            bytes += add(&mut choice.content, delta.content);
            bytes += add(&mut choice.thoughts, delta.reasoning_content);
            bytes += add(&mut choice.refusal, delta.refusal);
            bytes += choice.call(delta.tool_calls)?;
        }
        if let Some(reason) = reason(line.finish_reason) {
            choice.reason = RawValue::from_string(reason.to_owned()).ok();
        }
        if let Some(logprobs) = line.logprobs {
            bytes += choice.logprobs.add(logprobs);
        }
        self.bytes += bytes;
        if self.bytes > MAX_ANSWER_BYTES {
            return Err(too_much(format!("more than {MAX_ANSWER_BYTES} bytes in one answer")));
        }
        Ok(())
    }

    /// The whole answer, as JSON. Of one that the filter took away no text is told.
    pub(crate) fn finish(self, request_id: &str, model: &str, answer: &Answer) -> Vec<u8> {
        #[derive(Serialize)]
        struct Completion<'a> {
            id: String,
            object: &'static str,
            created: u64,
            model: &'a str,
            choices: Vec<Choice>,
            #[serde(skip_serializing_if = "Option::is_none")]
            usage: Option<&'a RawValue>,
        }
        let is_filtered = answer.finish_reason() == "\"content_filter\"";
        let of_all = RawValue::from_string(answer.finish_reason().to_owned()).ok();
        let mut choices = self.choices;
        if choices.is_empty() {
            choices.push(Held::default());
        }
        let completion = Completion {
            id: completion_id(request_id),
            object: "chat.completion",
            created: unix_seconds(SystemTime::now()),
            model,
            choices: choices.into_iter().map(|choice| choice.finish(is_filtered, of_all.as_deref())).collect(),
            usage: serde_json::from_str(answer.usage()).unwrap_or_default(),
        };
        // Strings, numbers and raw JSON always serialise into memory.
        serde_json::to_vec(&completion).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Choice {
    index: u32,
    message: Message,
    finish_reason: Option<Box<RawValue>>,
    logprobs: Option<Logprobs<Box<RawValue>>>,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reasoning_content: String,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
}

#[derive(Serialize)]
struct ToolCall {
    id: String,
    r#type: &'static str,
    function: Function,
}

#[derive(Serialize)]
struct Function {
    name: String,
    arguments: String,
}

impl Held {
    fn finish(self, is_filtered: bool, of_all: Option<&RawValue>) -> Choice {
        let Self { index, content, thoughts, refusal, calls, reason, logprobs } = self;
        if is_filtered {
            let message = Message {
                role: "assistant",
                content: None,
                reasoning_content: String::new(),
                refusal: None,
                tool_calls: Vec::new(),
            };
            return Choice { index, message, finish_reason: of_all.map(ToOwned::to_owned), logprobs: None };
        }
        let has_other = !calls.is_empty() || !refusal.is_empty();
        let tool_calls = calls.into_iter().map(|Call { id, name, arguments, .. }| ToolCall {
            id,
            r#type: "function",
            function: Function { name, arguments },
        });
        let message = Message {
            role: "assistant",
            content: (!content.is_empty() || !has_other).then_some(content),
            reasoning_content: thoughts,
            refusal: (!refusal.is_empty()).then_some(refusal),
            tool_calls: tool_calls.collect(),
        };
        let has_logprobs = logprobs.content.is_some() || logprobs.refusal.is_some();
        Choice {
            index,
            message,
            finish_reason: reason.or_else(|| of_all.map(ToOwned::to_owned)),
            logprobs: has_logprobs.then_some(logprobs),
        }
    }

    /// Takes the pieces of calls; answers how many bytes they have.
    fn call(&mut self, pieces: Option<&RawValue>) -> Result<usize, ChatError> {
        let Some(pieces) = pieces else { return Ok(0) };
        let pieces = serde_json::from_str::<Vec<CallPiece<'_>>>(pieces.get())
            .map_err(|_| too_much("a list of tool calls that is none"))?;
        let mut bytes = 0;
        for piece in pieces {
            let index = piece.index.and_then(|raw| serde_json::from_str::<u64>(raw.get()).ok());
            let begins = piece.id.is_some_and(|id| json::is_string(id) && id.get() != "\"\"");
            let known = match index {
                Some(_) => self.calls.iter().position(|call| call.index == index),
                // Some services count no calls: a new one has an id.
                None => self.calls.len().checked_sub(1).filter(|_| !begins),
            };
            let at = known.unwrap_or(self.calls.len());
            if at == self.calls.len() {
                if at == MAX_CALLS {
                    return Err(too_much(format!("more than {MAX_CALLS} tool calls in one answer")));
                }
                let empty = String::new;
                self.calls.push(Call { index, id: empty(), name: empty(), arguments: empty() });
            }
            let Some(call) = self.calls.get_mut(at) else { continue };
            let function = piece.function.unwrap_or_default();
            if call.id.is_empty() {
                bytes += add(&mut call.id, piece.id);
            }
            // Some services repeat the name in every piece.
            if call.name.is_empty() {
                bytes += add(&mut call.name, function.name);
            }
            bytes += add(&mut call.arguments, function.arguments);
        }
        Ok(bytes)
    }
}

impl Logprobs<Box<RawValue>> {
    fn add(&mut self, raw: &RawValue) -> usize {
        let Ok(piece) = serde_json::from_str::<Logprobs<&RawValue>>(raw.get()) else { return 0 };
        for (held, piece) in [(&mut self.content, piece.content), (&mut self.refusal, piece.refusal)] {
            if let Some(piece) = piece {
                held.get_or_insert_default().extend(piece.into_iter().map(ToOwned::to_owned));
            }
        }
        raw.get().len()
    }
}

/// Appends a piece of text, if it is one; answers its bytes.
fn add(text: &mut String, piece: Option<&RawValue>) -> usize {
    let Some(piece) = piece.filter(|raw| json::is_string(raw)) else { return 0 };
    let before = text.len();
    text.push_str(&json::lossy_text(piece.get()).unwrap_or_default());
    text.len() - before
}

fn too_much(cause: impl std::fmt::Display) -> ChatError {
    ChatError::new(
        Code::UpstreamProtocol,
        "The model's answer is larger than this program holds at once. Ask with stream: true.",
    )
    .caused_by(cause)
}

#[cfg(test)]
mod tests;
