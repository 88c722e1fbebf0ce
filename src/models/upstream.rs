//! Upstream: the model's chat completions.
//!
//! In: a [`Conversation`]. Out: the body of a `200` that is a stream of events, or a [`ChatError`]. Retries, the fresh
//! token after a 401 and the choice of route happen here, before the answer's first byte, and nowhere else. The clocks
//! but for the connection's run in [`crate::turn`], which drops what is here when one is due: dropping the future or
//! the body closes the request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};

use super::accept::accept;
use super::retry;
use crate::error::{ChatError, Code, causes};
use crate::inbound::conversation::Conversation;
use crate::protocol::refusal::{Account, Asked};
use crate::protocol::{Reader, Template};
use crate::report::hints::Hints;
use crate::report::telemetry::{Call, Telemetry};
use crate::settings::{Api, Clocks, Endpoint, Identity, Model, Options, Proxy};
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
    /// Which of the endpoint's routes is asked first: the last one that answered.
    route: AtomicUsize,
    api: Api,
    deployment: String,
    tokens: Option<TokenProvider>,
    template: Template,
    /// The fields that `EXTRA_BODY` sets, which a refusal may speak of.
    extra_fields: Vec<String>,
    /// Outside production the reader is the operator.
    at_home: bool,
    max_retries: u32,
    starts_in_thoughts: bool,
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
    /// What its head says of a later try, for a failure that the events tell of.
    pub wait: Option<Duration>,
    /// The call that brought it.
    pub call: Call,
}

/// The HTTP client for the identity endpoint and for telemetry, and for upstream where no proxy is in between.
///
/// # Errors
/// The system has no CA certificates, and they are needed.
pub fn client(needs_tls: bool, connect_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    // A proxy of the environment's is for the model's service only, and by choice: see `client_through`.
    let builder = builder(connect_timeout).no_proxy();
    // Without TLS no roots are needed, so that a machine without CA certificates can run the demo model.
    if needs_tls { builder.build() } else { builder.tls_certs_only([]).build() }
}

/// The HTTP client for an upstream behind a proxy. The proxy carries TLS from end to end: it sees the upstream's name and
/// neither tokens nor conversations.
///
/// # Errors
/// The system has no CA certificates.
pub fn client_through(proxy: &Proxy, connect_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    let except = reqwest::NoProxy::from_string(&proxy.except);
    builder(connect_timeout).proxy(reqwest::Proxy::https(proxy.url.clone())?.no_proxy(except)).build()
}

