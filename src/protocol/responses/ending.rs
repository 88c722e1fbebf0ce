//! How an answer ends, by the response that the last event tells: its status, its counts, the filter's verdict.

use serde_json::value::RawValue;

use super::fields::{FilterFields, IncompleteDetails, ResponseFields, UsageDetails, UsageFields, plain, read, told};
use crate::answer::halves::replace_lone;
use crate::answer::lines::{Lines, Text};
use crate::protocol::filter;

/// What became of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Completed,
    Incomplete,
    Failed,
}

impl Status {
    /// By the response, or, where that says nothing that counts, by the event's type.
    pub(super) fn of(response: &ResponseFields<'_>, kind: &str) -> Self {
        match (plain(response.status), kind) {
            (Some("completed"), _) => Self::Completed,
            (Some("incomplete"), _) => Self::Incomplete,
            (Some("failed"), _) | (_, "response.failed") => Self::Failed,
            (_, "response.incomplete") => Self::Incomplete,
            _ => Self::Completed,
        }
    }
}

/// The finish reason in chat completions' words.
pub(super) fn finish_reason(status: Status, response: &ResponseFields<'_>, has_calls: bool) -> &'static str {
    let details: IncompleteDetails<'_> = read(response.incomplete_details);
    match (status, plain(details.reason)) {
        _ if is_filtered(response) => "content_filter",
        (Status::Incomplete, Some("content_filter")) => "content_filter",
        // Of `max_output_tokens`, and of any other: there is more that was not said.
        (Status::Incomplete, _) => "length",
        _ if has_calls => "tool_calls",
        _ => "stop",
    }
}

/// Whether the content filter took something away: of the prompt or of the answer. What it only detected stays.
pub(super) fn is_filtered(response: &ResponseFields<'_>) -> bool {
    let details: IncompleteDetails<'_> = read(response.incomplete_details);
    plain(details.reason) == Some("content_filter") || told(response.content_filters).is_some_and(filter::any_blocked)
}

/// The filter's categories that fired.
pub(super) fn categories(response: &ResponseFields<'_>) -> Vec<String> {
    verdicts(response)
        .iter()
        .filter_map(|verdict| verdict.content_filter_results)
        .flat_map(filter::filtered_categories)
        .collect()
}

fn verdicts<'a>(response: &ResponseFields<'a>) -> Vec<FilterFields<'a>> {
    read(response.content_filters)
}

/// The last choice line: nothing new, the finish reason, and the filter's verdict on the answer where there is one.
pub(super) fn line(reason: &str, response: &ResponseFields<'_>, out: &mut Lines<'_>) {
    out.index(0);
    out.put(",\"delta\":{}");
    let mut first = false;
    out.field(&mut first, "\"finish_reason\":", Some(Text::New(reason)));
    let verdict = verdicts(response).into_iter().rfind(|verdict| plain(verdict.source_type) == Some("completion"));
    if let Some(verdict) = verdict {
        let mut pass = |key, raw: Option<&RawValue>| {
            if let Some(raw) = told(raw) {
                out.field(&mut first, key, Some(Text::Json(&replace_lone(raw.get()))));
            }
        };
        pass("\"content_filter_results\":", verdict.content_filter_results);
        pass("\"content_filter_offsets\":", verdict.content_filter_offsets);
    }
    out.put("}\n");
}

/// The counts of tokens under chat completions' names, as JSON; those that are there.
pub(super) fn usage(response: &ResponseFields<'_>) -> Option<String> {
    let usage: UsageFields<'_> = read(Some(told(response.usage)?));
    let [input, output]: [UsageDetails<'_>; 2] = [read(usage.input_tokens_details), read(usage.output_tokens_details)];
    let detail = |key: &str, value| {
        let mut details = String::new();
        count(&mut details, key, value);
        Some(details).filter(|details| !details.is_empty()).map(|details| format!("{details}}}"))
    };
    let mut json = String::new();
    count(&mut json, "prompt_tokens", usage.input_tokens);
    count(&mut json, "completion_tokens", usage.output_tokens);
    count(&mut json, "total_tokens", usage.total_tokens);
    member(&mut json, "prompt_tokens_details", detail("cached_tokens", input.cached_tokens).as_deref());
    member(&mut json, "completion_tokens_details", detail("reasoning_tokens", output.reasoning_tokens).as_deref());
    Some(json).filter(|json| !json.is_empty()).map(|json| format!("{json}}}"))
}

/// A member that is a number.
fn count(object: &mut String, key: &str, value: Option<&RawValue>) {
    let is_number = |json: &&str| json.starts_with(|first: char| first.is_ascii_digit());
    member(object, key, value.map(RawValue::get).filter(is_number));
}

fn member(object: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        let before = if object.is_empty() { '{' } else { ',' };
        object.extend([before, '"']);
        object.extend([key, "\":", value]);
    }
}
