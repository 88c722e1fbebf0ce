//! The HTTP triggers of the OpenAI-compatible API: the same turn as [`crate::chat`]'s, asked for and answered in OpenAI's
//! words. The caller's `Authorization` is the platform's to judge, and goes nowhere from here.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use tracing::Instrument as _;

use crate::chat::{Admitted, Chat, request_id};
use crate::error::{ChatError, Code};
use crate::inbound::conversation::Conversation;
use crate::inbound::slots::Slot;
use crate::inbound::{access, body};
use crate::models::model::Model;
use crate::report::record::Record;
use crate::report::telemetry::Trace;
use crate::settings::OpenAi;
use crate::surface::Surface;
use crate::surface::openai::request::CompletionRequest;
use crate::surface::openai::whole::Whole;
use crate::surface::openai::{error, models, unix_seconds};

/// Chat completions, under the Functions host's prefix.
pub const COMPLETIONS_ROUTE: &str = "/api/v1/chat/completions";
/// The same where Azure OpenAI's own clients ask for it.
pub const DEPLOYMENT_ROUTE: &str = "/api/openai/deployments/{name}/chat/completions";
/// What may be asked, in both places.
pub const MODELS_ROUTES: [&str; 2] = ["/api/v1/models", "/api/openai/models"];

/// An answer in one piece has to be there by then, from the request's arrival: Azure's front end drops a request after
/// 230 s without a byte, and a client that is told so by a 5xx asks, and pays, again.
const WHOLE_LIMIT: Duration = Duration::from_secs(200);

/// Where this API lives, and where clients look for what it does not have; with the host's prefix and without.
const ROOTS: [&str; 4] = ["/api/v1", "/v1", "/api/openai", "/openai"];

/// Where clients look whose base URL lacks its end.
const BARE: [&str; 2] = ["/api/chat/completions", "/chat/completions"];

/// What the routes share.
#[derive(Clone, Debug)]
struct Api {
    chat: Arc<Chat>,
    openai: OpenAi,
    /// When the models became available, in seconds since 1970.
    created: u64,
}

/// How an answer is to go out.
enum Form {
    Stream { include_usage: bool },
    Whole,
}

/// All routes of this API; without `openai` they say that it is off.
pub(crate) fn routes(chat: Arc<Chat>, openai: Option<OpenAi>) -> Router {
    let others = |router: Router, other: fn() -> axum::routing::MethodRouter| {
        let below = |root: &str| [root.to_owned(), format!("{root}/"), format!("{root}/{{*rest}}")];
        let paths = ROOTS.into_iter().flat_map(below).chain(BARE.map(str::to_owned));
        paths.fold(router, |router, path| router.route(&path, other()))
    };
    let Some(openai) = openai else { return others(Router::new(), || any(off)) };
    let api = Api { chat, openai, created: unix_seconds(SystemTime::now()) };
    let mut router = Router::new();
    // A base URL that ends in a slash makes two of it, and some clients end every path in one.
    for prefix in ["/api", "", "/api/", "/"] {
        // Azure OpenAI's own v1 API is below `/openai/v1`.
        for (root, slash, end) in [
            ("/v1", "/", ""),
            ("/v1", "//", ""),
            ("/v1", "/", "/"),
            ("/openai/v1", "/", ""),
            ("/openai/v1", "//", ""),
            ("/openai/v1", "/", "/"),
        ] {
            let root = format!("{prefix}{root}{slash}");
            router = router
                .route(&format!("{root}chat/completions{end}"), post(completions).fallback(post_only))
                .route(&format!("{root}models{end}"), get(list).fallback(get_only))
                .route(&format!("{root}models/{{id}}{end}"), get(one).fallback(get_only));
        }
        router = router
            .route(
                &format!("{prefix}/openai/deployments/{{name}}/chat/completions"),
                post(of_deployment).fallback(post_only),
            )
            .route(&format!("{prefix}/openai/models"), get(list).fallback(get_only))
            .route(&format!("{prefix}/openai/models/{{id}}"), get(one).fallback(get_only));
    }
    others(router.with_state(api), || any(not_offered))
}

/// Whether a path is this API's.
pub(crate) fn is_ours(path: &str) -> bool {
    let path = path.trim_start_matches('/');
    let path = path.strip_prefix("api/").unwrap_or(path).trim_start_matches('/');
    path.starts_with("v1/") || path.starts_with("openai/") || path == "chat/completions"
}

async fn completions(State(api): State<Api>, request: Request) -> Response {
    api.completions(request, COMPLETIONS_ROUTE, None).await
}

/// Azure OpenAI's clients name the model in the path.
async fn of_deployment(State(api): State<Api>, Path(name): Path<String>, request: Request) -> Response {
    api.completions(request, DEPLOYMENT_ROUTE, Some(name)).await
}

async fn list(State(api): State<Api>, headers: HeaderMap) -> Response {
    api.offer(&headers, |api| {
        let models = api.chat.catalogue.models().iter();
        Ok(models::list(models.map(|model| model.name()), api.created))
    })
}

async fn one(State(api): State<Api>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    api.offer(&headers, |api| {
        let model = api.chat.catalogue.find(Some(&id))?;
        Ok(models::one(model.name(), api.created))
    })
}

