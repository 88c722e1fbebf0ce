//! What a client is told of an answer's end, by the bytes that it got and the way in which they ended.

use std::fmt;

use serde_json::Value;

use super::reader::{End, Seen};
use super::script::{Ending, error};

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A whole answer, of a whole answer.
    Whole,
    /// An error of the gateway's own, by its code; or an HTTP status that is one.
    Told(String),
    /// The model's own error, as it came.
    PassedOn,
    /// Its HTTP client reports that the connection broke.
    ByTransport,
    /// The answer ends as HTTP wants it, with neither an error nor a finish reason: who does not look for that takes it
    /// for whole.
    NotTold,
    /// The answer ends so although the model sent an error.
    Swallowed,
    /// What upstream never sent says that the answer is whole.
    ToldAsWhole(String),
    /// Nothing, and the answer does not end.
    LeftWaiting,
}

/// What came of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) told: Verdict,
    /// Something came that is no event.
    pub(super) half_an_event: bool,
    /// An error shows the inside of the program.
    pub(super) stack_trace: bool,
    pub(super) thoughts: bool,
}

impl Outcome {
    /// Of an answer whose upstream ended it so.
    pub(super) fn of(ending: Ending, seen: &Seen) -> Self {
        let found = Found::of(&seen.body);
        let told = if seen.status != 200 {
            Verdict::Told(format!("HTTP {}", seen.status))
        } else if let Some(code) = found.own_error {
            Verdict::Told(format!("`{code}`"))
        } else if found.passed_error {
            Verdict::PassedOn
        } else if seen.end == End::Never {
            Verdict::LeftWaiting
        } else if seen.end == End::Broken {
            Verdict::ByTransport
        } else if found.ends.is_empty() {
            if ending == Ending::ErrorEvent { Verdict::Swallowed } else { Verdict::NotTold }
        } else if ending == Ending::Whole {
            Verdict::Whole
        } else {
            Verdict::ToldAsWhole(found.ends.join(" and "))
        };
        let stack_trace = memchr::memmem::find(&seen.body, b"Traceback (most recent call last)").is_some();
        Self { told, half_an_event: found.half_an_event, stack_trace, thoughts: found.thoughts }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.told {
            Verdict::Whole => text.write_str("whole"),
            Verdict::Told(code) => write!(text, "told: {code}"),
            Verdict::PassedOn => text.write_str("passed on"),
            Verdict::ByTransport => text.write_str("by the transport"),
            Verdict::NotTold => text.write_str("**not told**"),
            Verdict::Swallowed => text.write_str("**swallowed**"),
            Verdict::ToldAsWhole(invented) => write!(text, "**told as whole**: {invented} invented"),
            Verdict::LeftWaiting => text.write_str("**left waiting**"),
        }?;
        if self.half_an_event {
            text.write_str(", half an event")?;
        }
        if self.stack_trace {
            text.write_str(", with a Python traceback")?;
        }
        Ok(())
    }
}

/// What the lines of a body hold.
#[derive(Debug, Default)]
struct Found {
    /// The code of an error that is not upstream's.
    own_error: Option<String>,
    passed_error: bool,
    /// What says that the answer is whole.
    ends: Vec<String>,
    half_an_event: bool,
    thoughts: bool,
}

impl Found {
    fn of(body: &[u8]) -> Self {
        let mut found = Self::default();
        let text = String::from_utf8_lossy(body);
        for line in text.lines() {
            // Comments, which keep a connection open, and names of events say nothing here.
            if line.is_empty() || [":", "event:", "id:", "retry:"].iter().any(|begin| line.starts_with(begin)) {
                continue;
            }
            let data = line.strip_prefix("data:").unwrap_or(line).trim();
            if data == "[DONE]" {
                found.ends.push("`[DONE]`".to_owned());
            } else if let Ok(value) = serde_json::from_str::<Value>(data) {
                found.event(&value);
            } else {
                found.half_an_event = true;
            }
        }
        found
    }

