//! The rules of JSON Lines.

use serde_json::{Map, Value};

use super::{Answer, INTERNALS, Last, text, tokens};

/// The kinds of line, one of which every line is.
const KINDS: [&str; 5] = ["start", "index", "heartbeat", "done", "error"];
/// What a choice may hold; all else is upstream's own business.
const CHOICE: [&str; 6] =
    ["index", "delta", "finish_reason", "logprobs", "content_filter_results", "content_filter_offsets"];

impl Answer {
    pub(super) fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        let Ok(Value::Object(object)) = serde_json::from_slice(line) else {
            return self.blame("a line is no JSON object");
        };
        let mut kinds = KINDS.into_iter().filter(|kind| object.contains_key(*kind));
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            return self.blame("a line is not of one kind");
        };
        if (kind == "start") != (self.lines == 1) {
            self.blame("start is not the first line, or not the only one");
        }
        if self.last.is_some() {
            self.blame("a line after the last line");
        }
        match kind {
            "start" => {
                self.request_id = text(object.get("start").and_then(|start| start.get("request_id")));
            }
            "index" => self.choice(&object),
            "heartbeat" => self.heartbeats += 1,
            "done" => self.done(object.get("done")),
            _ => self.error(&object),
        }
    }

    fn choice(&mut self, object: &Map<String, Value>) {
        if !object.keys().all(|key| CHOICE.contains(&key.as_str())) {
            self.blame("a choice holds what is upstream's own");
        }
        match object.get("delta") {
            Some(Value::Object(delta)) => self.take(delta),
            _ => self.blame("a choice without a delta, which none was sent without"),
        }
    }

    fn done(&mut self, done: Option<&Value>) {
        let field = |name| done.and_then(|done| done.get(name));
        self.last =
            Some(Last::Done { finish_reason: text(field("finish_reason")), completion_tokens: tokens(field("usage")) });
    }

    /// The last line of an answer that broke, or a refusal's body.
    pub(super) fn error(&mut self, object: &Map<String, Value>) {
        let code = text(object.get("code"));
        let said = text(object.get("error"));
        if said.is_empty() || said.contains(INTERNALS) || !object.get("retryable").is_some_and(Value::is_boolean) {
            self.blame("an error without text or retryable, or with upstream's words");
        }
        let request_id = text(object.get("request_id"));
        if self.lines > 0 && request_id != self.request_id {
            self.blame("the error's request_id is not the start's");
        }
        self.request_id = request_id;
        self.last = Some(Last::Error { code, retry_after: object.get("retry_after").and_then(Value::as_u64) });
    }
}
