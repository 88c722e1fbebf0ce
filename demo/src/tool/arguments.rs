//! Arguments that fit a JSON Schema, made from what it allows and what the question says.

use serde_json::{Map, Value, json};

use crate::words::bounded;

/// How deep a schema is followed, references included, and how many values are made from one.
const MAX_DEPTH: usize = 8;
const MAX_VALUES: usize = 64;

/// How much of the question becomes an argument.
const TEXT_CHARS: usize = 120;

/// A JSON object for a function's parameters. Of what a schema can say, types, enumerations, defaults, formats, bounds and
/// references inside it are obeyed; a pattern is not.
pub(super) fn plausible(schema: &Value, question: &str) -> String {
    let mut maker = Maker { root: schema, question: bounded(question, TEXT_CHARS), made: 0 };
    match maker.value("", schema, 0) {
        object @ Value::Object(_) => object.to_string(),
        _ => "{}".to_owned(),
    }
}

struct Maker<'a> {
    root: &'a Value,
    question: String,
    made: usize,
}

impl<'a> Maker<'a> {
    /// A value for the property `name`.
    fn value(&mut self, name: &str, schema: &'a Value, depth: usize) -> Value {
        self.made += 1;
        if depth > MAX_DEPTH || self.made > MAX_VALUES {
            return Value::Null;
        }
        if let Some(given) = given(schema) {
            return given.clone();
        }
        if let Some(other) = self.elsewhere(schema) {
            return self.value(name, other, depth + 1);
        }
        match kind(schema) {
            Some("string") => json!(self.text(name, schema)),
            Some("integer") => json!(whole(number(schema))),
            Some("number") => json!(number(schema)),
            Some("boolean") => json!(true),
            Some("array") => self.array(name, schema, depth),
            Some("object") => self.object(schema, depth),
            None if schema.get("properties").is_some() => self.object(schema, depth),
            _ => Value::Null,
        }
    }

    /// Every property: strict schemas require all, and the others do not mind.
    fn object(&mut self, schema: &'a Value, depth: usize) -> Value {
        let mut object = Map::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if self.made >= MAX_VALUES {
                break;
            }
            object.insert(name.clone(), self.value(name, property, depth + 1));
        }
        Value::Object(object)
    }

    /// One item, or as many as there must be.
    fn array(&mut self, name: &str, schema: &'a Value, depth: usize) -> Value {
        let Some(items) = schema.get("items") else { return json!([]) };
        let wanted = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).clamp(1, 4);
        Value::Array((0..wanted).map(|_| self.value(name, items, depth + 1)).collect())
    }

    /// Where the schema of a value really stands: behind a reference, or among alternatives.
    fn elsewhere(&self, schema: &'a Value) -> Option<&'a Value> {
        if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
            return self.root.pointer(path.strip_prefix('#')?);
        }
        let alternatives = ["anyOf", "oneOf", "allOf"].iter().find_map(|name| schema.get(name)?.as_array())?;
        alternatives.iter().find(|one| kind(one) != Some("null"))
    }

    fn text(&self, name: &str, schema: &Value) -> String {
        let by_format = match schema.get("format").and_then(Value::as_str) {
            Some("date") => Some("2026-01-31"),
            Some("date-time") => Some("2026-01-31T12:00:00Z"),
            Some("time") => Some("12:00:00Z"),
            Some("email") => Some("ada@example.com"),
            Some("uri" | "url") => Some("https://example.com/"),
            Some("uuid") => Some("00000000-0000-4000-8000-000000000000"),
            _ => None,
        };
        let by_name = || match name.to_ascii_lowercase().as_str() {
            "city" | "location" | "place" => Some("Berlin"),
            "country" => Some("Germany"),
            "timezone" | "time_zone" => Some("Europe/Berlin"),
            "language" => Some("en"),
            "name" => Some("Ada"),
            "expression" => Some("17*23+4"),
            _ => None,
        };
        by_format.or_else(by_name).map_or_else(|| self.question.clone(), str::to_owned)
    }
}

/// A value that the schema itself names.
fn given(schema: &Value) -> Option<&Value> {
    let first = |name: &str| schema.get(name)?.as_array()?.first();
    schema.get("const").or_else(|| schema.get("default")).or_else(|| first("enum")).or_else(|| first("examples"))
}

/// The type; of several the first that is not null.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(several) => several.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        one => one.as_str(),
    }
}

/// One, or the nearest number inside the bounds.
fn number(schema: &Value) -> f64 {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let least = bound("minimum").or_else(|| Some(bound("exclusiveMinimum")? + 1.0)).unwrap_or(f64::NEG_INFINITY);
    let most = bound("maximum").or_else(|| Some(bound("exclusiveMaximum")? - 1.0)).unwrap_or(f64::INFINITY);
    1_f64.min(most).max(least)
}

/// The whole number above, as far as there is one of 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, which is what is wanted")]
fn whole(number: f64) -> i64 {
    number.ceil() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(schema: &Value) -> Value {
        serde_json::from_str(&plausible(schema, "Is it cold?")).unwrap()
    }

    #[test]
    fn each_type_gets_a_value_that_fits() {
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"},
            "question": {"type": ["null", "string"]},
            "unit": {"type": "string", "enum": ["celsius", "kelvin"]},
            "days": {"type": "integer", "minimum": 3},
            "share": {"type": "number", "maximum": 0.5},
            "deep": {"type": "object", "properties": {"yes": {"type": "boolean"}}},
            "when": {"type": "array", "minItems": 2, "items": {"type": "string", "format": "date"}},
            "kind": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/kind"}]},
        }, "$defs": {"kind": {"const": "short"}}});
        assert_eq!(
            made(&schema),
            json!({"city": "Berlin", "question": "Is it cold?", "unit": "celsius", "days": 3, "share": 0.5,
                "deep": {"yes": true}, "when": ["2026-01-31", "2026-01-31"], "kind": "short"})
        );
    }

    #[test]
    fn schemas_that_say_nothing_give_no_arguments() {
        for schema in [json!(null), json!({}), json!(true), json!({"type": "string"}), json!({"$ref": "#/nowhere"})] {
            assert_eq!(made(&schema), json!({}));
        }
    }

    #[test]
    fn a_schema_without_end_has_an_end() {
        let schema =
            json!({"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}, "c": {"$ref": "#"}}});
        let text = plausible(&schema, "x");
        assert!(text.len() < 4_000, "{}", text.len());
        let wide: Map<String, Value> = (0..1_000).map(|n| (format!("p{n}"), json!({"type": "boolean"}))).collect();
        let object = made(&json!({"type": "object", "properties": wide}));
        assert_eq!(object.as_object().unwrap().len(), MAX_VALUES - 1);
    }
}
