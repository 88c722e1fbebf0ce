//! The few functions of a template that the compiler leaves for the time of the deployment. One that is not known fails
//! the deployment, in words.

use serde_json::{Map, Value, json};
use uuid::Builder;

use crate::{LOGIN, PORTAL};

/// What expressions ask of the world.
pub(crate) trait World {
    /// What is known of a resource by its id, or by its name in the template.
    fn reference(&self, id: &str) -> Result<Value, String>;
    /// Who deploys.
    fn deployer(&self) -> Value;
}

/// A value with every expression inside replaced by what it says.
pub(crate) fn evaluate(value: &Value, world: &dyn World) -> Result<Value, String> {
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok((key.clone(), evaluate(value, world)?)));
            Ok(Value::Object(entries.collect::<Result<Map<_, _>, String>>()?))
        }
        Value::Array(items) => items.iter().map(|item| evaluate(item, world)).collect(),
        Value::String(text) if text.starts_with("[[") => Ok(json!(text[1..])),
        Value::String(text) => match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(inside) => Parser { text: inside, rest: inside, world }.all(),
            None => Ok(value.clone()),
        },
        other => Ok(other.clone()),
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    world: &'a dyn World,
}

impl<'a> Parser<'a> {
    fn all(mut self) -> Result<Value, String> {
        let value = self.expression()?;
        if self.rest.trim().is_empty() { Ok(value) } else { Err(self.fault("left over")) }
    }

    fn expression(&mut self) -> Result<Value, String> {
        self.rest = self.rest.trim_start();
        let mut value = match self.rest.chars().next() {
            Some('\'') => Value::String(self.quoted()?),
            Some(digit) if digit == '-' || digit.is_ascii_digit() => self.number()?,
            Some(letter) if letter.is_ascii_alphabetic() => {
                let name = self.name();
                let arguments = self.arguments()?;
                self.call(name, &arguments)?
            }
            _ => return Err(self.fault("unexpected")),
        };
        loop {
            if self.takes('.') {
                let name = self.name();
                value = member(&value, name).ok_or_else(|| format!("{name} is not there, in {}", self.text))?;
            } else if self.takes('[') {
                let key = self.expression()?;
                let found = match &key {
                    Value::Number(at) => at.as_u64().and_then(|at| value.get(usize::try_from(at).ok()?)).cloned(),
                    key => key.as_str().and_then(|key| member(&value, key)),
                };
                value = found.ok_or_else(|| format!("[{key}] is not there, in {}", self.text))?;
                if !self.takes(']') {
                    return Err(self.fault("a bracket is missing before"));
                }
            } else {
                return Ok(value);
            }
        }
    }

    fn arguments(&mut self) -> Result<Vec<Value>, String> {
        if !self.takes('(') {
            return Err(self.fault("arguments are missing before"));
        }
        let mut arguments = Vec::new();
        while !self.takes(')') {
            arguments.push(self.expression()?);
            if !self.takes(',') && !self.rest.trim_start().starts_with(')') {
                return Err(self.fault("neither comma nor bracket before"));
            }
        }
        Ok(arguments)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let text = |at: usize| match arguments.get(at) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let is_true = |at: usize| arguments.get(at) == Some(&Value::Bool(true));
        Ok(match name.to_lowercase().as_str() {
            "reference" => {
                let full = self.world.reference(&text(0))?;
                let wants_full = arguments.iter().skip(1).any(|word| word == "full");
                if wants_full { full } else { full["properties"].clone() }
            }
            "deployer" => self.world.deployer(),
            "environment" => json!({
                "portal": format!("https://{PORTAL}"),
                "authentication": { "loginEndpoint": format!("https://{LOGIN}/") },
            }),
            "format" => json!(format(&text(0), arguments.get(1..).unwrap_or_default())),
            "guid" => json!(guid(arguments)),
            "extensionresourceid" => json!(format!("{}/providers/{}/{}", text(0), text(1), text(2))),
            "if" => arguments.get(if is_true(0) { 1 } else { 2 }).cloned().unwrap_or_default(),
            "equals" => json!(arguments.first() == arguments.get(1)),
            "not" => json!(!is_true(0)),
            "and" => json!(arguments.iter().all(|argument| argument == true)),
            "or" => json!(arguments.iter().any(|argument| argument == true)),
            "empty" => json!(arguments.first().is_none_or(is_empty)),
            "coalesce" => arguments.iter().find(|argument| !argument.is_null()).cloned().unwrap_or_default(),
            "concat" => json!((0..arguments.len()).map(text).collect::<String>()),
            "tolower" => json!(text(0).to_lowercase()),
            "createobject" => {
                let pairs = arguments.chunks_exact(2).filter_map(|pair| match pair {
                    [Value::String(key), value] => Some((key.clone(), value.clone())),
                    _ => None,
                });
                Value::Object(pairs.collect())
            }
            "createarray" => json!(arguments),
            _ => return Err(format!("the function {name} is not known here, in {}", self.text)),
        })
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mut text = String::new();
        let mut rest = &self.rest[1..];
        loop {
            let (before, after) = rest.split_once('\'').ok_or_else(|| self.fault("an open quote before"))?;
            text.push_str(before);
            rest = after;
            let Some(after) = rest.strip_prefix('\'') else { break };
            text.push('\'');
            rest = after;
        }
        self.rest = rest;
        Ok(text)
    }

