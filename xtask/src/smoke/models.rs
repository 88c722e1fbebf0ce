//! The list of models and the OpenAI surface. Both may be off.

use std::time::Duration;

use serde_json::{Value, json};

use super::report::Row;
use super::target::Target;
use crate::ask::Ask;

/// `GET /api/models`
pub(super) fn list(target: &Target) -> Row {
    if let Some(row) = target.nobody() {
        return row;
    }
    let answer = Ask::get(format!("{}/api/models", target.api)).bearer(target.token.as_deref()).send();
    let listed = answer.json();
    match answer.status {
        404 => Row::skipped("off: this version or its settings have no /api/models"),
        200 => {
            let names: Vec<&str> =
                listed["models"].as_array().into_iter().flatten().filter_map(|model| model["name"].as_str()).collect();
            if names.is_empty() || listed["default"].as_str().is_none_or(|default| !names.contains(&default)) {
                Row::failed("the list has no default among its models", "MODELS: docs/settings.md")
            } else if answer.text().contains("https://") {
                Row::failed("the list names an endpoint", "this is a fault of the program: please report it")
            } else {
                Row::passed(format!("{} to choose from", names.len()))
            }
        }
        _ => target
            .not_admitted(&answer)
            .unwrap_or_else(|| Row::failed(format!("the list of models gets {}", answer.outcome()), "docs/errors.md")),
    }
}

/// `POST /api/v1/chat/completions`
pub(super) fn openai(target: &Target) -> Row {
    if let Some(row) = target.nobody() {
        return row;
    }
    let listed = Ask::get(format!("{}/api/v1/models", target.api)).bearer(target.token.as_deref()).send();
    if listed.status == 404 {
        return Row::skipped("off: OPENAI_API");
    }
    if let Some(row) = target.not_admitted(&listed) {
        return row;
    }
    let models = listed.json();
    let Some(model) = models["data"][0]["id"].as_str() else {
        return Row::failed(format!("its list of models gets {}", listed.outcome()), "docs/errors.md");
    };
    let body = json!({
        "model": model, "stream": true, "stream_options": { "include_usage": true },
        "messages": [{ "role": "user", "content": "Say: hello." }],
    });
    let ask = Ask::post(format!("{}/api/v1/chat/completions", target.api), &body).bearer(target.token.as_deref());
    let answer = ask.within(Duration::from_secs(570)).send();
    let events: Vec<&str> = answer.lines.iter().filter_map(|(_, line)| line.strip_prefix("data: ")).collect();
    let has = |fits: fn(&Value) -> bool| {
        events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok()).any(|event| fits(&event))
    };
    if answer.status != 200 {
        Row::failed(format!("it answers {}", answer.outcome()), "docs/errors.md")
    } else if events.last() != Some(&"[DONE]") {
        Row::failed("its stream does not end in [DONE]", "it was cut off on the way; docs/operating-azure.md, Logs")
    } else if has(|event| event.get("error").is_some()) {
        Row::failed("its stream ended in an error", "docs/errors.md")
    } else if !has(|event| event["choices"][0]["delta"]["content"].is_string()) {
        Row::failed("its stream has no text", "docs/errors.md")
    } else {
        Row::passed(format!("{} events, and [DONE]", events.len() - 1))
    }
}
