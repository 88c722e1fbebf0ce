//! What upstream says when it refuses or fails, and what that means here.
//!
//! In: a status and an error body, or an error event in the middle of a stream. Out: a [`ChatError`]. Upstream's own
//! words are read for their meaning and go nowhere: not to the client, not to the log, which gets the machine-made
//! `code` and `type` only.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{ChatError, Code};
use crate::json::{Object, given};
use crate::protocol::filter::filtered_categories;

/// The wait that a client is told when upstream limits the rate and names none.
const DEFAULT_RATE_WAIT: Duration = Duration::from_secs(10);

/// Upstream's account of a failure, in any of the shapes of the field: Azure's and OpenAI's `{"error":{…}}`, a bare
/// `{"code":…,"message":…}` of a gateway, `{"error":"text"}` of Ollama and others.
#[derive(Debug, Default)]
pub(crate) struct Account {
    code: String,
    kind: String,
    inner_code: String,
    /// Lower case; looked at for a few words, and never told.
    message: String,
    categories: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Fields<'a> {
    #[serde(default, borrow, deserialize_with = "given")]
    error: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    code: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given", rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given", alias = "error_message")]
    message: Option<&'a RawValue>,
    #[serde(default, borrow)]
    innererror: Option<Object<Inner<'a>>>,
}

#[derive(Default, Deserialize)]
struct Inner<'a> {
    #[serde(default, borrow, deserialize_with = "given")]
    code: Option<&'a RawValue>,
    #[serde(default, borrow, alias = "content_filter_results")]
    content_filter_result: Option<&'a RawValue>,
}

impl Account {
    /// Reads an error body or an error event. What cannot be read says nothing.
    pub(crate) fn read(json: &str) -> Self {
        let Ok(Object(outer)) = serde_json::from_str::<Object<Fields<'_>>>(json) else { return Self::default() };
        match outer.error {
            None => Self::from_fields(&outer),
            Some(error) => match serde_json::from_str::<Object<Fields<'_>>>(error.get()) {
                Ok(Object(inner)) => Self::from_fields(&inner),
                Err(_) => Self { message: text(Some(error)).to_lowercase(), ..Self::default() },
            },
        }
    }

    fn from_fields(fields: &Fields<'_>) -> Self {
        let inner = fields.innererror.as_ref().map(|Object(inner)| inner);
        Self {
            code: text(fields.code),
            kind: text(fields.kind),
            message: text(fields.message).to_lowercase(),
            inner_code: text(inner.and_then(|inner| inner.code)),
            categories: inner
                .and_then(|inner| inner.content_filter_result)
                .map(filtered_categories)
                .unwrap_or_default(),
        }
    }

    /// Whether it says anything of a failure. A `type` alone does not: every event may have one.
    pub(crate) fn is_told(&self) -> bool {
        !self.code.is_empty() || !self.message.is_empty()
    }

    fn is_content_filter(&self) -> bool {
        self.code == "content_filter" || self.inner_code == "ResponsibleAIPolicyViolation"
    }

    /// Azure and OpenAI have a code for it; llama.cpp, LM Studio and others say it in words only.
    fn is_context_length(&self) -> bool {
        self.code == "context_length_exceeded"
            || ["context length", "maximum context", "context window", "context size"]
                .iter()
                .any(|words| self.message.contains(words))
    }

    fn is_rate_limit(&self) -> bool {
        let said = |text: &str| {
            matches!(text, "429" | "insufficient_quota" | "RateLimitReached")
                || text.to_ascii_lowercase().starts_with("rate_limit")
                || text.eq_ignore_ascii_case("too_many_requests")
        };
        said(&self.code) || said(&self.kind)
    }

    /// Azure's word for "the token is good, the role is missing"; a fresh token would not help.
    pub(crate) fn is_permission_denied(&self) -> bool {
        self.code == "PermissionDenied"
    }

    /// An error event, or an `error` field, in the middle of a 200 answer.
    pub(crate) fn into_stream_error(self) -> ChatError {
        let cause = format!("error event, {self}");
        let error = if self.is_content_filter() {
            content_filtered(self.categories)
        } else if self.is_context_length() {
            context_length()
        } else if self.is_rate_limit() {
            rate_limited(None)
        } else {
            ChatError::new(Code::UpstreamError, "The model failed while it answered. Try again.")
        };
        error.caused_by(cause)
    }

    /// An answer that is not a success. `wait` is what its headers say of a later try.
    pub(crate) fn into_refusal(self, status: StatusCode, wait: Option<Duration>) -> ChatError {
        let mut cause = format!("status {}, {self}", status.as_u16());
        if status == StatusCode::UNAUTHORIZED && self.message.contains("audience") {
            // Azure says so for a token of another scope, for a missing one and for an expired one alike.
            cause.push_str("; if the role is there, the token's audience may be wrong (AZURE_INFERENCE_SCOPE)");
        }
        let error = match status.as_u16() {
            400 | 413 | 422 if self.is_content_filter() => content_filtered(self.categories),
            400 | 413 | 422 if self.is_context_length() => context_length(),
            401 | 403 => ChatError::new(
                Code::UpstreamAuth,
                "The model's service refused this program's identity. It needs the role Cognitive Services User on the \
                 resource; a new assignment takes some minutes to work.",
            ),
            404 => ChatError::new(
                Code::UpstreamMisconfigured,
                "The model's service does not know the deployment or the address. Check AZURE_INFERENCE_ENDPOINT and \
                 AZURE_DEEPSEEK_DEPLOYMENT; a new deployment takes some minutes to appear.",
            ),
            429 => rate_limited(wait),
            400..=499 => ChatError::new(
                Code::UpstreamRejected,
                "The model's service refused the request. The operator finds its error code in the log.",
            ),
            500..=599 => ChatError::new(Code::UpstreamError, "The model's service failed. Try again in a moment."),
            _ => ChatError::new(
                Code::UpstreamProtocol,
                "The model's service answered with something that is no answer. Check AZURE_INFERENCE_ENDPOINT.",
            ),
        };
        error.caused_by(cause)
    }
}

