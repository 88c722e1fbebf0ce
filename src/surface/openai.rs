//! The OpenAI-compatible surface: chat completions as OpenAI's SDKs and the tools built on them ask for them.
//!
//! `request` reads what they send, `chunks` and `whole` write an answer from the choice lines, as it comes or when
//! it is there, `error` says what failed in their words, and `models` lists what may be asked. Pure.

pub(crate) mod chunks;
mod delta;
pub(crate) mod error;
mod message;
pub(crate) mod models;
pub mod request;
mod tools;
pub(crate) mod whole;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970, as OpenAI's objects tell when they were created.
pub(crate) fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).as_ref().map_or(0, Duration::as_secs)
}

/// An answer's id, made of the request's.
fn completion_id(request_id: &str) -> String {
    format!("chatcmpl-{request_id}")
}
