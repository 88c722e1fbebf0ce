//! A chat backend for reasoning models: a conversation comes in, the model's answer streams out as JSON Lines.
//!
//! In reading order, which is the order in which a request passes:
//!
//! - [`settings`]: environment variables, checked once at start
//! - [`serve`]: connections in; their clocks are in `connection`
//! - [`chat`]: the handler; the story of one request
//! - [`access`]: who may call; [`slots`]: how many at once
//! - `body`, [`conversation`]: the request's bytes become a conversation that cannot be wrong
//! - [`upstream`]: asks the model, with a bearer token from [`token`]
//! - [`turn`]: one answer in time: what comes, what does not, and what the reader is sent
//! - [`sse`]: upstream's bytes become events; pure
//! - [`answer`]: events become choice lines, with the thoughts where they belong; pure
//! - `line`: the program's own lines
//! - [`error`]: what can go wrong, in one table; `refusal`, `filter`: what upstream and its content filter say of it
//! - [`record`]: what is told of a turn at its end; [`log`]: the log; [`telemetry`]: Application Insights
//! - `page`: the built page, outside the Functions host
//!
//! The built-in demo model is a crate of its own, `demo-model`: an upstream like any other.
//!
//! Types only move forward: bytes, [`Conversation`](conversation::Conversation), [`Event`](sse::Event)s, lines. No stage
//! asks an earlier one a question, and nothing between upstream and the reader is queued or spawned.

pub mod access;
pub mod answer;
mod body;
pub mod chat;
mod connection;
pub mod conversation;
pub mod error;
mod filter;
mod json;
mod line;
pub mod log;
mod page;
pub mod record;
mod refusal;
pub mod serve;
pub mod settings;
pub mod slots;
pub mod sse;
pub mod telemetry;
pub mod token;
pub mod turn;
pub mod upstream;

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, map_response};
use axum::response::Response;
use axum::routing::post;
use futures::FutureExt as _;
use http::{HeaderValue, header};

use crate::chat::Chat;
use crate::error::{ChatError, Code};

/// Where chat is: under the Functions host's prefix, and where the original app had it.
pub const CHAT_ROUTES: [&str; 2] = ["/api/chat/stream", "/chat/stream"];

/// All routes. `page` is the folder of the built page, where the program serves it.
pub fn app(chat: Arc<Chat>, page: Option<&Path>) -> Router {
    let chat_route = || post(chat::chat).fallback(chat::post_only);
    CHAT_ROUTES
        .iter()
        .fold(Router::new(), |router, route| router.route(route, chat_route()))
        .with_state(chat)
        .merge(page::routes(page))
        .layer(from_fn(catch_panic))
        .layer(map_response(for_every_answer))
}

/// The platform answers CORS but exposes no header; and no answer is to be read as anything else than it says it is.
async fn for_every_answer(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-Request-Id, Retry-After"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A fault of ours fails its own request and no other.
async fn catch_panic(request: Request, next: Next) -> Response {
    let request_id = chat::request_id(request.headers());
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        let error = ChatError::new(Code::Internal, "This program failed. Tell the operator.");
        tracing::error!(request_id, outcome = error.code().as_str(), "a panic ended a request");
        chat::refusal(&error, &request_id)
    })
}