impl fmt::Display for Account {
    /// For the log: the machine-made names only, and only if they look like names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}, type {}, inner code {}", name(&self.code), name(&self.kind), name(&self.inner_code))
    }
}

fn name(text: &str) -> &str {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if text.is_empty() {
        "none"
    } else if plain && text.len() <= 64 {
        text
    } else {
        "unreadable"
    }
}

fn content_filtered(categories: Vec<String>) -> ChatError {
    ChatError::new(
        Code::ContentFilter,
        "The content filter of the model's service refused this conversation. Say it differently.",
    )
    .with_categories(categories)
}

fn context_length() -> ChatError {
    ChatError::new(
        Code::ContextLengthExceeded,
        "The conversation is too long for the model. Start a new one, or shorten it.",
    )
}

fn rate_limited(wait: Option<Duration>) -> ChatError {
    ChatError::new(Code::RateLimited, "The model is busy: its rate limit is reached. Try again in a moment.")
        .retry_after(wait.unwrap_or(DEFAULT_RATE_WAIT))
}

/// A string or a number as text; anything else as nothing.
fn text(raw: Option<&RawValue>) -> String {
    let Some(raw) = raw else { return String::new() };
    match serde_json::from_str(raw.get()) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(serde_json::Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> ChatError {
        Account::read(body).into_refusal(StatusCode::from_u16(status).unwrap(), None)
    }

    #[test]
    fn statuses_and_bodies_have_their_codes() {
        let filter = r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,
            "innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"},"jailbreak":{"detected":false,"filtered":false}}}}}"#;
        for (status, body, code) in [
            (400, filter, Code::ContentFilter),
            (400, r#"{"error":{"code":"context_length_exceeded","message":"m"}}"#, Code::ContextLengthExceeded),
            (
                400,
                r#"{"error":{"code":400,"message":"request (9 tokens) exceeds the available context size"}}"#,
                Code::ContextLengthExceeded,
            ),
            (400, r#"{"error":"bad temperature"}"#, Code::UpstreamRejected),
            (401, r#"{"error":{"code":"PermissionDenied","message":"m"}}"#, Code::UpstreamAuth),
            (403, "", Code::UpstreamAuth),
            (404, r#"{"error":{"code":"DeploymentNotFound"}}"#, Code::UpstreamMisconfigured),
            (409, "{}", Code::UpstreamRejected),
            (418, "<html>", Code::UpstreamRejected),
            (429, r#"{"statusCode":429,"message":"m"}"#, Code::RateLimited),
            (500, "", Code::UpstreamError),
            (503, "[]", Code::UpstreamError),
            (302, "", Code::UpstreamProtocol),
        ] {
            assert_eq!(refused(status, body).code(), code, "{status} {body}");
        }
        let json = String::from_utf8(refused(400, filter).to_json("r")).unwrap();
        assert!(json.contains(r#""categories":["hate"]"#), "{json}");
    }

    #[test]
    fn error_events_have_their_codes() {
        for (event, code) in [
            (r#"{"error":{"message":"m","type":"server_error","param":null,"code":null}}"#, Code::UpstreamError),
            (r#"{"error":{"code":"429","message":"Rate limit is exceeded."}}"#, Code::RateLimited),
            (r#"{"error":{"code":429,"message":"m"}}"#, Code::RateLimited),
            (r#"{"error":{"code":"rate_limit_exceeded"}}"#, Code::RateLimited),
            (r#"{"error":{"message":"… greater than the context length."}}"#, Code::ContextLengthExceeded),
            (r#"{"error":{"code":"content_filter"}}"#, Code::ContentFilter),
            (r#"{"error":{"code":500,"message":"m"}}"#, Code::UpstreamError),
            ("not JSON", Code::UpstreamError),
        ] {
            assert_eq!(Account::read(event).into_stream_error().code(), code, "{event}");
        }
    }

    #[test]
    fn a_token_for_another_audience_is_hinted_at_in_the_log() {
        let body = r#"{"statusCode":401,"message":"Unauthorized. Access token is missing, invalid, audience is incorrect (https://x), or have expired."}"#;
        let error = refused(401, body);
        assert_eq!(error.code(), Code::UpstreamAuth);
        let cause = error.cause().unwrap();
        assert!(cause.contains("AZURE_INFERENCE_SCOPE") && !cause.contains("https://x"), "{cause}");
    }

    #[test]
    fn upstreams_words_go_nowhere() {
        let body = r#"{"error":{"code":"secret words\n","type":"secret","message":"secret","innererror":{"code":"secret2 "}}}"#;
        let error = refused(400, body);
        assert!(!error.text().contains("secret"));
        assert_eq!(error.cause(), Some("status 400, code unreadable, type secret, inner code unreadable"));
    }
}
