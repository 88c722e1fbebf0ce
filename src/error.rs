//! What can go wrong with a chat turn, and what the two sides of it are told.
//!
//! One [`ChatError`] serves both sides of the first byte: before it the error becomes an HTTP status with one JSON
//! object, after it the same object is the last line of the answer. Each has two texts: `text` is for people and holds
//! nothing but what this program wrote itself; `cause` is for the log and never leaves the machine.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

/// Every way a chat turn can fail, as clients see it. A code exists only where a client would act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request is not what [`crate::inbound::conversation`] asks for.
    InvalidRequest,
    /// Production, and the platform passed no signed-in user.
    Unauthenticated,
    /// Production without App Service Authentication and without the explicit opt-out.
    SignInNotConfigured,
    /// The request's `Origin` is not one of `ALLOWED_ORIGINS`.
    ForbiddenOrigin,
    /// No such route.
    NotFound,
    /// The request names a model that is not offered.
    ModelNotFound,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// The request's body did not arrive in time.
    RequestTimeout,
    /// The request is over one of the bounds.
    RequestTooLarge,
    /// The request is not `application/json`.
    UnsupportedMediaType,
    /// Upstream's content filter refused the prompt.
    ContentFilter,
    /// Upstream says that the conversation is too long for the model.
    ContextLengthExceeded,
    /// The answer took too long to be sent in one piece.
    StreamRequired,
    /// Upstream's rate limit, or this program's own bound for one user.
    RateLimited,
    /// This instance holds as many streams as it may.
    Overloaded,
    /// No token could be had for upstream.
    IdentityUnavailable,
    /// Upstream refused the token.
    UpstreamAuth,
    /// Upstream does not know the deployment or the route.
    UpstreamMisconfigured,
    /// Upstream refused the request for another reason.
    UpstreamRejected,
    /// Upstream failed, or could not be reached, or was lost.
    UpstreamError,
    /// Upstream answered something that is not a stream of chat completion chunks.
    UpstreamProtocol,
    /// One of upstream's clocks ran out.
    UpstreamTimeout,
    /// The answer ended without a finish reason.
    UpstreamTruncated,
    /// The program stops and the grace period is over.
    ShuttingDown,
    /// A fault of this program.
    Internal,
}

impl Code {
    /// All codes, in the order of the table in `docs/wire.md`.
    pub const ALL: [Self; 25] = [
        Self::InvalidRequest,
        Self::Unauthenticated,
        Self::SignInNotConfigured,
        Self::ForbiddenOrigin,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::ModelNotFound,
        Self::RequestTimeout,
        Self::RequestTooLarge,
        Self::UnsupportedMediaType,
        Self::ContentFilter,
        Self::ContextLengthExceeded,
        Self::StreamRequired,
        Self::RateLimited,
        Self::Overloaded,
        Self::IdentityUnavailable,
        Self::UpstreamAuth,
        Self::UpstreamMisconfigured,
        Self::UpstreamRejected,
        Self::UpstreamError,
        Self::UpstreamProtocol,
        Self::UpstreamTimeout,
        Self::UpstreamTruncated,
        Self::ShuttingDown,
        Self::Internal,
    ];

    /// The table: the code's name on the wire, its HTTP status before the first line, and whether the same request
    /// may succeed later.
    const fn row(self) -> (&'static str, StatusCode, bool) {
        match self {
            Self::InvalidRequest => ("invalid_request", StatusCode::BAD_REQUEST, false),
            Self::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED, false),
            Self::SignInNotConfigured => ("sign_in_not_configured", StatusCode::FORBIDDEN, false),
            Self::ForbiddenOrigin => ("forbidden_origin", StatusCode::FORBIDDEN, false),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, false),
            Self::ModelNotFound => ("model_not_found", StatusCode::NOT_FOUND, false),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, false),
            Self::RequestTimeout => ("request_timeout", StatusCode::REQUEST_TIMEOUT, true),
            Self::RequestTooLarge => ("request_too_large", StatusCode::PAYLOAD_TOO_LARGE, false),
            Self::UnsupportedMediaType => ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, false),
            Self::ContentFilter => ("content_filter", StatusCode::BAD_REQUEST, false),
            Self::ContextLengthExceeded => ("context_length_exceeded", StatusCode::BAD_REQUEST, false),
            Self::StreamRequired => ("stream_required", StatusCode::BAD_REQUEST, false),
            Self::RateLimited => ("rate_limited", StatusCode::TOO_MANY_REQUESTS, true),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE, true),
            Self::IdentityUnavailable => ("identity_unavailable", StatusCode::SERVICE_UNAVAILABLE, true),
            Self::UpstreamAuth => ("upstream_auth", StatusCode::BAD_GATEWAY, true),
            Self::UpstreamMisconfigured => ("upstream_misconfigured", StatusCode::BAD_GATEWAY, false),
            Self::UpstreamRejected => ("upstream_rejected", StatusCode::BAD_GATEWAY, false),
            Self::UpstreamError => ("upstream_error", StatusCode::BAD_GATEWAY, true),
            Self::UpstreamProtocol => ("upstream_protocol", StatusCode::BAD_GATEWAY, false),
            Self::UpstreamTimeout => ("upstream_timeout", StatusCode::GATEWAY_TIMEOUT, true),
            Self::UpstreamTruncated => ("upstream_truncated", StatusCode::BAD_GATEWAY, true),
            Self::ShuttingDown => ("shutting_down", StatusCode::SERVICE_UNAVAILABLE, true),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, false),
        }
    }

    /// The code's name on the wire.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status of this failure before the first line.
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// Whether the same request may succeed later.
    pub const fn retryable(self) -> bool {
        self.row().2
    }
}

