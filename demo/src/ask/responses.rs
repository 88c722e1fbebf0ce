//! A request of the Responses API, read as strictly as the service reads it where clients confuse the two protocols.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Ask, By, MAX_ITEMS, Protocol, Terms, Turn, answering, effort, invalid, max_tokens};
use crate::fault::Refusal;
use crate::image::Image;
use crate::tool::{Choice, Tool};

/// What belongs to chat completions and is refused here, with what takes its place.
const CHAT_ONLY: [(&str, &str); 6] = [
    ("messages", "input"),
    ("max_tokens", "max_output_tokens"),
    ("max_completion_tokens", "max_output_tokens"),
    ("reasoning_effort", "reasoning.effort"),
    ("response_format", "text.format"),
    ("n", "one answer a request"),
];

/// What every response object says back of its request.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    pub(crate) deployment: &'static str,
    pub(crate) instructions: Option<String>,
    pub(crate) max_output_tokens: Option<usize>,
    pub(crate) reasoning: Value,
    pub(crate) store: bool,
    pub(crate) tool_choice: Value,
    pub(crate) tools: Value,
    /// Whether deltas are padded to hide their lengths.
    pub(crate) obfuscation: bool,
}

#[derive(Deserialize)]
struct Request<'a> {
    model: Option<String>,
    #[serde(borrow)]
    input: Input<'a>,
    instructions: Option<String>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    reasoning: Option<Reasoning>,
    max_output_tokens: Option<usize>,
    store: Option<bool>,
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_obfuscation: Option<bool>,
}

#[derive(Deserialize)]
struct Reasoning {
    effort: Option<String>,
    summary: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input<'a> {
    Text(String),
    Items(#[serde(borrow)] Vec<Item<'a>>),
}

/// A message, or what a tool was asked or has answered, told apart by `type`, which a message may leave out.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow)]
    output: Option<Content<'a>>,
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
    InputText {
        text: String,
    },
    OutputText {
        text: String,
    },
    Refusal {
        refusal: String,
    },
    InputImage {
        #[serde(borrow)]
        image_url: Cow<'a, str>,
    },
}

/// Reads a request body. What is not a streamed request with a user message is refused as OpenAI would.
pub(crate) fn parse(body: &[u8]) -> Result<(Ask, Echo), Refusal> {
    let names: HashMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(body).map_err(|_| invalid("input", "The body is not a JSON object."))?;
    if let Some((name, instead)) = CHAT_ONLY.iter().find(|(name, _)| names.contains_key(*name)) {
        return Err(invalid(name, &format!("Unsupported parameter: `{name}`. In the Responses API it is {instead}.")));
    }
    let request: Request<'_> = serde_json::from_slice(body).map_err(|_| {
        invalid("input", "The body is no request with an `input` of text, messages and tools' outputs.")
    })?;
    if !request.stream {
        return Err(invalid("stream", "The demo model only streams: send `\"stream\": true`."));
    }
    let (deployment, character) = answering(request.model.as_deref());
    let (effort_name, summary) = request.reasoning.map_or((None, None), |asked| (asked.effort, asked.summary));
    let tools = request.tools.unwrap_or_default();
    let terms = Terms {
        protocol: Protocol::Responses,
        deployment,
        character,
        effort: effort(effort_name.as_deref(), character, "reasoning.effort")?,
        effort_name: effort_name.clone(),
        tells_thoughts: summary.is_some(),
        include_usage: true,
        max_tokens: max_tokens(request.max_output_tokens, "max_output_tokens")?,
        stop: Vec::new(),
        // Hosted tools have no name; the demo has none of them.
        tools: tools.iter().filter_map(|tool| Tool::deserialize(tool).ok()).collect(),
        choice: Choice::read(request.tool_choice.as_ref(), |choice| choice.get("name")),
    };
    let mut turns: Vec<Turn> = request.instructions.iter().map(|text| text_by(By::Other, text)).collect();
    match request.input {
        Input::Text(text) => turns.push(text_by(By::User, &text)),
        Input::Items(items) => {
            for item in items {
                turns.push(item.turn()?);
            }
        }
    }
    let ask = Ask::of(turns, terms, "input")?;
    let echo = Echo {
        deployment,
        instructions: request.instructions,
        max_output_tokens: request.max_output_tokens,
        reasoning: json!({"effort": effort_name.as_deref().unwrap_or("medium"), "summary": summary}),
        store: request.store.unwrap_or(true),
        tool_choice: request.tool_choice.unwrap_or_else(|| json!("auto")),
        tools: Value::Array(tools),
        obfuscation: request.stream_options.and_then(|options| options.include_obfuscation).unwrap_or(true),
    };
    Ok((ask, echo))
}

fn text_by(by: By, text: &str) -> Turn {
    Turn { by, text: text.to_owned(), images: Vec::new() }
}

