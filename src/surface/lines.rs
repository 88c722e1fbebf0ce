//! Writes the four kinds of line that are the program's own. (Choice lines: [`crate::answer`].)
//!
//! Each function appends one JSON object and its `\n`. The examples in `docs/wire.md` are what these write.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{End, Start};
use crate::error::ChatError;
use crate::report::record::milliseconds;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Start {
        request_id: &'a str,
        model: &'a str,
        deployment: &'a str,
    },
    Heartbeat {
        elapsed_ms: u64,
    },
    Done {
        finish_reason: &'a RawValue,
        usage: &'a RawValue,
        thoughts: &'static str,
        elapsed_ms: u64,
        first_token_ms: Option<u64>,
    },
}

/// `start`: the first line.
pub(crate) fn start(lines: &mut Vec<u8>, &Start { request_id, model, deployment }: &Start<'_>) {
    write(lines, &Line::Start { request_id, model, deployment });
}

/// `heartbeat`: the model is silent, the connection is not.
pub(crate) fn heartbeat(lines: &mut Vec<u8>, elapsed: Duration) {
    write(lines, &Line::Heartbeat { elapsed_ms: milliseconds(elapsed) });
}

/// `done`: the last line of a whole answer.
pub(crate) fn done(lines: &mut Vec<u8>, &End { answer, elapsed, first_token }: &End<'_>) {
    let raw = |json| serde_json::from_str(json).unwrap_or(RawValue::NULL);
    write(
        lines,
        &Line::Done {
            finish_reason: raw(answer.finish_reason()),
            usage: raw(answer.usage()),
            thoughts: answer.thoughts().as_str(),
            elapsed_ms: milliseconds(elapsed),
            first_token_ms: first_token.map(milliseconds),
        },
    );
}

/// `error`: the last line of an answer that broke.
pub(crate) fn error(lines: &mut Vec<u8>, error: &ChatError, request_id: &str) {
    lines.extend_from_slice(&error.to_json(request_id));
    lines.push(b'\n');
}

fn write(lines: &mut Vec<u8>, line: &Line<'_>) {
    // Strings, numbers and raw JSON always serialise into memory.
    let _ = serde_json::to_writer(&mut *lines, line);
    lines.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_shape() {
        let mut lines = Vec::new();
        start(&mut lines, &Start { request_id: "r\"1", model: "thorough", deployment: "DeepSeek\nR1" });
        heartbeat(&mut lines, Duration::from_millis(15_002));
        let answer = crate::answer::Answer::default();
        done(&mut lines, &End { answer: &answer, elapsed: Duration::from_secs(2), first_token: None });
        assert_eq!(
            String::from_utf8(lines).unwrap(),
            concat!(
                r#"{"start":{"request_id":"r\"1","model":"thorough","deployment":"DeepSeek\nR1"}}"#,
                "\n",
                r#"{"heartbeat":{"elapsed_ms":15002}}"#,
                "\n",
                r#"{"done":{"finish_reason":null,"usage":null,"thoughts":"none","elapsed_ms":2000,"first_token_ms":null}}"#,
                "\n"
            )
        );
    }
}
