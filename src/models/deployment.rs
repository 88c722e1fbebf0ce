//! One deployment of a model: one request to it, and what came of it.
//!
//! In: a conversation. Out: the body of a `200` that is a stream of events, or a [`Failure`] that says what follows. The
//! fresh token after a 401 and the choice of route happen here and nowhere else. The clocks but for the connection's run in
//! [`crate::turn`], which drops what is here when one is due: dropping the future or the body closes the request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::accept::{accept, read_text};
use super::ahead;
use super::failure::Failure;
use super::retry;
use crate::error::{ChatError, Code, causes};
use crate::inbound::conversation::Conversation;
use crate::protocol::refusal::{Account, Asked};
use crate::protocol::{Reader, Template};
use crate::report::telemetry::{Call, ModelTag, Telemetry};
use crate::settings::{self, Api, Endpoint, Identity, Options};
use crate::token::TokenProvider;

/// A deployment of a model.
#[derive(Debug)]
pub(super) struct Deployment {
    client: reqwest::Client,
    endpoint: Endpoint,
    /// Which of the endpoint's routes is asked first: the last one that answered.
    route: AtomicUsize,
    api: Api,
    name: String,
    tokens: Option<TokenProvider>,
    template: Template,
    /// The fields that `EXTRA_BODY` sets, which a refusal may speak of.
    extra_fields: Vec<String>,
    /// Outside production the reader is the operator.
    at_home: bool,
    starts_in_thoughts: bool,
    telemetry: Telemetry,
    tag: ModelTag,
}

/// A deployment answers.
#[derive(Debug)]
pub(super) struct Answering {
    /// Its bytes are server-sent events.
    pub(super) body: reqwest::Body,
    /// What reads them.
    pub(super) reader: Reader,
    /// What its head says of a later try, for a failure that the events tell of.
    pub(super) wait: Option<Duration>,
    /// How long the head says that nothing is left of a rate limit.
    pub(super) exhausted: Option<Duration>,
    /// The call that brought it.
    pub(super) call: Call,
}

impl Deployment {
    /// Puts the parts together; nothing is sent yet.
    pub(super) fn new(
        client: reqwest::Client,
        deployment: settings::Deployment,
        options: &Options,
        tokens: Option<TokenProvider>,
        telemetry: Telemetry,
    ) -> Self {
        let settings::Deployment { endpoint, name, identity } = deployment;
        Self {
            client,
            template: Template::new(options.api, &name, options, endpoint.loopback),
            tag: telemetry.tag(&endpoint, &name),
            endpoint,
            route: AtomicUsize::new(0),
            api: options.api,
            name,
            tokens,
            extra_fields: options.extra_body.keys().cloned().collect(),
            at_home: !matches!(identity, Identity::Managed { .. }),
            starts_in_thoughts: options.starts_in_thoughts,
            telemetry,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Under what telemetry counts it.
    pub(super) fn tag(&self) -> &ModelTag {
        &self.tag
    }

    /// Opens a connection in the background, so that the first question need not. At home nothing is asked before it is
    /// needed.
    pub(super) fn connect_ahead(&self, limit: Duration) {
        if !self.at_home
            && let Some(url) = self.endpoint.routes.first()
        {
            tokio::spawn(ahead::connect(self.client.clone(), url.clone(), limit));
        }
    }

    /// Whether the other is at the same host, so that a connection serves both.
    pub(super) fn shares_host(&self, other: &Self) -> bool {
        let origin = |deployment: &Self| deployment.endpoint.routes.first().map(url::Url::origin);
        origin(self) == origin(other)
    }

    /// Sends one request, and again where the route was another or the token had to be a fresh one. `retry` counts the
    /// tries before it; `traceparent` is the caller's, passed on where telemetry has none of its own.
    pub(super) async fn ask(
        &self,
        conversation: &Conversation,
        retry: u32,
        traceparent: Option<&HeaderValue>,
    ) -> Result<Answering, Failure> {
        let body = self.template.body(conversation).map_err(Failure::of_the_request)?;
        let routes = &self.endpoint.routes;
        let first_route = self.route.load(Ordering::Relaxed);
        let mut unknown_routes = 0;
        let mut token_is_fresh = false;
        loop {
            let authorization = match &self.tokens {
                Some(tokens) => Some(tokens.authorization().await.map_err(Failure::of_the_request)?),
                None => None,
            };
            let route = (first_route + unknown_routes) % routes.len().max(1);
            let Some(url) = routes.get(route) else { return Err(Failure::of_the_request(internal("no route"))) };
            let call = self.telemetry.call(&self.tag, url, retry);
            let traceparent = call.traceparent().or_else(|| traceparent.cloned());
            let response = match self.send(url, &body, authorization.as_ref(), traceparent.as_ref()).await {
                Ok(response) => response,
                Err(error) => {
                    let failure = unreachable(error, self.at_home);
                    call.failed(failure.error.code());
                    return Err(failure);
                }
            };
            let status = response.status();
            call.answered(status);
            let wait = retry::asked_pause(response.headers(), SystemTime::now());
            if status == StatusCode::OK {
                let exhausted = retry::exhausted(response.headers());
                let accepted = accept(response).await.inspect_err(|error| call.failed(error.code()));
                let body = accepted.map_err(|error| Failure::told_in_stream(error, wait))?;
                self.route.store(route, Ordering::Relaxed);
                let reader = Reader::new(self.api, self.starts_in_thoughts);
                return Ok(Answering { body, reader, wait, exhausted, call });
            }
            let account = Account::read(&read_text(http::Response::from(response).into_body()).await);
            let is_other_route = status == StatusCode::NOT_FOUND && !account.speaks_of_the_model();
            if is_other_route && unknown_routes + 1 < routes.len() {
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
            let asked = Asked {
                deployment: &self.name,
                path: url.path(),
                with_token: authorization.is_some(),
                at_home: self.at_home,
                fields: &self.extra_fields,
            };
            let wait = wait.or(account.asked_wait());
            let may_pass = retry::is_worth_retrying(status) && account.may_pass(status, wait);
            return Err(Failure::refused(account.into_refusal(status, wait, &asked), status, may_pass, wait));
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

/// No answer came. At home the address is the reader's own to set.
fn unreachable(error: reqwest::Error, at_home: bool) -> Failure {
    let error = error.without_url();
    let cause = causes(&error);
    if error.is_builder() {
        return Failure::of_the_request(internal(&cause));
    }
    if !error.is_connect() {
        let text = "The connection to the model's service was lost before it answered. Try again.";
        return Failure::lost(ChatError::new(Code::UpstreamError, text).caused_by(cause));
    }
    let cause = format!("{cause} (AZURE_INFERENCE_ENDPOINT, or the proxy in HTTPS_PROXY)");
    if error.is_timeout() {
        let text = if at_home {
            "The model's service could not be reached in time (CONNECT_TIMEOUT). Check AZURE_INFERENCE_ENDPOINT, and \
             that the service runs."
        } else {
            "The model's service could not be reached in time (CONNECT_TIMEOUT). Try again in a moment."
        };
        return Failure::not_reached_in_time(ChatError::new(Code::UpstreamTimeout, text).caused_by(cause));
    }
    let text = if at_home {
        "The model's service could not be reached. Check AZURE_INFERENCE_ENDPOINT, and that the service runs."
    } else {
        "The model's service could not be reached. Try again in a moment."
    };
    Failure::lost(ChatError::new(Code::UpstreamError, text).caused_by(cause))
}

fn internal(cause: &str) -> ChatError {
    ChatError::new(Code::Internal, "This program failed. Tell the operator.").caused_by(cause)
}
