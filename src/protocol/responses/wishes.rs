//! What an OpenAI client asks for in chat completions' words, in those of the Responses API. What these cannot say is
//! refused by its name, for an answer that passes over a wish in silence is worse.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::parameters::Parameters;
use crate::error::{ChatError, Code};
use crate::inbound::conversation::Wishes;
use crate::json::Object;

/// Parameters that both know under one name.
const SAME: [&str; 3] = ["temperature", "top_p", "parallel_tool_calls"];

/// Sets the parameters that a request asks for.
///
/// # Errors
/// `invalid_request` that names the field.
pub(super) fn set(wishes: &Wishes, parameters: &mut Parameters) -> Result<(), ChatError> {
    let mut text = Map::new();
    for (name, value) in &wishes.parameters {
        match *name {
            name if SAME.contains(&name) => parameters.set(name, value.get()),
            "user" => parameters.set("safety_identifier", value.get()),
            "tools" => parameters.set("tools", tools(value)?),
            "tool_choice" => parameters.set("tool_choice", tool_choice(value)?),
            "verbosity" => drop(text.insert("verbosity".to_owned(), read(name, value)?)),
            "response_format" => drop(text.insert("format".to_owned(), format(read(name, value)?))),
            name => return Err(unknown(name, "this model cannot be asked for it")),
        }
    }
    if !text.is_empty() {
        parameters.set("text", Value::Object(text).to_string());
    }
    Ok(())
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    function: Option<Object<Function<'a>>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    name: String,
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    strict: Option<&'a RawValue>,
}

/// Functions lie one level deeper in chat completions. Their schemas are strict here unless told otherwise, and are not
/// there.
fn tools(value: &RawValue) -> Result<String, ChatError> {
    let tools: Vec<Object<Tool<'_>>> =
        serde_json::from_str(value.get()).map_err(|_| unknown("tools", "each must be a function with a name"))?;
    let mut written = Vec::with_capacity(tools.len());
    for Object(tool) in tools {
        let Some(Object(function)) = tool.function.filter(|_| tool.kind == "function") else {
            return Err(unknown("tools", "this model can be given functions only"));
        };
        let mut parameters = Parameters::default();
        parameters.set("name", json!(function.name).to_string());
        for (name, value) in [("description", function.description), ("parameters", function.parameters)] {
            if let Some(value) = value {
                parameters.set(name, value.get());
            }
        }
        parameters.set("strict", function.strict.map_or("false", RawValue::get));
        let mut item = r#"{"type":"function""#.to_owned();
        parameters.write(&mut item);
        item.push('}');
        written.push(item);
    }
    Ok(format!("[{}]", written.join(",")))
}

/// `auto`, `none` and `required` are the same words; a function is named one level deeper in chat completions.
fn tool_choice(value: &RawValue) -> Result<String, ChatError> {
    match read("tool_choice", value)? {
        Value::String(word) => Ok(json!(word).to_string()),
        choice => match choice.pointer("/function/name").and_then(Value::as_str) {
            Some(name) => Ok(json!({ "type": "function", "name": name }).to_string()),
            None => Err(unknown("tool_choice", "must be auto, none, required or a function")),
        },
    }
}

/// A schema lies one level deeper in chat completions.
fn format(value: Value) -> Value {
    match (value.get("type").and_then(Value::as_str), value.get("json_schema").and_then(Value::as_object)) {
        (Some("json_schema"), Some(schema)) => {
            let mut format = schema.clone();
            format.insert("type".to_owned(), json!("json_schema"));
            Value::Object(format)
        }
        _ => value,
    }
}

fn read(name: &str, value: &RawValue) -> Result<Value, ChatError> {
    serde_json::from_str(value.get()).map_err(|_| unknown(name, "it cannot be read"))
}

fn unknown(name: &str, why: &str) -> ChatError {
    ChatError::new(Code::InvalidRequest, format!("{name}: {why}.")).about(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &'static str, value: &str) -> Result<Value, String> {
        let wishes =
            Wishes { max_tokens: None, parameters: vec![(name, RawValue::from_string(value.to_owned()).unwrap())] };
        let mut parameters = Parameters::default();
        set(&wishes, &mut parameters).map_err(|error| error.text().to_owned())?;
        let mut body = String::from(r#"{"z":0"#);
        parameters.write(&mut body);
        let mut body: Value = serde_json::from_str(&(body + "}")).unwrap();
        body.as_object_mut().unwrap().remove("z");
        Ok(body)
    }

    #[test]
    fn each_wish_has_its_words() {
        for (name, value, body) in [
            ("temperature", "0.5", json!({ "temperature": 0.5 })),
            ("user", r#""u""#, json!({ "safety_identifier": "u" })),
            ("verbosity", r#""low""#, json!({ "text": { "verbosity": "low" } })),
            ("tool_choice", r#""auto""#, json!({ "tool_choice": "auto" })),
            (
                "tool_choice",
                r#"{"type":"function","function":{"name":"f"}}"#,
                json!({ "tool_choice": { "type": "function", "name": "f" } }),
            ),
            (
                "tools",
                r#"[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}]"#,
                json!({ "tools": [{ "type": "function", "name": "f", "description": "d", "parameters": { "type": "object" }, "strict": false }] }),
            ),
            (
                "response_format",
                r#"{"type":"json_schema","json_schema":{"name":"n","schema":{},"strict":true}}"#,
                json!({ "text": { "format": { "type": "json_schema", "name": "n", "schema": {}, "strict": true } } }),
            ),
            (
                "response_format",
                r#"{"type":"json_object"}"#,
                json!({ "text": { "format": { "type": "json_object" } } }),
            ),
        ] {
            assert_eq!(asked(name, value), Ok(body), "{name}: {value}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_its_name() {
        for name in ["stop", "seed", "logit_bias", "logprobs", "presence_penalty", "prediction", "n"] {
            assert!(asked(name, "2").unwrap_err().starts_with(&format!("{name}: ")), "{name}");
        }
        assert!(asked("tools", r#"[{"type":"custom"}]"#).unwrap_err().starts_with("tools: "));
    }
}