fn builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("reasoning-chat/", env!("CARGO_PKG_VERSION")))
        // No `timeout`: it would cover the body and cut healthy streams. See `crate::turn` for the clocks.
        .connect_timeout(connect_timeout)
        // A connection keeps its read buffer, up to 408 KiB (hyper's), for as long as it lives; `docs/soak.md` tells of it.
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .pool_idle_timeout(MAX_IDLE_TIME)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
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
        let Model { endpoint, api, deployment, identity } = model;
        let hints = Arc::new(Hints::new(&options));
        Self {
            client,
            template: Template::new(api, &deployment, &options, endpoint.loopback),
            endpoint,
            route: AtomicUsize::new(0),
            api,
            deployment,
            tokens,
            extra_fields: options.extra_body.into_iter().map(|(field, _)| field).collect(),
            at_home: !matches!(identity, Identity::Managed { .. }),
            max_retries: clocks.max_retries,
            starts_in_thoughts: options.starts_in_thoughts,
            telemetry,
            hints,
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
        let body = self.template.body(&conversation)?;
        drop(conversation);
        let routes = &self.endpoint.routes;
        let first_route = self.route.load(Ordering::Relaxed);
        let mut unknown_routes = 0;
        let mut retries = 0;
        let mut token_is_fresh = false;
        loop {
            let authorization = match &self.tokens {
                Some(tokens) => Some(tokens.authorization().await?),
                None => None,
            };
            let route = (first_route + unknown_routes) % routes.len().max(1);
            let Some(url) = routes.get(route) else { return Err(internal("no route")) };
            let asked = Asked {
                deployment: &self.deployment,
                path: url.path(),
                with_token: authorization.is_some(),
                at_home: self.at_home,
                fields: &self.extra_fields,
            };
            let call = self.telemetry.call(url, retries);
            let traceparent = call.traceparent().or_else(|| traceparent.clone());
            let (error, wait) = match self.send(url, &body, authorization.as_ref(), traceparent.as_ref()).await {
                Ok(response) if response.status() == StatusCode::OK => {
                    call.answered(StatusCode::OK);
                    let wait = retry::asked_pause(response.headers(), SystemTime::now());
                    return match accept(response).await {
                        Ok(body) => {
                            self.route.store(route, Ordering::Relaxed);
                            let reader = Reader::new(self.api, self.starts_in_thoughts);
                            Ok(Opened { body, reader, wait, call })
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
                    let wait = retry::asked_pause(response.headers(), SystemTime::now());
                    let account = Account::read(&read_text(http::Response::from(response).into_body()).await);
                    let wait = wait.or(account.asked_wait());
                    if status == StatusCode::NOT_FOUND
                        && unknown_routes + 1 < routes.len()
                        && !account.speaks_of_the_model()
                    {
                        unknown_routes += 1;
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
                    let may_pass = retry::is_worth_retrying(status) && account.may_pass(status, wait);
                    let error = account.into_refusal(status, wait, &asked);
                    if !may_pass {
                        return Err(error);
                    }
                    (error, wait)
                }
                Err(error) => {
                    let error = unreachable(error, self.at_home);
                    call.failed(error.as_ref().unwrap_or_else(|error| error).code());
                    (error?, None)
                }
            };
            drop(call);
            let Some(pause) = retry::pause(retries, wait, fastrand::f64()).filter(|_| retries < self.max_retries)
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

/// An error's body; nothing if it is too large, too slow or lost.
pub(super) async fn read_text(body: reqwest::Body) -> String {
    let read = Limited::new(body, MAX_ERROR_BYTES).collect();
    match tokio::time::timeout(ERROR_BODY_TIMEOUT, read).await {
        Ok(Ok(body)) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Ok(Err(_)) | Err(_) => String::new(),
    }
}

/// No answer came. `Ok` is an error that another try may mend. At home the address is the reader's own to set.
fn unreachable(error: reqwest::Error, at_home: bool) -> Result<ChatError, ChatError> {
    let error = error.without_url();
    let cause = causes(&error);
    if error.is_builder() {
        return Err(internal(&cause));
    }
    if !error.is_connect() {
        let text = "The connection to the model's service was lost before it answered. Try again.";
        return Ok(ChatError::new(Code::UpstreamError, text).caused_by(cause));
    }
    let cause = format!("{cause} (AZURE_INFERENCE_ENDPOINT, or the proxy in HTTPS_PROXY)");
    if error.is_timeout() {
        let text = if at_home {
            "The model's service could not be reached in time (CONNECT_TIMEOUT). Check AZURE_INFERENCE_ENDPOINT, and \
             that the service runs."
        } else {
            "The model's service could not be reached in time (CONNECT_TIMEOUT). Try again in a moment."
        };
        return Err(ChatError::new(Code::UpstreamTimeout, text).caused_by(cause));
    }
    let text = if at_home {
        "The model's service could not be reached. Check AZURE_INFERENCE_ENDPOINT, and that the service runs."
    } else {
        "The model's service could not be reached. Try again in a moment."
    };
    Ok(ChatError::new(Code::UpstreamError, text).caused_by(cause))
}

fn internal(cause: &str) -> ChatError {
    ChatError::new(Code::Internal, "This program failed. Tell the operator.").caused_by(cause)
}
