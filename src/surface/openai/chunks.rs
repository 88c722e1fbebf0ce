//! Writes an answer as OpenAI's stream of chunks.
//!
//! A choice line is a chunk's choice already: what goes out is a prefix, the same bytes and a suffix. But the reason why a
//! choice ends is held back to the answer's end, when a late verdict of the content filter is known; what is Azure's alone
//! is left out; and each choice begins with its role. A broken answer is told twice, for no one form is heard by every
//! client.

use std::mem;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::delta::Delta;
use super::{completion_id, error, unix_seconds};
use crate::answer::Answer;
use crate::error::ChatError;
use crate::json;

/// What is kept of a line's end, and of a finish reason, so that neither grows with what upstream sends. Bytes.
const MAX_KNOWN_BYTES: usize = 4 * 1024;
const MAX_REASON_BYTES: usize = 256;
/// A buffer larger than this is not kept for the next lines.
const MAX_KEPT_BYTES: usize = 8 * 1024;

/// The end of a choice and of its chunk.
const CHOICE_END: &[u8] = b"},\"finish_reason\":null,\"logprobs\":null}]}\n\n";
const DONE: &[u8] = b"data: [DONE]\n\n";

/// Writes one answer.
#[derive(Debug)]
pub struct Chunks {
    /// Whether the client asked for the count of tokens.
    include_usage: bool,
    /// `data: {"id":…,"choices":[`
    head: Vec<u8>,
    /// The choices that have begun, in the order of their index: how each ends, once it is known.
    choices: Vec<(u32, Option<Box<str>>)>,
    /// The lines that are being rewritten.
    lines: Vec<u8>,
    known: Option<Known>,
}

/// Nearly all lines of an answer differ in one string only. What stands around the last one's is remembered, so that the
/// next is not read again.
#[derive(Debug)]
struct Known {
    /// The line up to its text.
    before: Box<[u8]>,
    /// The line after its text.
    after: Box<[u8]>,
    /// The chunk's choice up to its text.
    head: Box<[u8]>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    index: u32,
    #[serde(default, borrow)]
    delta: Option<&'a RawValue>,
    #[serde(default, borrow)]
    finish_reason: Option<&'a RawValue>,
    #[serde(default, borrow)]
    logprobs: Option<&'a RawValue>,
}

