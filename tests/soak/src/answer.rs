//! An answer put together again, and its shape checked line by line.

use ring::digest::{Context, Digest, SHA256};
use serde_json::{Map, Value};

/// The kinds of line, one of which every line is.
const KINDS: [&str; 5] = ["start", "index", "heartbeat", "done", "error"];
/// What a choice may hold; all else is upstream's own business.
const CHOICE: [&str; 6] =
    ["index", "delta", "finish_reason", "logprobs", "content_filter_results", "content_filter_offsets"];
/// Text that upstream sends where it must not pass.
const INTERNALS: &str = "internals";

/// What an answer said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    Done { finish_reason: String, completion_tokens: u64 },
    Error { code: String, retry_after: Option<u64> },
}

/// An answer as far as it has come.
#[derive(Debug)]
pub(crate) struct Answer {
    unfinished: Vec<u8>,
    pub(crate) lines: usize,
    pub(crate) choices: usize,
    pub(crate) heartbeats: usize,
    pub(crate) thoughts: String,
    pub(crate) content: String,
    hashes: Hashes,
    pub(crate) request_id: String,
    pub(crate) last: Option<Last>,
    /// The first thing that is not as it must be.
    pub(crate) fault: Option<String>,
}

/// SHA-256 on the way.
struct Hashes {
    thoughts: Context,
    content: Context,
}

impl std::fmt::Debug for Hashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hashes")
    }
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            unfinished: Vec::new(),
            lines: 0,
            choices: 0,
            heartbeats: 0,
            thoughts: String::new(),
            content: String::new(),
            hashes: Hashes { thoughts: Context::new(&SHA256), content: Context::new(&SHA256) },
            request_id: String::new(),
            last: None,
            fault: None,
        }
    }
}

impl Answer {
    /// Takes bytes of a 200 answer.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.unfinished.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.unfinished);
        let mut rest = all.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            self.line(line);
        }
        self.unfinished = rest.to_vec();
    }

    /// The answer came to its proper end.
    pub(crate) fn end(&mut self) {
        if !self.unfinished.is_empty() {
            self.blame("the last line has no end");
        }
        if self.last.is_none() {
            self.blame("the answer ended without done or error");
        }
    }

    /// Takes the whole body of an answer with an error status.
    pub(crate) fn refusal(&mut self, body: &[u8]) {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => self.error(&object),
            _ => self.blame("the refusal is no JSON object"),
        }
    }

    /// SHA-256 of the thoughts and of the content, each made as they came.
    pub(crate) fn hashes(&self) -> (Digest, Digest) {
        (self.hashes.thoughts.clone().finish(), self.hashes.content.clone().finish())
    }

    fn blame(&mut self, what: impl Into<String>) {
        self.fault.get_or_insert_with(|| what.into());
    }

    fn line(&mut self, line: &[u8]) {
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
        self.choices += 1;
        if !object.keys().all(|key| CHOICE.contains(&key.as_str())) {
            self.blame("a choice holds what is upstream's own");
        }
        let Some(Value::Object(delta)) = object.get("delta") else {
            return self.blame("a choice without a delta, which none was sent without");
        };
        if !delta.keys().all(|key| key == "content" || key == "reasoning_content") {
            self.blame("a delta holds what was not sent, or thoughts under another name");
        }
        if let Some(thoughts) = delta.get("reasoning_content").and_then(Value::as_str) {
            self.thoughts.push_str(thoughts);
            self.hashes.thoughts.update(thoughts.as_bytes());
        }
        if let Some(content) = delta.get("content").and_then(Value::as_str) {
            self.content.push_str(content);
            self.hashes.content.update(content.as_bytes());
        }
    }

    fn done(&mut self, done: Option<&Value>) {
        let field = |name| done.and_then(|done| done.get(name));
        let tokens = field("usage").and_then(|usage| usage.get("completion_tokens")).and_then(Value::as_u64);
        self.last = Some(Last::Done {
            finish_reason: text(field("finish_reason")),
            completion_tokens: tokens.unwrap_or_default(),
        });
    }

    fn error(&mut self, object: &Map<String, Value>) {
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

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &str) -> Answer {
        let mut answer = Answer::default();
        for byte in lines.as_bytes() {
            answer.feed(std::slice::from_ref(byte));
        }
        answer.end();
        answer
    }

    const START: &str = "{\"start\":{\"request_id\":\"r\"}}\n";
    const HI: &str = "{\"index\":0,\"delta\":{\"content\":\"Hi\"}}\n";
    const DONE: &str = "{\"done\":{\"finish_reason\":\"stop\",\"usage\":{\"completion_tokens\":3}}}\n";

    #[test]
    fn a_whole_answer_has_no_fault() {
        let answer = answer(&[START, HI, HI, DONE].concat());
        assert_eq!((answer.fault.as_deref(), answer.content.as_str(), answer.choices), (None, "HiHi", 2));
        let hash = ring::digest::digest(&SHA256, b"HiHi");
        assert_eq!(answer.hashes().1.as_ref(), hash.as_ref());
        assert!(matches!(answer.last, Some(Last::Done { completion_tokens: 3, .. })));
    }

    #[test]
    fn every_fault_of_shape_is_seen() {
        for lines in [
            [START, HI].concat(),
            [HI, DONE].concat(),
            [START, START, DONE].concat(),
            [START, DONE, HI].concat(),
            [START, DONE, DONE].concat(),
            [START, "\n", DONE].concat(),
            [START, HI, DONE.trim_end()].concat(),
            [START, "{\"index\":0,\"delta\":{},\"routing\":1}\n", DONE].concat(),
            [START, "{\"index\":0,\"delta\":{\"reasoning\":\"x\"}}\n", DONE].concat(),
            [START, "{\"error\":\"said\",\"code\":\"c\",\"retryable\":true,\"request_id\":\"s\"}\n"].concat(),
        ] {
            assert!(answer(&lines).fault.is_some(), "{lines}");
        }
    }
}