    fn number(&mut self) -> Result<Value, String> {
        let end = self.rest.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        let value = number.parse::<i64>().map_err(|_| self.fault("no number"))?;
        self.rest = rest;
        Ok(json!(value))
    }

    fn name(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        self.rest = rest;
        name
    }

    fn takes(&mut self, mark: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(mark);
        if let Some(rest) = rest {
            self.rest = rest;
        }
        rest.is_some()
    }

    fn fault(&self, why: &str) -> String {
        format!("{why} {:?}, in {}", self.rest, self.text)
    }
}

/// A property, whose name is compared without regard to case.
fn member(value: &Value, name: &str) -> Option<Value> {
    let entries = value.as_object()?;
    let same = |key: &&String| key.eq_ignore_ascii_case(name);
    entries.get(name).or_else(|| entries.get(entries.keys().find(same)?)).cloned()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    }
}

fn format(pattern: &str, arguments: &[Value]) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((at, after)) = after.split_once('}') else { break };
        match at.parse::<usize>().ok().and_then(|at| arguments.get(at)) {
            Some(Value::String(argument)) => text.push_str(argument),
            Some(other) => text.push_str(&other.to_string()),
            None => {}
        }
        rest = after;
    }
    text + rest
}

/// The same for the same arguments. Azure's own is made another way; nothing compares the two.
pub(crate) fn guid(arguments: &[Value]) -> String {
    let text = Value::from(arguments).to_string();
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(digest.as_ref()) {
        *byte = *from;
    }
    Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;

    impl World for One {
        fn reference(&self, id: &str) -> Result<Value, String> {
            if id == "/site" {
                Ok(json!({ "kind": "web", "properties": { "Host": "a.example" } }))
            } else {
                Err("no".into())
            }
        }

        fn deployer(&self) -> Value {
            json!({ "objectId": "me" })
        }
    }

    fn say(text: &str) -> Result<Value, String> {
        evaluate(&json!(text), &One)
    }

    #[test]
    fn what_the_project_uses_is_evaluated() {
        for (expression, expected) in [
            ("plain", json!("plain")),
            ("[[no expression]", json!("[no expression]")),
            ("[format('https://{0}/{1}', reference('/site', '2025-01-01').host, 2)]", json!("https://a.example/2")),
            ("[if(equals(reference('/site', '2025-01-01', 'full').kind, 'web'), 'it''s', 'no')]", json!("it's")),
            ("[not(empty(deployer().objectId))]", json!(true)),
            ("[createObject('value', createArray(1, 2)).value[1]]", json!(2)),
            ("[extensionResourceId('/a', 'B/c', 'd')]", json!("/a/providers/B/c/d")),
        ] {
            assert_eq!(say(expression), Ok(expected), "{expression}");
        }
        assert_eq!(say("[guid('a', 'b')]"), say("[guid('a', 'b')]"));
        assert_ne!(say("[guid('a', 'b')]"), say("[guid('ab')]"));
    }

    #[test]
    fn what_is_not_known_is_said() {
        for (expression, word) in [
            ("[uniqueString('a')]", "uniqueString"),
            ("[reference('/other').x]", "no"),
            ("[deployer().name]", "name is not there"),
            ("[format('a']", "bracket"),
            ("['open]", "quote"),
            ("[not(true())) x]", "true"),
        ] {
            let said = say(expression).unwrap_err();
            assert!(said.contains(word), "{expression}: {said}");
        }
    }
}
