//! An event to the bytes of its server-sent event, in the shape of Azure's chunks for a DeepSeek deployment.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

use super::DEPLOYMENT;
use super::beats::{Event, Finish, Tokens, Voice};

/// What all chunks of one answer share.
#[derive(Debug)]
pub(super) struct Envelope {
    id: String,
    created: u64,
}

impl Envelope {
    pub(super) fn new() -> Self {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { id: format!("chatcmpl-demo-{:016x}", fastrand::u64(..)), created }
    }

    /// The bytes of one event.
    pub(super) fn event(&self, event: &Event) -> Bytes {
        let data = match event {
            Event::PromptFilter => anonymous(json!({"choices": [], "prompt_filter_results":
                [{"prompt_index": 0, "content_filter_results": prompt_is_safe()}]})),
            Event::Role => self.chunk(&json!({"role": "assistant", "content": ""}), None, &json!({})),
            Event::Piece(Voice::Thought, text) => self.chunk(&json!({"reasoning_content": text}), None, &safe()),
            Event::Piece(Voice::InlineThought | Voice::Answer, text) => {
                self.chunk(&json!({"content": text}), None, &safe())
            }
            Event::Finish(finish) => {
                let results = if *finish == Finish::ContentFilter { filtered() } else { json!({}) };
                self.chunk(&json!({}), Some(finish.name()), &results)
            }
            Event::LateVerdict { end_offset } => anonymous(json!({"choices": [{
                "index": 0,
                "finish_reason": null,
                "content_filter_results": filtered(),
                "content_filter_offsets": {"check_offset": 0, "start_offset": 0, "end_offset": end_offset},
            }]})),
            Event::Error(fault) => fault.error_object(),
            Event::Broken => {
                return Bytes::from_static(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\n\n");
            }
            Event::Usage(tokens) => self.usage(*tokens),
            Event::Done => return Bytes::from_static(b"data: [DONE]\n\n"),
        };
        Bytes::from(format!("data: {data}\n\n"))
    }

    fn chunk(&self, delta: &Value, finish_reason: Option<&str>, filter: &Value) -> Value {
        self.named(json!([{
            "index": 0,
            "delta": delta,
            "finish_reason": finish_reason,
            "logprobs": null,
            "content_filter_results": filter,
        }]))
    }

    fn usage(&self, tokens: Tokens) -> Value {
        let mut chunk = self.named(json!([]));
        let completion = tokens.reasoning + tokens.answer;
        if let Some(chunk) = chunk.as_object_mut() {
            let usage = json!({
                "prompt_tokens": tokens.prompt,
                "completion_tokens": completion,
                "total_tokens": tokens.prompt + completion,
                "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
            });
            chunk.insert("usage".to_owned(), usage);
        }
        chunk
    }

    fn named(&self, choices: Value) -> Value {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": DEPLOYMENT,
        });
        if let Some(chunk) = chunk.as_object_mut() {
            chunk.insert("choices".to_owned(), choices);
        }
        chunk
    }
}

/// Azure's filter events belong to no completion: their names are empty.
fn anonymous(mut event: Value) -> Value {
    if let Some(event) = event.as_object_mut() {
        for name in ["id", "object", "model"] {
            event.insert(name.to_owned(), json!(""));
        }
        event.insert("created".to_owned(), json!(0));
    }
    event
}

fn safe() -> Value {
    let fine = json!({"filtered": false, "severity": "safe"});
    json!({"hate": fine, "self_harm": fine, "sexual": fine, "violence": fine})
}

fn prompt_is_safe() -> Value {
    let mut results = safe();
    if let Some(results) = results.as_object_mut() {
        results.insert("jailbreak".to_owned(), json!({"filtered": false, "detected": false}));
    }
    results
}

fn filtered() -> Value {
    let mut results = safe();
    if let Some(results) = results.as_object_mut() {
        results.insert("violence".to_owned(), json!({"filtered": true, "severity": "medium"}));
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    fn sent(event: &Event) -> Value {
        let envelope = Envelope { id: "c".to_owned(), created: 7 };
        let bytes = envelope.event(event);
        let text = std::str::from_utf8(&bytes).unwrap();
        serde_json::from_str(text.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap()).unwrap()
    }

    #[test]
    fn pieces_go_where_deepseek_puts_them() {
        let chunk = sent(&Event::Piece(Voice::Thought, "hm\n".to_owned()));
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!((&chunk["id"], &chunk["created"], &chunk["model"]), (&json!("c"), &json!(7), &json!("demo")));
        assert_eq!(chunk["choices"][0]["delta"], json!({"reasoning_content": "hm\n"}));
        assert_eq!(chunk["choices"][0]["finish_reason"], Value::Null);
        let chunk = sent(&Event::Piece(Voice::Answer, "yes".to_owned()));
        assert_eq!(chunk["choices"][0]["delta"], json!({"content": "yes"}));
        assert_eq!(chunk["choices"][0]["content_filter_results"]["hate"]["filtered"], false);
    }

    #[test]
    fn the_frame_of_an_answer_has_azures_shape() {
        let first = sent(&Event::PromptFilter);
        assert_eq!((&first["choices"], &first["id"]), (&json!([]), &json!("")));
        assert_eq!(first["prompt_filter_results"][0]["content_filter_results"]["jailbreak"]["filtered"], false);
        let usage = sent(&Event::Usage(Tokens { prompt: 5, reasoning: 2, answer: 3 }));
        assert_eq!(usage["choices"], json!([]));
        assert_eq!(usage["usage"]["total_tokens"], 10);
        assert_eq!(usage["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
    }

    #[test]
    fn verdicts_and_errors_have_their_shape() {
        let late = sent(&Event::LateVerdict { end_offset: 9 });
        assert_eq!(late["choices"][0].get("delta"), None);
        assert_eq!(late["choices"][0]["content_filter_results"]["violence"]["filtered"], true);
        assert_eq!(late["choices"][0]["content_filter_offsets"]["end_offset"], 9);
        let stop = sent(&Event::Finish(Finish::ContentFilter));
        assert_eq!(stop["choices"][0]["finish_reason"], "content_filter");
        assert_eq!(sent(&Event::Error(Fault::RateLimited))["error"]["code"], "rate_limit_exceeded");
        assert_eq!(sent(&Event::Error(Fault::Error))["error"]["code"], "server_error");
    }
}
