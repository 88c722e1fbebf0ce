//! The body of a chat completion request.

use bytes::Bytes;
use serde::Serialize;

use super::message::Wire;
use crate::inbound::conversation::Conversation;
use crate::settings::Options;

#[derive(Serialize)]
struct ChatCompletion<'a> {
    model: &'a str,
    messages: Vec<RequestMessage<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RequestMessage<'a> {
    System { role: &'static str, content: &'a str },
    Said(Wire<'a>),
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// The operator's system prompt, then the conversation, then what the settings add.
pub(crate) fn body(deployment: &str, options: &Options, conversation: &Conversation) -> Bytes {
    let system = RequestMessage::System { role: "system", content: &options.system_prompt };
    let request = ChatCompletion {
        model: deployment,
        messages: std::iter::once(system)
            .chain(conversation.messages().iter().map(|message| RequestMessage::Said(Wire(message))))
            .collect(),
        stream: true,
        stream_options: StreamOptions { include_usage: true },
        max_completion_tokens: options.max_completion_tokens,
        reasoning_effort: options.reasoning_effort.as_deref(),
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
    fn the_system_prompt_comes_first_and_settings_add_what_is_set() {
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
        let text = |options: &Options| String::from_utf8(body("r1", options, &conversation).to_vec()).unwrap();
        let plain = r#"{"model":"r1","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"stream":true,"stream_options":{"include_usage":true}"#;
        assert_eq!(text(&options), format!("{plain}}}"));
        options.max_completion_tokens = Some(5);
        options.reasoning_effort = Some("low".to_owned());
        options.temperature = Some(0.5);
        assert_eq!(
            text(&options),
            format!(r#"{plain},"max_completion_tokens":5,"reasoning_effort":"low","temperature":0.5}}"#)
        );
    }
}
