//! The body of a chat completion request. All of it but the conversation is written once, at start.

use std::fmt::Write as _;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::message::Wire;
use crate::inbound::conversation::Conversation;
use crate::settings::Options;

/// A request's body up to the conversation's messages, and after them.
#[derive(Debug)]
pub(crate) struct Template {
    /// `{"model":"…","messages":[`, and the system message with a comma after it, where there is one.
    head: String,
    /// `],"stream":true,…}`
    tail: String,
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
        let mut parameters = Parameters(Vec::new());
        for (name, value) in [
            ("stream", Some(Value::Bool(true))),
            ("stream_options", Some(json!({ "include_usage": true }))),
            (limit, options.max_completion_tokens.map(Value::from)),
            ("reasoning_effort", options.reasoning_effort.as_deref().map(Value::from)),
            ("temperature", options.temperature.map(Value::from)),
        ] {
            parameters.0.extend(value.map(|value| (name.to_owned(), value)));
        }
        parameters.merge(options.extra_body.clone());
        let mut tail = "]".to_owned();
        for (name, value) in parameters.0 {
            let _ = write!(tail, ",{}:{value}", json!(name));
        }
        tail.push('}');
        Self { head, tail }
    }

    /// The request for a conversation.
    pub(crate) fn body(&self, conversation: &Conversation) -> Bytes {
        // Strings always serialise into memory.
        let messages =
            serde_json::to_string(&conversation.messages().iter().map(Wire).collect::<Vec<_>>()).unwrap_or_default();
        let messages = messages.trim_start_matches('[').trim_end_matches(']');
        [&self.head, messages, &self.tail].concat().into()
    }
}

/// A body's parameters in the order in which they are written.
struct Parameters(Vec<(String, Value)>);

impl Parameters {
    /// As [`merge`] does.
    fn merge(&mut self, patch: Map<String, Value>) {
        for (name, value) in patch {
            let known = self.0.iter().position(|(known, _)| *known == name);
            match known.and_then(|at| self.0.get_mut(at).map(|(_, target)| (at, target))) {
                Some((at, _)) if value.is_null() => drop(self.0.remove(at)),
                Some((_, target)) => merge(target, value),
                None if value.is_null() => {}
                None => {
                    let mut target = Value::Null;
                    merge(&mut target, value);
                    self.0.push((name, target));
                }
            }
        }
    }
}

/// Lays a merge patch over a value (RFC 7396): members are added or replaced, and `null` removes.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::RequestLimits;

    fn options() -> Options {
        Options {
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
        let conversation = Conversation::parse(said, &limits).unwrap();
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
        merge(&mut expected, json!({ "max_completion_tokens": 5, "reasoning_effort": "low", "temperature": 0.5 }));
        assert_eq!(request(&all, false), expected);
        let mut expected = plain;
        merge(&mut expected, json!({ "max_tokens": 5, "reasoning_effort": "low", "temperature": 0.5 }));
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

    #[test]
    fn a_merge_patch_is_that_of_its_standard() {
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, result, "{target} with {patch}");
        }
    }
}
