//! Reads a request for a chat completion, strictly where it counts and without a word about what it does not know: every
//! client of OpenAI's API sends fields of its own.
//!
//! In: the body's bytes. Out: what model it asks for and how the answer is to come, and then a [`Conversation`] with the
//! [`Wishes`] that go upstream; or the code and the text that name the field and the rule. A field that is `null` was not
//! sent. `docs/wire.md` has the table of what happens to which field.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::message::Reading;
use super::tools;
use crate::answer::halves::replace_lone;
use crate::error::ChatError;
use crate::inbound::content::{Images, invalid, list, string};
use crate::inbound::conversation::{Builder, Conversation, Wishes};
use crate::inbound::request::{not_an_object, read_text};
use crate::json;
use crate::settings::RequestLimits;

/// Tools that one request may bring; OpenAI's own bound.
const MAX_TOOLS: usize = 128;
/// Answers that one request may ask for: as many as an answer may have choices.
const MAX_ANSWERS: u64 = 16;

/// Fields that are read here.
const READ: [&str; 11] = [
    "messages",
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "reasoning_effort",
    "user",
    "safety_identifier",
    "functions",
    "function_call",
];

/// Fields that go upstream as they came, and what they must be.
const PASSED: [(&str, Shape); 16] = [
    ("temperature", Shape::Number { neutral: 1.0 }),
    ("top_p", Shape::Number { neutral: 1.0 }),
    ("presence_penalty", Shape::Number { neutral: 0.0 }),
    ("frequency_penalty", Shape::Number { neutral: 0.0 }),
    ("verbosity", Shape::Text),
    ("response_format", Shape::Format),
    ("tools", Shape::Tools),
    ("tool_choice", Shape::Choice),
    ("parallel_tool_calls", Shape::Boolean { neutral: None }),
    ("stop", Shape::Stop),
    ("seed", Shape::Integer { neutral: None }),
    ("logit_bias", Shape::Object),
    ("logprobs", Shape::Boolean { neutral: Some(false) }),
    ("top_logprobs", Shape::Integer { neutral: Some(0) }),
    ("n", Shape::Answers),
    ("prediction", Shape::Object),
];

/// What a field must be. A neutral value asks for nothing: reasoning models refuse even some of those, and clients send
/// them unasked, so it is left out.
#[derive(Clone, Copy)]
enum Shape {
    Number { neutral: f64 },
    Integer { neutral: Option<i64> },
    Boolean { neutral: Option<bool> },
    Text,
    Object,
    Format,
    Tools,
    Choice,
    Stop,
    Answers,
}

/// A request whose messages have not been read: what they may be depends on the model.
#[derive(Debug)]
pub struct CompletionRequest<'a> {
    fields: Fields<'a>,
    messages: &'a RawValue,
    /// The model that it asks for, by name.
    pub model: Option<String>,
    /// The effort that it asks for.
    pub reasoning_effort: Option<String>,
    /// Whether the answer is to come as it is made.
    pub stream: bool,
    /// Whether a stream is to end with the count of tokens.
    pub include_usage: bool,
}

impl<'a> CompletionRequest<'a> {
    /// Reads the body's own fields.
    ///
    /// # Errors
    /// `invalid_request`
    pub fn read(body: &'a [u8]) -> Result<Self, ChatError> {
        let fields: Fields<'_> = serde_json::from_str(read_text(body)?).map_err(|error| not_an_object(&error))?;
        let messages =
            fields.get("messages").ok_or_else(|| invalid("messages", "missing; it must be a list of messages."))?;
        let text = |name| {
            let raw = fields.get(name);
            raw.map(|raw| string(raw).ok_or_else(|| invalid(name, "must be text."))).transpose()
        };
        // Clients that leave the choice to the server name no model, or an empty one.
        let model = text("model")?.filter(|model| !model.is_empty());
        let reasoning_effort = text("reasoning_effort")?;
        let stream = fields.get("stream").map_or(Ok(false), |raw| boolean("stream", raw))?;
        let include_usage = fields.get("stream_options").map_or(Ok(false), include_usage)?;
        for (old, new) in [("functions", "tools"), ("function_call", "tool_choice")] {
            if fields.get(old).is_some() {
                return Err(invalid(old, format_args!("is not supported any more; use {new}.")));
            }
        }
        Ok(Self { fields, messages, model, reasoning_effort, stream, include_usage })
    }

