//! The body of a Responses request.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::super::parameters::Parameters;
use super::input::items;
use crate::error::ChatError;
use crate::inbound::conversation::Conversation;
use crate::settings::Options;

/// A request's body up to the conversation's items, and after them.
#[derive(Debug)]
pub(crate) struct Template {
    /// `{"model":"…","instructions":"…","input":`
    head: String,
    /// `,"stream":true,…}`
    parameters: Parameters,
    effort: Option<String>,
    /// The operator's bound on the tokens of an answer.
    max_tokens: Option<u32>,
    extra_body: Map<String, Value>,
}

impl Template {
    /// What the settings say: the model, the operator's system prompt, the parameters that are set.
    pub(crate) fn new(deployment: &str, options: &Options) -> Self {
        let mut head = format!("{{\"model\":{},", json!(deployment));
        if let Some(prompt) = &options.system_prompt {
            head.extend(["\"instructions\":", &json!(prompt).to_string(), ","]);
        }
        head.push_str("\"input\":");
        let mut parameters = Parameters::default();
        parameters.set("stream", "true");
        // The service keeps nothing. Its default is to keep all, for thirty days on Azure.
        parameters.set("store", "false");
        if let Some(temperature) = options.temperature {
            parameters.set("temperature", Value::from(temperature).to_string());
        }
        Self {
            head,
            parameters,
            effort: options.reasoning_effort.clone(),
            max_tokens: options.max_completion_tokens,
            extra_body: options.extra_body.clone(),
        }
    }

    /// The request for a conversation.
    ///
    /// # Errors
    /// `invalid_request`: the client asks for what this protocol cannot say.
    pub(crate) fn body(&self, conversation: &Conversation) -> Result<Bytes, ChatError> {
        let mut parameters = self.parameters.clone();
        super::wishes::set(&conversation.wishes, &mut parameters)?;
        let effort = conversation.reasoning_effort.as_ref().or(self.effort.as_ref());
        // The summary is all that such a model tells of its thoughts.
        let reasoning =
            effort.map_or(json!({ "summary": "auto" }), |effort| json!({ "effort": effort, "summary": "auto" }));
        parameters.set("reasoning", reasoning.to_string());
        let bound = [conversation.wishes.max_tokens, self.max_tokens].into_iter().flatten().min();
        if let Some(bound) = bound {
            parameters.set("max_output_tokens", bound.to_string());
        }
        parameters.merge(&self.extra_body);
        // Strings and numbers always serialise into memory.
        let input = serde_json::to_string(&items(conversation.messages())).unwrap_or_default();
        let mut body = [self.head.as_str(), &input].concat();
        parameters.write(&mut body);
        body.push('}');
        Ok(body.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::RequestLimits;

    #[test]
    fn the_system_prompt_is_the_instructions_and_settings_add_what_is_set() {
        let limits = RequestLimits {
            max_bytes: 999,
            max_messages: 9,
            max_chars: 99,
            max_images: 0,
            max_image_bytes: 0,
            timeout: Duration::from_secs(1),
        };
        let said = br#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_content":"x"},{"role":"user","content":"c"}]}"#;
        let conversation = crate::inbound::request::parse(said, &limits).unwrap();
        let mut options = Options {
            api: crate::settings::Api::Responses,
            system_prompt: Some("Be brief.".to_owned()),
            max_completion_tokens: None,
            reasoning_effort: None,
            temperature: None,
            starts_in_thoughts: false,
            extra_body: Map::new(),
        };
        let text = |options: &Options| {
            let body = Template::new("gpt-5", options).body(&conversation).unwrap();
            serde_json::from_slice::<Value>(&body).unwrap()
        };
        let mut plain = json!({
            "model": "gpt-5",
            "instructions": "Be brief.",
            "input": [
                { "role": "user", "content": "a" },
                { "role": "assistant", "content": "b" },
                { "role": "user", "content": "c" },
            ],
            "stream": true,
            "store": false,
            "reasoning": { "summary": "auto" },
        });
        assert_eq!(text(&options), plain);
        options.max_completion_tokens = Some(5);
        options.reasoning_effort = Some("low".to_owned());
        options.temperature = Some(0.5);
        options.extra_body =
            json!({ "reasoning": { "summary": "detailed" }, "store": null }).as_object().unwrap().clone();
        let plain = plain.as_object_mut().unwrap();
        plain.remove("store");
        plain["reasoning"] = json!({ "effort": "low", "summary": "detailed" });
        plain.insert("max_output_tokens".to_owned(), json!(5));
        plain.insert("temperature".to_owned(), json!(0.5));
        assert_eq!(text(&options), Value::Object(plain.clone()));
    }
}
