//! The built-in demo model: an OpenAI-style server for loopback, so that the program can be tried without Azure.
//!
//! In comes a chat completion request, out goes an event stream shaped like Azure's for a DeepSeek deployment: thoughts
//! first, then an answer in Markdown, at a readable pace. It is no language model and says so. Words in the last user
//! message steer it (`wishes`), also into every failure that an upstream can cause (`fault`).
//!
//! # Layout, in the order a request passes
//!
//! - `ask`: request body to `Ask`, or a refusal.
//! - `words`: the small text tools that all others share.
//! - `wishes`: what the words of the question tell the demo to do: pace, length, silences, failures.
//! - `subject`: what the question is about, as far as a demo can tell; `sum` and `fraction` compute.
//! - `thoughts`, `answer`, `tour`, `long`: the texts.
//! - `fault`: the failures that can be asked for, and the shape each has at Azure.
//! - `script`: all of that put in order, with its pauses, before anything is sent.
//! - `beats`: a script cut into single waits and events.
//! - `wire`: an event to the bytes of its server-sent event.
//!
//! All but this file is pure. The stream is pulled: it sleeps between two events inside the response body, so a client
//! that leaves drops it, and nothing is left running.

mod answer;
mod ask;
mod beats;
mod fault;
mod fraction;
mod long;
mod script;
mod subject;
mod sum;
mod thoughts;
mod tour;
mod wire;
mod wishes;
mod words;

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures::stream::{self, Stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use self::ask::Ask;
use self::beats::{Beat, Beats};
use self::fault::Refusal;
use self::script::Script;
use self::wire::Envelope;

/// The deployment name under which the demo model is configured and calls itself in its chunks. A request's own `model`
/// is ignored, so a deployment name set without an endpoint does no harm.
pub const DEPLOYMENT: &str = "demo";

/// The largest request body. The program in front has its own, smaller bound; this one only keeps the server sane alone.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// Pause after an accept failed; out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the demo model on `listener` until the future is dropped: `POST /openai/v1/chat/completions`.
///
/// It asks for no token and bounds no number of connections, so the listener should be one on loopback.
pub async fn serve(listener: TcpListener) {
    let routes =
        Router::new().route("/openai/v1/chat/completions", post(complete)).layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::debug!(%error, "no connection to the demo model can be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Pieces are tiny and each should leave at once. If it cannot be set, the stream is merely less even.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set for the demo model");
        }
        // On hyper itself, as the program serves its clients: what both use is in the binary once.
        let service = TowerToHyperService::new(routes.clone());
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the demo model broke off");
            }
        });
    }
}

/// The whole story: read the request, write the script, play it.
async fn complete(body: Bytes) -> Response {
    let ask = match Ask::parse(&body) {
        Ok(ask) => ask,
        Err(refusal) => return refuse(refusal),
    };
    match Script::write(&ask) {
        Script::Refuse { wait, refusal } => {
            tokio::time::sleep(wait).await;
            refuse(refusal)
        }
        Script::Stream(steps) => {
            let beats = Beats::new(steps, ask.prompt_tokens);
            let headers = [(CONTENT_TYPE, "text/event-stream; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
            (headers, Body::from_stream(play(beats, Envelope::new()))).into_response()
        }
    }
}

/// The events as bytes, each no earlier than its time. Headers go out before the first wait.
fn play(beats: Beats, envelope: Envelope) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::unfold((beats, envelope), |(mut beats, envelope)| async move {
        loop {
            match beats.next()? {
                Beat::Wait(time) => tokio::time::sleep(time).await,
                Beat::Send(event) => return Some((Ok(envelope.event(&event)), (beats, envelope))),
            }
        }
    })
}

fn refuse(refusal: Refusal) -> Response {
    let mut response = (refusal.status, [(CONTENT_TYPE, refusal.content_type)], refusal.body).into_response();
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}

#[cfg(test)]
mod tests;
