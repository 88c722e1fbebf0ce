//! What a model's service speaks: for each protocol the body of a request and a reader of the answer's events; and, for
//! all of them, server-sent events, refusals and content filters. Pure.
//!
//! In: a conversation, and the bytes of an answer. Out: bytes for the wire, and choice lines. Nothing here knows
//! sockets, time, or who reads the lines.

pub mod chat;
mod filter;
pub mod refusal;
pub mod sse;

use self::sse::Event;
use crate::answer::Answer;
use crate::error::ChatError;

/// What follows after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More events.
    Event,
    /// Nothing: upstream said that this was all.
    End,
}

/// Reads one answer's events, by the protocol in which it comes.
#[derive(Debug)]
pub enum Reader {
    /// Chat completions.
    Chat(chat::Reader),
}

impl Default for Reader {
    fn default() -> Self {
        Self::Chat(chat::Reader::default())
    }
}

impl Reader {
    /// Takes one event and appends its choice lines, each with its `\n`, to `lines`.
    ///
    /// # Errors
    /// Upstream reports a failure, or the event is not what a stream of the protocol holds.
    pub fn event(&mut self, event: &Event<'_>, lines: &mut Vec<u8>) -> Result<Next, ChatError> {
        match self {
            Self::Chat(reader) => reader.event(event, lines),
        }
    }

    /// The stream is over. Appends what was still held back.
    ///
    /// # Errors
    /// `upstream_truncated`: it had no end, whatever else came.
    pub fn end(&mut self, lines: &mut Vec<u8>) -> Result<(), ChatError> {
        match self {
            Self::Chat(reader) => reader.end(lines),
        }
    }

    /// What is known of the answer so far.
    pub fn answer(&self) -> &Answer {
        match self {
            Self::Chat(reader) => reader.answer(),
        }
    }
}
