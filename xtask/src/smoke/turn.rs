//! Turns: a stranger's, a wrong token's, a signed-in user's.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::lines::Turn;
use super::report::Row;
use super::target::Target;
use crate::ask::Ask;

/// Longest time of an answer: the program's own bound is nine minutes.
const ANSWER_LIMIT: Duration = Duration::from_secs(570);
/// One more than a user may hold at once unless the operator said otherwise (`MAX_STREAMS_PER_USER`).
const READERS: usize = 9;

/// What a front end may take to tell that a reader has left.
const LEAVE_WAIT: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 10_000 });

fn question(words: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": words }] })
}

/// Who does not sign in is refused.
pub(super) fn stranger(target: &Target) -> Row {
    if target.anonymous {
        return Row::skipped("anyone may call here: ALLOW_ANONYMOUS");
    }
    // Left at the first line: a stranger who is answered shall not cost much.
    let answer = Ask::post(target.chat(), &question("Say: hello.")).send_until(|_| true);
    match answer.status {
        401 => Row::passed("a stranger is refused with 401"),
        200 => Row::failed(
            "a stranger is answered, at your expense",
            "function app, Authentication: it must be on and require sign-in; `azd provision --no-state` puts it back",
        ),
        403 if answer.json()["code"] == "sign_in_not_configured" => Row::failed(
            "the program refuses everybody: the platform does not tell it that sign-in is on",
            "function app, Authentication: switch it on, then restart the app",
        ),
        404 => {
            Row::failed("the function is not there", "`cargo xtask deploy api`; then see docs/operating-azure.md, Logs")
        }
        _ => Row::failed(format!("a stranger gets {}", answer.outcome()), "docs/operating-azure.md, Logs"),
    }
}

/// A token for something else is refused.
pub(super) fn foreign_token(target: &Target) -> Row {
    if target.anonymous {
        return Row::skipped("anyone may call here: ALLOW_ANONYMOUS");
    }
    let Some(foreign) = &target.foreign else {
        return Row::skipped("no other token can be had here: azd is missing or not signed in");
    };
    let ask = Ask::post(target.chat(), &question("Say: hello.")).bearer(Some(foreign));
    let answer = ask.send_until(|_| true);
    match answer.status {
        401 | 403 => Row::passed(format!("a token for Resource Manager is refused with {}", answer.status)),
        200 => Row::failed(
            "a token for something else is taken",
            "function app, Authentication: allowed audiences must be the registration's alone; `azd provision --no-state`",
        ),
        _ => Row::failed(
            format!("a token for something else gets {}", answer.outcome()),
            "docs/operating-azure.md, Logs",
        ),
    }
}

/// A signed-in user is answered, in pieces as they are made, and whole.
pub(super) fn answer(target: &Target) -> Row {
    if let Some(row) = target.nobody() {
        target.answered.set(Some(false));
        return row;
    }
    let words = format!(
        "Think first: which is greater, 9.11 or 9.8? Then explain it to a child in about 200 words. ({})",
        target.marker
    );
    judge_answer(target, &words)
}

fn judge_answer(target: &Target, words: &str) -> Row {
    let ask = Ask::post(target.chat(), &question(words)).bearer(target.token.as_deref()).within(ANSWER_LIMIT);
    let answer = ask.send();
    target.answered.set(Some(answer.status == 200));
    if answer.status != 200 {
        return refused(target, &answer);
    }
    let turn = Turn::read(&answer);
    if let Some(fault) = turn.fault() {
        return Row::failed(fault, format!("docs/errors.md; the request is {}", turn.request_id));
    }
    let (pieces, first, last) = turn.pieces();
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    if pieces < 3 || last.saturating_sub(first) < Duration::from_millis(50) {
        return Row::failed(
            format!("the answer came at once, in {pieces} pieces after {}", seconds(last)),
            "something between buffers: host.json must have enableProxyingHttpRequest, and no proxy may stand before the API",
        );
    }
    let thoughts = match turn.thoughts {
        0 => "no thoughts: docs/deploying.md, \"Which model\"".to_owned(),
        count => format!("{count} characters of thoughts"),
    };
    Row::passed(format!(
        "{} pieces from {} to {}, {} characters of text, {thoughts}; request {}",
        pieces,
        seconds(first),
        seconds(last),
        turn.content,
        turn.request_id
    ))
}

