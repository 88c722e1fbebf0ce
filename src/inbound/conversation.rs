//! The request's body becomes a [`Conversation`] that cannot be wrong.
//!
//! In: the body's bytes and the bounds. Out: a conversation whose last message is from the user, with no empty and no
//! privileged message, or the code and the text that name the field and the rule. The body is read in place, level by
//! level, so that no tree of values is built and a fault can be told by its path. What the client said is never quoted.
//!
//! The original app's page sends an answer back as it grew: one assistant message for each line it read, the first ones
//! empty. So empty assistant messages are dropped, and of those that follow each other one that the next begins with.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{ChatError, Code};
use crate::json::{self, Object, given};
use crate::settings::RequestLimits;

/// Who said a message. The operator's system prompt is not part of a conversation; see [`crate::models::upstream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// What was said; not blank.
    pub content: String,
}

impl std::fmt::Debug for Message {
    /// Without the content: conversations are not for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("role", &self.role).finish_non_exhaustive()
    }
}

/// At least one message, the last one from the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct ChatRequest<'a> {
    #[serde(default, borrow, deserialize_with = "given")]
    messages: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ChatMessage<'a> {
    #[serde(default, borrow, deserialize_with = "given")]
    role: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ContentPart<'a> {
    #[serde(default, borrow, deserialize_with = "given", rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    text: Option<&'a RawValue>,
}

impl Conversation {
    /// Reads a request body.
    ///
    /// # Errors
    /// `invalid_request` or `request_too_large`.
    pub fn parse(body: &[u8], limits: &RequestLimits) -> Result<Self, ChatError> {
        let body = std::str::from_utf8(body).map_err(|_| invalid("The request body is not UTF-8 text."))?;
        let request: Object<ChatRequest<'_>> = serde_json::from_str(body).map_err(|error| not_an_object(&error))?;
        let messages =
            request.0.messages.ok_or_else(|| invalid("messages: missing; it must be a list of messages."))?;
        let messages = list(messages, "messages")?;
        let mut parsed = Messages { all: Vec::new(), chars: 0, limits };
        for (index, message) in messages.into_iter().enumerate() {
            if let Some(message) = parse_message(message, &format!("messages[{index}]"))? {
                parsed.push(message)?;
            }
        }
        match parsed.all.last() {
            None => Err(invalid("messages: empty; at least one message is needed.")),
            Some(last) if last.role != Role::User => Err(invalid("messages: the last message must be from the user.")),
            Some(_) => Ok(Self { messages: parsed.all }),
        }
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }
}

/// The messages so far, within bounds.
struct Messages<'l> {
    all: Vec<Message>,
    chars: usize,
    limits: &'l RequestLimits,
}

impl Messages<'_> {
    fn push(&mut self, message: Message) -> Result<(), ChatError> {
        let grows = |last: &mut Message| {
            last.role == Role::Assistant
                && message.role == Role::Assistant
                && message.content.starts_with(&last.content)
        };
        if let Some(last) = self.all.pop_if(grows) {
            self.chars -= last.content.chars().count();
        }
        self.chars += message.content.chars().count();
        self.all.push(message);
        if self.all.len() > self.limits.max_messages {
            return Err(too_large(self.limits.max_messages, "messages (MAX_MESSAGES)"));
        }
        if self.chars > self.limits.max_chars {
            return Err(too_large(self.limits.max_chars, "characters in all (MAX_CONVERSATION_CHARS)"));
        }
        Ok(())
    }
}

