//! A turn's lines, as the page reads them.

use std::time::Duration;

use serde_json::Value;

use crate::ask::Answer;

/// What an answer's lines said, and when.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) request_id: String,
    pub(super) thoughts: usize,
    pub(super) content: usize,
    /// Times at which thoughts or text came.
    pub(super) times: Vec<Duration>,
    pub(super) heartbeats: Vec<Duration>,
    /// The last line's kind: `done`, or the error's code; none if there was neither.
    pub(super) end: Option<Result<Value, String>>,
    /// Lines after the last one, and lines that are no JSON objects.
    pub(super) broken: usize,
}

impl Turn {
    pub(super) fn read(answer: &Answer) -> Self {
        let mut turn = Self::default();
        for (at, line) in &answer.lines {
            let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
                turn.broken += 1;
                continue;
            };
            if turn.end.is_some() {
                turn.broken += 1;
            } else if let Some(start) = fields.get("start") {
                start["request_id"].as_str().unwrap_or_default().clone_into(&mut turn.request_id);
            } else if fields.contains_key("heartbeat") {
                turn.heartbeats.push(*at);
            } else if let Some(done) = fields.get("done") {
                turn.end = Some(Ok(done.clone()));
            } else if fields.contains_key("error") {
                let code = fields.get("code").and_then(Value::as_str).unwrap_or("no code");
                turn.end = Some(Err(code.to_owned()));
            } else if let Some(delta) = fields.get("delta") {
                let characters = |name: &str| delta[name].as_str().map_or(0, |text| text.chars().count());
                let (thoughts, content) = (characters("reasoning_content"), characters("content"));
                turn.thoughts += thoughts;
                turn.content += content;
                if thoughts + content > 0 {
                    turn.times.push(*at);
                }
            }
        }
        turn
    }

    /// Why this is no whole answer, if it is none.
    pub(super) fn fault(&self) -> Option<String> {
        match &self.end {
            None => Some("the answer has no last line: it was cut off on the way".to_owned()),
            Some(Err(code)) => Some(format!("the answer ended in the error {code}")),
            Some(Ok(_)) if self.broken > 0 => Some(format!("{} lines are no lines of an answer", self.broken)),
            Some(Ok(_)) if self.content == 0 => Some("the answer has no text".to_owned()),
            Some(Ok(_)) => None,
        }
    }

    /// In how many pieces the text came that could be told apart, and between when and when.
    pub(super) fn pieces(&self) -> (usize, Duration, Duration) {
        /// What comes closer together than this was on its way together.
        const APART: Duration = Duration::from_millis(5);
        let mut last: Option<Duration> = None;
        let mut count = 0;
        for at in &self.times {
            if last.is_none_or(|last| at.saturating_sub(last) > APART) {
                count += 1;
            }
            last = Some(*at);
        }
        let first = self.times.first().copied().unwrap_or_default();
        (count, first, last.unwrap_or_default())
    }
}