/// The connection lives through silence.
pub(super) fn silence(target: &Target) -> Row {
    if let Some(row) = target.nobody() {
        return row;
    }
    let seconds = target.silence.as_secs();
    // The demo model takes it at its word; one that thinks is given something to think about.
    let words = format!(
        "Silence for {seconds} s, please: before the first word of your answer think for at least {seconds} seconds. \
         In how many ways can a chessboard without two opposite corners of the same colour be tiled with dominoes, and \
         a whole one? Answer in one sentence."
    );
    let ask = Ask::post(target.chat(), &question(&words)).bearer(target.token.as_deref()).within(ANSWER_LIMIT);
    let answer = ask.send();
    if answer.status != 200 {
        return refused(target, &answer);
    }
    let turn = Turn::read(&answer);
    if let Some(fault) = turn.fault() {
        return Row::failed(
            format!("{fault} ({} heartbeats before it)", turn.heartbeats.len()),
            "an idle limit in front is shorter than HEARTBEAT_INTERVAL, or the answer passed a limit of docs/settings.md",
        );
    }
    match (turn.heartbeats.last(), turn.times.first()) {
        (Some(last), _) => Row::passed(format!(
            "{} heartbeats until {:.0} s, and then a whole answer",
            turn.heartbeats.len(),
            last.as_secs_f64()
        )),
        (None, first) => Row::skipped(format!(
            "the model was never silent: its first piece came after {:.1} s",
            first.copied().unwrap_or_default().as_secs_f64()
        )),
    }
}

/// Readers who leave give their places back: one more than may be held at once is still admitted.
pub(super) fn leaving(target: &Target) -> Row {
    if let Some(row) = target.nobody() {
        return row;
    }
    let ask = Ask::post(target.chat(), &question("Tell a long story of a thousand words. Make it long."));
    let ask = ask.bearer(target.token.as_deref()).within(ANSWER_LIMIT);
    let has_begun = |line: &str| line.starts_with("{\"index\"");
    for reader in 1..=READERS {
        let mut answer = ask.send_until(has_begun);
        if answer.status == 429 {
            sleep(LEAVE_WAIT);
            answer = ask.send_until(has_begun);
        }
        match answer.status {
            200 => {}
            429 => {
                return Row::failed(
                    format!("reader {reader} is refused, though those before have left: {}", answer.outcome()),
                    "the program does not learn that readers leave, and upstream goes on at your expense; or the model's \
                     quota is used up (then wait a minute)",
                );
            }
            _ => return refused(target, &answer),
        }
    }
    Row::passed(format!("{READERS} readers left one after the other, and none held another's place"))
}

fn refused(target: &Target, answer: &crate::ask::Answer) -> Row {
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    if let Some(row) = target.not_admitted(answer) {
        return row;
    }
    let to_do = match (answer.status, code.as_str()) {
        (401, _) => {
            "the token is for another audience or has expired: sign in again; config.json must name this registration"
        }
        (403, "") => {
            "the token's application is not among those that sign-in admits: take the page's token (SMOKE_TOKEN)"
        }
        (_, "sign_in_not_configured") => "function app, Authentication: switch it on, then restart the app",
        (_, "upstream_auth") => "a new role takes minutes; after ten, docs/security.md, Roles",
        (_, "upstream_misconfigured") => {
            "MODEL_DEPLOYMENT and the endpoint: docs/deploying.md, \"When something fails\""
        }
        (_, "rate_limited" | "overloaded") => "wait a minute, or raise MODEL_CAPACITY",
        (500, "") => "an empty 500: the program does not run; docs/operating-azure.md, Logs",
        (404, "") => "the function is not there: `cargo xtask deploy api`",
        _ => "docs/errors.md",
    };
    Row::failed(format!("a signed-in user gets {}", answer.outcome()), to_do)
}
