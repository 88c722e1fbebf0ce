//! The failures that can be asked for by the program's own error codes, and what an upstream sends to cause each.

use http::StatusCode;
use serde_json::{Value, json};

use super::protocol::Protocol;

/// Long enough for the client to come back later, so long that no client retries it by itself within one request.
pub(super) const RETRY_AFTER_SECONDS: u16 = 20;

/// A failure, named by the error code that the program in front should make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    ContentFilter,
    ContextLength,
    RateLimited,
    Auth,
    Misconfigured,
    Rejected,
    Error,
    Protocol,
    Timeout,
    Truncated,
}

/// Where in the answer a failure happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    AtOnce,
    /// After the first events, which say nothing yet: the status is 200 already.
    InStream,
    AfterThoughts,
    Midway,
    /// After the last word, before anything says that it was the last.
    AtEnd,
}

/// How the Responses API tells a failure inside the stream. Chat completions have one way only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// As Azure does: `response.failed` without any, then `error` with it.
    ReasonLast,
    /// As OpenAI does: `error` with it, then `response.failed` with it.
    ReasonFirst,
    /// `error` only, with its fields flat, as OpenAI documents it.
    ReasonAlone,
    /// `response.failed` without any, and the end.
    NoReason,
}

/// An HTTP answer instead of a stream.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    /// Seconds for the `Retry-After` header.
    pub(super) retry_after: Option<u16>,
    pub(super) body: String,
}

impl Fault {
    /// Every failure with its code.
    pub(super) const ALL: [(Self, &'static str); 10] = [
        (Self::ContentFilter, "content_filter"),
        (Self::ContextLength, "context_length_exceeded"),
        (Self::RateLimited, "rate_limited"),
        (Self::Auth, "upstream_auth"),
        (Self::Misconfigured, "upstream_misconfigured"),
        (Self::Rejected, "upstream_rejected"),
        (Self::Error, "upstream_error"),
        (Self::Protocol, "upstream_protocol"),
        (Self::Timeout, "upstream_timeout"),
        (Self::Truncated, "upstream_truncated"),
    ];

    /// The failure that the program reports as `code`.
    pub(super) fn named(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == code).map(|(fault, _)| *fault)
    }

    /// Where it happens when nothing else was asked for, or when what was asked for makes no sense: a prompt that is too
    /// long or a deployment that is not there never shows in the middle of an answer.
    pub(super) fn place(self, asked: Option<When>) -> When {
        match self {
            Self::ContextLength if asked == Some(When::InStream) => When::InStream,
            Self::ContextLength | Self::Auth | Self::Misconfigured | Self::Rejected => When::AtOnce,
            Self::ContentFilter | Self::RateLimited | Self::Error | Self::Protocol => asked.unwrap_or(When::AtOnce),
            Self::Timeout => asked.unwrap_or(When::AfterThoughts),
            Self::Truncated => asked.unwrap_or(When::Midway),
        }
    }

    /// The HTTP answer of a failure that happens at once; none where a failure needs a stream.
    pub(super) fn refusal(self, protocol: Protocol) -> Option<Refusal> {
        let conversation = match protocol {
            Protocol::Chat => "messages",
            Protocol::Responses => "input",
        };
        let (status, code, param, message) = match self {
            Self::ContentFilter => return Some(filtered_prompt()),
            Self::Protocol => return Some(page_instead_of_events()),
            Self::Timeout | Self::Truncated => return None,
            Self::ContextLength => (
                StatusCode::BAD_REQUEST,
                "context_length_exceeded",
                Some(conversation),
                "The conversation is too long.",
            ),
            Self::RateLimited => {
                (StatusCode::TOO_MANY_REQUESTS, "RateLimitReached", None, "Too many tokens a minute. Wait 20 seconds.")
            }
            Self::Auth => (
                StatusCode::UNAUTHORIZED,
                "PermissionDenied",
                None,
                "The principal lacks the data action for chat completions.",
            ),
            Self::Misconfigured => {
                (StatusCode::NOT_FOUND, "DeploymentNotFound", None, "There is no deployment of this name.")
            }
            Self::Rejected => (
                StatusCode::BAD_REQUEST,
                "unsupported_value",
                Some("temperature"),
                "This model does not support `temperature`.",
            ),
            Self::Error => {
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", None, "The model's server had an error.")
            }
        };
        let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
        let body = json!({"error": {"message": demo(message), "type": kind, "param": param, "code": code}});
        let retry_after = (self == Self::RateLimited).then_some(RETRY_AFTER_SECONDS);
        Some(Refusal { retry_after, ..Refusal::json(status, &body) })
    }

