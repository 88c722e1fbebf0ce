//! Compares what came of a turn with what must come of it.

use ring::digest::{SHA256, digest};

use crate::answer::Last;
use crate::client::{Seen, Stop};
use crate::identity::Tokens;
use crate::kind::{Expected, HEARTBEAT, Kind, WRITE_TIMEOUT};
use crate::model::Asked;
use crate::plan::Plan;
use crate::way::Surface;

/// The HTTP statuses of the codes that a soak expects before the first line.
const STATUSES: [(&str, u16); 12] = [
    ("upstream_rejected", 502),
    ("content_filter", 400),
    ("upstream_auth", 502),
    ("rate_limited", 429),
    ("upstream_error", 502),
    ("upstream_protocol", 502),
    ("identity_unavailable", 503),
    ("invalid_request", 400),
    ("request_too_large", 413),
    ("unsupported_media_type", 415),
    ("upstream_timeout", 504),
    ("upstream_truncated", 502),
];

/// What a turn turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As planned.
    Planned,
    /// There was no token to be had, and the client was told so.
    NoToken,
}

/// Compares.
///
/// # Errors
/// What is not as it must be.
pub(crate) fn judge(plan: &Plan, seen: &Seen, tokens: Tokens, asked: Asked) -> Result<Outcome, String> {
    if let Some(fault) = &seen.answer.fault {
        return Err(fault.clone());
    }
    if seen.stop == Stop::Standstill {
        return Err("the answer stands still".to_owned());
    }
    let code = match &seen.answer.last {
        Some(Last::Error { code, .. }) => code.as_str(),
        _ => "",
    };
    if !plan.kind.is_bad_request() {
        let without_text = seen.answer.pieces == 0;
        match tokens {
            // Which of the two depends on whether the program asked for the token before or after.
            Tokens::Down | Tokens::Uncertain if code == "identity_unavailable" && without_text => {
                return status(plan, seen, code).map(|()| Outcome::NoToken);
            }
            // The first deployment failed, the second one could not be asked for want of a token: the first failure is told.
            _ if tokens != Tokens::Up && plan.kind.fails_over() && is_first_failure(plan, code) && without_text => {
                return status(plan, seen, code).map(|()| Outcome::NoToken);
            }
            Tokens::Down if seen.stop != Stop::Left => return Err("an answer without a token".to_owned()),
            _ => {}
        }
    }
    expected(plan, seen, code, tokens)?;
    let answers = usize::from(plan.kind.expected() == Expected::Whole);
    check(asked.answers <= 1 && asked.answers >= answers, "upstream was made to answer twice")
        .map(|()| Outcome::Planned)
}

fn expected(plan: &Plan, seen: &Seen, code: &str, tokens: Tokens) -> Result<(), String> {
    let (answer, script) = (&seen.answer, &plan.script);
    let is_beginning = script.thoughts.starts_with(&answer.thoughts) && script.content.starts_with(&answer.content);
    let is_all = || {
        let (thoughts, content) = answer.hashes();
        thoughts.as_ref() == digest(&SHA256, script.thoughts.as_bytes()).as_ref()
            && content.as_ref() == digest(&SHA256, script.content.as_bytes()).as_ref()
    };
    let is_line = |expected| check(seen.status == Some(200) && code == expected && seen.stop == Stop::End, "the code");
    match plan.expected() {
        Expected::Whole => {
            check(seen.status == Some(200) && seen.stop == Stop::End, "the end")?;
            let done = Last::Done {
                finish_reason: script.finish.to_owned(),
                completion_tokens: u64::try_from(script.pieces).unwrap_or_default(),
            };
            check(answer.last == Some(done), "done")?;
            check(is_all(), MISMATCH)?;
            let once = answer.pieces == script.pieces && answer.empties == plan.empties();
            check(plan.way.surface == Surface::Whole || !script.one_line_each || once, "the number of lines")
        }
        Expected::Status(expected) => {
            check(code == expected && answer.lines == 0, "the code")?;
            let waits = plan.kind != Kind::RateLimitedLong
                || matches!(answer.last, Some(Last::Error { retry_after: Some(20), .. }));
            check(waits, "retry_after")?;
            status(plan, seen, code)
        }
        Expected::Line(expected) => {
            is_line(expected)?;
            // Nothing is sent by an upstream that does not answer.
            let nothing = plan.kind == Kind::Silent && answer.pieces == 0;
            check(nothing || is_all(), MISMATCH)
        }
        Expected::LineAfterPart(expected) => {
            is_line(expected)?;
            check(is_beginning, MISMATCH)
        }
        Expected::Left => {
            check(is_beginning, MISMATCH)?;
            // One who leaves at the head of a refusal does not know its code; without a token there are refusals.
            let refused = tokens != Tokens::Up && seen.status == Some(503);
            check(refused || seen.status.is_none_or(|status| status == 200), "the status")?;
            // One who leaves late may find the answer ended.
            check(seen.stop == Stop::Left || answer.last.is_some() && code.is_empty(), "the end")
        }
        Expected::Dropped => {
            check(is_beginning, MISMATCH)?;
            check(seen.stop == Stop::Broken && answer.last.is_none(), "the end")?;
            check(seen.ended - seen.started > WRITE_TIMEOUT, "the time")
        }
    }
}

/// What is said of texts that differ; the report counts it.
pub(crate) const MISMATCH: &str = "the text is not what was sent";

