//! Upstream: the model's chat completions.
//!
//! In: a [`Conversation`]. Out: the body of a `200 text/event-stream` answer, or a [`ChatError`]. Retries, the fresh
//! token after a 401 and the choice of route happen here, before the answer's first byte, and nowhere else. The clocks
//! but for the connection's run in [`crate::turn`], which drops what is here when one is due: dropping the future or
//! the body closes the request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};

use super::retry;
use crate::error::{ChatError, Code, causes};
use crate::inbound::conversation::Conversation;
use crate::protocol::refusal::Account;
use crate::protocol::{Reader, chat};
use crate::report::hints::Hints;
use crate::report::telemetry::{Call, Telemetry};
use crate::settings::{Clocks, Endpoint, Model, Options};
use crate::token::TokenProvider;

/// An error body is read this far; they are small.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// An error body is waited for this long; the status alone says most.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections to upstream that are kept for the next request, when more were open at once.
const MAX_IDLE_CONNECTIONS: usize = 32;
/// How long they are kept. People's next questions come later than that, other people's sooner.
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);

/// The model's service. One for the whole program.
#[derive(Debug)]
pub struct Upstream {
    client: reqwest::Client,
    endpoint: Endpoint,
    /// Which of the endpoint's routes answers; settled by the first 404.
    route: AtomicUsize,
    deployment: String,
    tokens: Option<TokenProvider>,
    options: Options,
    max_retries: u32,
    telemetry: Telemetry,
    hints: Arc<Hints>,
}

/// Upstream answers.
#[derive(Debug)]
pub struct Opened<B> {
    /// Its bytes are server-sent events.
    pub body: B,
    /// What reads them.
    pub reader: Reader,
    /// The call that brought it.
    pub call: Call,
}

/// The HTTP client for upstream, for the identity endpoint and for telemetry.
///
/// # Errors
/// The system has no CA certificates, and they are needed.
pub fn client(needs_tls: bool, connect_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("reasoning-chat/", env!("CARGO_PKG_VERSION")))
        // No `timeout`: it would cover the body and cut healthy streams. See `crate::turn` for the clocks.
        .connect_timeout(connect_timeout)
        // A connection keeps its read buffer, up to 408 KiB (hyper's), for as long as it lives; `docs/soak.md` tells of it.
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .pool_idle_timeout(MAX_IDLE_TIME)
        .redirect(reqwest::redirect::Policy::none())
        // A proxy of the environment would see tokens and conversations.
        .no_proxy()
        .referer(false);
    // Without TLS no roots are needed, so that a machine without CA certificates can run the demo model.
    if needs_tls { builder.build() } else { builder.tls_certs_only([]).build() }
}

impl Upstream {
    /// Puts the parts together; nothing is sent yet.
    pub fn new(
        client: reqwest::Client,
        model: Model,
        tokens: Option<TokenProvider>,
        options: Options,
        clocks: &Clocks,
        telemetry: Telemetry,
    ) -> Self {
        let Model { endpoint, deployment, .. } = model;
        let max_retries = clocks.max_retries;
        Self {
            client,
            endpoint,
            route: AtomicUsize::new(0),
            deployment,
            tokens,
            options,
            max_retries,
            telemetry,
            hints: Arc::default(),
        }
    }

    /// The deployment's name, for the `start` line.
    pub fn deployment(&self) -> &str {
        &self.deployment
    }

    /// What its operator has been told once.
    pub(crate) fn hints(&self) -> Arc<Hints> {
        Arc::clone(&self.hints)
    }