    fn event(&mut self, event: &Value) {
        if let Some(what) = event.get("error").filter(|what| !what.is_null()) {
            if *what == error() {
                self.passed_error = true;
            } else {
                // A line of this program has the text for `error`, and the code beside it.
                self.own_error.get_or_insert_with(|| code(if what.is_string() { event } else { what }));
            }
        }
        if event.get("done").is_some() {
            self.ends.push("`done`".to_owned());
        }
        // A choice is a line of its own among this program's JSON Lines.
        let choices = event.get("choices").and_then(Value::as_array).map_or(std::slice::from_ref(event), Vec::as_slice);
        for choice in choices {
            if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
                self.ends.push(format!("`{reason}`"));
            }
            let thoughts = choice.pointer("/delta/reasoning_content").and_then(Value::as_str);
            self.thoughts |= thoughts.is_some_and(|thoughts| !thoughts.is_empty());
        }
    }
}

/// An error's code, or its type where it has none.
fn code(error: &Value) -> String {
    let member = |name: &str| match error.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    member("code").or_else(|| member("type")).unwrap_or_else(|| "error".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";
    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

    fn told(ending: Ending, body: &str, end: End) -> String {
        Outcome::of(ending, &Seen { status: 200, body: body.as_bytes().to_vec(), end }).to_string()
    }

    #[test]
    fn a_client_is_told_or_not() {
        let half = format!("{TEXT}data: {{\"choices\":[{{\"del");
        let whole = format!("{TEXT}{STOP}");
        let passed = format!("{TEXT}data: {{\"error\":{}}}\n\n", error());
        let own = format!("{TEXT}data: {{\"error\":{{\"code\":\"cut_off\",\"message\":\"m\"}}}}\n\n");
        let traced = "data: {\"error\":{\"type\":\"t\",\"message\":\"Traceback (most recent call last):\"}}\n\n";
        for (ending, body, end, expected) in [
            (Ending::Whole, whole.as_str(), End::Clean, "whole"),
            (Ending::Clean, &whole, End::Clean, "**told as whole**: `stop` and `[DONE]` invented"),
            (Ending::Clean, TEXT, End::Clean, "**not told**"),
            (Ending::Clean, TEXT, End::Never, "**left waiting**"),
            (Ending::Clean, &own, End::Clean, "told: `cut_off`"),
            (Ending::InsideEvent, &half, End::Clean, "**not told**, half an event"),
            (Ending::Reset, TEXT, End::Broken, "by the transport"),
            (Ending::Reset, &own, End::Broken, "told: `cut_off`"),
            (Ending::Reset, traced, End::Clean, "told: `t`, with a Python traceback"),
            (Ending::ErrorEvent, &passed, End::Clean, "passed on"),
            (Ending::ErrorEvent, TEXT, End::Clean, "**swallowed**"),
            (Ending::ErrorEvent, &whole, End::Clean, "**told as whole**: `stop` and `[DONE]` invented"),
        ] {
            assert_eq!(told(ending, body, end), expected, "{ending:?} {body}");
        }
    }

    #[test]
    fn lines_and_statuses_are_read_too() {
        let line = "{\"index\":0,\"delta\":{\"reasoning_content\":\"a\"},\"finish_reason\":null}\n";
        let whole = format!("{line}: heartbeat\n{{\"done\":{{\"finish_reason\":\"stop\"}}}}\n");
        assert_eq!(told(Ending::Whole, &whole, End::Clean), "whole");
        assert_eq!(
            told(Ending::Clean, &format!("{line}{{\"error\":\"t\",\"code\":\"c\"}}\n"), End::Clean),
            "told: `c`"
        );
        let seen = |status, body: &str| Seen { status, body: body.as_bytes().to_vec(), end: End::Clean };
        assert_eq!(Outcome::of(Ending::Reset, &seen(502, "")).to_string(), "told: HTTP 502");
        assert!(Outcome::of(Ending::Whole, &seen(200, line)).thoughts);
        assert!(!Outcome::of(Ending::Whole, &seen(200, TEXT)).thoughts);
    }
}
