//! What upstream says. Each model does one thing, so that a client chooses it by the model's name.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use harness::upstream::{Ending, Reply, Request, Split, Upstream, chunk, finish, sse, thought};
use serde_json::{Value, json};

/// A whole answer, its parts and its count of tokens.
pub(crate) const GOOD: &str = "good";
/// A good answer after twenty seconds without a word.
pub(crate) const SILENT: &str = "silent";
/// An answer that ends without a finish reason.
pub(crate) const CUT: &str = "cut";
/// An answer that ends in a failure.
pub(crate) const BROKEN: &str = "broken";
/// A whole answer, of which the filter then says that it is none.
pub(crate) const LATE: &str = "late";
/// Busy once, for a second; then a good answer.
pub(crate) const LIMITED: &str = "limited";
/// Refuses a parameter.
pub(crate) const REJECTED: &str = "rejected";
/// Is not there.
pub(crate) const MISSING: &str = "missing";
/// Refuses what it is asked, by its filter.
pub(crate) const FILTERED: &str = "filtered";
/// Finds the conversation too long.
pub(crate) const TOO_LONG: &str = "too-long";
/// Busy, and stays so.
pub(crate) const BUSY: &str = "busy";
/// Does not let the program in.
pub(crate) const FORBIDDEN: &str = "forbidden";
/// Fails.
pub(crate) const DOWN: &str = "down";
/// Answers with a page.
pub(crate) const NO_STREAM: &str = "no-stream";
/// Says nothing at all.
pub(crate) const STUCK: &str = "stuck";
/// Calls a tool, and then says what it heard.
pub(crate) const TOOLS: &str = "tools";
/// Begins, and then says nothing more.
pub(crate) const SLOW: &str = "slow";
/// Not one of the program's.
pub(crate) const UNKNOWN: &str = "unknown";

/// All that the program offers.
pub(crate) const MODELS: [&str; 10] = [GOOD, SILENT, CUT, BROKEN, LATE, LIMITED, REJECTED, MISSING, TOOLS, SLOW];
/// The same where it is asked for every failure.
pub(crate) const FAILING: [&str; 12] =
    [GOOD, SLOW, CUT, REJECTED, MISSING, FILTERED, TOO_LONG, BUSY, FORBIDDEN, DOWN, NO_STREAM, STUCK];

/// What the good answer says, thinks and costs.
pub(crate) const TEXT: &str = "Hello there";
pub(crate) const THOUGHT: &str = "A greeting";
pub(crate) const TOKENS: &str = "4242";
/// What the tool's answer makes the model say.
pub(crate) const AFTER_TOOL: &str = "It is sunny";

/// How long the model is silent.
const SILENCE: Duration = Duration::from_secs(20);

/// The scripted upstream.
#[derive(Debug)]
pub(crate) struct Script {
    upstream: Upstream,
}

impl Script {
    pub(crate) async fn start() -> Self {
        let upstream = Upstream::start().await;
        let asked = Mutex::new(HashMap::<String, usize>::new());
        upstream.respond(move |request| {
            let body = request.json().unwrap_or_default();
            let model = body["model"].as_str().unwrap_or_default().to_owned();
            let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
            let before = asked.entry(model.clone()).or_default();
            *before += 1;
            reply(&model, &body, *before == 1)
        });
        Self { upstream }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.upstream.address()
    }

    /// How often a model was asked.
    pub(crate) fn requests(&self, model: &str) -> usize {
        let asks = |request: &Request| request.json().is_ok_and(|body| body["model"] == model);
        self.upstream.requests().iter().filter(|request| asks(request)).count()
    }

    /// Whether no answer is open any more, or soon.
    pub(crate) async fn is_quiet(&self) -> bool {
        self.upstream.wait_for(|counts| counts.open == 0, Duration::from_secs(5)).await
    }

    /// Whether the client of an answer that does not end has left, or leaves soon.
    pub(crate) async fn is_left(&self) -> bool {
        self.upstream.wait_for(|counts| counts.aborted > 0, Duration::from_secs(5)).await
    }
}

fn reply(model: &str, body: &Value, is_first: bool) -> Reply {
    let usage =
        json!({ "choices": [], "usage": { "prompt_tokens": 4200, "completion_tokens": 42, "total_tokens": 4242 } });
    let usage = usage.to_string();
    let good = || Reply::sse(sse(&[&thought(THOUGHT), &chunk("Hello"), &chunk(" there"), &finish("stop"), &usage]));
    let begun = |rest: &str| Reply::sse(format!("data: {}\n\n{rest}", chunk("Hello"))).split(Split::Events);
    let refused = |status: u16, code: &str| {
        let error =
            json!({ "error": { "message": "no", "type": "invalid_request_error", "param": "top_p", "code": code } });
        Reply::status(status).content_type("application/json").body(error.to_string())
    };
    match model {
        SILENT => good().first_after(SILENCE),
        CUT => begun(""),
        BROKEN => {
            begun("data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\",\"code\":\"server_error\"}}\n\n")
        }
        LATE => {
            let verdict = r#"{"choices":[{"index":0,"content_filter_results":{"violence":{"filtered":true}}}]}"#;
            Reply::sse(sse(&[&chunk("Hello"), &finish("stop"), verdict, &usage]))
        }
        LIMITED if is_first => refused(429, "rate_limit_exceeded").header("retry-after", "1"),
        FILTERED => refused(400, "content_filter"),
        TOO_LONG => refused(400, "context_length_exceeded"),
        BUSY => refused(429, "rate_limit_exceeded").header("retry-after", "1"),
        FORBIDDEN => refused(403, "AuthorizationFailed"),
        DOWN => refused(500, "server_error"),
        NO_STREAM => Reply::status(200).content_type("text/html").body("<!doctype html>"),
        STUCK => Reply::silent(),
        REJECTED => refused(400, "unsupported_parameter"),
        MISSING => refused(404, "DeploymentNotFound"),
        TOOLS => tools(body, &usage),
        SLOW => begun("").ending(Ending::Hang),
        _ => good(),
    }
}

/// Calls the first tool it is given; repeats what a tool said.
fn tools(body: &Value, usage: &str) -> Reply {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    if messages.iter().any(|message| message["role"] == "tool" && message["content"].to_string().contains("sunny")) {
        return Reply::sse(sse(&[&chunk(AFTER_TOOL), &finish("stop"), usage]));
    }
    let piece =
        |call: Value| json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [call] }, "finish_reason": null }] });
    let name = &body["tools"][0]["function"]["name"];
    let begin =
        piece(json!({ "index": 0, "id": "call_1", "type": "function", "function": { "name": name, "arguments": "" } }));
    let arguments = piece(json!({ "index": 0, "function": { "arguments": "{\"city\":\"Rome\"}" } }));
    Reply::sse(sse(&[&begin.to_string(), &arguments.to_string(), &finish("tool_calls"), usage]))
}
