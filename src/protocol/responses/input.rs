//! A conversation as the input of a Responses request: messages, and the calls of functions as items of their own.
//!
//! A message that is text alone is sent as a string, the one form that both sides' messages have in common; parts are
//! named by their direction.

use serde::Serialize;

use crate::inbound::conversation::{Detail, Message, Part, Role};

/// One item of the input.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Item<'a> {
    Message {
        role: &'static str,
        content: Content<'a>,
    },
    Call {
        #[serde(rename = "type")]
        kind: &'static str,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    CallOutput {
        #[serde(rename = "type")]
        kind: &'static str,
        call_id: &'a str,
        output: Content<'a>,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(&'a str),
    Parts(Vec<ContentPart<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ContentPart<'a> {
    InputText {
        text: &'a str,
    },
    OutputText {
        text: &'a str,
    },
    InputImage {
        image_url: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'static str>,
    },
}

/// The items of all messages, in order.
pub(super) fn items(messages: &[Message]) -> Vec<Item<'_>> {
    let mut items = Vec::with_capacity(messages.len());
    for message in messages {
        match &message.tool_call_id {
            Some(call_id) => {
                items.push(Item::CallOutput { kind: "function_call_output", call_id, output: content(message) });
            }
            None if message.content.is_empty() && !message.tool_calls.is_empty() => {}
            None => items.push(Item::Message { role: message.role.as_str(), content: content(message) }),
        }
        items.extend(message.tool_calls.iter().map(|call| Item::Call {
            kind: "function_call",
            call_id: &call.id,
            name: &call.name,
            arguments: &call.arguments,
        }));
    }
    items
}

fn content(message: &Message) -> Content<'_> {
    match message.as_text() {
        Some(text) => Content::Text(text),
        None => Content::Parts(message.content.iter().map(|part| content_part(message.role, part)).collect()),
    }
}

fn content_part(role: Role, part: &Part) -> ContentPart<'_> {
    match part {
        Part::Text(text) if role == Role::Assistant => ContentPart::OutputText { text },
        Part::Text(text) => ContentPart::InputText { text },
        Part::Image(image) => {
            ContentPart::InputImage { image_url: &image.url, detail: image.detail.map(Detail::as_str) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::inbound::conversation::{Image, ToolCall};

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    #[test]
    fn texts_images_and_calls_have_their_forms() {
        let image = |detail| Part::Image(Image { url: "data:image/png;base64,x".to_owned(), detail });
        let call = ToolCall { id: "c1".to_owned(), name: "f".to_owned(), arguments: "{}".to_owned() };
        let messages = [
            Message::new(Role::System, vec![text("s")]),
            Message::new(Role::User, vec![text("a"), image(None), text("b"), image(Some(Detail::Low))]),
            Message { tool_calls: vec![call.clone()], ..Message::new(Role::Assistant, vec![text("c")]) },
            Message { tool_call_id: Some("c1".to_owned()), ..Message::new(Role::Tool, vec![text("d")]) },
            Message { tool_calls: vec![call.clone(), call], ..Message::new(Role::Assistant, vec![]) },
        ];
        let call = json!({ "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}" });
        assert_eq!(
            serde_json::to_value(items(&messages)).unwrap(),
            json!([
                { "role": "system", "content": "s" },
                { "role": "user", "content": [
                    { "type": "input_text", "text": "a" },
                    { "type": "input_image", "image_url": "data:image/png;base64,x" },
                    { "type": "input_text", "text": "b" },
                    { "type": "input_image", "image_url": "data:image/png;base64,x", "detail": "low" },
                ] },
                { "role": "assistant", "content": "c" },
                call.clone(),
                { "type": "function_call_output", "call_id": "c1", "output": "d" },
                call.clone(),
                call,
            ])
        );
        assert_eq!(serde_json::to_value(items(&[])).unwrap(), Value::Array(vec![]));
    }
}
