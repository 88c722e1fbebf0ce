//! What is known of a chat turn, told once at its end: one log line, one span, the metrics. How it ended, how long it
//! took, what it cost. Never what was said.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::hints::Hints;
use crate::answer::Answer;
use crate::error::{ChatError, Code};
use crate::report::telemetry::{Call, Ending, ModelTag, Outcome, Trace};

/// What nginx and others after it note for a client that left before there was a status.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What is known of a turn. If nobody says how it ended, the reader has left; that is told when it is dropped.
#[derive(Debug)]
pub struct Record {
    request_id: String,
    trace: Trace,
    /// The call to upstream that is answering.
    call: Option<Call>,
    /// The deployment that answers, or is asked first.
    model: ModelTag,
    started: Instant,
    /// Upstream's, once it is asked.
    hints: Option<Arc<Hints>>,
    /// Whether the client has its 200.
    answering: bool,
    first_token: Option<Instant>,
    events: u64,
    /// What a failure's status is where it has one.
    status: fn(Code) -> StatusCode,
    told: bool,
}

impl Record {
    /// A turn that starts now.
    pub fn new(request_id: String, trace: Trace) -> Self {
        Self {
            request_id,
            trace,
            call: None,
            model: ModelTag::default(),
            started: Instant::now(),
            hints: None,
            answering: false,
            first_token: None,
            events: 0,
            status: Code::status,
            told: false,
        }
    }

    /// The same where failures have other statuses than usual.
    #[must_use]
    pub(crate) fn with_status(mut self, status: fn(Code) -> StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The id under which the log knows the turn.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The request's place in its trace.
    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
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

    /// A model is asked, this deployment of it first.
    pub(crate) fn asks(&mut self, hints: Arc<Hints>, model: ModelTag) {
        self.hints = Some(hints);
        self.model = model;
    }

    /// This deployment answers this call.
    pub(crate) fn answered(&mut self, call: Call, model: ModelTag) {
        self.call = Some(call);
        self.model = model;
    }

    /// The answer that began has failed before its first output, and another deployment may be asked.
    pub(crate) fn asks_again(&mut self, reason: Code) {
        if let Some(call) = self.call.take() {
            call.failed(reason);
        }
    }

    /// The client gets its 200.
    pub(crate) fn begins(&mut self) {
        self.answering = true;
    }

    pub(crate) fn first_token(&mut self, now: Instant) {
        self.first_token.get_or_insert(now);
    }

    pub(crate) fn count_event(&mut self) {
        self.events += 1;
    }

    /// The answer was whole.
    pub(crate) fn done(&mut self, answer: &Answer) {
        if let Some(hints) = &self.hints {
            hints.look(answer);
        }
        let tokens = answer.tokens();
        self.tell(&Outcome::Done {
            finish_reason: known(answer.finish_reason()),
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            reasoning_tokens: tokens.reasoning,
            thoughts: answer.thoughts().as_str(),
        });
    }

    /// The turn failed. The one place where a failure's cause is logged.
    pub fn failed(&mut self, error: &ChatError) {
        self.tell(&Outcome::Failed(error));
    }

    fn tell(&mut self, outcome: &Outcome<'_>) {
        self.told = true;
        let status = match outcome {
            _ if self.answering => StatusCode::OK.as_u16(),
            Outcome::Failed(error) => (self.status)(error.code()).as_u16(),
            Outcome::Done { .. } | Outcome::ClientLeft => CLIENT_CLOSED_REQUEST,
        };
        let ending = Ending {
            outcome: *outcome,
            status,
            asked: self.hints.is_some(),
            model: &self.model,
            elapsed: self.elapsed(),
            first_token: self.first_token_after(),
            events: self.events,
        };
        let _within = self.trace.enter();
        self.log(&ending);
        self.trace.end(self.call.take(), &ending);
    }

    fn log(&self, ending: &Ending<'_>) {
        macro_rules! tell {
            ($level:ident $(, $name:ident = $value:expr)*) => {
                tracing::$level!(
                    request_id = self.request_id,
                    trace_id = self.trace.id().map(display),
                    outcome = ending.name(),
                    $($name = $value,)*
                    elapsed_ms = milliseconds(ending.elapsed),
                    first_token_ms = ending.first_token.map(milliseconds),
                    events = ending.events,
                    "chat turn"
                )
            };
        }
        match ending.outcome {
            Outcome::Done { finish_reason, input_tokens, output_tokens, thoughts, .. } => tell!(
                info,
                finish_reason = finish_reason,
                thoughts = thoughts,
                prompt_tokens = input_tokens,
                completion_tokens = output_tokens
            ),
            Outcome::ClientLeft => tell!(info),
            // What a client did wrong is nothing to be woken for.
            Outcome::Failed(error) if error.code().status().is_client_error() => tell!(info, cause = error.cause()),
            Outcome::Failed(error) => tell!(warn, cause = error.cause()),
        }
    }
}

/// Whole milliseconds, as they are told.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
            self.tell(&Outcome::ClientLeft);
        }
    }
}