impl Api {
    async fn completions(self, request: Request, route: &'static str, model: Option<String>) -> Response {
        let (parts, body) = request.into_parts();
        let request_id = request_id(&parts.headers);
        let trace = self.chat.telemetry.request(&parts.headers, &parts.method, route, &request_id);
        let span = tracing::info_span!("request", request_id, trace_id = trace.id().map(display));
        let record = Record::new(request_id.clone(), trace).with_status(error::status);
        match self.answer(&parts, body, model, record).instrument(span).await {
            Ok(response) => response,
            Err(error) => refusal(&error, &request_id),
        }
    }

    async fn answer(
        &self,
        parts: &Parts,
        body: Body,
        model: Option<String>,
        mut record: Record,
    ) -> Result<Response, ChatError> {
        if let Some(count) = repetition(&parts.headers) {
            tracing::info!(repetition = count, "the client asks again");
        }
        let (slot, model, conversation, form) = match self.accept(parts, body, model).await {
            Ok(accepted) => accepted,
            Err(error) => {
                record.failed(&error);
                return Err(error);
            }
        };
        let id = record.request_id().to_owned();
        let mut response = match form {
            Form::Stream { include_usage } => {
                let surface = Surface::chunks(&id, model.name(), include_usage);
                let events = self.chat.turn(&model, conversation, surface, record, slot).begin().await?;
                let mut response = Response::new(Body::from_stream(events));
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
                headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
                response
            }
            Form::Whole => {
                let mut whole = Whole::default();
                let too_late = ChatError::new(
                    Code::StreamRequired,
                    format!(
                        "The answer was not there after {} s, which is as long as one in a piece may take. Ask with \
                         stream: true.",
                        WHOLE_LIMIT.as_secs()
                    ),
                )
                .about("stream");
                let turn = self.chat.turn(&model, conversation, Surface::Lines, record, slot);
                let reader = turn.whole(|lines| whole.take(lines), WHOLE_LIMIT, too_late).await?;
                json(whole.finish(&id, model.name(), reader.answer()))
            }
        };
        name_request(&mut response, &id);
        Ok(response)
    }

    async fn accept(
        &self,
        parts: &Parts,
        body: Body,
        model: Option<String>,
    ) -> Result<(Slot, Arc<Model>, Conversation, Form), ChatError> {
        let Admitted { slot, user, body, share } = self.chat.admit(parts, body).await?;
        let request = CompletionRequest::read(&body)?;
        let model = self.chat.catalogue.find(model.as_deref().or(request.model.as_deref()))?;
        // Where the operator offers no choice, what the client asks for is the model's service's to judge.
        if let Some(effort) = request.reasoning_effort.as_deref().filter(|_| !model.efforts().is_empty()) {
            model.check_effort(effort)?;
        }
        let user = user.map(|user| access::pseudonym(&user));
        let max_messages = self.openai.max_messages;
        let mut conversation =
            request.conversation(&self.chat.limits, max_messages, model.takes_images(), user.as_deref())?;
        conversation.share = share;
        let form = if request.stream { Form::Stream { include_usage: request.include_usage } } else { Form::Whole };
        Ok((slot, Arc::clone(model), conversation, form))
    }

    /// What is offered, to those who may ask for it.
    fn offer(&self, headers: &HeaderMap, tell: impl FnOnce(&Self) -> Result<Vec<u8>, ChatError>) -> Response {
        let request_id = request_id(headers);
        match access::admit(&self.chat.access, headers).and_then(|_| tell(self)) {
            Ok(offer) => {
                let mut response = json(offer);
                name_request(&mut response, &request_id);
                response
            }
            Err(error) => refusal(&error, &request_id),
        }
    }
}

/// How often an OpenAI SDK has asked before, if it has.
fn repetition(headers: &HeaderMap) -> Option<u32> {
    let count = headers.get("x-stainless-retry-count")?.to_str().ok()?;
    count.parse().ok().filter(|count| *count > 0)
}

async fn post_only(request: Request) -> Response {
    refuse(request, ChatError::new(Code::MethodNotAllowed, "Use POST here.").allowing("POST")).await
}

async fn get_only(request: Request) -> Response {
    refuse(request, ChatError::new(Code::MethodNotAllowed, "Use GET here.").allowing("GET, HEAD")).await
}

async fn not_offered(request: Request) -> Response {
    let text = "This app has POST /v1/chat/completions and GET /v1/models of OpenAI's API, and no more. A base URL ends in /v1.";
    refuse(request, ChatError::new(Code::NotFound, text)).await
}

async fn off(request: Request) -> Response {
    let text = "This app does not offer OpenAI's API. Only the operator can change that.";
    refuse(request, ChatError::new(Code::NotFound, text).caused_by("OPENAI_API is not true")).await
}

async fn refuse(request: Request, error: ChatError) -> Response {
    let (parts, body) = request.into_parts();
    let mut record = Record::new(request_id(&parts.headers), Trace::none());
    body::discard(body, body::UNWANTED_TIME).await;
    record.failed(&error);
    refusal(&error, record.request_id())
}

/// A failure before the answer's first byte.
pub fn refusal(error: &ChatError, request_id: &str) -> Response {
    let status = error::status(error.code());
    let mut response = crate::chat::refusal_with(status, error::body(error, request_id), error, request_id);
    let should_retry = if error::should_retry(error) { "true" } else { "false" };
    response.headers_mut().insert("x-should-retry", HeaderValue::from_static(should_retry));
    response
}

fn json(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn name_request(response: &mut Response, request_id: &str) {
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        response.headers_mut().insert("x-request-id", request_id);
    }
}
