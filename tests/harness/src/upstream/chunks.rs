//! The JSON of a streamed chat completion, and its framing as server-sent events.

use serde_json::{Value, json};

/// Frames each payload as one `data:` event and ends with the `[DONE]` event.
pub fn sse(payloads: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for payload in payloads.iter().chain(&["[DONE]"]) {
        bytes.extend_from_slice(b"data: ");
        bytes.extend_from_slice(payload.as_bytes());
        bytes.extend_from_slice(b"\n\n");
    }
    bytes
}

/// A chunk that carries a piece of the answer's text.
pub fn chunk(content: &str) -> String {
    completion(&json!({ "content": content }), &Value::Null)
}

/// A chunk that carries a piece of the reasoning, in the field that Azure and DeepSeek use for it.
pub fn thought(content: &str) -> String {
    completion(&json!({ "reasoning_content": content }), &Value::Null)
}

/// The chunk that ends a choice, for example with `stop`, `length` or `content_filter`.
pub fn finish(reason: &str) -> String {
    completion(&json!({}), &json!(reason))
}

fn completion(delta: &Value, finish_reason: &Value) -> String {
    json!({
        "id": "chatcmpl-scripted",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "scripted",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": null }],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_is_one_event_and_done_is_last() {
        let text = String::from_utf8(sse(&[&thought("hm"), &chunk("hi"), &finish("stop")])).unwrap();
        let events: Vec<&str> = text.split_terminator("\n\n").collect();
        assert_eq!(events.len(), 4);
        assert!(events[0].starts_with("data: {") && events[0].contains(r#""reasoning_content":"hm""#));
        assert!(events[1].contains(r#""content":"hi""#));
        assert!(events[2].contains(r#""finish_reason":"stop""#));
        assert_eq!(events[3], "data: [DONE]");
    }
}