    /// What an event inside a stream says of the failure, for those that come that way.
    pub(super) fn reason(self) -> Reason {
        let (kind, code, message) = match self {
            Self::ContentFilter => {
                ("invalid_request_error", "content_policy_violation", "The prompt triggered the content filter.")
            }
            Self::ContextLength => {
                ("invalid_request_error", "context_length_exceeded", "The conversation is too long.")
            }
            Self::RateLimited => ("server_error", "rate_limit_exceeded", "The rate limit was reached while answering."),
            _ => ("server_error", "server_error", "The model's server had an error while answering."),
        };
        Reason { kind, code, message: demo(message) }
    }
}

/// Why an answer failed.
#[derive(Debug)]
pub(super) struct Reason {
    pub(super) kind: &'static str,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Reason {
    /// The object that both protocols name `error`.
    pub(super) fn object(&self) -> Value {
        json!({"message": self.message, "type": self.kind, "param": null, "code": self.code})
    }
}

impl Refusal {
    /// A JSON answer.
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self { status, content_type: "application/json", retry_after: None, body: body.to_string() }
    }
}

/// Azure's answer when the prompt filter blocks: the categories are two levels down.
fn filtered_prompt() -> Refusal {
    let body = json!({"error": {
        "message": demo("The prompt triggered the content filter."),
        "type": null,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": {"filtered": false, "severity": "safe"},
                "jailbreak": {"filtered": true, "detected": true},
                "self_harm": {"filtered": false, "severity": "safe"},
                "sexual": {"filtered": false, "severity": "safe"},
                "violence": {"filtered": true, "severity": "medium"},
            },
        },
    }});
    Refusal::json(StatusCode::BAD_REQUEST, &body)
}

/// What a proxy's sign-in or error page looks like to a client that wants events.
fn page_instead_of_events() -> Refusal {
    Refusal {
        status: StatusCode::OK,
        content_type: "text/html; charset=utf-8",
        retry_after: None,
        body: "<!doctype html><title>Demo</title><p>A page where an event stream should be.</p>".to_owned(),
    }
}

/// A region that is down. No time to wait is named: another region is there.
pub(super) fn region_is_down() -> Refusal {
    let message = demo("This region is down.");
    let error = json!({"message": message, "type": "server_error", "param": null, "code": "ServiceUnavailable"});
    Refusal::json(StatusCode::SERVICE_UNAVAILABLE, &json!({"error": error}))
}

/// Marks an error text, so that nobody who finds it in a log takes it for a real one.
fn demo(message: &str) -> String {
    format!("{message} (Asked for in the demo: nothing is really wrong.)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(fault: Fault) -> (StatusCode, Value) {
        let refusal = fault.refusal(Protocol::Chat).unwrap();
        let body: Value = serde_json::from_str(&refusal.body).unwrap();
        (refusal.status, body["error"].clone())
    }

    #[test]
    fn every_code_names_its_failure() {
        for (fault, code) in Fault::ALL {
            assert_eq!(Fault::named(code), Some(fault));
        }
        assert_eq!(Fault::named("teapot"), None);
    }

    #[test]
    fn refusals_have_azures_status_and_code() {
        for (fault, status, code) in [
            (Fault::ContentFilter, 400, "content_filter"),
            (Fault::ContextLength, 400, "context_length_exceeded"),
            (Fault::RateLimited, 429, "RateLimitReached"),
            (Fault::Auth, 401, "PermissionDenied"),
            (Fault::Misconfigured, 404, "DeploymentNotFound"),
            (Fault::Rejected, 400, "unsupported_value"),
            (Fault::Error, 500, "InternalServerError"),
        ] {
            let (got, error) = error(fault);
            assert_eq!((got.as_u16(), error["code"].as_str()), (status, Some(code)));
        }
        assert_eq!(Fault::RateLimited.refusal(Protocol::Chat).unwrap().retry_after, Some(20));
        assert_eq!(Fault::Error.refusal(Protocol::Chat).unwrap().retry_after, None);
        let page = Fault::Protocol.refusal(Protocol::Chat).unwrap();
        assert_eq!((page.status, page.content_type), (StatusCode::OK, "text/html; charset=utf-8"));
    }

    #[test]
    fn a_filtered_prompt_says_which_categories() {
        let (_, error) = error(Fault::ContentFilter);
        assert_eq!(error["innererror"]["code"], "ResponsibleAIPolicyViolation");
        assert_eq!(error["innererror"]["content_filter_result"]["violence"]["filtered"], true);
        assert_eq!(error["innererror"]["content_filter_result"]["hate"]["filtered"], false);
    }

    #[test]
    fn failures_of_the_request_never_come_midway() {
        assert_eq!(Fault::Auth.place(Some(When::Midway)), When::AtOnce);
        assert_eq!(Fault::Error.place(Some(When::Midway)), When::Midway);
        assert_eq!(Fault::Timeout.place(None), When::AfterThoughts);
        assert_eq!(Fault::Truncated.place(None), When::Midway);
        assert_eq!(Fault::ContextLength.place(Some(When::InStream)), When::InStream);
        assert_eq!(Fault::ContextLength.place(Some(When::AtEnd)), When::AtOnce);
    }
}
