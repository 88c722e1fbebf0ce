//! Events of the Responses API, as OpenAI and Azure frame them.

use serde_json::{Value, json};

/// The bytes of a stream.
pub(crate) fn stream(events: &[Value]) -> String {
    let name = |event: &Value| event["type"].as_str().unwrap_or_default().to_owned();
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", name(event))).collect()
}

/// The first two events of every answer. They echo the request.
pub(crate) fn begun() -> [Value; 2] {
    let response = json!({ "status": "in_progress", "error": null, "instructions": "You are secret.", "output": [] });
    ["created", "in_progress"].map(|name| json!({ "type": format!("response.{name}"), "response": response }))
}

pub(crate) fn added(item: u32, kind: &str) -> Value {
    json!({ "type": "response.output_item.added", "output_index": item, "item": { "id": "x", "type": kind } })
}

pub(crate) fn done(item: u32, kind: &str) -> Value {
    json!({ "type": "response.output_item.done", "output_index": item, "item": { "id": "y", "type": kind } })
}

pub(crate) fn summary(item: u32, part: u32, delta: &str) -> Value {
    json!({ "type": "response.reasoning_summary_text.delta", "output_index": item, "summary_index": part, "delta": delta })
}

pub(crate) fn text(item: u32, delta: &str) -> Value {
    json!({ "type": "response.output_text.delta", "output_index": item, "content_index": 0, "delta": delta, "obfuscation": "x" })
}

/// The event that ends an answer: `completed`, `incomplete` or `failed`, with what its response says.
pub(crate) fn ending(status: &str, response: Value) -> Value {
    let mut response = response;
    response["status"] = json!(status);
    json!({ "type": format!("response.{status}"), "response": response })
}

pub(crate) fn error(code: &str) -> Value {
    json!({ "type": "error", "error": { "type": "x", "code": code, "message": "secret words", "param": null } })
}

/// Thoughts, a text and its end.
pub(crate) fn good() -> Vec<Value> {
    let answer =
        [added(0, "reasoning"), summary(0, 0, "**Hm**"), done(0, "reasoning"), added(1, "message"), text(1, "Hi")];
    let usage = json!({ "input_tokens": 3, "output_tokens": 9, "total_tokens": 12, "output_tokens_details": { "reasoning_tokens": 7 } });
    [&begun()[..], &answer[..], &[ending("completed", json!({ "usage": usage }))]].concat()
}