/// A chat turn that failed. Behind a pointer, so that what may fail and mostly does not is small to pass on.
#[derive(Clone, Debug)]
pub struct ChatError(Box<Failure>);

#[derive(Clone, Debug)]
struct Failure {
    code: Code,
    text: Cow<'static, str>,
    cause: Option<Box<str>>,
    retry_after: Option<Duration>,
    categories: Vec<String>,
    allow: Option<&'static str>,
    param: Option<Box<str>>,
}

impl ChatError {
    /// A failure with its text for people: what failed, and what to do next. Never a token, a header, a prompt, an
    /// internal address or upstream's own words.
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Failure {
            code,
            text: text.into(),
            cause: None,
            retry_after: None,
            categories: Vec::new(),
            allow: None,
            param: None,
        }))
    }

    /// Adds what the log is to know. Never a token, a prompt or an answer.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Display) -> Self {
        self.0.cause = Some(cause.to_string().into());
        self
    }

    /// Adds the time after which a retry makes sense; on the wire it is rounded up to whole seconds, at least one.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Names the content filter's categories that fired.
    #[must_use]
    pub fn with_categories(mut self, categories: Vec<String>) -> Self {
        self.0.categories = categories;
        self
    }

    /// Names the methods that the route has, for the `Allow` header.
    #[must_use]
    pub fn allowing(mut self, methods: &'static str) -> Self {
        self.0.allow = Some(methods);
        self
    }

    /// Names the request's field that it is about, by its path: `messages[0].role`. OpenAI's clients get it as `param`.
    #[must_use]
    pub fn about(mut self, field: impl Into<Box<str>>) -> Self {
        self.0.param = Some(field.into());
        self
    }

    /// The failure's code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The failure's text for people.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The failure's cause, for the log.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// Whole seconds for the `Retry-After` header and the `retry_after` field.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after.map(|wait| (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// The request's field that it is about.
    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// The methods for the `Allow` header.
    pub fn allow(&self) -> Option<&'static str> {
        self.0.allow
    }

    /// The JSON object that clients get, as the body of an HTTP answer or as the last line of a stream.
    pub fn to_json(&self, request_id: &str) -> Vec<u8> {
        let object = ErrorObject {
            error: &self.0.text,
            code: self.0.code.as_str(),
            retryable: self.0.code.retryable(),
            retry_after: self.retry_after_seconds(),
            categories: &self.0.categories,
            request_id,
        };
        // Strings, numbers and booleans always serialise into memory.
        serde_json::to_vec(&object).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    error: &'a str,
    code: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    categories: &'a [String],
    request_id: &'a str,
}

/// An error with all its sources, in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_contract() {
        let rows: Vec<String> = Code::ALL
            .iter()
            .map(|code| format!("{} {} {}", code.as_str(), code.status().as_u16(), code.retryable()))
            .collect();
        assert_eq!(
            rows,
            [
                "invalid_request 400 false",
                "unauthenticated 401 false",
                "sign_in_not_configured 403 false",
                "forbidden_origin 403 false",
                "not_found 404 false",
                "method_not_allowed 405 false",
                "model_not_found 404 false",
                "request_timeout 408 true",
                "request_too_large 413 false",
                "unsupported_media_type 415 false",
                "content_filter 400 false",
                "context_length_exceeded 400 false",
                "stream_required 400 false",
                "rate_limited 429 true",
                "overloaded 503 true",
                "identity_unavailable 503 true",
                "upstream_auth 502 true",
                "upstream_misconfigured 502 false",
                "upstream_rejected 502 false",
                "upstream_error 502 true",
                "upstream_protocol 502 false",
                "upstream_timeout 504 true",
                "upstream_truncated 502 true",
                "shutting_down 503 true",
                "internal 500 false",
            ]
        );
    }

    #[test]
    fn the_cause_stays_inside() {
        let error = ChatError::new(Code::UpstreamError, "The model's service failed.").caused_by("10.0.0.4 said no");
        let json = String::from_utf8(error.to_json("r-1")).unwrap();
        assert_eq!(
            json,
            r#"{"error":"The model's service failed.","code":"upstream_error","retryable":true,"request_id":"r-1"}"#
        );
        assert_eq!(error.cause(), Some("10.0.0.4 said no"));
    }

    #[test]
    fn the_field_is_not_told_to_those_who_do_not_ask_for_it() {
        let error = ChatError::new(Code::InvalidRequest, "n: no.").about("n");
        assert_eq!(error.param(), Some("n"));
        assert!(!String::from_utf8(error.to_json("r")).unwrap().contains("param"));
    }

    #[test]
    fn waits_are_whole_seconds_rounded_up() {
        let seconds = |wait| ChatError::new(Code::RateLimited, "").retry_after(wait).retry_after_seconds();
        assert_eq!(seconds(Duration::ZERO), Some(1));
        assert_eq!(seconds(Duration::from_millis(1001)), Some(2));
        assert_eq!(seconds(Duration::from_secs(20)), Some(20));
    }
}
