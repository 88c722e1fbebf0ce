//! The body of a chat completion request. All of it but the conversation is written once, at start.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::parameters::Parameters;
use super::message::Wire;
use crate::inbound::conversation::Conversation;
use crate::settings::Options;

/// A request's body up to the conversation's messages, and after them.
#[derive(Debug)]
pub(crate) struct Template {
    /// `{"model":"…","messages":[`, and the system message with a comma after it, where there is one.
    head: String,
    /// `],"stream":true,…}`, for a conversation that asks for nothing else.
    tail: String,
    /// The same before `extra_body`.
    parameters: Parameters,
    /// The limit's name.
    limit: &'static str,
    /// The operator's bound on the tokens of an answer.
    max_tokens: Option<u32>,
    extra_body: Map<String, Value>,
}

#[derive(Serialize)]
struct SystemMessage<'a> {
    role: &'static str,
    content: &'a str,
}

impl Template {
    /// What the settings say: the model, the operator's system prompt, the parameters that are set, and `EXTRA_BODY` laid
    /// over these last. On loopback the limit is `max_tokens`: every local server knows it, and not all its successor.
    pub(crate) fn new(deployment: &str, options: &Options, loopback: bool) -> Self {
        let mut head = format!("{{\"model\":{},\"messages\":[", json!(deployment));
        if let Some(content) = &options.system_prompt {
            // Strings always serialise into memory.
            head.push_str(&serde_json::to_string(&SystemMessage { role: "system", content }).unwrap_or_default());
            head.push(',');
        }
        let limit = if loopback { "max_tokens" } else { "max_completion_tokens" };
        let mut parameters = Parameters::default();
        parameters.set("stream", "true");
        parameters.set("stream_options", r#"{"include_usage":true}"#);
        for (name, value) in [
            (limit, options.max_completion_tokens.map(Value::from)),
            ("reasoning_effort", options.reasoning_effort.as_deref().map(Value::from)),
            ("temperature", options.temperature.map(Value::from)),
        ] {
            if let Some(value) = value {
                parameters.set(name, value.to_string());
            }
        }
        let mut template = Self {
            head,
            tail: String::new(),
            parameters,
            limit,
            max_tokens: options.max_completion_tokens,
            extra_body: options.extra_body.clone(),
        };
        template.tail = template.write_tail(template.parameters.clone());
        template
    }

    /// The request for a conversation.
    pub(crate) fn body(&self, conversation: &Conversation) -> Bytes {
        // Strings always serialise into memory.
        let messages = serde_json::to_string(&conversation.messages().iter().map(Wire).collect::<Vec<_>>());
        let messages = messages.unwrap_or_default();
        let messages = messages.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
        let wishes = &conversation.wishes;
        if conversation.reasoning_effort.is_none() && wishes.max_tokens.is_none() && wishes.parameters.is_empty() {
            return [&self.head, messages, &self.tail].concat().into();
        }
        let mut parameters = self.parameters.clone();
        for (name, value) in &wishes.parameters {
            parameters.set(name, value.get());
        }
        if let Some(effort) = &conversation.reasoning_effort {
            parameters.set("reasoning_effort", json!(effort).to_string());
        }
        if let Some(asked) = wishes.max_tokens {
            parameters.set(self.limit, self.max_tokens.map_or(asked, |bound| asked.min(bound)).to_string());
        }
        [&self.head, messages, &self.write_tail(parameters)].concat().into()
    }

    fn write_tail(&self, mut parameters: Parameters) -> String {
        parameters.merge(&self.extra_body);
        let mut tail = "]".to_owned();
        parameters.write(&mut tail);
        tail.push('}');
        tail
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::RequestLimits;

    fn options() -> Options {
        Options {
            api: crate::settings::Api::Chat,
            system_prompt: Some("Be \"brief\".".to_owned()),
            max_completion_tokens: None,
            reasoning_effort: None,
            temperature: None,
            extra_body: Map::new(),
            starts_in_thoughts: false,
        }
    }

    fn request(options: &Options, loopback: bool) -> Value {
        let limits = RequestLimits {
            max_bytes: 999,
            max_messages: 9,
            max_chars: 99,
            max_images: 0,
            max_image_bytes: 0,
            timeout: Duration::from_secs(1),
        };
        let said = br#"{"messages":[{"role":"user","content":"[a]"},{"role":"assistant","content":"b","reasoning_content":"x"},{"role":"user","content":"]"}]}"#;
        let conversation = crate::inbound::request::parse(said, &limits).unwrap();
        serde_json::from_slice(&Template::new("r\"1", options, loopback).body(&conversation)).unwrap()
    }

    fn with(extra: Value) -> Value {
        let Value::Object(extra_body) = extra else { panic!("an object") };
        request(&Options { extra_body, temperature: Some(0.5), ..options() }, false)
    }

    #[test]
    fn the_system_prompt_comes_first_and_settings_add_what_is_set() {
        let plain = json!({
            "model": "r\"1",
            "messages": [
                { "role": "system", "content": "Be \"brief\"." },
                { "role": "user", "content": "[a]" },
                { "role": "assistant", "content": "b" },
                { "role": "user", "content": "]" },
            ],
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        assert_eq!(request(&options(), false), plain);
        let all = Options {
            max_completion_tokens: Some(5),
            reasoning_effort: Some("low".to_owned()),
            temperature: Some(0.5),
            ..options()
        };
        let mut expected = plain.clone();
        crate::protocol::parameters::merge(
            &mut expected,
            json!({ "max_completion_tokens": 5, "reasoning_effort": "low", "temperature": 0.5 }),
        );
        assert_eq!(request(&all, false), expected);
        let mut expected = plain;
        crate::protocol::parameters::merge(
            &mut expected,
            json!({ "max_tokens": 5, "reasoning_effort": "low", "temperature": 0.5 }),
        );
        assert_eq!(request(&all, true), expected, "on loopback");
    }

    #[test]
    fn without_a_system_prompt_the_conversation_is_all_there_is() {
        let request = request(&Options { system_prompt: None, ..options() }, false);
        assert_eq!(request["messages"][0]["role"], "user");
    }

    #[test]
    fn extra_parameters_are_laid_over_the_body() {
        let body = with(json!({ "stream_options": null, "top_p": 0.9, "a": { "b": [1, null], "c": null } }));
        assert_eq!(body["top_p"], 0.9);
        assert_eq!(body["a"], json!({ "b": [1, null] }));
        assert!(body.get("stream_options").is_none());
        assert_eq!((&body["temperature"], &body["stream"]), (&json!(0.5), &json!(true)));
        let deep = with(json!({ "stream_options": { "include_obfuscation": false } }));
        assert_eq!(deep["stream_options"], json!({ "include_usage": true, "include_obfuscation": false }));
    }
}
