//! A chat completion chunk as upstreams send it, read in place: only the fields that matter here, and those that are
//! passed on stay raw slices of the event. Everything else (`routing`, `latency_checkpoint`,
//! `system_fingerprint`, …) is skipped here and nowhere else.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::liberal;

liberal! {
    /// `data` of one event.
    pub(super) struct Chunk {
        choices: Option<Choices<'a>> = "choices",
        /// With `stream_options.include_usage`, in the last chunk.
        usage: Option<&'a RawValue> = "usage",
        /// A failure in the middle of the stream.
        error: Option<&'a RawValue> = "error",
        /// Azure's verdict on the prompt, before the first choice.
        prompt_filter_results: Option<&'a RawValue> = "prompt_filter_results",
        /// Random letters that hide how long the text is. Other ones in each event, and so no part of what repeats.
        obfuscation: Option<&'a RawValue> = "obfuscation",
    }

    /// One choice.
    pub(super) struct Choice {
        /// A number, to some a string.
        index: &'a RawValue = "index",
        /// Absent when Azure's asynchronous filter reports. Some gateways send a whole message in its place.
        delta: Option<Delta<'a>> = "delta" | "message",
        finish_reason: &'a RawValue = "finish_reason",
        logprobs: &'a RawValue = "logprobs",
        content_filter_results: &'a RawValue = "content_filter_results",
        content_filter_offsets: &'a RawValue = "content_filter_offsets",
    }

    /// What a choice adds.
    pub(super) struct Delta {
        role: &'a RawValue = "role",
        content: &'a RawValue = "content",
        /// Azure's and DeepSeek's name for the model's thoughts.
        reasoning_content: &'a RawValue = "reasoning_content",
        /// The same by vLLM, OpenRouter and Ollama.
        reasoning: &'a RawValue = "reasoning",
        refusal: &'a RawValue = "refusal",
        tool_calls: &'a RawValue = "tool_calls",
    }

    /// A part of a content that is a list: `{"type":"text","text":"…"}`, or Mistral's
    /// `{"type":"thinking","thinking":[…]}` with text parts of its own.
    pub(super) struct Part {
        text: &'a RawValue = "text",
        thinking: &'a RawValue = "thinking",
    }
}

/// The choices of one event: one, nearly always, which then costs no allocation.
pub(super) struct Choices<'a> {
    pub(super) first: Option<Choice<'a>>,
    pub(super) more: Vec<Choice<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoicesVisitor;

        impl<'de> Visitor<'de> for ChoicesVisitor {
            type Value = Choices<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("choices")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Choices<'de>, A::Error> {
                let first = all.next_element()?;
                let mut more = Vec::new();
                while let Some(choice) = all.next_element()? {
                    more.push(choice);
                }
                Ok(Choices { first, more })
            }
        }

        deserializer.deserialize_seq(ChoicesVisitor)
    }
}