    /// Reads the messages and what is asked for besides. `takes_images`: the model does. `user` is what stands upstream for
    /// whom the client names.
    ///
    /// # Errors
    /// `invalid_request` or `request_too_large`
    pub fn conversation(
        &self,
        limits: &RequestLimits,
        max_messages: usize,
        takes_images: bool,
        user: Option<&str>,
    ) -> Result<Conversation, ChatError> {
        let mut read = Builder::new(limits, (max_messages, "OPENAI_MAX_MESSAGES"));
        let images = if takes_images { Images::Taken(limits) } else { Images::NotByThisModel };
        let mut reading = Reading::new(images);
        for (index, message) in list(self.messages, "messages")?.into_iter().enumerate() {
            if let Some(message) = reading.message(message, index)? {
                read.push(message)?;
            }
        }
        if read.last().is_none() {
            return Err(invalid("messages", "empty; at least one message is needed."));
        }
        let mut conversation = read.finish();
        conversation.reasoning_effort.clone_from(&self.reasoning_effort);
        conversation.wishes = self.wishes(user)?;
        Ok(conversation)
    }

    fn wishes(&self, user: Option<&str>) -> Result<Wishes, ChatError> {
        let mut wishes = Wishes::default();
        // The older name of the two that mean the same.
        for name in ["max_tokens", "max_completion_tokens"] {
            if let Some(raw) = self.fields.get(name) {
                wishes.max_tokens = tokens(name, raw)?;
            }
        }
        for (name, shape) in PASSED {
            if let Some(raw) = self.fields.get(name)
                && shape.asks_for_something(name, raw)?
            {
                let raw = replace_lone(raw.get());
                let raw = if name == "tools" {
                    tools::without_nulls(&raw).unwrap_or(raw.into_owned())
                } else {
                    raw.into_owned()
                };
                let raw = RawValue::from_string(raw);
                // It was JSON before, and its length stays.
                wishes.parameters.push((name, raw.map_err(|_| invalid(name, "cannot be read."))?));
            }
        }
        // These are refused where there are no tools, and mean nothing then.
        if !wishes.parameters.iter().any(|(name, _)| *name == "tools") {
            wishes.parameters.retain(|(name, _)| !matches!(*name, "tool_choice" | "parallel_tool_calls"));
        }
        let names_a_user = ["user", "safety_identifier"].iter().any(|name| self.fields.get(name).is_some());
        if let Some(user) = user.filter(|_| names_a_user)
            && let Ok(user) = serde_json::value::to_raw_value(user)
        {
            wishes.parameters.push(("user", user));
        }
        Ok(wishes)
    }
}

