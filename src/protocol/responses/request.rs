//! The body of a Responses request.

use bytes::Bytes;
use serde::Serialize;

use super::input::{Item, items};
use crate::inbound::conversation::Conversation;
use crate::settings::Options;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    /// The operator's system prompt.
    instructions: &'a str,
    input: Vec<Item<'a>>,
    stream: bool,
    /// False: the service keeps nothing. Its default is to keep all, for thirty days on Azure.
    store: bool,
    reasoning: Reasoning<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

#[derive(Serialize)]
struct Reasoning<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    /// All that such a model tells of its thoughts.
    summary: &'static str,
}

/// The operator's system prompt and the conversation, and what the settings add.
pub(crate) fn body(deployment: &str, options: &Options, conversation: &Conversation) -> Bytes {
    let effort = conversation.reasoning_effort.as_deref().or(options.reasoning_effort.as_deref());
    let request = Request {
        model: deployment,
        instructions: &options.system_prompt,
        input: items(conversation.messages()),
        stream: true,
        store: false,
        reasoning: Reasoning { effort, summary: "auto" },
        max_output_tokens: options.max_completion_tokens,
        temperature: options.temperature,
    };
    // Strings and numbers always serialise into memory.
    serde_json::to_vec(&request).unwrap_or_default().into()
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
        let conversation = Conversation::parse(said, &limits).unwrap();
        let mut options = Options {
            system_prompt: "Be brief.".to_owned(),
            max_completion_tokens: None,
            reasoning_effort: None,
            temperature: None,
            starts_in_thoughts: false,
        };
        let text = |options: &Options| String::from_utf8(body("gpt-5", options, &conversation).to_vec()).unwrap();
        let plain = r#"{"model":"gpt-5","instructions":"Be brief.","input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"stream":true,"store":false,"reasoning":{"#;
        assert_eq!(text(&options), format!(r#"{plain}"summary":"auto"}}}}"#));
        options.max_completion_tokens = Some(5);
        options.reasoning_effort = Some("low".to_owned());
        options.temperature = Some(0.5);
        assert_eq!(
            text(&options),
            format!(r#"{plain}"effort":"low","summary":"auto"}},"max_output_tokens":5,"temperature":0.5}}"#)
        );
    }
}