/// `None`: it says nothing, and may.
fn parse_message(message: &RawValue, path: &str) -> Result<Option<Message>, ChatError> {
    let message: Object<ChatMessage<'_>> = serde_json::from_str(message.get())
        .map_err(|_| invalid(format!("{path}: must be an object with one role and one content.")))?;
    let role = message.0.role.ok_or_else(|| invalid(format!("{path}.role: missing; it must be user or assistant.")))?;
    let role = match string(role).as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system" | "developer") => {
            return Err(invalid(format!(
                "{path}.role: must be user or assistant; the system prompt belongs to the operator."
            )));
        }
        _ => return Err(invalid(format!("{path}.role: must be user or assistant."))),
    };
    let path = format!("{path}.content");
    let content = match message.0.content {
        None if role == Role::Assistant => return Ok(None),
        Some(content) if role == Role::Assistant && json::is_null(content) => return Ok(None),
        None => return Err(invalid(format!("{path}: missing; it must be text."))),
        Some(content) => parse_content(content, &path)?,
    };
    if !content.trim().is_empty() {
        return Ok(Some(Message { role, content }));
    }
    if role == Role::Assistant { Ok(None) } else { Err(invalid(format!("{path}: empty; a question needs text."))) }
}

/// A string, or a list of text parts, which are joined.
fn parse_content(content: &RawValue, path: &str) -> Result<String, ChatError> {
    if json::is_string(content) {
        return json::lossy_text(content.get()).map_err(|_| invalid(format!("{path}: must be text.")));
    }
    if !content.get().starts_with('[') {
        return Err(invalid(format!("{path}: must be text, or a list of text parts.")));
    }
    let mut joined = String::new();
    for (index, part) in list(content, path)?.into_iter().enumerate() {
        let fault = |rule: &str| invalid(format!("{path}[{index}]: {rule}"));
        let part: Object<ContentPart<'_>> =
            serde_json::from_str(part.get()).map_err(|_| fault("must be an object with one type and one text."))?;
        if part.0.kind.and_then(string).as_deref() != Some("text") {
            return Err(fault("type must be text; images and files are not supported."));
        }
        let text = part.0.text.filter(|text| json::is_string(text)).ok_or_else(|| fault("text must be text."))?;
        let text = json::lossy_text(text.get()).map_err(|_| fault("text must be text."))?;
        joined.push_str(&text);
    }
    Ok(joined)
}

/// The elements of a list. They are references into the body, so their number is bounded by its size.
fn list<'a>(raw: &'a RawValue, path: &str) -> Result<Vec<&'a RawValue>, ChatError> {
    serde_json::from_str(raw.get()).map_err(|_| invalid(format!("{path}: must be a list.")))
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn invalid(text: impl Into<std::borrow::Cow<'static, str>>) -> ChatError {
    ChatError::new(Code::InvalidRequest, text)
}

fn too_large(max: usize, what: &str) -> ChatError {
    ChatError::new(Code::RequestTooLarge, format!("messages: more than {max} {what}. Start a new conversation."))
}

fn not_an_object(error: &serde_json::Error) -> ChatError {
    let mut text = String::from("The request body must be a JSON object with one list of messages");
    if !error.is_data() {
        let _ = write!(text, "; it stops being JSON at line {}, column {}", error.line(), error.column());
    }
    text.push('.');
    invalid(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: RequestLimits =
        RequestLimits { max_bytes: 1024, max_messages: 3, max_chars: 20, timeout: Duration::from_secs(1) };

    fn parse(body: &str) -> Result<Vec<(Role, String)>, (Code, String)> {
        match Conversation::parse(body.as_bytes(), &LIMITS) {
            Ok(conversation) => Ok(conversation.messages.into_iter().map(|m| (m.role, m.content)).collect()),
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
                "messages[0].content: must be text, or a list of text parts.",
            ),
            (r#"{"messages":[{"role":"user","content":" \n"}]}"#, "messages[0].content: empty; a question needs text."),
            (r#"{"messages":[{"role":"user","content":[]}]}"#, "messages[0].content: empty; a question needs text."),
            (
                r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#,
                "messages[0].content[0]: type must be text; images and files are not supported.",
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
        let conversation =
            Conversation::parse(br#"{"messages":[{"role":"user","content":"secret"}]}"#, &LIMITS).unwrap();
        assert!(!format!("{conversation:?}").contains("secret"));
    }
}
