//! The upstream of the soak: knows the turns that are under way, checks what the program asks, and plays each its part.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use harness::upstream::{Ending, Reply, Request};
use serde_json::Value;

use crate::kind::Kind;
use crate::plan::{Plan, QUESTION};

/// The deployment's name here.
pub(crate) const DEPLOYMENT: &str = "soak";

/// The turns under way.
#[derive(Debug, Default)]
pub(crate) struct Model {
    turns: Mutex<HashMap<u64, Turn>>,
}

#[derive(Debug)]
struct Turn {
    plan: Arc<Plan>,
    attempts: u32,
}

/// A turn under way; dropping it forgets it.
#[derive(Debug)]
pub(crate) struct Registered<'a> {
    model: &'a Model,
    number: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.model.turns.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Model {
    /// From now on upstream can answer this turn.
    pub(crate) fn register(&self, plan: &Arc<Plan>) -> Registered<'_> {
        let turn = Turn { plan: Arc::clone(plan), attempts: 0 };
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).insert(plan.number, turn);
        Registered { model: self, number: plan.number }
    }

    /// What upstream answers. A request that is not as the program must make it gets a status that no plan expects.
    pub(crate) fn reply(&self, request: &Request) -> Reply {
        let Some((plan, attempt)) = self.find(request) else { return Reply::status(418) };
        play(&plan, attempt)
    }

    fn find(&self, request: &Request) -> Option<(Arc<Plan>, u32)> {
        let body = request.json().ok()?;
        let messages = body.get("messages")?.as_array()?;
        let (system, conversation) = messages.split_first()?;
        let question = conversation.last()?.get("content")?.as_str()?;
        let number: u64 = question.strip_prefix(QUESTION)?.trim().parse().ok()?;
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.get_mut(&number)?;
        let good = request.path() == "/openai/v1/chat/completions"
            && request.header("authorization").is_some_and(|value| value.starts_with("Bearer token-"))
            && body.get("model").and_then(Value::as_str) == Some(DEPLOYMENT)
            && body.get("stream").and_then(Value::as_bool) == Some(true)
            && system.get("role").and_then(Value::as_str) == Some("system")
            && conversation == turn.plan.messages.as_slice();
        turn.attempts += 1;
        good.then(|| (Arc::clone(&turn.plan), turn.attempts))
    }
}

fn play(plan: &Plan, attempt: u32) -> Reply {
    let first = attempt == 1;
    let refusal = |status, code: &str| {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"internals"}}}}"#);
        Reply::status(status).content_type("application/json").body(body)
    };
    let soon = |reply: Reply| reply.header("retry-after-ms", "20");
    match plan.kind {
        Kind::BadParameter => refusal(400, "invalid_parameter"),
        Kind::Filtered => refusal(400, "content_filter"),
        Kind::Unauthorized => refusal(401, "401"),
        Kind::ExpiredOnce if first => refusal(401, "401"),
        Kind::RateLimited => soon(refusal(429, "429")),
        Kind::RateLimitedLong => refusal(429, "429").header("retry-after", "20"),
        Kind::Failing => soon(refusal(500, "server_error")),
        Kind::Unavailable => soon(refusal(503, "busy")),
        Kind::BusyOnce if first => soon(refusal(503, "busy")),
        Kind::Refused => Reply::refuse(),
        Kind::LostOnce if first => Reply::refuse(),
        Kind::Html => Reply::status(200).content_type("text/html").body("<html><body>internals</body></html>"),
        Kind::Silent => Reply::silent(),
        kind => stream(plan, kind),
    }
}

fn stream(plan: &Plan, kind: Kind) -> Reply {
    let ending = match kind {
        Kind::Cut | Kind::CutAfterFinish => Ending::Cut,
        Kind::Reset => Ending::Reset,
        Kind::Stall => Ending::Hang,
        _ => Ending::Complete,
    };
    let script = &plan.script;
    let reply = Reply::sse(script.body.clone()).split(script.split.clone()).pace(plan.pace).ending(ending);
    let wait = if kind == Kind::SlowStart { plan.wait } else { Duration::ZERO };
    if wait.is_zero() { reply } else { reply.headers_then(wait) }
}
