//! One turn as a client lives it: asks, reads, and leaves when its plan says so.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use reqwest::{Body, Client, RequestBuilder, Response};
use tokio::time::{Instant, sleep, timeout};

use crate::answer::Answer;
use crate::kind::Kind;
use crate::plan::Plan;
use crate::way::Surface;

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
    /// By its header.
    pub(crate) request_id: String,
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
pub(crate) async fn turn<G>(client: &Client, base: &str, plan: &Plan, until_head: G) -> Seen {
    let started = Instant::now();
    let mut answer = Answer::new(plan.way.surface);
    // A kept connection's receive window grows with every flood, to many megabytes; a new one's is small, so that who
    // does not read is felt by the program.
    let new = matches!(plan.kind, Kind::LeavesUnread | Kind::NeverReads).then(self::client).and_then(Result::ok);
    let request = request(new.as_ref().unwrap_or(client), base, plan);
    let patience = if plan.kind == Kind::LeavesEarly { plan.wait } else { patience(plan) };
    let head = timeout(patience, request.send()).await;
    drop(until_head);
    let mut request_id = String::new();
    let (status, stop) = match head {
        Err(_) if plan.kind == Kind::LeavesEarly => (None, Stop::Left),
        Err(_) => (None, Stop::Standstill),
        Ok(Err(error)) => {
            answer.fault = Some(format!("no answer: {error:?}"));
            (None, Stop::Broken)
        }
        Ok(Ok(response)) => {
            let status = response.status().as_u16();
            request_id = header(&response, "x-request-id").to_owned();
            (Some(status), read(response, plan, &mut answer).await)
        }
    };
    Seen { status, request_id, answer, stop, started, ended: Instant::now() }
}

/// An answer in one piece has no byte before it is whole.
fn patience(plan: &Plan) -> Duration {
    if plan.way.surface == Surface::Whole { 3 * STANDSTILL } else { STANDSTILL }
}

fn request(client: &Client, base: &str, plan: &Plan) -> RequestBuilder {
    let body = plan.way.request(&plan.messages).to_string();
    let (content_type, body): (_, Body) = match plan.kind {
        Kind::NotJson => ("application/json", body.trim_end_matches('}').to_owned().into()),
        Kind::SystemRole => ("application/json", body.replace("\"user\"", wrong_role(plan.way.surface)).into()),
        Kind::NoMessages => ("application/json", plan.way.request(&[]).to_string().into()),
        Kind::TooLarge => ("application/json", format!("{body}{}", " ".repeat(MAX_REQUEST_BYTES)).into()),
        Kind::MediaType => ("text/plain", body.into()),
        Kind::SlowBody => {
            let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from(body))]);
            ("application/json", Body::wrap_stream(begun.chain(stream::pending())))
        }
        _ => ("application/json", body.into()),
    };
    client.post(format!("{base}{}", plan.way.path())).header("content-type", content_type).body(body)
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A role that a message must not have.
fn wrong_role(surface: Surface) -> &'static str {
    if surface == Surface::Lines { "\"system\"" } else { "\"bystander\"" }
}

async fn read(mut response: Response, plan: &Plan, answer: &mut Answer) -> Stop {
    let request_id = header(&response, "x-request-id").to_owned();
    let content_type = header(&response, "content-type").to_owned();
    let retry_after = header(&response, "retry-after").parse().ok();
    let is_good = response.status().as_u16() == 200;
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
            Ok(Ok(Some(bytes))) if is_good => answer.feed(&bytes),
            Ok(Ok(Some(bytes))) => refusal.extend_from_slice(&bytes),
        }
        if is_good && std::mem::take(&mut pause) {
            sleep(plan.wait).await;
            if plan.kind == Kind::LeavesUnread {
                break Stop::Left;
            }
        }
    };
    if stop == Stop::End {
        if is_good { answer.end() } else { answer.refusal(&refusal, retry_after) }
    }
    let expected_type = if is_good { plan.way.media_type() } else { "application/json" };
    let named = answer.request_id.is_empty() || answer.request_id == request_id;
    if content_type != expected_type || request_id.is_empty() || !named {
        answer.fault.get_or_insert_with(|| "X-Request-Id or Content-Type is not as it must be".to_owned());
    }
    stop
}
