//! An answer put together again, and its shape checked line by line, by the rules of the surface that it came from.

mod chunks;
mod lines;
mod whole;

use ring::digest::{Context, Digest, SHA256};
use serde_json::{Map, Value};

use crate::way::Surface;

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
    surface: Surface,
    unfinished: Vec<u8>,
    /// Lines, or events, that say something.
    pub(crate) lines: usize,
    /// Of these: with a piece of text.
    pub(crate) pieces: usize,
    /// Of these: choices without one, such as whose message it is and why it ends.
    pub(crate) empties: usize,
    pub(crate) heartbeats: usize,
    pub(crate) thoughts: String,
    pub(crate) content: String,
    hashes: Hashes,
    pub(crate) request_id: String,
    pub(crate) last: Option<Last>,
    /// The first thing that is not as it must be.
    pub(crate) fault: Option<String>,
    chunks: chunks::State,
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

impl Answer {
    /// One that has not begun.
    pub(crate) fn new(surface: Surface) -> Self {
        Self {
            surface,
            unfinished: Vec::new(),
            lines: 0,
            pieces: 0,
            empties: 0,
            heartbeats: 0,
            thoughts: String::new(),
            content: String::new(),
            hashes: Hashes { thoughts: Context::new(&SHA256), content: Context::new(&SHA256) },
            request_id: String::new(),
            last: None,
            fault: None,
            chunks: chunks::State::default(),
        }
    }

