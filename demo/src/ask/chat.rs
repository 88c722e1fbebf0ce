//! A chat completion request.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::{Ask, By, MAX_ITEMS, Protocol, Terms, Turn, answering, effort, invalid, max_tokens};
use crate::fault::Refusal;
use crate::image::Image;
use crate::tool::{Choice, Tool};

#[derive(Deserialize)]
struct Request<'a> {
    model: Option<String>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    reasoning_effort: Option<String>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    stop: Option<Stop>,
    tools: Option<Vec<Offer>>,
    tool_choice: Option<Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    role: String,
    /// Absent or null where an assistant only called tools.
    #[serde(borrow)]
    content: Option<Content<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(String),
    Parts(#[serde(borrow)] Vec<Part<'a>>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text {
        text: String,
    },
    Refusal {
        refusal: String,
    },
    ImageUrl {
        #[serde(borrow)]
        image_url: Address<'a>,
    },
}

#[derive(Deserialize)]
struct Address<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Several(Vec<String>),
}

/// A tool, one level down.
#[derive(Deserialize)]
struct Offer {
    function: Tool,
}

/// Reads a request body. What is not a streamed chat completion with a user message is refused as OpenAI would.
pub(crate) fn parse(body: &[u8]) -> Result<Ask, Refusal> {
    let request: Request<'_> = serde_json::from_slice(body).map_err(|_| {
        invalid("messages", "The body is not a chat completion request with `messages` of text and images.")
    })?;
    if !request.stream {
        return Err(invalid("stream", "The demo model only streams: send `\"stream\": true`."));
    }
    let (deployment, character) = answering(request.model.as_deref());
    let terms = Terms {
        protocol: Protocol::Chat,
        deployment,
        character,
        effort: effort(request.reasoning_effort.as_deref(), character, "reasoning_effort")?,
        effort_name: request.reasoning_effort,
        tells_thoughts: true,
        include_usage: request.stream_options.is_some_and(|options| options.include_usage),
        max_tokens: max_tokens(request.max_completion_tokens.or(request.max_tokens), "max_tokens")?,
        stop: request.stop.map(Stop::list).unwrap_or_default(),
        tools: request.tools.unwrap_or_default().into_iter().map(|offer| offer.function).collect(),
        choice: Choice::read(request.tool_choice.as_ref(), |choice| choice.pointer("/function/name")),
    };
    Ask::of(request.messages.into_iter().map(Message::turn).collect(), terms, "messages")
}

impl Message<'_> {
    fn turn(self) -> Turn {
        let mut turn = Turn { by: By::role(&self.role), text: String::new(), images: Vec::new() };
        match self.content {
            None => {}
            Some(Content::Text(text)) => turn.text = text,
            Some(Content::Parts(parts)) => {
                for part in parts {
                    match part {
                        Part::Text { text } | Part::Refusal { refusal: text } => turn.text.push_str(&text),
                        Part::ImageUrl { image_url } if turn.images.len() < MAX_ITEMS => {
                            turn.images.push(Image::of(&image_url.url));
                        }
                        Part::ImageUrl { .. } => {}
                    }
                }
            }
        }
        turn
    }
}

impl Stop {
    fn list(self) -> Vec<String> {
        let mut list = match self {
            Self::One(stop) => vec![stop],
            Self::Several(list) => list,
        };
        list.retain(|stop| !stop.is_empty());
        list
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;

    use super::super::QUESTION_CHARS;
    use super::*;
    use crate::character::{Character, Effort};

    fn parse(body: &Value) -> Result<Ask, Refusal> {
        super::parse(body.to_string().as_bytes())
    }

    #[test]
    fn the_last_user_message_is_the_question_and_earlier_ones_are_turns() {
        let ask = parse(&json!({"model": "x", "stream": true, "temperature": 1, "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "uno"},
            {"role": "user", "content": [{"type": "text", "text": "two "}, {"type": "text", "text": "three"}]},
        ]}))
        .unwrap();
        assert_eq!((ask.question.as_str(), ask.words, ask.turn), ("two three", 2, 2));
        assert_eq!(ask.previous.as_deref(), Some("one"));
        assert_eq!(ask.prompt_tokens, (2 + 3) + (1 + 3) + (1 + 3) + (3 + 3));
        assert!(!ask.terms.include_usage);
    }

    #[test]
    fn a_long_question_is_bounded_but_its_words_are_counted() {
        let ask = Ask::first(&"word ".repeat(10_000));
        assert_eq!(ask.question.chars().count(), QUESTION_CHARS);
        assert_eq!(ask.words, 10_000);
    }

    #[test]
    fn what_a_request_may_say_beside_is_read() {
        let ask = parse(&json!({"model": "demo-quick-west", "stream": true, "reasoning_effort": "high",
            "max_tokens": 9, "max_completion_tokens": 7, "stop": ["", "END"], "tool_choice": "none",
            "tools": [{"type": "function", "function": {"name": "weather"}}],
            "messages": [{"role": "user", "content": "x"}]}))
        .unwrap();
        let terms = &ask.terms;
        assert_eq!(
            (terms.deployment, terms.character, terms.effort),
            ("demo-quick-west", Character::Quick, Effort::More)
        );
        assert_eq!((terms.max_tokens, terms.stop.as_slice()), (Some(7), ["END".to_owned()].as_slice()));
        assert_eq!((terms.tools.len(), &terms.choice), (1, &Choice::Never));
        let usual = Ask::first("x").terms;
        assert_eq!((usual.deployment, usual.character, usual.effort), ("demo", Character::Thorough, Effort::Usual));
    }

    #[test]
    fn images_are_looked_at_and_tools_are_heard() {
        let image = json!({"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGODlhAQABAA=="}});
        let ask = parse(&json!({"stream": true, "messages": [
            {"role": "user", "content": [image, {"type": "text", "text": "What is it?"}]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c"}]},
            {"role": "tool", "tool_call_id": "c", "content": "a dot"},
        ]}))
        .unwrap();
        assert_eq!(ask.images.iter().map(ToString::to_string).collect::<Vec<_>>(), ["GIF, 1 × 1 pixels, 10 bytes"]);
        assert_eq!(ask.results, ["a dot"]);
        let many = parse(&json!({"stream": true, "messages": [{"role": "user", "content": vec![image; 99]}]})).unwrap();
        assert_eq!(many.images.len(), MAX_ITEMS);
    }

    #[test]
    fn other_requests_are_refused_with_the_parameter() {
        let with = |name: &str, value: Value| {
            let mut body = json!({"messages": [{"role": "user", "content": "x"}], "stream": true});
            body[name] = value;
            body
        };
        for (body, param) in [
            (json!({"messages": [{"role": "user", "content": "x"}]}), "\"stream\""),
            (json!({"messages": [], "stream": true}), "\"messages\""),
            (json!({"messages": "x", "stream": true}), "\"messages\""),
            (with("reasoning_effort", json!("much")), "\"reasoning_effort\""),
            (with("max_tokens", json!(0)), "\"max_tokens\""),
            (
                with("messages", json!([{"role": "user", "content": [{"type": "input_text", "text": "x"}]}])),
                "\"messages\"",
            ),
        ] {
            let refusal = parse(&body).unwrap_err();
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
            assert!(refusal.body.contains(param), "{}", refusal.body);
        }
    }
}
