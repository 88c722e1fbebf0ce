//! The HTTP trigger `chat_stream`: one request, one turn. The story; the details are elsewhere.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt as _;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use opentelemetry::context::FutureExt as _;
use tokio::sync::watch;
use tracing::Instrument as _;

use crate::error::{ChatError, Code};
use crate::inbound::conversation::Conversation;
use crate::inbound::request::ChatRequest;
use crate::inbound::request_id::is_request_id;
use crate::inbound::room::{Room, Share};
use crate::inbound::slots::{Slot, Slots};
use crate::inbound::{access, body};
use crate::models;
use crate::models::catalogue::Catalogue;
use crate::models::model::Model;
use crate::report::record::Record;
use crate::report::telemetry::{Telemetry, Trace};
use crate::settings::{Access, Clocks, RequestLimits};
use crate::surface::{self, Surface};
use crate::turn::{Asked, Grace, Turn};

/// The host's id of this call; it names the request in every line and log.
const INVOCATION_ID: &str = "x-azure-functions-invocationid";

/// What every request shares.
#[derive(Debug)]
pub struct Chat {
    /// Who may call.
    pub access: Access,
    /// What a request may be.
    pub limits: RequestLimits,
    /// How long an answer may take, piece by piece.
    pub clocks: Clocks,
    /// How many answers may be open.
    pub slots: Slots,
    /// Room for large requests.
    pub room: Room,
    /// The models.
    pub catalogue: Catalogue,
    /// What Application Insights is told.
    pub telemetry: Telemetry,
    /// Becomes true when open answers must end.
    pub grace_over: watch::Receiver<bool>,
}

/// A request that may be answered, and what it says.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) slot: Slot,
    /// The signed-in user's id, where the platform vouches for it.
    pub(crate) user: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) share: Share,
}

/// Answers a conversation, or says why not.
pub(crate) async fn chat(State(chat): State<Arc<Chat>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = request_id(&parts.headers);
    let trace = chat.telemetry.request(&parts.headers, &parts.method, parts.uri.path(), &request_id);
    let span = tracing::info_span!("request", request_id, trace_id = trace.id().map(display));
    match chat.answer(&parts, body, Record::new(request_id.clone(), trace)).instrument(span).await {
        Ok(response) => response,
        Err(error) => refusal(&error, &request_id),
    }
}

impl Chat {
    async fn answer(self: &Arc<Self>, parts: &Parts, body: Body, mut record: Record) -> Result<Response, ChatError> {
        let (slot, model, conversation) = match self.accept(parts, body).await {
            Ok(accepted) => accepted,
            Err(error) => {
                record.failed(&error);
                return Err(error);
            }
        };
        let request_id = HeaderValue::try_from(record.request_id()).unwrap_or(HeaderValue::from_static("unknown"));
        let turn = self.turn(&model, conversation, Surface::Lines, record, slot);
        let lines = turn.begin().await?;

        let mut response = Response::new(Body::from_stream(lines));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        headers.insert("x-request-id", request_id);
        Ok(response)
    }

    /// Asks a model, and has its answer go out by `surface`.
    pub(crate) fn turn(
        &self,
        model: &Arc<Model>,
        conversation: Conversation,
        surface: Surface,
        mut record: Record,
        slot: Slot,
    ) -> Turn<reqwest::Body> {
        record.asks(model.hints(), model.tag());
        let opening = models::open(Arc::clone(model), conversation, record.trace().traceparent());
        let opening = opening.with_context(record.trace().context()).in_current_span().boxed();
        let asked = Asked { model: model.name().to_owned(), deployment: model.first_deployment().to_owned() };
        Turn::new(opening, asked, surface, Grace::new(&self.grace_over), model.clocks(), record, slot)
    }

    /// From a request to a slot, a model and a conversation with it.
    async fn accept(&self, parts: &Parts, body: Body) -> Result<(Slot, Arc<Model>, Conversation), ChatError> {
        let Admitted { slot, body, share, .. } = self.admit(parts, body).await?;
        let request = ChatRequest::read(&body)?;
        let model = self.catalogue.find(request.model.as_deref())?;
        if let Some(effort) = &request.reasoning_effort {
            model.check_effort(effort)?;
        }
        let mut conversation = request.conversation(&self.limits, model.takes_images())?;
        conversation.reasoning_effort = request.reasoning_effort;
        conversation.share = share;
        Ok((slot, Arc::clone(model), conversation))
    }

