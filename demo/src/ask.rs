//! A chat completion request, reduced to what the demo answers from.

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::fault::Refusal;

/// How much of the question is looked at, for words that steer and for quoting. The rest counts as words only.
const QUESTION_CHARS: usize = 4_000;

/// The last user message and what it needs to be answered.
#[derive(Debug)]
pub(super) struct Ask {
    /// The last user message, bounded.
    pub(super) question: String,
    /// Words of the whole last user message.
    pub(super) words: usize,
    /// Which turn of the user this is, from 1.
    pub(super) turn: usize,
    /// The user message before, bounded.
    pub(super) previous: Option<String>,
    /// An estimate: four characters a token and three tokens more for each message, rounded up.
    pub(super) prompt_tokens: usize,
    /// Whether the client wants the last event to count tokens.
    pub(super) include_usage: bool,
}

#[derive(Deserialize)]
struct Request {
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Content,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: String,
}

impl Ask {
    /// Reads a request body. What is not a streamed chat completion with a user message is refused as OpenAI would.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let request: Request = serde_json::from_slice(body)
            .map_err(|_| invalid("messages", "The body is not a chat completion request with `messages` of text."))?;
        if !request.stream {
            return Err(invalid("stream", "The demo model only streams: send `\"stream\": true`."));
        }
        let include_usage = request.stream_options.is_some_and(|options| options.include_usage);
        let messages: Vec<(String, String)> =
            request.messages.into_iter().map(|message| (message.role, message.content.text())).collect();
        let prompt_tokens = messages.iter().map(|(_, text)| text.chars().count().div_ceil(4) + 3).sum();

        let mut said = messages.iter().filter(|(role, _)| role == "user").map(|(_, text)| text.as_str());
        let turn = said.clone().count();
        let question = said.next_back().ok_or_else(|| invalid("messages", "There is no message of a user."))?;
        Ok(Self {
            question: question.chars().take(QUESTION_CHARS).collect(),
            words: question.split_whitespace().count(),
            turn,
            previous: said.next_back().map(|text| text.chars().take(QUESTION_CHARS).collect()),
            prompt_tokens,
            include_usage,
        })
    }
}

impl Content {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().map(|part| part.text).collect(),
        }
    }
}

fn invalid(param: &str, message: &str) -> Refusal {
    let body = json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": null}});
    Refusal::json(StatusCode::BAD_REQUEST, &body)
}

#[cfg(test)]
impl Ask {
    /// An only question, for tests.
    pub(super) fn first(question: &str) -> Self {
        let body = json!({"messages": [{"role": "user", "content": question}], "stream": true,
            "stream_options": {"include_usage": true}});
        Self::parse(body.to_string().as_bytes()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &serde_json::Value) -> Result<Ask, Refusal> {
        Ask::parse(body.to_string().as_bytes())
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
        assert!(!ask.include_usage);
    }

    #[test]
    fn a_long_question_is_bounded_but_its_words_are_counted() {
        let ask = Ask::first(&"word ".repeat(10_000));
        assert_eq!(ask.question.chars().count(), QUESTION_CHARS);
        assert_eq!(ask.words, 10_000);
    }

    #[test]
    fn other_requests_are_refused_with_the_parameter() {
        for (body, param) in [
            (json!({"messages": [{"role": "user", "content": "x"}]}), "\"stream\""),
            (json!({"messages": [], "stream": true}), "\"messages\""),
            (json!({"messages": "x", "stream": true}), "\"messages\""),
        ] {
            let refusal = parse(&body).unwrap_err();
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
            assert!(refusal.body.contains(param), "{}", refusal.body);
        }
    }
}
