//! An answer while it comes, whatever the protocol: its choice lines, its thoughts, its end and the reason. Pure.
//!
//! A choice line is the common currency: one JSON object in the shape of a chat completion's choice, and `\n`. Readers of
//! a protocol write them here; what stands around them is the surface's.

pub(crate) mod halves;
pub(crate) mod inline;
pub(crate) mod lines;
pub(crate) mod stray;
mod usage;

use serde::Deserialize;

use crate::error::{ChatError, Code};

/// What is known of an answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// The last finish reason, as JSON.
    finish_reason: Option<Box<str>>,
    /// The last usage, as JSON, under chat completions' names.
    usage: Option<Box<str>>,
    /// A filter result said `"filtered": true`.
    filtered: bool,
    /// Any thought, content, refusal or tool call has come.
    has_output: bool,
    /// What has been told of the model's thoughts.
    thoughts: Option<Told>,
    /// A closing tag of thoughts passed as content, and no thoughts were told.
    stray_close: bool,
}

/// What was told of a model's thoughts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Its own words.
    Whole,
    /// A summary of them.
    Summary,
}

/// What became of the model's thoughts, as `done.thoughts` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thoughts {
    /// They were told.
    Shown,
    /// A summary of them was told.
    Summary,
    /// Tokens were counted for them, and none were told.
    Hidden,
    /// There were none.
    None,
}

impl Thoughts {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Summary => "summary",
            Self::Hidden => "hidden",
            Self::None => "none",
        }
    }
}

impl Answer {
    /// Whether a finish reason has come: from here on a lost connection loses nothing of the answer.
    pub fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Whether any thought, content, refusal or tool call has come.
    pub fn has_output(&self) -> bool {
        self.has_output
    }

    /// The finish reason of the whole answer, as JSON. A filter's verdict counts even when it came after `stop`.
    pub fn finish_reason(&self) -> &str {
        if self.filtered { "\"content_filter\"" } else { self.finish_reason.as_deref().unwrap_or("null") }
    }

    /// Whether a filter took something of it away.
    pub(crate) fn is_filtered(&self) -> bool {
        self.filtered
    }

    /// Upstream's count of tokens, as JSON.
    pub fn usage(&self) -> &str {
        self.usage.as_deref().unwrap_or("null")
    }

    /// What became of the model's thoughts; whole only at the end, with the usage.
    pub fn thoughts(&self) -> Thoughts {
        match self.thoughts {
            Some(Told::Whole) => Thoughts::Shown,
            Some(Told::Summary) => Thoughts::Summary,
            None if self.tokens().reasoning.is_some_and(|count| count > 0) => Thoughts::Hidden,
            None => Thoughts::None,
        }
    }

    /// What the usage counts.
    pub fn tokens(&self) -> Tokens {
        let usage = self.usage.as_deref().and_then(|usage| serde_json::from_str::<Usage>(usage).ok());
        usage.map(Tokens::from).unwrap_or_default()
    }

    /// A finish reason came; `reason` is a JSON string.
    pub(crate) fn finishes(&mut self, reason: &str) {
        self.finish_reason = Some(reason.into());
    }

    /// A count of tokens came; `usage` is a JSON object.
    pub(crate) fn uses(&mut self, usage: &str) {
        self.usage = Some(usage::counts(usage).into());
    }

    /// A filter's verdict came: whether it took anything away.
    pub(crate) fn filters(&mut self, filtered: bool) {
        self.filtered |= filtered;
    }

    /// Whether a piece of output came.
    pub(crate) fn puts_out(&mut self, output: bool) {
        self.has_output |= output;
    }

    /// Thoughts are told.
    pub(crate) fn thinks(&mut self, told: Told) {
        self.thoughts.get_or_insert(told);
    }

    /// Whether any thought was told.
    pub(crate) fn has_told_thoughts(&self) -> bool {
        self.thoughts.is_some()
    }

    /// A closing tag of thoughts passed as content.
    pub(crate) fn has_stray_close(&mut self) {
        self.stray_close = true;
    }

    /// Whether thoughts passed for the answer: a closing tag came and no thoughts were told.
    pub(crate) fn is_missing_thoughts(&self) -> bool {
        self.stray_close && self.thoughts.is_none()
    }

    /// The stream is over.
    ///
    /// # Errors
    /// `upstream_truncated`: no finish reason ever came, whatever else did.
    pub(crate) fn end(&self) -> Result<(), ChatError> {
        if self.is_finished() {
            return Ok(());
        }
        Err(ChatError::new(Code::UpstreamTruncated, "The answer broke off before its end. Try again.")
            .caused_by("the stream ended without a finish reason"))
    }
}

/// Counts of tokens; `None` where upstream did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// The conversation's.
    pub input: Option<u64>,
    /// The answer's, thoughts included.
    pub output: Option<u64>,
    /// The thoughts'.
    pub reasoning: Option<u64>,
}

/// The counts of `usage` that are looked at.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    completion_tokens_details: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    reasoning_tokens: Option<u64>,
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.prompt_tokens,
            output: usage.completion_tokens,
            reasoning: usage.completion_tokens_details.and_then(|details| details.reasoning_tokens),
        }
    }
}
