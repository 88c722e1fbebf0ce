//! Reads the messages of a chat completion's request: those of our own surface, and besides them system messages, calls of
//! tools and what the tools answered.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ChatError;
use crate::inbound::content::{self, Images, invalid, list, string, text};
use crate::inbound::conversation::{Message, Part, Role, ToolCall};
use crate::json::{self, Object, given};

const ROLES: &str = "must be system, developer, user, assistant or tool.";
const ARGUMENTS: &str = "must be text: the arguments as JSON.";

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(default, borrow, deserialize_with = "given")]
    role: Option<&'a RawValue>,
    #[serde(default, borrow)]
    content: Option<&'a RawValue>,
    #[serde(default, borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(default, borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(default, borrow)]
    tool_call_id: Option<&'a RawValue>,
    /// What calls of tools were before there were several.
    #[serde(default, borrow)]
    function_call: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
    #[serde(default, borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(default, borrow)]
    function: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(default, borrow)]
    name: Option<&'a RawValue>,
    #[serde(default, borrow)]
    arguments: Option<&'a RawValue>,
}

/// What is known between two messages.
#[derive(Debug)]
pub(super) struct Reading<'l> {
    images: Images<'l>,
    /// The id that was given to the last call of the old form, which has none.
    function_call: Option<String>,
}

impl<'l> Reading<'l> {
    pub(super) fn new(images: Images<'l>) -> Self {
        Self { images, function_call: None }
    }

    /// Reads the message at this place. `None`: it says nothing, and may.
    ///
    /// # Errors
    /// `invalid_request` or `request_too_large`
    pub(super) fn message(&mut self, raw: &RawValue, index: usize) -> Result<Option<Message>, ChatError> {
        let path = format!("messages[{index}]");
        let Object(fields) = serde_json::from_str::<Object<Fields<'_>>>(raw.get())
            .map_err(|_| invalid(&path, "must be an object with one role and one content."))?;
        let at = format!("{path}.role");
        let role = fields.role.ok_or_else(|| invalid(&at, format_args!("missing; it {ROLES}")))?;
        match string(role).as_deref() {
            // One word for both: services refuse a conversation that has the two.
            Some("system" | "developer") => Self::system(&fields, &path),
            Some("user") => self.user(&fields, &path),
            Some("assistant") => self.assistant(&fields, &path, index),
            Some("tool") => {
                let id = fields.tool_call_id.and_then(string).filter(|id| !id.is_empty());
                let id = id.ok_or_else(|| {
                    invalid(&format!("{path}.tool_call_id"), "must be text: the call that is answered.")
                })?;
                tool(&fields, &path, id)
            }
            Some("function") => {
                let id = self.function_call.clone();
                tool(&fields, &path, id.ok_or_else(|| invalid(&at, "function, but no function was called."))?)
            }
            _ => Err(invalid(&at, ROLES)),
        }
    }

    fn system(fields: &Fields<'_>, path: &str) -> Result<Option<Message>, ChatError> {
        let content = content_if_any(fields, path, Images::NotInThisRole)?;
        Ok((!content::is_blank(&content)).then(|| Message::new(Role::System, content)))
    }

    fn user(&self, fields: &Fields<'_>, path: &str) -> Result<Option<Message>, ChatError> {
        let content = content(fields, path, self.images)?;
        if content::is_blank(&content) {
            return Err(invalid(&format!("{path}.content"), "empty; a question needs text."));
        }
        Ok(Some(Message::new(Role::User, content)))
    }

    fn assistant(&mut self, fields: &Fields<'_>, path: &str, index: usize) -> Result<Option<Message>, ChatError> {
        let mut tool_calls = match fields.tool_calls {
            Some(raw) => calls(raw, &format!("{path}.tool_calls"))?,
            None => Vec::new(),
        };
        if let Some(raw) = fields.function_call {
            let call = function(raw, format!("call_{index}"), &format!("{path}.function_call"))?;
            self.function_call = Some(call.id.clone());
            tool_calls.push(call);
        }
        // What the model declined to say is what it said. An answer that says nothing is no reason to refuse the next question:
        // agents send back one that was thoughts alone.
        let content = match (fields.content, fields.refusal) {
            (None, Some(refusal)) => content::read(refusal, &format!("{path}.refusal"), Images::NotInThisRole)?,
            _ => content_if_any(fields, path, Images::NotInAnAnswer)?,
        };
        let content = if content::is_blank(&content) { Vec::new() } else { content };
        let says_something = !content.is_empty() || !tool_calls.is_empty();
        Ok(says_something.then(|| Message { tool_calls, ..Message::new(Role::Assistant, content) }))
    }
}

/// What a tool answered, which may be nothing.
fn tool(fields: &Fields<'_>, path: &str, id: String) -> Result<Option<Message>, ChatError> {
    let content = content_if_any(fields, path, Images::NotInThisRole)?;
    Ok(Some(Message { tool_call_id: Some(id), ..Message::new(Role::Tool, content) }))
}

fn content(fields: &Fields<'_>, path: &str, images: Images<'_>) -> Result<Vec<Part>, ChatError> {
    let path = format!("{path}.content");
    let raw = fields.content.ok_or_else(|| invalid(&path, "missing; it must be text, or a list of parts."))?;
    content::read(raw, &path, images)
}

/// The same where a message may say nothing: `null`, or no content at all, is an empty one.
fn content_if_any(fields: &Fields<'_>, path: &str, images: Images<'_>) -> Result<Vec<Part>, ChatError> {
    if fields.content.is_some() { content(fields, path, images) } else { Ok(Vec::new()) }
}

fn calls(raw: &RawValue, path: &str) -> Result<Vec<ToolCall>, ChatError> {
    let mut calls = Vec::new();
    for (index, raw) in list(raw, path)?.into_iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Object(call) = serde_json::from_str::<Object<Call<'_>>>(raw.get())
            .map_err(|_| invalid(&path, "must be an object with one id and one function."))?;
        if call.kind.is_some_and(|kind| string(kind).as_deref() != Some("function")) {
            return Err(invalid(&format!("{path}.type"), "must be function."));
        }
        let id = call.id.and_then(string).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| invalid(&format!("{path}.id"), "must be text."))?;
        let path = format!("{path}.function");
        let called = call.function.ok_or_else(|| invalid(&path, "missing; it must have a name and arguments."))?;
        calls.push(function(called, id, &path)?);
    }
    Ok(calls)
}

fn function(raw: &RawValue, id: String, path: &str) -> Result<ToolCall, ChatError> {
    let Object(function) = serde_json::from_str::<Object<Function<'_>>>(raw.get())
        .map_err(|_| invalid(path, "must be an object with one name and one text of arguments."))?;
    let name = function.name.and_then(string).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| invalid(&format!("{path}.name"), "must be text."))?;
    let path = format!("{path}.arguments");
    let arguments = match function.arguments {
        None => String::new(),
        Some(raw) if json::is_string(raw) => text(raw, &path, ARGUMENTS)?,
        Some(_) => return Err(invalid(&path, ARGUMENTS)),
    };
    Ok(ToolCall { id, name, arguments })
}