impl Shape {
    /// Whether a field's value is more than a default's.
    ///
    /// # Errors
    /// `invalid_request`: it is of another shape.
    fn asks_for_something(self, name: &'static str, raw: &RawValue) -> Result<bool, ChatError> {
        let begins = |with: char| raw.get().starts_with(with);
        match self {
            Self::Number { neutral } => {
                let number = serde_json::from_str::<f64>(raw.get()).map_err(|_| invalid(name, "must be a number."))?;
                Ok((number - neutral).abs() > f64::EPSILON)
            }
            Self::Integer { neutral } => {
                let number =
                    serde_json::from_str::<i64>(raw.get()).map_err(|_| invalid(name, "must be a whole number."))?;
                Ok(Some(number) != neutral)
            }
            Self::Boolean { neutral } => Ok(Some(boolean(name, raw)?) != neutral),
            Self::Answers => match serde_json::from_str(raw.get()) {
                Ok(1) => Ok(false),
                Ok(2..=MAX_ANSWERS) => Ok(true),
                _ => Err(invalid(name, format_args!("must be a whole number from 1 to {MAX_ANSWERS}."))),
            },
            Self::Text | Self::Stop if json::is_string(raw) => Ok(true),
            Self::Text => Err(invalid(name, "must be text.")),
            Self::Choice if json::is_string(raw) || begins('{') => Ok(true),
            Self::Choice => Err(invalid(name, "must be auto, none, required or an object.")),
            Self::Stop => match serde_json::from_str::<Vec<String>>(raw.get()) {
                Ok(all) => Ok(!all.is_empty()),
                Err(_) => Err(invalid(name, "must be text, or a list of texts.")),
            },
            Self::Object | Self::Format if !begins('{') => Err(invalid(name, "must be an object.")),
            Self::Object => Ok(!is_empty(raw)),
            Self::Format => Ok(kind(raw).as_deref() != Some("text")),
            Self::Tools => {
                let tools = list(raw, name)?;
                if tools.len() > MAX_TOOLS {
                    return Err(invalid(name, format_args!("more than {MAX_TOOLS}.")));
                }
                match tools.iter().position(|tool| !tool.get().starts_with('{')) {
                    Some(at) => Err(invalid(&format!("{name}[{at}]"), "must be an object.")),
                    None => Ok(!tools.is_empty()),
                }
            }
        }
    }
}

fn boolean(name: &str, raw: &RawValue) -> Result<bool, ChatError> {
    serde_json::from_str(raw.get()).map_err(|_| invalid(name, "must be true or false."))
}

/// A bound on tokens; `None` for -1, which local tools send for none. Python writes whole numbers as 100.0 at times.
fn tokens(name: &str, raw: &RawValue) -> Result<Option<u32>, ChatError> {
    let number = raw.get().strip_suffix(".0").unwrap_or(raw.get());
    match number.parse::<i128>() {
        Ok(-1) => Ok(None),
        Ok(tokens @ 1..) => Ok(Some(u32::try_from(tokens).unwrap_or(u32::MAX))),
        _ => Err(invalid(name, "must be a whole number, 1 or more.")),
    }
}

fn include_usage(options: &RawValue) -> Result<bool, ChatError> {
    #[derive(serde::Deserialize)]
    struct Options {
        include_usage: Option<bool>,
    }
    serde_json::from_str::<json::Object<Options>>(options.get())
        .map(|json::Object(options)| options.include_usage.unwrap_or_default())
        .map_err(|_| invalid("stream_options", "must be an object; include_usage must be true or false."))
}

fn kind(object: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Typed {
        r#type: String,
    }
    serde_json::from_str::<Typed>(object.get()).ok().map(|typed| typed.r#type)
}

fn is_empty(object: &RawValue) -> bool {
    object.get().bytes().skip(1).find(|byte| !byte.is_ascii_whitespace()) == Some(b'}')
}

/// The fields that are known, each once, of those that are not `null`.
#[derive(Debug)]
struct Fields<'a>(Vec<(&'static str, &'a RawValue)>);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, raw)| *raw).filter(|raw| !json::is_null(raw))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields(Vec::new());
                while let Some(Key(name)) = map.next_key()? {
                    let Some(name) = name else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    if fields.0.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::duplicate_field(name));
                    }
                    fields.0.push((name, map.next_value()?));
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// A field's name, if it is known.
struct Key(Option<&'static str>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                let known = READ.into_iter().chain(PASSED.into_iter().map(|(name, _)| name));
                Ok(Key(known.into_iter().find(|name| *name == key)))
            }
        }

        deserializer.deserialize_identifier(KeyVisitor)
    }
}

#[cfg(test)]
mod tests;
