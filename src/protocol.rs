//! What a model's service speaks: for each protocol the body of a request and a reader of the answer's events; and, for
//! all of them, server-sent events, refusals and content filters. Pure.
//!
//! In: a conversation, and the bytes of an answer. Out: bytes for the wire, and choice lines. Nothing here knows
//! sockets, time, or who reads the lines.

pub mod chat;
mod filter;
mod frame;
mod parameters;
pub mod refusal;
pub mod responses;
pub mod sse;
mod whole_string;

use bytes::Bytes;

use self::sse::{Decoder, Event};
use crate::answer::Answer;
use crate::error::ChatError;
use crate::inbound::conversation::Conversation;
use crate::settings::{Api, Options};

/// Writes requests to one deployment, by the protocol that it speaks.
#[derive(Debug)]
pub(crate) enum Template {
    Chat(chat::request::Template),
    Responses(responses::request::Template),
}

impl Template {
    /// What the settings say is written once. `loopback`: it is a server on this machine.
    pub(crate) fn new(api: Api, deployment: &str, options: &Options, loopback: bool) -> Self {
        match api {
            Api::Chat => Self::Chat(chat::request::Template::new(deployment, options, loopback)),
            Api::Responses => Self::Responses(responses::request::Template::new(deployment, options)),
        }
    }

    /// The body of the request for a conversation.
    ///
    /// # Errors
    /// `invalid_request`: the client asks for what this protocol cannot say.
    pub(crate) fn body(&self, conversation: &Conversation) -> Result<Bytes, ChatError> {
        match self {
            Self::Chat(template) => Ok(template.body(conversation)),
            Self::Responses(template) => template.body(conversation),
        }
    }
}

/// What follows after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More events.
    Event,
    /// Nothing: upstream said that this was all.
    End,
    /// At most the reason: upstream said that it failed.
    Failed,
}

/// Reads one answer's events, by the protocol in which it comes.
#[derive(Debug)]
pub enum Reader {
    /// Chat completions.
    Chat(chat::Reader),
    /// The Responses API.
    Responses(Box<responses::Reader>),
}

impl Default for Reader {
    fn default() -> Self {
        Self::Chat(chat::Reader::default())
    }
}

impl Reader {
    /// A reader at the start of an answer. `starts_in_thoughts`: its content begins inside a think block.
    pub fn new(api: Api, starts_in_thoughts: bool) -> Self {
        match api {
            Api::Chat => Self::Chat(chat::Reader::new(starts_in_thoughts)),
            Api::Responses => Self::Responses(Box::new(responses::Reader::new(starts_in_thoughts))),
        }
    }

    /// What makes events for it of the answer's bytes; none is larger than `max_bytes`.
    pub fn decoder(&self, max_bytes: usize) -> Decoder {
        match self {
            Self::Chat(_) => Decoder::new(max_bytes),
            Self::Responses(_) => Decoder::new(max_bytes).sifting(&responses::KEYS),
        }
    }

    /// From how many bytes on the decoder may sift the next event; `None`: only if it is larger than it may be.
    pub fn sifts_above(&self) -> Option<usize> {
        match self {
            Self::Chat(_) => None,
            Self::Responses(reader) => reader.sifts_above(),
        }
    }

    /// Takes one event and appends its choice lines, each with its `\n`, to `lines`.
    ///
    /// # Errors
    /// Upstream reports a failure, or the event is not what a stream of the protocol holds.
    pub fn event(&mut self, event: &Event<'_>, lines: &mut Vec<u8>) -> Result<Next, ChatError> {
        match self {
            Self::Chat(reader) => reader.event(event, lines),
            Self::Responses(reader) => reader.event(event, lines),
        }
    }

    /// The stream is over. Appends what was still held back.
    ///
    /// # Errors
    /// `upstream_truncated`: it had no end, whatever else came.
    pub fn end(&mut self, lines: &mut Vec<u8>) -> Result<(), ChatError> {
        match self {
            Self::Chat(reader) => reader.end(lines),
            Self::Responses(reader) => reader.end(lines),
        }
    }

    /// Whether what has come is more than the word that there will be an answer. Asked after an event.
    pub fn has_begun(&self) -> bool {
        match self {
            Self::Chat(_) => true,
            Self::Responses(reader) => reader.answer().has_output(),
        }
    }

    /// Whether the model thinks without a word, which may take minutes: its service said that it does.
    pub fn is_silently_thinking(&self) -> bool {
        match self {
            Self::Chat(_) => false,
            Self::Responses(reader) => reader.is_silently_thinking(),
        }
    }

    /// What is known of the answer so far.
    pub fn answer(&self) -> &Answer {
        match self {
            Self::Chat(reader) => reader.answer(),
            Self::Responses(reader) => reader.answer(),
        }
    }
}