impl Item<'_> {
    fn turn(self) -> Result<Turn, Refusal> {
        match self.kind.as_deref() {
            None | Some("message") => {
                let role = self.role.ok_or_else(|| invalid("input", "A message has a `role`."))?;
                let content = self.content.ok_or_else(|| invalid("input", "A message has a `content`."))?;
                content.turn(By::role(&role), role == "assistant")
            }
            Some("function_call_output") => {
                let output = self.output.ok_or_else(|| invalid("input", "A tool's output has an `output`."))?;
                output.turn(By::Tool, false)
            }
            // Calls and thoughts of earlier turns, which the demo made itself.
            Some(_) => Ok(text_by(By::Other, "")),
        }
    }
}

impl Content<'_> {
    /// Parts are named by their direction: what a user says is input, what an assistant said was output.
    fn turn(self, by: By, assistant: bool) -> Result<Turn, Refusal> {
        let mut turn = text_by(by, "");
        let parts = match self {
            Self::Text(text) => return Ok(Turn { text, ..turn }),
            Self::Parts(parts) => parts,
        };
        for part in parts {
            match part {
                Part::InputText { text } if !assistant => turn.text.push_str(&text),
                Part::OutputText { text } | Part::Refusal { refusal: text } if assistant => turn.text.push_str(&text),
                Part::InputImage { image_url } if !assistant => {
                    if turn.images.len() < MAX_ITEMS {
                        turn.images.push(Image::of(&image_url));
                    }
                }
                _ => return Err(invalid("input", "A content part of this `type` does not go with its `role`.")),
            }
        }
        Ok(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &Value) -> Result<(Ask, Echo), Refusal> {
        super::parse(body.to_string().as_bytes())
    }

    #[test]
    fn a_conversation_is_read_from_strings_parts_and_outputs_of_tools() {
        let (ask, echo) = parse(&json!({"model": "demo-east", "stream": true, "store": false, "max_output_tokens": 99,
        "instructions": "Be kind.", "reasoning": {"effort": "high", "summary": "auto"},
        "stream_options": {"include_obfuscation": false},
        "tools": [{"type": "function", "name": "weather", "parameters": {}}, {"type": "web_search"}],
        "input": [
            {"role": "user", "content": "one"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "uno"}]},
            {"role": "user", "content": [
                {"type": "input_text", "text": "two"},
                {"type": "input_image", "image_url": "data:image/gif;base64,R0lGODlhAQABAA==", "detail": "auto"},
            ]},
            {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "rain"},
        ]}))
        .unwrap();
        assert_eq!((ask.question.as_str(), ask.turn, ask.previous.as_deref()), ("two", 2, Some("one")));
        assert_eq!((ask.images.len(), ask.results.as_slice()), (1, ["rain".to_owned()].as_slice()));
        assert_eq!((ask.terms.tools.len(), ask.terms.max_tokens), (1, Some(99)));
        assert!(ask.terms.tells_thoughts && ask.terms.include_usage);
        assert_eq!((echo.deployment, echo.instructions.as_deref(), echo.store), ("demo-east", Some("Be kind."), false));
        assert_eq!(echo.reasoning, json!({"effort": "high", "summary": "auto"}));
        assert!(!echo.obfuscation);
    }

    #[test]
    fn without_a_wish_for_a_summary_thoughts_stay_hidden() {
        let (ask, echo) = parse(&json!({"stream": true, "input": "x"})).unwrap();
        assert!(!ask.terms.tells_thoughts);
        assert!(echo.store && echo.obfuscation, "the service's defaults");
    }

    #[test]
    fn what_belongs_to_chat_completions_is_refused_by_its_name() {
        let with = |name: &str, value: Value| {
            let mut body = json!({"input": "x", "stream": true});
            body[name] = value;
            body
        };
        let part = |role: &str, part: Value| with("input", json!([{"role": role, "content": [part]}]));
        for (body, param) in [
            (with("messages", json!([])), "messages"),
            (with("max_completion_tokens", json!(5)), "max_completion_tokens"),
            (with("reasoning_effort", json!("low")), "reasoning_effort"),
            (with("max_output_tokens", json!(0)), "max_output_tokens"),
            (with("reasoning", json!({"effort": "much"})), "reasoning.effort"),
            (with("stream", json!(false)), "stream"),
            (with("input", json!([{"role": "assistant", "content": "x"}])), "input"),
            (part("assistant", json!({"type": "input_text", "text": "x"})), "input"),
            (part("user", json!({"type": "output_text", "text": "x"})), "input"),
            (part("user", json!({"type": "text", "text": "x"})), "input"),
            (part("user", json!({"type": "input_image", "image_url": {"url": "data:"}})), "input"),
        ] {
            let refusal = parse(&body).unwrap_err();
            let error: Value = serde_json::from_str(&refusal.body).unwrap();
            assert_eq!((refusal.status.as_u16(), &error["error"]["param"]), (400, &json!(param)), "{body}");
        }
    }
}
