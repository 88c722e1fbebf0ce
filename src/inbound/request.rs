//! Reads a request of our own surface, strictly.
//!
//! In: the body's bytes. Out: what model it asks for, and a [`Conversation`] whose last message is from the user, with no
//! empty and no privileged message; or the code and the text that name the field and the rule. The body is read in place,
//! level by level, so that no tree of values is built and a fault can be told by its path. What the client said is never
//! quoted.
//!
//! The original app's page sends an answer back as it grew: one assistant message for each line it read, the first ones
//! empty. So empty assistant messages are dropped, and of those that follow each other one that the next begins with.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::content::{self, Images, invalid, list, string};
use super::conversation::{Builder, Conversation, Message, Role};
use crate::error::{ChatError, Code};
use crate::json::{self, Object, given};
use crate::settings::RequestLimits;

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(default, borrow, deserialize_with = "given")]
    messages: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    model: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    reasoning_effort: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ChatMessage<'a> {
    #[serde(default, borrow, deserialize_with = "given")]
    role: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    content: Option<&'a RawValue>,
}

/// A request whose messages have not been read: what they may be depends on the model.
#[derive(Debug)]
pub struct ChatRequest<'a> {
    messages: &'a RawValue,
    /// The model that it asks for, by name.
    pub model: Option<String>,
    /// The effort that it asks for.
    pub reasoning_effort: Option<String>,
}

impl<'a> ChatRequest<'a> {
    /// Reads the body's own fields.
    ///
    /// # Errors
    /// `invalid_request`
    pub fn read(body: &'a [u8]) -> Result<Self, ChatError> {
        let body = read_text(body)?;
        let Object(fields) = serde_json::from_str::<Object<Fields<'_>>>(body).map_err(|error| not_an_object(&error))?;
        let messages = fields.messages.ok_or_else(|| invalid("messages", "missing; it must be a list of messages."))?;
        let name = |raw: Option<&RawValue>, path| match raw.filter(|raw| !json::is_null(raw)) {
            None => Ok(None),
            Some(raw) => string(raw).map(Some).ok_or_else(|| invalid(path, "must be text.")),
        };
        Ok(Self {
            messages,
            model: name(fields.model, "model")?,
            reasoning_effort: name(fields.reasoning_effort, "reasoning_effort")?,
        })
    }

    /// Reads the messages. `takes_images`: the model does.
    ///
    /// # Errors
    /// `invalid_request` or `request_too_large`
    pub fn conversation(&self, limits: &RequestLimits, takes_images: bool) -> Result<Conversation, ChatError> {
        let mut read = Builder::new(limits, (limits.max_messages, "MAX_MESSAGES"));
        let images = if takes_images { Images::Taken(limits) } else { Images::NotByThisModel };
        for (index, message) in list(self.messages, "messages")?.into_iter().enumerate() {
            if let Some(message) = read_message(message, &format!("messages[{index}]"), images)? {
                read.push(message)?;
            }
        }
        match read.last() {
            None => Err(invalid("messages", "empty; at least one message is needed.")),
            Some(last) if last.role != Role::User => {
                Err(invalid("messages", "the last message must be from the user."))
            }
            Some(_) => Ok(read.finish()),
        }
    }
}

/// Reads a request to a model that takes no images, whichever it names.
///
/// # Errors
/// `invalid_request` or `request_too_large`
pub fn parse(body: &[u8], limits: &RequestLimits) -> Result<Conversation, ChatError> {
    ChatRequest::read(body)?.conversation(limits, false)
}

/// `None`: it says nothing, and may.
fn read_message(message: &RawValue, path: &str, images: Images<'_>) -> Result<Option<Message>, ChatError> {
    let Object(message) = serde_json::from_str::<Object<ChatMessage<'_>>>(message.get())
        .map_err(|_| invalid(path, "must be an object with one role and one content."))?;
    let at = format!("{path}.role");
    let role = message.role.ok_or_else(|| invalid(&at, "missing; it must be user or assistant."))?;
    let (role, images) = match string(role).as_deref() {
        Some("user") => (Role::User, images),
        Some("assistant") => (Role::Assistant, Images::NotInThisRole),
        Some("system" | "developer") => {
            return Err(invalid(&at, "must be user or assistant; the system prompt belongs to the operator."));
        }
        _ => return Err(invalid(&at, "must be user or assistant.")),
    };
    let at = format!("{path}.content");
    let content = match message.content {
        None if role == Role::Assistant => return Ok(None),
        Some(content) if role == Role::Assistant && json::is_null(content) => return Ok(None),
        None => return Err(invalid(&at, "missing; it must be text.")),
        Some(content) => content::read(content, &at, images)?,
    };
    if !content::is_blank(&content) {
        return Ok(Some(Message::new(role, content)));
    }
    if role == Role::Assistant { Ok(None) } else { Err(invalid(&at, "empty; a question needs text.")) }
}

