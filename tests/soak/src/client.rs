//! One turn as a client lives it: asks, reads, and leaves when its plan says so.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use reqwest::{Body, Client, RequestBuilder, Response};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::answer::Answer;
use crate::kind::Kind;
use crate::plan::Plan;

/// Longest silence of an answer; the program's own clocks are all well below.
const STANDSTILL: Duration = Duration::from_secs(30);
/// The program's `MAX_REQUEST_BYTES` here.
pub(crate) const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// How an answer stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// As HTTP wants it.
    End,
    /// The connection broke off.
    Broken,
    /// The client left.
    Left,
    /// No answer, or nothing more of it, for far too long.
    Standstill,
}

/// What came of a turn.
#[derive(Debug)]
pub(crate) struct Seen {
    /// `None`: no head came.
    pub(crate) status: Option<u16>,
    pub(crate) answer: Answer,
    pub(crate) stop: Stop,
    pub(crate) started: Instant,
    pub(crate) ended: Instant,
}

/// A client that keeps connections, with no settings from outside.
///
/// # Errors
/// reqwest's own.
pub(crate) fn client() -> reqwest::Result<Client> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().tls_certs_only([]).build()
}

/// Lives through a turn. `until_head` is dropped when the answer's head is here.
pub(crate) async fn turn<G>(client: &Client, url: &str, plan: &Plan, until_head: G) -> Seen {
    let started = Instant::now();
    let mut answer = Answer::default();
    // A kept connection's receive window grows with every flood, to many megabytes; a new one's is small, so that who
    // does not read is felt by the program.
    let new = matches!(plan.kind, Kind::LeavesUnread | Kind::NeverReads).then(self::client).and_then(Result::ok);
    let request = request(new.as_ref().unwrap_or(client), url, plan);
    let patience = if plan.kind == Kind::LeavesEarly { plan.wait } else { STANDSTILL };
    let head = timeout(patience, request.send()).await;
    drop(until_head);
    let (status, stop) = match head {
        Err(_) if plan.kind == Kind::LeavesEarly => (None, Stop::Left),
        Err(_) => (None, Stop::Standstill),
        Ok(Err(error)) => {
            answer.fault = Some(format!("no answer: {error:?}"));
            (None, Stop::Broken)
        }
        Ok(Ok(response)) => {
            let status = response.status().as_u16();
            (Some(status), read(response, plan, &mut answer).await)
        }
    };
    Seen { status, answer, stop, started, ended: Instant::now() }
}

fn request(client: &Client, url: &str, plan: &Plan) -> RequestBuilder {
    let body = json!({ "messages": plan.messages }).to_string();
    let (content_type, body): (_, Body) = match plan.kind {
        Kind::NotJson => ("application/json", body.trim_end_matches('}').to_owned().into()),
        Kind::SystemRole => ("application/json", body.replace("\"user\"", "\"system\"").into()),
        Kind::NoMessages => ("application/json", json!({ "messages": [] }).to_string().into()),
        Kind::TooLarge => ("application/json", format!("{body}{}", " ".repeat(MAX_REQUEST_BYTES)).into()),
        Kind::MediaType => ("text/plain", body.into()),
        Kind::SlowBody => {
            let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from(body))]);
            ("application/json", Body::wrap_stream(begun.chain(stream::pending())))
        }
        _ => ("application/json", body.into()),
    };
    client.post(url).header("content-type", content_type).body(body)
}

async fn read(mut response: Response, plan: &Plan, answer: &mut Answer) -> Stop {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (request_id, content_type) = (header("x-request-id").to_owned(), header("content-type").to_owned());
    let is_stream = response.status().as_u16() == 200;
    let mut refusal = Vec::new();
    let mut pause = matches!(plan.kind, Kind::PausingReader | Kind::LeavesUnread | Kind::NeverReads);
    let stop = loop {
        if plan.kind == Kind::LeavesEarly || plan.kind == Kind::Leaves && answer.lines > plan.leaves_after {
            break Stop::Left;
        }
        match timeout(STANDSTILL, response.chunk()).await {
            Err(_) => break Stop::Standstill,
            Ok(Err(_)) => break Stop::Broken,
            Ok(Ok(None)) => break Stop::End,
            Ok(Ok(Some(bytes))) if is_stream => answer.feed(&bytes),
            Ok(Ok(Some(bytes))) => refusal.extend_from_slice(&bytes),
        }
        if is_stream && std::mem::take(&mut pause) {
            sleep(plan.wait).await;
            if plan.kind == Kind::LeavesUnread {
                break Stop::Left;
            }
        }
    };
    if stop == Stop::End {
        if is_stream { answer.end() } else { answer.refusal(&refusal) }
    }
    let expected_type = if is_stream { "application/x-ndjson; charset=utf-8" } else { "application/json" };
    let named = answer.request_id.is_empty() || answer.request_id == request_id;
    if content_type != expected_type || request_id.is_empty() || !named {
        answer.fault.get_or_insert_with(|| "X-Request-Id or Content-Type is not as it must be".to_owned());
    }
    stop
}
