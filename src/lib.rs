//! A chat backend for reasoning models: a conversation comes in, the model's answer streams out as JSON Lines.
//!
//! The floors, in the order in which a request passes them; each says at its top what it may not know:
//!
//! - [`settings`]: environment variables, checked once at start
//! - [`chat`]: the handler; the story of one request; [`completions`]: the same for OpenAI's clients; [`feedback`]: what
//!   readers think of an answer
//! - [`inbound`]: what comes in, and who may
//! - [`models`]: the model's side: where it is and how it is asked, with a bearer token from [`token`]
//! - [`protocol`]: what a model's service speaks; pure
//! - [`answer`]: the answer, whatever the protocol: thoughts, text, the end and its reason; pure
//! - [`turn`]: one answer in time: what comes, what does not, and when it is over
//! - [`surface`]: how it goes out
//! - [`report`]: what is told of it: log, Application Insights
//! - [`error`]: what can go wrong, in one table
//! - `page`: the built page, outside the Functions host
//!
//! The built-in demo model is a crate of its own, `demo-model`: an upstream like any other.
//!
//! Types only move forward: bytes, [`Conversation`](inbound::conversation::Conversation),
//! [`Event`](protocol::sse::Event)s, lines. No stage asks an earlier one a question, and nothing between upstream and
//! the reader is queued or spawned.

pub mod answer;
pub mod chat;
pub mod completions;
pub mod error;
pub mod feedback;
pub mod inbound;
mod json;
pub mod models;
mod page;
pub mod protocol;
pub mod report;
pub mod settings;
pub mod surface;
pub mod token;
pub mod turn;

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use futures::FutureExt as _;
use http::{HeaderValue, header};

use crate::chat::Chat;
use crate::error::{ChatError, Code};
use crate::settings::OpenAi;

/// Where chat is: under the Functions host's prefix, and where the original app had it.
pub const CHAT_ROUTES: [&str; 2] = ["/api/chat/stream", "/chat/stream"];

/// What a client may choose.
pub const MODELS_ROUTE: &str = "/api/models";

/// What is offered besides chat.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offered<'a> {
    /// The OpenAI-compatible API.
    pub openai: Option<OpenAi>,
    /// Whether readers may say what they think of an answer.
    pub feedback: bool,
    /// The folder of the built page, where the program serves it.
    pub page: Option<&'a Path>,
}

/// All routes.
pub fn app(chat: Arc<Chat>, offered: Offered<'_>) -> Router {
    let chat_route = || post(chat::chat).fallback(chat::post_only);
    CHAT_ROUTES
        .iter()
        .fold(Router::new(), |router, route| router.route(route, chat_route()))
        .route(MODELS_ROUTE, get(chat::models).fallback(chat::get_only))
        .with_state(Arc::clone(&chat))
        .merge(feedback::routes(Arc::clone(&chat), offered.feedback))
        .merge(completions::routes(chat, offered.openai))
        .merge(page::routes(offered.page, offered.feedback))
        .layer(from_fn(for_every_answer))
}

/// The platform answers CORS but exposes no header; and no answer is to be read as anything else than it says it is.
async fn for_every_answer(request: Request, next: Next) -> Response {
    let mut response = catch_panic(request, next).await;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-Request-Id, Retry-After"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A fault of ours fails its own request and no other.
async fn catch_panic(request: Request, next: Next) -> Response {
    let given = chat::given_request_id(request.headers());
    let refusal = if completions::is_ours(request.uri().path()) { completions::refusal } else { chat::refusal };
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        let error = ChatError::new(Code::Internal, "This program failed. Tell the operator.");
        let request_id = given.unwrap_or_else(chat::new_request_id);
        tracing::error!(request_id, outcome = error.code().as_str(), "a panic ended a request");
        refusal(&error, &request_id)
    })
}
