//! The rules of OpenAI's stream: events of one line of data each, all of one answer's id; the role first, the reason once,
//! the count of tokens, the mark of the end. An error comes in two events, the second beside a choice.

use serde_json::{Map, Value};

use super::{Answer, Last, text, tokens};

/// What a chunk may hold, and its choice.
const CHUNK: [&str; 6] = ["id", "object", "created", "model", "choices", "usage"];
const CHOICE: [&str; 4] = ["index", "delta", "finish_reason", "logprobs"];

/// Where the stream is.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The last line was data, which a blank line ends.
    in_event: bool,
    finish: Option<String>,
    tokens: Option<u64>,
    /// Events with an error.
    errors: usize,
    is_done: bool,
}

impl Answer {
    pub(super) fn chunk_line(&mut self, line: &[u8]) {
        if line.is_empty() {
            // Without data before it, it stands for a silence.
            self.heartbeats += usize::from(!std::mem::take(&mut self.chunks.in_event));
            return;
        }
        if std::mem::replace(&mut self.chunks.in_event, true) {
            self.blame("an event of more than one line");
        }
        let Some(data) = line.strip_prefix(b"data: ") else { return self.blame("a line that is no data") };
        self.lines += 1;
        if self.chunks.is_done {
            self.blame("an event after the last one");
        }
        if data == b"[DONE]" {
            self.chunks.is_done = true;
            return;
        }
        match serde_json::from_slice(data) {
            Ok(Value::Object(object)) => self.chunk(&object),
            _ => self.blame("an event that is no JSON object"),
        }
    }

    fn chunk(&mut self, object: &Map<String, Value>) {
        if let Some(error) = object.get("error") {
            self.chunks.errors += 1;
            return self.openai_error(error, None);
        }
        let id = text(object.get("id"));
        let request_id = id.strip_prefix("chatcmpl-").unwrap_or_default();
        if self.lines == 1 {
            request_id.clone_into(&mut self.request_id);
        }
        if request_id.is_empty() || request_id != self.request_id || self.chunks.errors > 0 {
            self.blame("a chunk of another answer, or after an error");
        }
        if !object.keys().all(|key| CHUNK.contains(&key.as_str())) {
            self.blame("a chunk holds what is upstream's own");
        }
        if let Some(usage) = object.get("usage").filter(|usage| !usage.is_null()) {
            self.chunks.tokens = Some(tokens(Some(usage)));
        }
        for choice in object.get("choices").and_then(Value::as_array).into_iter().flatten() {
            self.chunk_choice(choice);
        }
    }

    fn chunk_choice(&mut self, choice: &Value) {
        let Some(Value::Object(delta)) = choice.get("delta") else { return self.blame("a choice without a delta") };
        if !choice.as_object().is_some_and(|choice| choice.keys().all(|key| CHOICE.contains(&key.as_str()))) {
            self.blame("a choice holds what is upstream's own");
        }
        if delta.contains_key("role") != (self.lines == 1) {
            self.blame("the role is not in the first chunk, or not in it alone");
        }
        self.take(delta);
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            if self.chunks.finish.replace(reason.to_owned()).is_some() {
                self.blame("two reasons for one end");
            }
        } else if self.chunks.finish.is_some() {
            self.blame("a choice after its end");
        }
    }

    pub(super) fn chunks_end(&mut self) {
        if self.chunks.in_event {
            self.blame("the last event has no end");
        }
        if !self.chunks.is_done {
            return self.blame("the stream has no [DONE]");
        }
        match (self.chunks.errors, self.chunks.finish.take()) {
            (0, Some(finish_reason)) => {
                let completion_tokens = self.chunks.tokens.unwrap_or_default();
                self.last = Some(Last::Done { finish_reason, completion_tokens });
            }
            (2, None) => {}
            _ => self.blame("neither an end nor an error, or both"),
        }
    }
}