    /// From a request to a slot and the request's body. What the head decides is decided first; the body is read in any
    /// case.
    pub(crate) async fn admit(&self, parts: &Parts, body: Body) -> Result<Admitted, ChatError> {
        let admitted = access::admit(&self.access, &parts.headers)
            .and_then(|caller| require_json(&parts.headers).map(|()| caller))
            .and_then(|caller| body::require_plain(&parts.headers).map(|()| caller))
            .and_then(|caller| Ok((self.take_slot(caller.user.as_deref())?, caller.user)));
        let room = match admitted {
            Ok(admitted) => {
                let share = self.room.take(&parts.headers, self.limits.max_bytes, self.limits.timeout).await;
                share.map(|share| (admitted, share))
            }
            Err(error) => Err(error),
        };
        match room {
            Ok(((slot, user), mut share)) => {
                let body = body::read(body, &self.limits).await?;
                share.shrink(body.len());
                Ok(Admitted { slot, user, body, share })
            }
            Err(error) => {
                body::discard(body, self.limits.timeout).await;
                Err(error)
            }
        }
    }

    fn take_slot(&self, user: Option<&str>) -> Result<Slot, ChatError> {
        self.slots.take(user).inspect_err(|error| {
            self.telemetry.shed(if error.code() == Code::Overloaded { "instance" } else { "user" });
        })
    }
}

/// `GET /api/models`: what a client may choose.
pub(crate) async fn models(State(chat): State<Arc<Chat>>, request: Request) -> Response {
    let request_id = request_id(request.headers());
    if let Err(error) = access::admit(&chat.access, request.headers()) {
        return refusal(&error, &request_id);
    }
    let mut response = Response::new(Body::from(surface::models::offer(&chat.catalogue, &chat.limits)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // It changes with the settings only.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
    response
}

/// No such route.
pub(crate) async fn not_found(request: Request) -> Response {
    refuse(request, ChatError::new(Code::NotFound, "There is nothing here. Chat is at POST /api/chat/stream.")).await
}

/// The chat route, by another method.
pub(crate) async fn post_only(request: Request) -> Response {
    refuse(request, ChatError::new(Code::MethodNotAllowed, "Use POST here.").allowing("POST")).await
}

/// The root, by another method.
pub(crate) async fn get_only(request: Request) -> Response {
    refuse(request, ChatError::new(Code::MethodNotAllowed, "Use GET here.").allowing("GET, HEAD")).await
}

async fn refuse(request: Request, error: ChatError) -> Response {
    let (parts, body) = request.into_parts();
    let mut record = Record::new(request_id(&parts.headers), Trace::none());
    body::discard(body, body::UNWANTED_TIME).await;
    record.failed(&error);
    refusal(&error, record.request_id())
}

/// A failure before the first line: a status, and the object that would have been the last line.
pub(crate) fn refusal(error: &ChatError, request_id: &str) -> Response {
    refusal_with(error.code().status(), error.to_json(request_id), error, request_id)
}

/// The same with a status and a body of another surface's.
pub(crate) fn refusal_with(status: StatusCode, body: Vec<u8>, error: &ChatError, request_id: &str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        headers.insert("x-request-id", request_id);
    }
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(allow) = error.allow() {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if status == StatusCode::REQUEST_TIMEOUT {
        // The rest of the body may still come; nobody reads it.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The invocation's id, if it looks like one; otherwise a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    given_request_id(headers).unwrap_or_else(new_request_id)
}

/// The invocation's id, if it looks like one.
pub(crate) fn given_request_id(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(INVOCATION_ID).and_then(|id| id.to_str().ok());
    given.filter(|id| is_request_id(id)).map(str::to_owned)
}

/// An id for a request that has none.
pub(crate) fn new_request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// `application/json`, with parameters or without. A browser cannot send that across origins without asking first.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), ChatError> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(ChatError::new(Code::UnsupportedMediaType, "Send the request as Content-Type: application/json."))
}
