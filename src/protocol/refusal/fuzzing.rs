//! For `fuzz/`: the refusal reader, which is not public otherwise.

use http::StatusCode;

use crate::error::ChatError;
use crate::protocol::refusal::{Account, Asked};

/// What a refusal with this status and body leads to, with and without a token, in production and at home.
pub fn refusals(status: u16, body: &str) -> Vec<ChatError> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let refusal = |with_token, at_home| {
        let asked = Asked { deployment: "r1", path: "/v1/chat/completions", with_token, at_home, fields: &[] };
        Account::read(body).into_refusal(status, Account::read(body).asked_wait(), &asked)
    };
    vec![refusal(true, false), refusal(false, true)]
}

/// What an error event with this data leads to.
pub fn error_event(data: &str) -> ChatError {
    Account::read(data).into_stream_error()
}

/// What the data of an event leads to, where it tells of a failure in any plain shape.
pub fn told_in(data: &str) -> Option<ChatError> {
    Account::told_in(data).map(Account::into_stream_error)
}
