//! What an answer is made of, whatever the protocol makes of it: stretches of text, pauses, and events.

use std::time::Duration;

use super::fault::{Fault, Telling};

/// What a stretch of text is, and so where it goes and what it counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// `reasoning_content`.
    Thought,
    /// Reasoning inside `content`, as models without a field of their own send it.
    InlineThought,
    /// `content`.
    Answer,
    /// `refusal`.
    Refusal,
    /// A tool's arguments.
    Arguments,
}

/// Pieces that were streamed, and the estimate for the prompt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) prompt: usize,
    pub(super) reasoning: usize,
    pub(super) answer: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    ContentFilter,
    ToolCalls,
}

impl Finish {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::ToolCalls => "tool_calls",
        }
    }
}

/// What happens in an answer, whatever the protocol makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The request was let in.
    Opened,
    /// The model has it.
    Started,
    /// A summary goes on with its next part, or begins.
    SummaryPart,
    /// The model thinks and does not tell.
    HiddenThought,
    Piece(Voice, String),
    /// A function is to be called; its arguments follow.
    Call(String),
    Finish(Finish),
    LateVerdict {
        end_offset: usize,
    },
    /// The message or call that is open is whole.
    ItemDone,
    Error(Fault, Telling),
    /// An event of the other protocol.
    Foreign,
    /// Half a JSON object.
    Broken,
    Usage(Tokens),
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Pause(Duration),
    /// Text, piece by piece, each after `pace`.
    Say {
        voice: Voice,
        text: String,
        pace: Duration,
    },
    /// Text that is counted and takes its time, and is not said.
    Hide {
        text: String,
        pace: Duration,
    },
    Send(Event),
    /// The count of what was said so far.
    Usage,
}
