//! What is read of an event, in place. Everything else (`item_id`, `logprobs`, the
//! request that is echoed back, …) is skipped here and nowhere else.

use serde_json::value::RawValue;

use crate::json::{self, liberal};
use crate::protocol::sse::Keys;

/// What is left of an event that is too large to be held: which it is, and how the answer ends.
pub(crate) const KEYS: Keys = Keys {
    kept: &[
        "type",
        "output_index",
        "content_index",
        "summary_index",
        "id",
        "call_id",
        "name",
        "status",
        "usage",
        "incomplete_details",
        "content_filters",
        "error",
        "code",
        "message",
        "param",
    ],
    // New where it did not come in pieces; where it did, of any length.
    fitting: &["summary"],
    entered: &["response", "item"],
};

liberal! {
    /// `data` of one event.
    pub(super) struct EventFields {
        /// Which event it is.
        kind: &'a RawValue = "type",
        output_index: &'a RawValue = "output_index",
        content_index: &'a RawValue = "content_index",
        summary_index: &'a RawValue = "summary_index",
        /// A piece of a text.
        delta: &'a RawValue = "delta",
        /// Random letters beside it, and the event's number: what else changes from piece to piece.
        obfuscation: &'a RawValue = "obfuscation",
        sequence_number: &'a RawValue = "sequence_number",
        /// A whole text, at its end.
        text: &'a RawValue = "text",
        refusal: &'a RawValue = "refusal",
        arguments: &'a RawValue = "arguments",
        part: &'a RawValue = "part",
        item: &'a RawValue = "item",
        response: &'a RawValue = "response",
        error: &'a RawValue = "error",
        /// What chat completions have, and this protocol does not.
        choices: &'a RawValue = "choices",
    }

    /// A part of an item: a text, a refusal, a thought.
    pub(super) struct PartFields {
        kind: &'a RawValue = "type",
        text: &'a RawValue = "text",
        refusal: &'a RawValue = "refusal",
    }

    /// An item of the output: a message, a thought, a call, or what there may be else.
    pub(super) struct ItemFields {
        kind: &'a RawValue = "type",
        summary: &'a RawValue = "summary",
        content: &'a RawValue = "content",
        call_id: &'a RawValue = "call_id",
        id: &'a RawValue = "id",
        name: &'a RawValue = "name",
        arguments: &'a RawValue = "arguments",
    }

    /// The response, as the last event tells it.
    pub(super) struct ResponseFields {
        status: &'a RawValue = "status",
        output: &'a RawValue = "output",
        usage: &'a RawValue = "usage",
        error: &'a RawValue = "error",
        incomplete_details: &'a RawValue = "incomplete_details",
        content_filters: &'a RawValue = "content_filters",
    }

    pub(super) struct IncompleteDetails {
        reason: &'a RawValue = "reason",
    }

    /// One source's verdict of Azure's content filter.
    pub(super) struct FilterFields {
        source_type: &'a RawValue = "source_type",
        content_filter_results: &'a RawValue = "content_filter_results",
        content_filter_offsets: &'a RawValue = "content_filter_offsets",
    }

    pub(super) struct UsageFields {
        input_tokens: &'a RawValue = "input_tokens",
        input_tokens_details: &'a RawValue = "input_tokens_details",
        output_tokens: &'a RawValue = "output_tokens",
        output_tokens_details: &'a RawValue = "output_tokens_details",
        total_tokens: &'a RawValue = "total_tokens",
    }

    pub(super) struct UsageDetails {
        cached_tokens: &'a RawValue = "cached_tokens",
        reasoning_tokens: &'a RawValue = "reasoning_tokens",
    }
}

/// What a string says, as it was written; nothing if it is none.
pub(super) fn plain(raw: Option<&RawValue>) -> Option<&str> {
    raw?.get().strip_prefix('"')?.strip_suffix('"')
}

/// A value that is not `null`.
pub(super) fn told(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| !json::is_null(raw))
}

/// Whether the sieve left a value out because it did not fit.
pub(super) fn did_not_fit(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| raw.get() == "false")
}

/// An index; 0, the first, if it is none.
pub(super) fn index(raw: Option<&RawValue>) -> u32 {
    raw.and_then(|raw| raw.get().parse().ok()).unwrap_or(0)
}

/// What a raw value can be read as; nothing of one that is something else.
pub(super) fn read<'a, T: Default + serde::Deserialize<'a>>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}
