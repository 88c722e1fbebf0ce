//! A message as chat completions have it.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::inbound::conversation::{Message, Part, ToolCall};

/// Writes a message for upstream.
#[derive(Debug)]
pub(super) struct Wire<'a>(pub(super) &'a Message);

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(message) = self;
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("role", message.role.as_str())?;
        match message.as_text() {
            Some("") if !message.tool_calls.is_empty() => fields.serialize_entry("content", &())?,
            Some(text) => fields.serialize_entry("content", text)?,
            None => fields.serialize_entry("content", &message.content.iter().map(WirePart).collect::<Vec<_>>())?,
        }
        if !message.tool_calls.is_empty() {
            fields.serialize_entry("tool_calls", &message.tool_calls.iter().map(WireCall).collect::<Vec<_>>())?;
        }
        if let Some(id) = &message.tool_call_id {
            fields.serialize_entry("tool_call_id", id)?;
        }
        fields.end()
    }
}

struct WirePart<'a>(&'a Part);

impl Serialize for WirePart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(2))?;
        match self.0 {
            Part::Text(text) => {
                fields.serialize_entry("type", "text")?;
                fields.serialize_entry("text", text)?;
            }
            Part::Image(image) => {
                #[derive(serde::Serialize)]
                struct ImageUrl<'a> {
                    url: &'a str,
                    #[serde(skip_serializing_if = "Option::is_none")]
                    detail: Option<&'static str>,
                }
                let detail = image.detail.map(crate::inbound::conversation::Detail::as_str);
                fields.serialize_entry("type", "image_url")?;
                fields.serialize_entry("image_url", &ImageUrl { url: &image.url, detail })?;
            }
        }
        fields.end()
    }
}

struct WireCall<'a>(&'a ToolCall);

impl Serialize for WireCall<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Function<'a> {
            name: &'a str,
            arguments: &'a str,
        }
        let Self(call) = self;
        let mut fields = serializer.serialize_map(Some(3))?;
        fields.serialize_entry("id", &call.id)?;
        fields.serialize_entry("type", "function")?;
        fields.serialize_entry("function", &Function { name: &call.name, arguments: &call.arguments })?;
        fields.end()
    }
}
