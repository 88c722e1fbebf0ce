//! The HTTP trigger `feedback`: what a reader thinks of an answer, on its way to the operator. By the same rules of access
//! as chat. Told are the answer's request id and one of two words; nothing of the conversation, and not who it was.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use crate::chat::{Chat, post_only, refusal, request_id, require_json};
use crate::error::ChatError;
use crate::inbound::verdict::Verdict;
use crate::inbound::{access, body};

/// Where it is, under the Functions host's prefix.
pub const FEEDBACK_ROUTE: &str = "/api/feedback";

/// The largest body: an id and a word need a tenth of it. Bytes.
const MAX_BYTES: usize = 1024;

/// The route; none where it is not offered.
pub(crate) fn routes(chat: Arc<Chat>, offered: bool) -> Router {
    if !offered {
        return Router::new();
    }
    Router::new().route(FEEDBACK_ROUTE, post(feedback).fallback(post_only)).with_state(chat)
}

/// Passes a verdict on, or says why not.
async fn feedback(State(chat): State<Arc<Chat>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = request_id(&parts.headers);
    match read(&chat, &parts, body).await {
        Ok(verdict) => {
            chat.telemetry.verdict(&parts.headers, FEEDBACK_ROUTE, &request_id, &verdict);
            done(&request_id)
        }
        Err(error) => {
            // What a client did wrong is nothing to be woken for, and here there is no one else who could.
            tracing::info!(request_id, outcome = error.code().as_str(), cause = error.cause(), "feedback");
            refusal(&error, &request_id)
        }
    }
}

/// What the head decides is decided first; the body is read in any case.
async fn read(chat: &Chat, parts: &Parts, body: Body) -> Result<Verdict, ChatError> {
    let headers = &parts.headers;
    let admitted = access::admit(&chat.access, headers)
        .and_then(|_| require_json(headers))
        .and_then(|()| body::require_plain(headers));
    let time: Duration = chat.limits.timeout;
    match admitted {
        Ok(()) => Verdict::read(&body::read_small(body, MAX_BYTES, time).await?),
        Err(error) => {
            body::discard(body, time).await;
            Err(error)
        }
    }
}

fn done(request_id: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        response.headers_mut().insert("x-request-id", request_id);
    }
    response
}
