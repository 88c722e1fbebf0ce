//! How an answer goes out: what stands around the choice lines, and what a failure looks like.
//!
//! In: choice lines and the turn's own events (it starts, it waits, it ends). Out: bytes. Nothing here knows where an
//! answer comes from.

pub(crate) mod lines;
pub(crate) mod models;

use std::time::Duration;

use crate::answer::Answer;
use crate::error::ChatError;

/// The form in which one answer goes out.
#[derive(Debug)]
pub enum Surface {
    /// JSON Lines.
    Lines,
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
    /// What comes first.
    pub(crate) fn start(&mut self, out: &mut Vec<u8>, start: &Start<'_>) {
        match self {
            Self::Lines => lines::start(out, start),
        }
    }

    /// Choice lines were written to `out` from `from` on: puts them into this form.
    pub(crate) fn frame(&mut self, _out: &mut Vec<u8>, _from: usize) {
        match self {
            // They are lines of ours already.
            Self::Lines => {}
        }
    }

    /// The model is silent, the connection is not.
    pub(crate) fn heartbeat(&mut self, out: &mut Vec<u8>, elapsed: Duration) {
        match self {
            Self::Lines => lines::heartbeat(out, elapsed),
        }
    }

    /// What ends a whole answer.
    pub(crate) fn done(&mut self, out: &mut Vec<u8>, end: &End<'_>) {
        match self {
            Self::Lines => lines::done(out, end),
        }
    }

    /// What ends an answer that broke.
    pub(crate) fn error(&mut self, out: &mut Vec<u8>, error: &ChatError, request_id: &str) {
        match self {
            Self::Lines => lines::error(out, error, request_id),
        }
    }
}