    /// Asks the model. `traceparent` is the caller's, passed on where telemetry has none of its own.
    ///
    /// # Errors
    /// Any code that an answer's beginning can have; see the table in `docs/wire.md`.
    pub async fn open(
        self: Arc<Self>,
        conversation: Conversation,
        traceparent: Option<HeaderValue>,
    ) -> Result<Opened<reqwest::Body>, ChatError> {
        let body = chat::request::body(&self.deployment, &self.options, &conversation);
        drop(conversation);
        let mut retries = 0;
        let mut token_is_fresh = false;
        loop {
            let authorization = match &self.tokens {
                Some(tokens) => Some(tokens.authorization().await?),
                None => None,
            };
            let route = self.route.load(Ordering::Relaxed);
            // The index only grows while there is a next route, and there is always one.
            let Some(url) = self.endpoint.routes.get(route) else { return Err(internal("no route")) };
            let call = self.telemetry.call(url, retries);
            let traceparent = call.traceparent().or_else(|| traceparent.clone());
            let (error, asked) = match self.send(url, &body, authorization.as_ref(), traceparent.as_ref()).await {
                Ok(response) if response.status() == StatusCode::OK => {
                    call.answered(StatusCode::OK);
                    return match accept(response) {
                        Ok(body) => {
                            let reader = Reader::Chat(chat::Reader::new(self.options.starts_in_thoughts));
                            Ok(Opened { body, reader, call })
                        }
                        Err(error) => {
                            call.failed(error.code());
                            Err(error)
                        }
                    };
                }
                Ok(response) => {
                    let status = response.status();
                    call.answered(status);
                    let asked = retry::asked_pause(response.headers(), SystemTime::now());
                    let account = read_account(response).await;
                    if status == StatusCode::NOT_FOUND && route + 1 < self.endpoint.routes.len() {
                        self.route.store(route + 1, Ordering::Relaxed);
                        continue;
                    }
                    if status == StatusCode::UNAUTHORIZED
                        && !token_is_fresh
                        && !account.is_permission_denied()
                        && let (Some(tokens), Some(authorization)) = (&self.tokens, &authorization)
                    {
                        tokens.reject(authorization);
                        token_is_fresh = true;
                        continue;
                    }
                    let error = account.into_refusal(status, asked);
                    if !retry::is_worth_retrying(status) {
                        return Err(error);
                    }
                    (error, asked)
                }
                Err(error) => {
                    let error = unreachable(error);
                    call.failed(error.as_ref().unwrap_or_else(|error| error).code());
                    (error?, None)
                }
            };
            drop(call);
            let Some(pause) = retry::pause(retries, asked, fastrand::f64()).filter(|_| retries < self.max_retries)
            else {
                return Err(error);
            };
            retries += 1;
            self.telemetry.retry(error.code().as_str());
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(retry = retries, pause_ms, cause = error.cause(), "asking upstream again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn send(
        &self,
        url: &url::Url,
        body: &Bytes,
        authorization: Option<&HeaderValue>,
        traceparent: Option<&HeaderValue>,
    ) -> reqwest::Result<reqwest::Response> {
        let mut request = self
            .client
            .post(url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "text/event-stream")
            .body(body.clone());
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        request.send().await
    }
}

/// A 200 must be a stream of events, as it stands on the wire.
fn accept(response: reqwest::Response) -> Result<reqwest::Body, ChatError> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = header(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let encoding = header(header::CONTENT_ENCODING).trim();
    let cause = if !media_type.eq_ignore_ascii_case("text/event-stream") {
        "status 200, not text/event-stream"
    } else if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        "status 200, compressed although that was not asked for"
    } else {
        return Ok(http::Response::from(response).into_body());
    };
    Err(ChatError::new(
        Code::UpstreamProtocol,
        "The model's service answered, but not with a stream of events. Check AZURE_INFERENCE_ENDPOINT.",
    )
    .caused_by(cause))
}

/// What an error's body says; nothing if it is too large, too slow or unreadable.
async fn read_account(response: reqwest::Response) -> Account {
    let body: reqwest::Body = http::Response::from(response).into_body();
    let read = Limited::new(body, MAX_ERROR_BYTES).collect();
    match tokio::time::timeout(ERROR_BODY_TIMEOUT, read).await {
        Ok(Ok(body)) => Account::read(&String::from_utf8_lossy(&body.to_bytes())),
        Ok(Err(_)) | Err(_) => Account::default(),
    }
}

/// No answer came. `Ok` is an error that another try may mend.
fn unreachable(error: reqwest::Error) -> Result<ChatError, ChatError> {
    let error = error.without_url();
    let cause = causes(&error);
    if error.is_builder() {
        return Err(internal(&cause));
    }
    if error.is_connect() && error.is_timeout() {
        return Err(ChatError::new(
            Code::UpstreamTimeout,
            "The model's service could not be reached in time (CONNECT_TIMEOUT). Try again in a moment.",
        )
        .caused_by(cause));
    }
    let text = if error.is_connect() {
        "The model's service could not be reached. Try again in a moment."
    } else {
        "The connection to the model's service was lost before it answered. Try again."
    };
    Ok(ChatError::new(Code::UpstreamError, text).caused_by(cause))
}

fn internal(cause: &str) -> ChatError {
    ChatError::new(Code::Internal, "This program failed. Tell the operator.").caused_by(cause)
}
