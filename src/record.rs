//! One log line a chat turn: how it ended, how long it took, what it cost. Never what was said.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::error::ChatError;
use crate::line::milliseconds;

/// What is known of a turn. If nobody says how it ended, the reader has left; that is told when it is dropped.
#[derive(Debug)]
pub struct Record {
    request_id: String,
    started: Instant,
    first_token: Option<Instant>,
    events: u64,
    told: bool,
}

/// The counts of `usage` that the log tells.
#[derive(Default, Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

impl Record {
    /// A turn that starts now.
    pub fn new(request_id: String) -> Self {
        Self { request_id, started: Instant::now(), first_token: None, events: 0, told: false }
    }

    /// The id under which the log knows the turn.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// When the request arrived.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Time since then.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Time from the request to the model's first token.
    pub fn first_token_after(&self) -> Option<Duration> {
        self.first_token.map(|at| at - self.started)
    }

    pub(crate) fn first_token(&mut self, now: Instant) {
        self.first_token.get_or_insert(now);
    }

    pub(crate) fn count_event(&mut self) {
        self.events += 1;
    }

    /// The answer was whole.
    pub(crate) fn done(&mut self, answer: &Answer) {
        self.told = true;
        let usage: Usage = serde_json::from_str(answer.usage()).unwrap_or_default();
        tracing::info!(
            request_id = self.request_id,
            outcome = "done",
            finish_reason = known(answer.finish_reason()),
            elapsed_ms = milliseconds(self.elapsed()),
            first_token_ms = self.first_token_after().map(milliseconds),
            events = self.events,
            prompt_tokens = usage.prompt_tokens,
            completion_tokens = usage.completion_tokens,
            "chat turn"
        );
    }

    /// The turn failed. The one place where a failure's cause is logged.
    pub fn failed(&mut self, error: &ChatError) {
        self.told = true;
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    request_id = self.request_id,
                    outcome = error.code().as_str(),
                    cause = error.cause(),
                    elapsed_ms = milliseconds(self.elapsed()),
                    first_token_ms = self.first_token_after().map(milliseconds),
                    events = self.events,
                    "chat turn"
                )
            };
        }
        // What a client did wrong is nothing to be woken for.
        if error.code().status().is_client_error() { tell!(info) } else { tell!(warn) }
    }
}

/// A finish reason for the log: one of the field's, so that nothing else of upstream's gets in.
fn known(finish_reason: &str) -> &str {
    match finish_reason.trim_matches('"') {
        reason @ ("stop" | "length" | "content_filter" | "tool_calls" | "function_call") => reason,
        _ => "other",
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.told {
            tracing::info!(
                request_id = self.request_id,
                outcome = "client_left",
                elapsed_ms = milliseconds(self.elapsed()),
                first_token_ms = self.first_token_after().map(milliseconds),
                events = self.events,
                "chat turn"
            );
        }
    }
}
