//! The parameters of a request, whatever the protocol: what the settings say, what a request asks for over it, and
//! `EXTRA_BODY` laid over both last.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// A body's parameters in the order in which they are written, each as JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Sets a parameter, in its place where it is there already.
    pub(super) fn set(&mut self, name: &str, json: impl Into<String>) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = json.into(),
            None => self.0.push((name.to_owned(), json.into())),
        }
    }

    /// Lays a merge patch over them.
    pub(super) fn merge(&mut self, patch: &Map<String, Value>) {
        for (name, patch) in patch {
            let known = self.0.iter().position(|(known, _)| known == name);
            if patch.is_null() {
                self.0.retain(|(known, _)| known != name);
                continue;
            }
            let known = known.and_then(|at| self.0.get(at)).and_then(|(_, json)| serde_json::from_str(json).ok());
            let mut value = known.unwrap_or(Value::Null);
            merge(&mut value, patch.clone());
            self.set(name, value.to_string());
        }
    }

    /// Appends `,"name":value` for each.
    pub(super) fn write(&self, body: &mut String) {
        for (name, value) in &self.0 {
            // Writing into memory does not fail.
            let _ = write!(body, ",{}:{value}", json!(name));
        }
    }
}

/// Lays a merge patch over a value (RFC 7396): members are added or replaced, and `null` removes.
pub(super) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_keep_their_place_and_what_a_patch_does_not_name() {
        let mut parameters = Parameters::default();
        for (name, json) in [("a", "1"), ("b", r#"{"y":1,"x":2}"#), ("a", "3"), ("c", "4")] {
            parameters.set(name, json);
        }
        let patch = json!({ "c": null, "d": { "e": null, "f": 5 }, "a": 6 });
        parameters.merge(patch.as_object().unwrap());
        let mut body = String::new();
        parameters.write(&mut body);
        assert_eq!(body, r#","a":6,"b":{"y":1,"x":2},"d":{"f":5}"#);
    }

    #[test]
    fn a_merge_patch_is_that_of_its_standard() {
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, result, "{target} with {patch}");
        }
    }
}
