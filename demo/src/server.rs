//! One region: its connections and its routes.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State as Here};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures::stream::{self, Stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use super::ask::{Ask, chat, responses};
use super::beats::{Beat, Beats};
use super::fault::{Refusal, region_is_down};
use super::region::{Order, Region, State};
use super::script::Script;
use super::wire::Wire;
use super::words::words;

/// The largest request body. The program in front has its own, smaller bound; this one only keeps the server sane alone.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Pause after an accept failed; out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves a region on `listener` until the future is dropped.
pub(super) async fn serve(listener: TcpListener, region: Region) {
    let routes = routes(region.clone());
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::debug!(%error, "no connection to the demo model can be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if region.state() == State::Unreachable {
            continue; // and the socket is closed
        }
        // Pieces are tiny and each should leave at once. If it cannot be set, the stream is merely less even.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set for the demo model");
        }
        // On hyper itself, as the program serves its clients: what both use is in the binary once.
        let service = TowerToHyperService::new(routes.clone());
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service);
        let region = region.clone();
        tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                // An answer that is under way still ends, the one that says so above all.
                () = region.unreachable() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to the demo model broke off");
            }
        });
    }
}

/// Both protocols, with and without Azure's prefix.
fn routes(region: Region) -> Router {
    Router::new()
        .route("/openai/v1/chat/completions", post(complete))
        .route("/v1/chat/completions", post(complete))
        .route("/openai/v1/responses", post(respond))
        .route("/v1/responses", post(respond))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(region)
}

async fn complete(Here(region): Here<Region>, body: Bytes) -> Response {
    match chat::parse(&body) {
        Ok(ask) => {
            let wire = Wire::chat(ask.terms.deployment);
            answer(&region, ask, wire).await
        }
        Err(refusal) => refuse(refusal),
    }
}

async fn respond(Here(region): Here<Region>, body: Bytes) -> Response {
    match responses::parse(&body) {
        Ok((ask, echo)) => answer(&region, ask, Wire::responses(echo)).await,
        Err(refusal) => refuse(refusal),
    }
}

/// The whole story: mind the regions, write the script, play it.
async fn answer(region: &Region, mut ask: Ask, wire: Wire) -> Response {
    if region.state() != State::Up {
        return refuse(region_is_down());
    }
    ask.region = region.name;
    ask.told = Order::read(&words(&ask.question)).map(|order| region.obey(order));
    match Script::write(&ask) {
        Script::Refuse { wait, refusal } => {
            tokio::time::sleep(wait).await;
            refuse(refusal)
        }
        Script::Stream { retry_after, steps } => {
            let beats = Beats::new(steps, ask.prompt_tokens);
            let headers = [(CONTENT_TYPE, "text/event-stream; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
            let mut response = (headers, Body::from_stream(play(beats, wire))).into_response();
            name_the_wait(&mut response, retry_after);
            response
        }
    }
}

/// The events as bytes, each no earlier than its time. Headers go out before the first wait.
fn play(beats: Beats, wire: Wire) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::unfold((beats, wire), |(mut beats, mut wire)| async move {
        loop {
            match beats.next()? {
                Beat::Wait(time) => tokio::time::sleep(time).await,
                Beat::Send(event) => {
                    let bytes = wire.event(&event);
                    if !bytes.is_empty() {
                        return Some((Ok(bytes), (beats, wire)));
                    }
                }
            }
        }
    })
}

fn refuse(refusal: Refusal) -> Response {
    let mut response = (refusal.status, [(CONTENT_TYPE, refusal.content_type)], refusal.body).into_response();
    name_the_wait(&mut response, refusal.retry_after);
    response
}

fn name_the_wait(response: &mut Response, seconds: Option<u16>) {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
}
