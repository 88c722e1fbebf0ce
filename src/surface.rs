//! How an answer goes out: what stands around the choice lines, and what a failure looks like.
//!
//! In: choice lines and the turn's own events (it starts, it waits, it ends). Out: bytes. Nothing here knows where an
//! answer comes from.

pub(crate) mod lines;
pub(crate) mod models;
pub mod openai;

use std::time::Duration;

use self::openai::chunks::Chunks;
use crate::answer::Answer;
use crate::error::ChatError;

/// The form in which one answer goes out.
#[derive(Debug)]
pub enum Surface {
    /// JSON Lines; also where the choice lines are wanted as they are.
    Lines,
    /// OpenAI's chunks.
    Chunks(Chunks),
}

/// Who answers whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) request_id: &'a str,
    /// The model's name, as it is offered.
    pub(crate) model: &'a str,
    /// The deployment that answers, or is asked first.
    pub(crate) deployment: &'a str,
}

/// How a whole answer ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End<'a> {
    pub(crate) answer: &'a Answer,
    pub(crate) elapsed: Duration,
    pub(crate) first_token: Option<Duration>,
}

impl Surface {
    /// OpenAI's chunks, for an answer of the model of this name; `include_usage`: the client asked for the count of tokens.
    pub fn chunks(request_id: &str, model: &str, include_usage: bool) -> Self {
        Self::Chunks(Chunks::new(request_id, model, include_usage))
    }

    /// What comes first.
    pub(crate) fn start(&mut self, out: &mut Vec<u8>, start: &Start<'_>) {
        match self {
            Self::Lines => lines::start(out, start),
            Self::Chunks(chunks) => chunks.start(out),
        }
    }

    /// Choice lines were written to `out` from `from` on: puts them into this form.
    pub(crate) fn frame(&mut self, out: &mut Vec<u8>, from: usize) {
        match self {
            // They are lines of ours already.
            Self::Lines => {}
            Self::Chunks(chunks) => chunks.frame(out, from),
        }
    }

    /// The model is silent, the connection is not.
    pub(crate) fn heartbeat(&mut self, out: &mut Vec<u8>, elapsed: Duration) {
        match self {
            Self::Lines => lines::heartbeat(out, elapsed),
            Self::Chunks(chunks) => chunks.heartbeat(out),
        }
    }

    /// What ends a whole answer.
    pub(crate) fn done(&mut self, out: &mut Vec<u8>, end: &End<'_>) {
        match self {
            Self::Lines => lines::done(out, end),
            Self::Chunks(chunks) => chunks.done(out, end.answer),
        }
    }

    /// What ends an answer that broke.
    pub(crate) fn error(&mut self, out: &mut Vec<u8>, error: &ChatError, request_id: &str) {
        match self {
            Self::Lines => lines::error(out, error, request_id),
            Self::Chunks(chunks) => chunks.error(out, error),
        }
    }
}
