//! A conversation that cannot be wrong: no empty message, nobody in it who may not be, and within bounds.
//!
//! The readers of requests build it ([`super::request`] and the surfaces'); the protocols write it for upstream.

use std::fmt;

use serde_json::value::RawValue;

pub use super::image::{Detail, Image};
use super::room::Share;
use crate::error::{ChatError, Code};
use crate::settings::RequestLimits;

/// Who said a message. The operator's system prompt is not part of a conversation: a protocol puts it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A client's own system prompt; on the OpenAI-compatible surface only.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called; on the OpenAI-compatible surface only.
    Tool,
}

impl Role {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// A part of what was said.
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    /// Text; not empty.
    Text(String),
    /// An image.
    Image(Image),
}

/// A function that the model called.
#[derive(Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id, which its answer names.
    pub id: String,
    /// The function's name.
    pub name: String,
    /// The function's arguments: JSON, as the model wrote it, which may be none.
    pub arguments: String,
}

/// One message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// What was said, in order; adjacent texts are one. Empty only beside tool calls.
    pub content: Vec<Part>,
    /// An assistant's calls of tools.
    pub tool_calls: Vec<ToolCall>,
    /// Which call a tool answers.
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A message of parts and nothing else.
    pub fn new(role: Role, content: Vec<Part>) -> Self {
        Self { role, content, tool_calls: Vec::new(), tool_call_id: None }
    }

    /// Its text, if it is text alone.
    pub fn as_text(&self) -> Option<&str> {
        match self.content.as_slice() {
            [Part::Text(text)] => Some(text),
            [] => Some(""),
            _ => None,
        }
    }

    /// Its texts, in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.content.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Image(_) => None,
        })
    }

    /// Its images, in order.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.content.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Image(image) => Some(image),
        })
    }

    fn chars(&self) -> usize {
        let called = self.tool_calls.iter().map(|call| call.name.chars().count() + call.arguments.chars().count());
        self.texts().map(|text| text.chars().count()).chain(called).sum()
    }

    /// Whether this is an assistant's message that `next` begins with: the same answer, as it was a moment before.
    fn grows_into(&self, next: &Self) -> bool {
        let is_answer = |message: &Self| message.role == Role::Assistant && message.tool_calls.is_empty();
        is_answer(self)
            && is_answer(next)
            && matches!((self.as_text(), next.as_text()), (Some(text), Some(whole)) if whole.starts_with(text))
    }
}

impl fmt::Debug for Part {
    /// Without what was said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text",
            Self::Image(_) => "Image",
        })
    }
}

impl fmt::Debug for ToolCall {
    /// Without what it asks for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCall").finish_non_exhaustive()
    }
}

impl fmt::Debug for Message {
    /// Without what was said: conversations are not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("role", &self.role).finish_non_exhaustive()
    }
}

/// At least one message.
#[derive(Debug, Default)]
pub struct Conversation {
    messages: Vec<Message>,
    /// The effort that the request chose, one of the model's.
    pub reasoning_effort: Option<String>,
    /// What an OpenAI client asks for besides.
    pub wishes: Wishes,
    /// The room that the body of its request was given.
    pub(crate) share: Share,
}

/// What an OpenAI client may ask for besides an answer. Empty on our own surface.
#[derive(Default)]
pub struct Wishes {
    /// The most tokens that the answer may take; the operator's bound stands above it.
    pub max_tokens: Option<u32>,
    /// Parameters of chat completions, by name, as the client wrote them: JSON.
    pub parameters: Vec<(&'static str, Box<RawValue>)>,
}

impl fmt::Debug for Wishes {
    /// The names only: a tool's description is the client's own text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parameters.iter().map(|(name, _)| name)).finish()
    }
}

impl Conversation {
    /// The messages, oldest first.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }
}

/// A conversation that is being read, within its bounds.
#[derive(Debug)]
pub(crate) struct Builder<'l> {
    messages: Vec<Message>,
    chars: usize,
    images: usize,
    limits: &'l RequestLimits,
    max_messages: (usize, &'static str),
}

impl<'l> Builder<'l> {
    /// `max_messages` is the bound and the setting's name.
    pub(crate) fn new(limits: &'l RequestLimits, max_messages: (usize, &'static str)) -> Self {
        Self { messages: Vec::new(), chars: 0, images: 0, limits, max_messages }
    }

    /// Adds a message.
    ///
    /// # Errors
    /// `request_too_large`
    pub(crate) fn push(&mut self, message: Message) -> Result<(), ChatError> {
        if let Some(earlier) = self.messages.pop_if(|last| last.grows_into(&message)) {
            self.chars -= earlier.chars();
        }
        self.chars += message.chars();
        self.images += message.images().count();
        self.messages.push(message);
        let (max_messages, setting) = self.max_messages;
        let limits = self.limits;
        let bounds = [
            (self.messages.len(), max_messages, "messages", setting),
            (self.chars, limits.max_chars, "characters in all", "MAX_CONVERSATION_CHARS"),
            (self.images, limits.max_images, "images", "MAX_IMAGES"),
        ];
        for (count, max, what, setting) in bounds {
            if count > max {
                let text = format!("messages: more than {max} {what} ({setting}). Start a new conversation.");
                return Err(ChatError::new(Code::RequestTooLarge, text).about("messages"));
            }
        }
        Ok(())
    }

    /// The last message so far.
    pub(crate) fn last(&self) -> Option<&Message> {
        self.messages.last()
    }

    pub(crate) fn finish(self) -> Conversation {
        Conversation { messages: self.messages, ..Conversation::default() }
    }
}
