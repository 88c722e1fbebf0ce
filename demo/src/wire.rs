//! Events to the bytes of server-sent events, in one protocol or the other.

mod chat;
mod filter;
mod responses;

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::ask::responses::Echo;
use super::step::Event;

/// What one answer is written with.
#[derive(Debug)]
pub(super) enum Wire {
    Chat(chat::Chunks),
    Responses(Box<responses::Events>),
}

impl Wire {
    /// Chunks of chat completions by `deployment`.
    pub(super) fn chat(deployment: &'static str) -> Self {
        Self::Chat(chat::Chunks::new(deployment))
    }

    /// Events of the Responses API.
    pub(super) fn responses(echo: Echo) -> Self {
        Self::Responses(Box::new(responses::Events::new(echo)))
    }

    /// The bytes that tell of one event: none, one, or several server-sent events.
    pub(super) fn event(&mut self, event: &Event) -> Bytes {
        match self {
            Self::Chat(chunks) => chunks.event(event),
            Self::Responses(events) => events.event(event),
        }
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// An identifier with `digits` hexadecimal digits behind `prefix`.
fn id(prefix: &str, digits: usize) -> String {
    let mut id = prefix.to_owned();
    id.extend((0..digits).filter_map(|_| char::from_digit(fastrand::u32(..16), 16)));
    id
}
