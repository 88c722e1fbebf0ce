//! A chat completion chunk as upstreams send it, read in place: only the fields that matter here, and those that are
//! passed on stay raw slices of the event. Everything else (`routing`, `latency_checkpoint`, `obfuscation`,
//! `system_fingerprint`, …) is skipped here and nowhere else.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::{Object, given};

/// `data` of one event.
#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(default, borrow)]
    pub(super) choices: Option<Choices<'a>>,
    /// With `stream_options.include_usage`, in the last chunk.
    #[serde(default, borrow)]
    pub(super) usage: Option<&'a RawValue>,
    /// A failure in the middle of the stream.
    #[serde(default, borrow)]
    pub(super) error: Option<&'a RawValue>,
    /// Azure's verdict on the prompt, before the first choice.
    #[serde(default, borrow)]
    pub(super) prompt_filter_results: Option<&'a RawValue>,
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
                let first = all.next_element()?.map(|Object(choice)| choice);
                let mut more = Vec::new();
                while let Some(Object(choice)) = all.next_element()? {
                    more.push(choice);
                }
                Ok(Choices { first, more })
            }
        }

        deserializer.deserialize_seq(ChoicesVisitor)
    }
}

/// One choice. A field is `None` only when upstream did not send it.
#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(default)]
    pub(super) index: u32,
    /// Absent when Azure's asynchronous filter reports.
    #[serde(default, borrow)]
    pub(super) delta: Option<Object<Delta<'a>>>,
    #[serde(default, borrow, deserialize_with = "given")]
    pub(super) finish_reason: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    pub(super) logprobs: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    pub(super) content_filter_results: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    pub(super) content_filter_offsets: Option<&'a RawValue>,
}

/// What a choice adds.
#[derive(Default, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(default, borrow, deserialize_with = "given")]
    pub(super) role: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    pub(super) content: Option<&'a RawValue>,
    /// Azure's and DeepSeek's name for the model's thoughts.
    #[serde(default, borrow, deserialize_with = "given")]
    pub(super) reasoning_content: Option<&'a RawValue>,
    /// The same by vLLM, OpenRouter and Ollama.
    #[serde(default, borrow, deserialize_with = "given")]
    pub(super) reasoning: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    pub(super) refusal: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    pub(super) tool_calls: Option<&'a RawValue>,
}
