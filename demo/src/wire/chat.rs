//! An event to the bytes of its server-sent event, in the shape of Azure's chunks for a DeepSeek deployment.

use bytes::Bytes;
use serde_json::{Value, json};

use super::filter::{filtered, prompt_is_safe, safe};
use crate::step::{Event, Finish, Tokens, Voice};

/// What all chunks of one answer share, and how many calls there were.
#[derive(Debug)]
pub(crate) struct Chunks {
    id: String,
    created: u64,
    model: &'static str,
    calls: usize,
}

impl Chunks {
    pub(super) fn new(model: &'static str) -> Self {
        Self { id: super::id("chatcmpl-demo-", 16), created: super::now(), model, calls: 0 }
    }

    /// The bytes of one event; none for what chat completions have no chunk for.
    pub(super) fn event(&mut self, event: &Event) -> Bytes {
        let data = match event {
            Event::Opened => anonymous(json!({"choices": [], "prompt_filter_results":
                [{"prompt_index": 0, "content_filter_results": prompt_is_safe()}]})),
            Event::Started => self.chunk(&json!({"role": "assistant", "content": ""}), None, &json!({})),
            Event::Piece(voice, text) => self.piece(*voice, text),
            Event::Call(name) => {
                let function = json!({"name": name, "arguments": ""});
                let call = json!({"index": self.calls, "id": super::id("call_demo_", 16), "type": "function", "function": function});
                self.calls += 1;
                self.chunk(&json!({"tool_calls": [call]}), None, &json!({}))
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
            Event::Error(fault, _) => json!({"error": fault.reason().object()}),
            Event::Broken | Event::Foreign => {
                return Bytes::from_static(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\n\n");
            }
            Event::Usage(tokens) => self.usage(*tokens),
            Event::Done => return Bytes::from_static(b"data: [DONE]\n\n"),
            Event::SummaryPart | Event::HiddenThought | Event::ItemDone => return Bytes::new(),
        };
        Bytes::from(format!("data: {data}\n\n"))
    }

    fn piece(&self, voice: Voice, text: &str) -> Value {
        let delta = match voice {
            Voice::Thought => json!({"reasoning_content": text}),
            Voice::InlineThought | Voice::Answer => json!({"content": text}),
            Voice::Refusal => json!({"refusal": text}),
            Voice::Arguments => {
                let index = self.calls.saturating_sub(1);
                json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]})
            }
        };
        self.chunk(&delta, None, &safe())
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
            "model": self.model,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Telling};

    fn sent(event: &Event) -> Value {
        let bytes = Chunks { id: "c".to_owned(), created: 7, model: "demo", calls: 0 }.event(event);
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
        let first = sent(&Event::Opened);
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
        assert_eq!(
            sent(&Event::Error(Fault::RateLimited, Telling::ReasonLast))["error"]["code"],
            "rate_limit_exceeded"
        );
        assert_eq!(sent(&Event::Error(Fault::Error, Telling::NoReason))["error"]["code"], "server_error");
    }

    #[test]
    fn calls_are_counted_and_their_arguments_follow() {
        let mut chunks = Chunks { id: "c".to_owned(), created: 7, model: "demo", calls: 0 };
        let mut delta = |event: &Event| -> Value {
            let bytes = chunks.event(event);
            let text = std::str::from_utf8(&bytes).unwrap().strip_prefix("data: ").unwrap();
            serde_json::from_str::<Value>(text).unwrap()["choices"][0]["delta"]["tool_calls"][0].clone()
        };
        let arguments = |text: &str| Event::Piece(Voice::Arguments, text.to_owned());
        let first = delta(&Event::Call("a".to_owned()));
        assert_eq!(
            (&first["index"], &first["type"], &first["function"]["name"]),
            (&json!(0), &json!("function"), &json!("a"))
        );
        assert!(first["id"].as_str().unwrap().starts_with("call_"));
        assert_eq!(delta(&arguments("{}")), json!({"index": 0, "function": {"arguments": "{}"}}));
        assert_eq!(delta(&Event::Call("b".to_owned()))["index"], 1);
        assert_eq!(delta(&arguments("{}")), json!({"index": 1, "function": {"arguments": "{}"}}));
    }

    #[test]
    fn what_chat_completions_do_not_have_makes_no_bytes() {
        let mut chunks = Chunks::new("demo");
        for event in [Event::SummaryPart, Event::HiddenThought, Event::ItemDone] {
            assert!(chunks.event(&event).is_empty());
        }
    }
}