fn is_first_failure(plan: &Plan, code: &str) -> bool {
    match plan.kind {
        Kind::FailoverLimited => code == "rate_limited",
        Kind::FailoverTold => code == "rate_limited" || code == "upstream_error",
        _ => code == "upstream_error",
    }
}

/// A failure has its status, unless its answer had begun, which takes a heartbeat interval.
fn status(plan: &Plan, seen: &Seen, code: &str) -> Result<(), String> {
    let begun = seen.status == Some(200) && seen.ended - seen.started >= HEARTBEAT && code == "identity_unavailable";
    // Many of OpenAI's clients repeat any 5xx.
    let own = (plan.way.surface != Surface::Lines && code == "upstream_rejected").then_some(400);
    let known = STATUSES.iter().find_map(|(known, status)| (*known == code).then_some(*status));
    let right = seen.status.is_some() && seen.status == own.or(known);
    let timed_out = code == "request_timeout" && seen.status == Some(408);
    check(begun || right || timed_out, "the status")
}

fn check(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::answer::Answer;
    use crate::way::Protocol;

    const ONCE: Asked = Asked { requests: 1, answers: 1 };

    /// A client's view of these choice lines and this last line.
    fn seen(choices: &[String], last: &str) -> Seen {
        let mut answer = Answer::new(Surface::Lines);
        answer.feed(b"{\"start\":{\"request_id\":\"r\"}}\n");
        for line in choices.iter().map(String::as_str).chain([last]) {
            answer.feed(line.as_bytes());
            answer.feed(b"\n");
        }
        answer.end();
        let now = Instant::now();
        Seen {
            status: Some(200),
            request_id: "r".to_owned(),
            answer,
            stop: Stop::End,
            started: now,
            ended: now + Duration::from_secs(1),
        }
    }

    fn plan() -> Plan {
        let mut plans = (0..100).map(|number| Plan::with_kind(1, number, Kind::Whole));
        plans
            .find(|plan| {
                let way = plan.way.surface == Surface::Lines && plan.way.protocol == Protocol::Chat;
                way && plan.script.one_line_each && !plan.script.thoughts.is_empty()
            })
            .unwrap()
    }

    /// The plan's text in lines, the line without text, and the last line.
    fn relayed(plan: &Plan) -> (Vec<String>, String) {
        let script = &plan.script;
        let line = |delta: serde_json::Value| json!({ "index": 0, "delta": delta }).to_string();
        let mut lines = vec![line(json!({ "reasoning_content": script.thoughts }))];
        lines.extend(script.content.chars().map(|letter| line(json!({ "content": letter.to_string() }))));
        lines.push(line(json!({})));
        let done = json!({ "done": {
            "finish_reason": script.finish, "usage": { "completion_tokens": script.pieces }
        } });
        (lines, done.to_string())
    }

    #[test]
    fn a_piece_that_is_lost_or_doubled_or_out_of_place_is_seen() {
        let mut plan = plan();
        plan.script.pieces = 1 + plan.script.content.chars().count();
        let (lines, done) = relayed(&plan);
        assert_eq!(judge(&plan, &seen(&lines, &done), Tokens::Up, ONCE), Ok(Outcome::Planned));
        let changed = |change: &dyn Fn(&mut Vec<String>)| {
            let mut lines = lines.clone();
            change(&mut lines);
            judge(&plan, &seen(&lines, &done), Tokens::Up, ONCE)
        };
        assert_eq!(changed(&|lines| drop(lines.remove(2))), Err(MISMATCH.to_owned()));
        assert_eq!(changed(&|lines| lines.insert(2, lines[2].clone())), Err(MISMATCH.to_owned()));
        assert_eq!(changed(&|lines| lines[0] = lines[0].replace("reasoning_content", "content")), Err(MISMATCH.into()));
        assert!(
            changed(&|lines| lines.push("{\"index\":0,\"delta\":{}}".to_owned())).is_err(),
            "an empty line too many"
        );
        let other = done.replace("completion_tokens\":", "completion_tokens\":1");
        assert!(judge(&plan, &seen(&lines, &other), Tokens::Up, ONCE).is_err(), "another turn's usage");
        let twice = Asked { requests: 2, answers: 2 };
        assert!(judge(&plan, &seen(&lines, &done), Tokens::Up, twice).is_err(), "an answer that is paid for twice");
    }

    #[test]
    fn codes_are_exact_and_no_token_counts_only_when_there_is_none() {
        let plan = Plan::with_kind(1, 1, Kind::Malformed);
        let line = |code: &str| {
            json!({ "error": "It broke off.", "code": code, "retryable": false, "request_id": "r" }).to_string()
        };
        let choices = [json!({ "index": 0, "delta": {
            "content": plan.script.content, "reasoning_content": plan.script.thoughts
        } })
        .to_string()];
        assert_eq!(judge(&plan, &seen(&choices, &line("upstream_protocol")), Tokens::Up, ONCE), Ok(Outcome::Planned));
        assert!(judge(&plan, &seen(&choices, &line("upstream_error")), Tokens::Up, ONCE).is_err());
        assert!(judge(&plan, &seen(&choices, &line("upstream_protocol")), Tokens::Down, ONCE).is_err());
        let mut seen = seen(&[], &line("identity_unavailable"));
        seen.ended += HEARTBEAT;
        assert!(judge(&plan, &seen, Tokens::Up, ONCE).is_err());
        assert_eq!(judge(&plan, &seen, Tokens::Uncertain, ONCE), Ok(Outcome::NoToken));
    }
}
