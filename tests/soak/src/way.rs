//! The way that a turn takes through the program: the surface by which a client asks, the protocol by which upstream is
//! asked, and whether the model has a second deployment to fall back on.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::kind::Kind;

/// The deployments' names. The second one of a pair is at an address of its own.
pub(crate) const ALONE: &str = "soak";
pub(crate) const FIRST: &str = "soak-first";
pub(crate) const SECOND: &str = "soak-second";

/// What upstream is asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Chat,
    Responses,
}

impl Protocol {
    /// Where upstream has it.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/openai/v1/chat/completions",
            Self::Responses => "/openai/v1/responses",
        }
    }
}

/// What the client asks in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Surface {
    /// JSON Lines, `/api/chat/stream`.
    Lines,
    /// OpenAI's stream of chunks.
    Chunks,
    /// OpenAI's answer in one piece.
    Whole,
}

/// A turn's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) protocol: Protocol,
    pub(crate) surface: Surface,
    /// The model has two deployments.
    pub(crate) is_pair: bool,
    /// Which of OpenAI's addresses.
    spelling: u8,
}

impl Way {
    /// A way by the dice that this kind can take.
    pub(crate) fn draw(random: &mut Rng, kind: Kind) -> Self {
        let protocol = if random.bool() { Protocol::Chat } else { Protocol::Responses };
        let surface = match random.u8(..10) {
            0..4 => Surface::Lines,
            4..8 => Surface::Chunks,
            // Nothing can be left or not read in the middle.
            _ if kind.reads_in_pieces() => Surface::Chunks,
            _ => Surface::Whole,
        };
        let is_pair = kind.fails_over() || kind.may_have_a_pair() && random.u8(..4) == 0;
        Self { protocol, surface, is_pair, spelling: random.u8(..3) }
    }

    /// The same protocol for many small events, which are seen one by one.
    pub(crate) fn of_bulk(protocol: Protocol, in_chunks: bool) -> Self {
        let surface = if in_chunks { Surface::Chunks } else { Surface::Lines };
        Self { protocol, surface, is_pair: false, spelling: 0 }
    }

    /// The model's name in `MODELS`.
    pub(crate) fn model(self) -> &'static str {
        match (self.protocol, self.is_pair) {
            (Protocol::Chat, false) => "chat",
            (Protocol::Chat, true) => "chat-pair",
            (Protocol::Responses, false) => "responses",
            (Protocol::Responses, true) => "responses-pair",
        }
    }

    /// Where the client asks.
    pub(crate) fn path(self) -> String {
        match (self.surface, self.spelling) {
            (Surface::Lines, _) => "/api/chat/stream".to_owned(),
            (_, 0) => "/api/v1/chat/completions".to_owned(),
            (_, 1) => "/api/openai/v1/chat/completions".to_owned(),
            _ => format!("/api/openai/deployments/{}/chat/completions?api-version=2025-01-01", self.model()),
        }
    }

    /// What the client asks.
    pub(crate) fn request(self, messages: &[Value]) -> Value {
        let model = self.model();
        match self.surface {
            Surface::Lines | Surface::Whole => json!({ "model": model, "messages": messages }),
            Surface::Chunks => json!({
                "model": model,
                "messages": messages,
                "stream": true,
                "stream_options": { "include_usage": true },
            }),
        }
    }

    /// The media type of a good answer.
    pub(crate) fn media_type(self) -> &'static str {
        match self.surface {
            Surface::Lines => "application/x-ndjson; charset=utf-8",
            Surface::Chunks => "text/event-stream; charset=utf-8",
            Surface::Whole => "application/json",
        }
    }
}
