//! What is asked, whichever of the two protocols asks it, reduced to what the demo answers from.

pub(super) mod chat;
pub(super) mod responses;

use http::StatusCode;
use serde_json::json;

use super::DEPLOYMENTS;
use super::character::{Character, Effort};
use super::fault::Refusal;
use super::image::Image;
use super::protocol::Protocol;
use super::region::Told;
use super::tool::{Choice, Tool};

/// How much of the question is looked at, for words that steer and for quoting. The rest counts as words only.
const QUESTION_CHARS: usize = 4_000;

/// How much of what a tool said is repeated.
const RESULT_CHARS: usize = 1_000;

/// The most images that are looked at, and the most answers of tools.
const MAX_ITEMS: usize = 32;

/// What an image counts in the estimate of tokens: OpenAI's price of one in low detail.
const TOKENS_AN_IMAGE: usize = 85;

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
    /// The images of the last user message.
    pub(super) images: Vec<Image>,
    /// What tools answered since, each bounded.
    pub(super) results: Vec<String>,
    /// An estimate: four characters a token and three tokens more for each message, rounded up.
    pub(super) prompt_tokens: usize,
    pub(super) terms: Terms,
    /// What became of a region that was told to go down or to come back.
    pub(super) told: Option<Told>,
    /// The name of the region that answers, where there are several.
    pub(super) region: Option<&'static str>,
}

/// Everything beside the conversation that a request may say.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) protocol: Protocol,
    /// The deployment that answers, by its name.
    pub(super) deployment: &'static str,
    pub(super) character: Character,
    pub(super) effort: Effort,
    /// The effort's name, where the request gave one.
    pub(super) effort_name: Option<String>,
    /// Whether thoughts may be told at all. The Responses API tells them only when a summary is asked for.
    pub(super) tells_thoughts: bool,
    /// Whether the client wants the tokens counted.
    pub(super) include_usage: bool,
    /// The most tokens, thoughts included.
    pub(super) max_tokens: Option<usize>,
    /// The answer ends before the first of these.
    pub(super) stop: Vec<String>,
    pub(super) tools: Vec<Tool>,
    pub(super) choice: Choice,
}

/// One message of a conversation, in either protocol.
#[derive(Debug)]
pub(super) struct Turn {
    by: By,
    text: String,
    images: Vec<Image>,
}

/// Who speaks; who is neither user nor tool only counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    User,
    Tool,
    Other,
}

impl By {
    fn role(role: &str) -> Self {
        match role {
            "user" => Self::User,
            "tool" => Self::Tool,
            _ => Self::Other,
        }
    }
}

impl Ask {
    /// Finds the question of a conversation; `list` is what its protocol calls the list of turns.
    fn of(turns: Vec<Turn>, terms: Terms, list: &str) -> Result<Self, Refusal> {
        let prompt_tokens =
            turns.iter().map(|t| t.text.chars().count().div_ceil(4) + 3 + t.images.len() * TOKENS_AN_IMAGE).sum();
        let asked = turns.iter().rposition(|turn| turn.by == By::User);
        let asked = asked.ok_or_else(|| invalid(list, "There is no message of a user."))?;
        let said: Vec<String> =
            turns.iter().filter(|t| t.by == By::User).map(|t| first(&t.text, QUESTION_CHARS)).collect();
        let later = turns.get(asked + 1..).unwrap_or_default();
        let results = later.iter().filter(|turn| turn.by == By::Tool).take(MAX_ITEMS);
        let results = results.map(|turn| first(&turn.text, RESULT_CHARS)).collect();
        let question = turns.into_iter().nth(asked).ok_or_else(|| invalid(list, "There is no message of a user."))?;
        Ok(Self {
            words: question.text.split_whitespace().count(),
            turn: said.len(),
            previous: said.into_iter().nth_back(1),
            question: first(&question.text, QUESTION_CHARS),
            images: question.images,
            results,
            prompt_tokens,
            terms,
            told: None,
            region: None,
        })
    }
}

/// The deployment of this name and its manner, and how hard it shall think.
fn answering(model: Option<&str>) -> (&'static str, Character) {
    let asked = model.unwrap_or_default();
    let character = Character::of(asked);
    let known = DEPLOYMENTS.iter().find(|name| **name == asked);
    let deployment = known.copied().unwrap_or(match character {
        Character::Thorough => super::DEPLOYMENT,
        Character::Quick => super::QUICK_DEPLOYMENT,
    });
    (deployment, character)
}

/// The effort of a request, or of the model that it asks.
fn effort(named: Option<&str>, character: Character, param: &str) -> Result<Effort, Refusal> {
    let unknown = || invalid(param, "The effort is none of none, minimal, low, medium, high, xhigh and max.");
    named.map_or(Ok(character.effort()), |name| Effort::named(name).ok_or_else(unknown))
}

/// A bound on tokens is at least one token.
fn max_tokens(asked: Option<usize>, param: &str) -> Result<Option<usize>, Refusal> {
    if asked == Some(0) { Err(invalid(param, "At least one token must be allowed.")) } else { Ok(asked) }
}

fn first(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
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
        chat::parse(body.to_string().as_bytes()).unwrap()
    }

    /// The same by the Responses API, with a summary of the thoughts.
    pub(super) fn by_responses(question: &str) -> Self {
        let body = json!({"input": question, "stream": true, "reasoning": {"summary": "auto"}});
        responses::parse(body.to_string().as_bytes()).unwrap().0
    }
}
