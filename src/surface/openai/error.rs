//! What a failure looks like to OpenAI's clients: its object, its status, and whether to ask again.
//!
//! Many clients ask again on every 5xx, whatever a header tells them, and each repetition may be paid for. So a failure
//! that would come again has a status here that nobody repeats.

use http::StatusCode;
use serde::Serialize;

use crate::error::{ChatError, Code};

/// A wait longer than this is the caller's to make: clients that are told to ask again do so much earlier. Seconds.
const MAX_WAIT: u64 = 60;

/// The HTTP status of a failure before the answer's first byte.
pub(crate) fn status(code: Code) -> StatusCode {
    match code {
        Code::UpstreamRejected => StatusCode::BAD_REQUEST,
        Code::UpstreamMisconfigured => StatusCode::NOT_FOUND,
        code => code.status(),
    }
}

/// For `x-should-retry`, which OpenAI's own SDKs obey.
pub(crate) fn should_retry(error: &ChatError) -> bool {
    error.code().retryable() && error.retry_after_seconds().is_none_or(|wait| wait <= MAX_WAIT)
}

/// The body of a refusal.
pub(crate) fn body(error: &ChatError, request_id: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        error: ErrorObject<'a>,
        request_id: &'a str,
    }
    // Strings always serialise into memory.
    serde_json::to_vec(&Body { error: object(error), request_id }).unwrap_or_default()
}

/// OpenAI's error object.
#[derive(Serialize)]
pub(super) struct ErrorObject<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: &'static str,
}

pub(super) fn object(error: &ChatError) -> ErrorObject<'_> {
    ErrorObject { message: error.text(), r#type: kind(error.code()), param: error.param(), code: error.code().as_str() }
}

fn kind(code: Code) -> &'static str {
    match code {
        Code::Unauthenticated => "authentication_error",
        Code::ForbiddenOrigin | Code::SignInNotConfigured => "permission_error",
        Code::RateLimited => "rate_limit_error",
        code if status(code).is_client_error() && code != Code::RequestTimeout => "invalid_request_error",
        _ => "server_error",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_code_has_its_type_and_its_status() {
        let rows: Vec<String> = Code::ALL
            .iter()
            .map(|code| {
                let error = ChatError::new(*code, "text");
                let retry = should_retry(&error);
                format!("{} {} {} {retry}", code.as_str(), status(*code).as_u16(), kind(*code))
            })
            .collect();
        assert_eq!(
            rows,
            [
                "invalid_request 400 invalid_request_error false",
                "unauthenticated 401 authentication_error false",
                "sign_in_not_configured 403 permission_error false",
                "forbidden_origin 403 permission_error false",
                "not_found 404 invalid_request_error false",
                "method_not_allowed 405 invalid_request_error false",
                "model_not_found 404 invalid_request_error false",
                "request_timeout 408 server_error true",
                "request_too_large 413 invalid_request_error false",
                "unsupported_media_type 415 invalid_request_error false",
                "content_filter 400 invalid_request_error false",
                "context_length_exceeded 400 invalid_request_error false",
                "stream_required 400 invalid_request_error false",
                "rate_limited 429 rate_limit_error true",
                "overloaded 503 server_error true",
                "identity_unavailable 503 server_error true",
                "upstream_auth 502 server_error true",
                "upstream_misconfigured 404 invalid_request_error false",
                "upstream_rejected 400 invalid_request_error false",
                "upstream_error 502 server_error true",
                "upstream_protocol 502 server_error false",
                "upstream_timeout 504 server_error true",
                "upstream_truncated 502 server_error true",
                "shutting_down 503 server_error true",
                "internal 500 server_error false",
            ]
        );
    }

    #[test]
    fn a_long_wait_is_no_reason_to_ask_again_soon() {
        let limited = |wait| ChatError::new(Code::RateLimited, "").retry_after(Duration::from_secs(wait));
        assert!(should_retry(&limited(60)));
        assert!(!should_retry(&limited(61)));
    }

    #[test]
    fn the_body_is_openais() {
        let error = ChatError::new(Code::InvalidRequest, "n: no.").about("n").caused_by("secret");
        let body = String::from_utf8(body(&error, "r-1")).unwrap();
        assert_eq!(
            body,
            r#"{"error":{"message":"n: no.","type":"invalid_request_error","param":"n","code":"invalid_request"},"request_id":"r-1"}"#
        );
    }
}
