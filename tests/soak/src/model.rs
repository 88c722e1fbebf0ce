//! The upstream of the soak: knows the turns that are under way, checks what the program asks, and plays each its part.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use harness::upstream::{Ending, Reply, Request};
use serde_json::Value;

use crate::bulk::Bulk;
use crate::kind::Kind;
use crate::plan::{Plan, QUESTION};
use crate::way::{ALONE, FIRST, Protocol, SECOND, Way};

/// The turns under way.
#[derive(Debug)]
pub(crate) struct Model {
    turns: Mutex<HashMap<u64, Turn>>,
    pub(crate) bulk: Bulk,
}

#[derive(Debug)]
struct Turn {
    plan: Arc<Plan>,
    asked: Asked,
}

/// How often upstream was asked in a turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) requests: usize,
    /// Of these: it began to answer, which is paid for.
    pub(crate) answers: usize,
}

/// A turn under way; dropping it forgets it.
#[derive(Debug)]
pub(crate) struct Registered<'a> {
    model: &'a Model,
    number: u64,
}

impl Registered<'_> {
    /// How often upstream was asked so far.
    pub(crate) fn asked(&self) -> Asked {
        let turns = self.model.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.get(&self.number).map(|turn| turn.asked).unwrap_or_default()
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.model.turns.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Model {
    pub(crate) fn new(bulk: Bulk) -> Self {
        Self { turns: Mutex::default(), bulk }
    }

    /// From now on upstream can answer this turn.
    pub(crate) fn register(&self, plan: &Arc<Plan>) -> Registered<'_> {
        let turn = Turn { plan: Arc::clone(plan), asked: Asked::default() };
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).insert(plan.number, turn);
        Registered { model: self, number: plan.number }
    }

    /// What the upstream with this second deployment, or without it, answers. A request that is not as the program must
    /// make it gets a status that no plan expects.
    pub(crate) fn reply(&self, request: &Request, is_second: bool) -> Reply {
        self.answer(request, is_second).unwrap_or_else(|| Reply::status(418))
    }

    fn answer(&self, request: &Request, is_second: bool) -> Option<Reply> {
        let asked = Question::read(request)?;
        if let Some(number) = asked.words.strip_prefix(crate::bulk::QUESTION) {
            return self.bulk.reply(asked.protocol, number.trim().parse().ok()?);
        }
        let number: u64 = asked.words.strip_prefix(QUESTION)?.trim().parse().ok()?;
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.get_mut(&number)?;
        if !asked.is_of(turn.plan.way, is_second) || asked.conversation != turn.plan.messages {
            return None;
        }
        turn.asked.requests += 1;
        let plan = Arc::clone(&turn.plan);
        let refusal = if plan.kind.fails_over() && !is_second {
            Some(failing_over(plan.kind, plan.way.protocol))
        } else {
            refusal(plan.kind, turn.asked.requests == 1)
        };
        Some(refusal.unwrap_or_else(|| {
            turn.asked.answers += 1;
            stream(&plan)
        }))
    }
}

/// What the program asked.
struct Question {
    protocol: Protocol,
    deployment: String,
    conversation: Vec<Value>,
    /// The last message's.
    words: String,
}

impl Question {
    /// Reads a request; nothing of one that is not as it must be.
    fn read(request: &Request) -> Option<Self> {
        let protocol =
            [Protocol::Chat, Protocol::Responses].into_iter().find(|known| request.path() == known.path())?;
        let mut body = request.json().ok()?;
        let conversation = match protocol {
            Protocol::Chat => {
                let mut messages = body.get_mut("messages")?.as_array().cloned()?;
                let is_system = messages.first()?.get("role").and_then(Value::as_str) == Some("system");
                is_system.then(|| messages.remove(0))?;
                messages
            }
            Protocol::Responses => {
                body.get("instructions")?.as_str()?;
                body.get("input")?.as_array()?.clone()
            }
        };
        let words = conversation.last()?.get("content")?.as_str()?.to_owned();
        let good = request.header("authorization").is_some_and(|value| value.starts_with("Bearer token-"))
            && body.get("stream").and_then(Value::as_bool) == Some(true);
        let deployment = body.get("model")?.as_str()?.to_owned();
        good.then_some(Self { protocol, deployment, conversation, words })
    }

    fn is_of(&self, way: Way, is_second: bool) -> bool {
        let deployment = match (way.is_pair, is_second) {
            (false, false) => ALONE,
            (true, false) => FIRST,
            (true, true) => SECOND,
            (false, true) => return false,
        };
        self.protocol == way.protocol && self.deployment == deployment
    }
}

fn refuse(status: u16, code: &str) -> Reply {
    let body = format!(r#"{{"error":{{"code":"{code}","message":"internals"}}}}"#);
    Reply::status(status).content_type("application/json").body(body)
}

fn soon(reply: Reply) -> Reply {
    reply.header("retry-after-ms", "20")
}

/// What an upstream without another one behind it says in place of an answer.
fn refusal(kind: Kind, first: bool) -> Option<Reply> {
    Some(match kind {
        Kind::BadParameter => refuse(400, "invalid_parameter"),
        Kind::Filtered => refuse(400, "content_filter"),
        Kind::Unauthorized => refuse(401, "401"),
        Kind::ExpiredOnce if first => refuse(401, "401"),
        Kind::RateLimited => soon(refuse(429, "429")),
        Kind::RateLimitedLong => refuse(429, "429").header("retry-after", "20"),
        Kind::Failing => soon(refuse(500, "server_error")),
        Kind::Unavailable => soon(refuse(503, "busy")),
        Kind::BusyOnce if first => soon(refuse(503, "busy")),
        Kind::Refused => Reply::refuse(),
        Kind::LostOnce if first => Reply::refuse(),
        Kind::Html => Reply::status(200).content_type("text/html").body("<html><body>internals</body></html>"),
        Kind::Silent => Reply::silent(),
        _ => return None,
    })
}

/// What the first of two deployments says.
fn failing_over(kind: Kind, protocol: Protocol) -> Reply {
    match (kind, protocol) {
        (Kind::FailoverLimited, _) => refuse(429, "429").header("retry-after", "2"),
        (Kind::FailoverBusy, _) => refuse(503, "busy"),
        (Kind::FailoverLost, _) => Reply::refuse(),
        (_, Protocol::Chat) => Reply::sse("data: {\"error\":{\"message\":\"internals\",\"code\":\"429\"}}\n\n"),
        (_, Protocol::Responses) => Reply::sse(
            "data: {\"type\":\"response.created\",\"response\":{\"status\":\"in_progress\"}}\n\n\
             data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":\
             {\"code\":\"server_error\",\"message\":\"internals\"}}}\n\n",
        ),
    }
}

fn stream(plan: &Plan) -> Reply {
    let ending = match plan.kind {
        Kind::Cut | Kind::CutAfterFinish => Ending::Cut,
        Kind::Reset => Ending::Reset,
        Kind::Stall => Ending::Hang,
        _ => Ending::Complete,
    };
    let script = &plan.script;
    let reply = Reply::sse(script.body.clone()).split(script.split.clone()).pace(plan.pace).ending(ending);
    let wait = if plan.kind == Kind::SlowStart { plan.wait } else { Duration::ZERO };
    if wait.is_zero() { reply } else { reply.headers_then(wait) }
}