impl Chunks {
    /// An answer of the model of this name. `include_usage`: the client asked for the count of tokens.
    pub(crate) fn new(request_id: &str, model: &str, include_usage: bool) -> Self {
        #[derive(Serialize)]
        struct Head<'a> {
            id: &'a str,
            object: &'static str,
            created: u64,
            model: &'a str,
        }
        let id = completion_id(request_id);
        let created = unix_seconds(SystemTime::now());
        let mut head = b"data: ".to_vec();
        // Strings and numbers always serialise into memory.
        let _ = serde_json::to_writer(&mut head, &Head { id: &id, object: "chat.completion.chunk", created, model });
        head.pop();
        head.extend_from_slice(b",\"choices\":[");
        Self { include_usage, head, choices: Vec::new(), lines: Vec::new(), known: None }
    }

    /// The answer begins: the first choice's role, which says to all clients that it does.
    pub(crate) fn start(&mut self, out: &mut Vec<u8>) {
        self.begin(out, 0);
    }

    /// Rewrites the choice lines that stand in `out` from `from` on.
    pub(crate) fn frame(&mut self, out: &mut Vec<u8>, from: usize) {
        let mut lines = mem::take(&mut self.lines);
        lines.extend_from_slice(out.get(from..).unwrap_or_default());
        out.truncate(from);
        let mut rest = lines.as_slice();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            self.line(out, line);
            rest = after.get(1..).unwrap_or_default();
        }
        if lines.capacity() <= MAX_KEPT_BYTES {
            lines.clear();
            self.lines = lines;
        }
    }

    /// The model is silent: an empty line, which is no event. A comment would cost some clients the text of a later error.
    #[expect(clippy::unused_self, reason = "it is one of the surface's five words")]
    pub(crate) fn heartbeat(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
    }

    /// The answer is whole: how each choice ends, what it cost if that was asked for, and the mark of the end.
    pub(crate) fn done(&mut self, out: &mut Vec<u8>, answer: &Answer) {
        for (index, reason) in &self.choices {
            let reason = reason.as_deref().filter(|_| !answer.is_filtered()).unwrap_or(answer.finish_reason());
            out.extend_from_slice(&self.head);
            number(out, *index);
            out.extend_from_slice(b",\"delta\":{},\"finish_reason\":");
            out.extend_from_slice(reason.as_bytes());
            out.extend_from_slice(b",\"logprobs\":null}]}\n\n");
        }
        if self.include_usage && answer.usage() != "null" {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],\"usage\":");
            out.extend_from_slice(answer.usage().as_bytes());
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(DONE);
    }

    /// The answer broke: the error alone, which .NET passes over, then beside a choice, which go-openai and rig pass over.
    pub(crate) fn error(&mut self, out: &mut Vec<u8>, error: &ChatError) {
        // Strings always serialise into memory.
        let object = serde_json::to_string(&error::object(error)).unwrap_or_default();
        let object = object.as_bytes();
        for part in [b"data: {\"error\":", object, b"}\n\ndata: {\"error\":", object, b","] {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(self.head.strip_prefix(b"data: {").unwrap_or_default());
        out.extend_from_slice(
            b"{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\",\"logprobs\":null}]}\n\n",
        );
        out.extend_from_slice(DONE);
    }

    fn line(&mut self, out: &mut Vec<u8>, line: &[u8]) {
        if let Some(known) = &self.known
            && let Some(text) = known.text(line)
        {
            for part in [self.head.as_slice(), &known.head, text, CHOICE_END] {
                out.extend_from_slice(part);
            }
            return;
        }
        // Lines are JSON that this program wrote.
        let Ok(choice) = serde_json::from_slice::<Choice<'_>>(line) else { return };
        self.choice(out, line, &choice);
    }

    fn choice(&mut self, out: &mut Vec<u8>, line: &[u8], choice: &Choice<'_>) {
        // Without a delta it is a verdict, which the answer knows, and the end is told at the end.
        let Some(delta) = choice.delta else { return self.finish(choice) };
        let Ok(delta) = serde_json::from_str::<Delta<'_>>(delta.get()) else { return };
        self.begin(out, choice.index);
        self.finish(choice);
        let says_nothing = delta.members().all(|(_, value)| value == "\"\"");
        if says_nothing && choice.logprobs.is_none() {
            return;
        }
        out.extend_from_slice(&self.head);
        let begins = out.len();
        number(out, choice.index);
        out.extend_from_slice(b",\"delta\":{");
        let mut alone = None;
        for (at, (key, value)) in delta.members().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key.as_bytes());
            alone = (at == 0 && value.starts_with('"')).then_some((out.len(), value));
            out.extend_from_slice(value.as_bytes());
        }
        match choice.logprobs {
            None => out.extend_from_slice(CHOICE_END),
            Some(logprobs) => {
                out.extend_from_slice(b"},\"finish_reason\":null,\"logprobs\":");
                out.extend_from_slice(logprobs.get().as_bytes());
                out.extend_from_slice(b"}]}\n\n");
            }
        }
        if let Some((at, text)) = alone
            && choice.finish_reason.is_none()
            && choice.logprobs.is_none()
        {
            self.known = Known::new(line, text, out.get(begins..at).unwrap_or_default());
        }
    }

    /// A choice begins with its role.
    fn begin(&mut self, out: &mut Vec<u8>, index: u32) {
        let Err(at) = self.choices.binary_search_by_key(&index, |(known, _)| *known) else { return };
        self.choices.insert(at, (index, None));
        out.extend_from_slice(&self.head);
        number(out, index);
        out.extend_from_slice(b",\"delta\":{\"role\":\"assistant\",\"content\":\"\"");
        out.extend_from_slice(CHOICE_END);
    }

    /// Holds back how a choice ends.
    fn finish(&mut self, choice: &Choice<'_>) {
        let Some(reason) = reason(choice.finish_reason) else { return };
        if let Ok(at) = self.choices.binary_search_by_key(&choice.index, |(known, _)| *known)
            && let Some((_, held)) = self.choices.get_mut(at)
        {
            *held = Some(reason.into());
        }
    }
}

/// A finish reason that is one, as JSON.
pub(super) fn reason(raw: Option<&RawValue>) -> Option<&str> {
    let reason = raw.filter(|raw| json::is_string(raw)).map(RawValue::get)?;
    (!matches!(reason, "\"\"" | "\"null\"") && reason.len() <= MAX_REASON_BYTES).then_some(reason)
}

fn number(out: &mut Vec<u8>, index: u32) {
    out.extend_from_slice(b"{\"index\":");
    // Writing into memory does not fail.
    let _ = serde_json::to_writer(out, &index);
}

impl Known {
    /// `text` is a part of `line`; `head` is what its chunk has in place of what stands before it.
    fn new(line: &[u8], text: &str, head: &[u8]) -> Option<Self> {
        let at = text.as_ptr().addr().checked_sub(line.as_ptr().addr())?;
        let (before, rest) = line.split_at_checked(at)?;
        let after = rest.strip_prefix(text.as_bytes())?;
        (before.len() + after.len() <= MAX_KNOWN_BYTES).then(|| Self {
            before: before.into(),
            after: after.into(),
            head: head.into(),
        })
    }

    /// The text of a line that is the same around it.
    fn text<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        let text = line.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        is_one_string(text).then_some(text)
    }
}

/// Whether a piece of JSON that begins where a string does is that string and no more.
fn is_one_string(json: &[u8]) -> bool {
    let Some(mut rest) = json.strip_prefix(b"\"") else { return false };
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        let is_end = rest.get(at) == Some(&b'"');
        // An escape has a byte after its backslash.
        rest = rest.get(at + if is_end { 1 } else { 2 }..).unwrap_or_default();
        if is_end {
            return rest.is_empty();
        }
    }
    false
}

#[cfg(test)]
mod tests;