    /// Takes bytes of a 200 answer.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.unfinished.extend_from_slice(bytes);
        if self.surface == Surface::Whole {
            return;
        }
        let all = std::mem::take(&mut self.unfinished);
        let mut rest = all.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if self.surface == Surface::Lines { self.line(line) } else { self.chunk_line(line) }
        }
        self.unfinished = rest.to_vec();
    }

    /// The answer came to its proper end.
    pub(crate) fn end(&mut self) {
        if self.surface == Surface::Whole {
            let body = std::mem::take(&mut self.unfinished);
            self.whole(&body);
        }
        if self.surface == Surface::Chunks {
            self.chunks_end();
        }
        if !self.unfinished.is_empty() {
            self.blame("the last line has no end");
        }
        if self.last.is_none() {
            self.blame("the answer ended without done or error");
        }
    }

    /// Takes the whole body of an answer with an error status; `retry_after` is its header's.
    pub(crate) fn refusal(&mut self, body: &[u8], retry_after: Option<u64>) {
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
            return self.blame("the refusal is no JSON object");
        };
        if self.surface == Surface::Lines { self.error(&object) } else { self.openai_refusal(&object, retry_after) }
    }

    /// SHA-256 of the thoughts and of the content, each made as they came.
    pub(crate) fn hashes(&self) -> (Digest, Digest) {
        (self.hashes.thoughts.clone().finish(), self.hashes.content.clone().finish())
    }

    fn blame(&mut self, what: impl Into<String>) {
        self.fault.get_or_insert_with(|| what.into());
    }

    /// Takes what a delta, or a whole message, says.
    fn take(&mut self, delta: &Map<String, Value>) {
        let said = |name| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        let (thoughts, content) = (said("reasoning_content"), said("content"));
        self.thoughts.push_str(thoughts);
        self.hashes.thoughts.update(thoughts.as_bytes());
        self.content.push_str(content);
        self.hashes.content.update(content.as_bytes());
        let says_nothing = thoughts.is_empty() && content.is_empty();
        *(if says_nothing { &mut self.empties } else { &mut self.pieces }) += 1;
        if !delta.keys().all(|key| ["role", "content", "reasoning_content"].contains(&key.as_str())) {
            self.blame("a delta holds what was not sent, or thoughts under another name");
        }
    }

    /// OpenAI's error object.
    fn openai_error(&mut self, error: &Value, retry_after: Option<u64>) {
        let said = |name| text(error.get(name));
        let message = said("message");
        if message.is_empty() || message.contains(INTERNALS) || said("type").is_empty() {
            self.blame("an error without text or type, or with upstream's words");
        }
        self.last = Some(Last::Error { code: said("code"), retry_after });
    }

    fn openai_refusal(&mut self, object: &Map<String, Value>, retry_after: Option<u64>) {
        self.request_id = text(object.get("request_id"));
        match object.get("error") {
            Some(error) => self.openai_error(error, retry_after),
            None => self.blame("a refusal without error"),
        }
    }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn tokens(usage: Option<&Value>) -> u64 {
    usage.and_then(|usage| usage.get("completion_tokens")).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &str) -> Answer {
        read(Surface::Lines, lines)
    }

    fn read(surface: Surface, lines: &str) -> Answer {
        let mut answer = Answer::new(surface);
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
        assert_eq!((answer.fault.as_deref(), answer.content.as_str(), answer.pieces), (None, "HiHi", 2));
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

    const ROLE: &str = "data: {\"id\":\"chatcmpl-r\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    const PIECE: &str = "data: {\"id\":\"chatcmpl-r\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    const STOP: &str =
        "data: {\"id\":\"chatcmpl-r\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const USAGE: &str = "data: {\"id\":\"chatcmpl-r\",\"choices\":[],\"usage\":{\"completion_tokens\":3}}\n\n";
    const ERROR: &str = "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"code\":\"c\"}}\n\n";
    const END: &str = "data: [DONE]\n\n";

    #[test]
    fn a_whole_stream_of_chunks_has_no_fault_and_a_broken_one_says_its_error_twice() {
        let whole = read(Surface::Chunks, &[ROLE, "\n", PIECE, PIECE, STOP, USAGE, END].concat());
        assert_eq!((whole.fault.as_deref(), whole.content.as_str(), whole.request_id.as_str()), (None, "HiHi", "r"));
        assert_eq!((whole.pieces, whole.empties, whole.heartbeats), (2, 2, 1));
        assert_eq!(whole.last, Some(Last::Done { finish_reason: "stop".to_owned(), completion_tokens: 3 }));
        let broken = read(Surface::Chunks, &[ROLE, PIECE, ERROR, ERROR, END].concat());
        assert_eq!(broken.fault, None);
        assert_eq!(broken.last, Some(Last::Error { code: "c".to_owned(), retry_after: None }));
    }

    #[test]
    fn every_fault_of_a_stream_of_chunks_is_seen() {
        for events in [
            [ROLE, PIECE, END].concat(),
            [ROLE, PIECE, STOP].concat(),
            [PIECE, STOP, END].concat(),
            [ROLE, ROLE, STOP, END].concat(),
            [ROLE, STOP, STOP, END].concat(),
            [ROLE, STOP, PIECE, END].concat(),
            [ROLE, STOP, END, PIECE].concat(),
            [ROLE, ERROR, END].concat(),
            [ROLE, ERROR, ERROR, PIECE, END].concat(),
            [ROLE, STOP, ERROR, ERROR, END].concat(),
            [ROLE, &PIECE.replace("chatcmpl-r", "chatcmpl-s"), STOP, END].concat(),
            [ROLE, &PIECE.replace("\"choices\"", "\"routing\":1,\"choices\""), STOP, END].concat(),
            [ROLE, PIECE.trim_end(), "\n", PIECE, STOP, END].concat(),
            [ROLE, PIECE, STOP, END.trim_end()].concat(),
        ] {
            assert!(read(Surface::Chunks, &events).fault.is_some(), "{events}");
        }
    }

    #[test]
    fn an_answer_in_one_piece_is_read() {
        let body = r#"{"id":"chatcmpl-r","choices":[{"index":0,"finish_reason":"length",
            "message":{"role":"assistant","content":"Hi","reasoning_content":"hm","refusal":null}}],
            "usage":{"completion_tokens":3}}"#;
        let whole = read(Surface::Whole, body);
        assert_eq!((whole.fault.as_deref(), whole.content.as_str(), whole.thoughts.as_str()), (None, "Hi", "hm"));
        assert_eq!(whole.last, Some(Last::Done { finish_reason: "length".to_owned(), completion_tokens: 3 }));
        assert!(read(Surface::Whole, &body.replace("\"refusal\":null", "\"reasoning\":\"x\"")).fault.is_some());
        assert!(read(Surface::Whole, "{").fault.is_some());
    }
}