/// The body as text.
///
/// # Errors
/// `invalid_request`
pub(crate) fn read_text(body: &[u8]) -> Result<&str, ChatError> {
    std::str::from_utf8(body).map_err(|_| ChatError::new(Code::InvalidRequest, "The request body is not UTF-8 text."))
}

/// What is said of a body that is no JSON object, and where it stops being one.
pub(crate) fn not_an_object(error: &serde_json::Error) -> ChatError {
    let mut text = String::from("The request body must be a JSON object with one list of messages");
    if !error.is_data() {
        let _ = write!(text, "; it stops being JSON at line {}, column {}", error.line(), error.column());
    }
    text.push('.');
    ChatError::new(Code::InvalidRequest, text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: RequestLimits = RequestLimits {
        max_bytes: 1024,
        max_messages: 3,
        max_chars: 20,
        max_images: 2,
        max_image_bytes: 60,
        timeout: Duration::from_secs(1),
    };

    fn parse(body: &str) -> Result<Vec<(Role, String)>, (Code, String)> {
        match super::parse(body.as_bytes(), &LIMITS) {
            Ok(conversation) => Ok(conversation
                .messages()
                .iter()
                .map(|message| (message.role, message.as_text().unwrap().to_owned()))
                .collect()),
            Err(error) => Err((error.code(), error.text().to_owned())),
        }
    }

    fn refusal(body: &str) -> String {
        let (code, text) = parse(body).unwrap_err();
        assert_eq!(code, Code::InvalidRequest, "{text}");
        text
    }

    #[test]
    fn a_conversation_is_read_and_what_is_not_ours_is_dropped() {
        let body = r#"{"model":"x","messages":[
            {"role":"user","content":"Hi"},
            {"role":"assistant","content":"Yo","reasoning_content":"hmm","tool_calls":[]},
            {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b\n"}],"name":"n"}]}"#;
        assert_eq!(
            parse(body),
            Ok(vec![
                (Role::User, "Hi".to_owned()),
                (Role::Assistant, "Yo".to_owned()),
                (Role::User, "ab\n".to_owned())
            ])
        );
    }

    #[test]
    fn refusals_name_the_field_and_the_rule() {
        for (body, text) in [
            (
                "",
                "The request body must be a JSON object with one list of messages; it stops being JSON at line 1, column 0.",
            ),
            (
                "{\"messages\": [",
                "The request body must be a JSON object with one list of messages; it stops being JSON at line 1, column 14.",
            ),
            ("[]", "The request body must be a JSON object with one list of messages."),
            ("{}", "messages: missing; it must be a list of messages."),
            (r#"{"messages":[],"messages":[]}"#, "The request body must be a JSON object with one list of messages."),
            (r#"{"messages":null}"#, "messages: must be a list."),
            (r#"{"messages":"hi"}"#, "messages: must be a list."),
            (r#"{"messages":[]}"#, "messages: empty; at least one message is needed."),
            (r#"{"messages":["hi"]}"#, "messages[0]: must be an object with one role and one content."),
            (r#"{"messages":[["user","hi"]]}"#, "messages[0]: must be an object with one role and one content."),
            (r#"{"messages":[{"content":"hi"}]}"#, "messages[0].role: missing; it must be user or assistant."),
            (r#"{"messages":[{"role":"tool","content":"hi"}]}"#, "messages[0].role: must be user or assistant."),
            (r#"{"messages":[{"role":7,"content":"hi"}]}"#, "messages[0].role: must be user or assistant."),
            (
                r#"{"messages":[{"role":"user","content":"hi"},{"role":"system","content":"hi"}]}"#,
                "messages[1].role: must be user or assistant; the system prompt belongs to the operator.",
            ),
            (r#"{"messages":[{"role":"user"}]}"#, "messages[0].content: missing; it must be text."),
            (
                r#"{"messages":[{"role":"user","content":null}]}"#,
                "messages[0].content: must be text, or a list of parts.",
            ),
            (r#"{"messages":[{"role":"user","content":" \n"}]}"#, "messages[0].content: empty; a question needs text."),
            (r#"{"messages":[{"role":"user","content":[]}]}"#, "messages[0].content: empty; a question needs text."),
            (
                r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#,
                "messages[0].content[0]: type must be text; this model takes no images.",
            ),
            (
                r#"{"messages":[{"role":"user","content":[{"type":"text","text":5}]}]}"#,
                "messages[0].content[0]: text must be text.",
            ),
            (
                r#"{"messages":[{"role":"assistant","content":"hi"}]}"#,
                "messages: the last message must be from the user.",
            ),
        ] {
            assert_eq!(refusal(body), text, "{body}");
            let path = text.split_once(": ").map(|(path, _)| path).filter(|path| !path.contains(' '));
            assert_eq!(super::parse(body.as_bytes(), &LIMITS).unwrap_err().param(), path, "{body}");
        }
    }

    #[test]
    fn half_a_character_is_no_reason_to_refuse_a_conversation() {
        let body = r#"{"messages":[{"role":"assistant","content":"a\ud83d"},{"role":"user","content":[{"type":"text","text":"\ude04b"}]}]}"#;
        let read = vec![(Role::Assistant, "a\u{FFFD}".to_owned()), (Role::User, "\u{FFFD}b".to_owned())];
        assert_eq!(parse(body), Ok(read));
    }

    #[test]
    fn an_answer_that_is_sent_as_it_grew_is_one_message() {
        let said = |role: &str, content: &str| format!(r#"{{"role":"{role}","content":"{content}"}}"#);
        let grown = ["", " ", "It", "It is", "It is", "It is so"].map(|text| said("assistant", text));
        let body = format!(
            r#"{{"messages":[{},{},{{"role":"assistant"}},{{"role":"assistant","content":null}},{}]}}"#,
            said("user", "a"),
            grown.join(","),
            said("user", "b")
        );
        let read = [(Role::User, "a"), (Role::Assistant, "It is so"), (Role::User, "b")];
        assert_eq!(
            parse(&body),
            Ok(read.map(|(role, text)| (role, text.to_owned())).to_vec()),
            "3 messages, 10 characters"
        );
        let two =
            format!(r#"{{"messages":[{},{},{}]}}"#, said("assistant", "b"), said("assistant", "a"), said("user", "c"));
        assert_eq!(parse(&two).unwrap().len(), 3, "one that does not go on from the last stays");
    }

    #[test]
    fn bounds_are_named() {
        let message = r#"{"role":"user","content":"0123456789"}"#;
        let messages = |count: usize| format!(r#"{{"messages":[{}]}}"#, vec![message; count].join(","));
        assert!(parse(&messages(2)).is_ok(), "20 characters are allowed");
        let (code, text) = parse(&messages(3)).unwrap_err();
        assert_eq!(code, Code::RequestTooLarge);
        assert!(text.contains("20 characters in all (MAX_CONVERSATION_CHARS)"), "{text}");
        let (code, text) = parse(&messages(4).replace("0123456789", "a")).unwrap_err();
        assert_eq!(code, Code::RequestTooLarge);
        assert!(text.contains("3 messages (MAX_MESSAGES)"), "{text}");
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        let twenty = "€".repeat(20);
        assert!(parse(&format!(r#"{{"messages":[{{"role":"user","content":"{twenty}"}}]}}"#)).is_ok());
    }

    #[test]
    fn deep_nesting_is_a_refusal_not_a_crash() {
        let deep = format!(r#"{{"x":{},"messages":[]}}"#, "[".repeat(100_000));
        refusal(&deep);
        let ignored = format!(
            r#"{{"x":{}{},"messages":[{{"role":"user","content":"hi"}}]}}"#,
            "[".repeat(5000),
            "]".repeat(5000)
        );
        let _ = parse(&ignored);
    }

    #[test]
    fn what_was_said_is_not_in_debug_output() {
        let conversation = super::parse(br#"{"messages":[{"role":"user","content":"secret"}]}"#, &LIMITS).unwrap();
        assert!(!format!("{conversation:?}").contains("secret"));
    }
}
