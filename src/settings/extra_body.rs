//! `EXTRA_BODY`: parameters for the model that this program has no setting for.

use serde_json::{Map, Value};

use super::read::Reader;
use super::variables::{self as v, Variable};

/// Largest text of it, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// What the request is made of, and what would change how its answer is read.
const OURS: [&str; 6] = ["model", "messages", "input", "stream", "n", "tools"];

/// Settings that set a parameter when they are given, under any of its names.
const SET_BY: [(&Variable, &[&str]); 3] = [
    (&v::MAX_COMPLETION_TOKENS, &["max_completion_tokens", "max_tokens", "max_output_tokens"]),
    (&v::REASONING_EFFORT, &["reasoning_effort"]),
    (&v::TEMPERATURE, &["temperature"]),
];

/// Reads the variable; every fault of it is told, and none shows more of the value than the name of a known parameter.
pub(super) fn read(reader: &mut Reader<'_>) -> Map<String, Value> {
    let Some(text) = reader.text(&v::EXTRA_BODY) else { return Map::new() };
    if text.len() > MAX_BYTES {
        reader.fault(&v::EXTRA_BODY, format!("must be at most {MAX_BYTES} bytes"));
        return Map::new();
    }
    let extra = match serde_json::from_str(&text) {
        Ok(Value::Object(extra)) => extra,
        Ok(_) => {
            reader.fault(&v::EXTRA_BODY, "must be a JSON object, such as {\"top_p\":0.9}");
            return Map::new();
        }
        Err(error) => {
            let at = format!("line {}, column {}", error.line(), error.column());
            reader.fault(
                &v::EXTRA_BODY,
                format!("must be a JSON object, such as {{\"top_p\":0.9}}; it is no JSON at {at}"),
            );
            return Map::new();
        }
    };
    for name in OURS.into_iter().filter(|name| extra.contains_key(*name)) {
        reader.fault(&v::EXTRA_BODY, format!("must not set {name}: that is the program's own"));
    }
    for (variable, names) in SET_BY {
        let is_given = reader.text(variable).is_some();
        for name in names.iter().filter(|name| is_given && extra.contains_key(**name)) {
            reader.fault(&v::EXTRA_BODY, format!("must not set {name}: {} does", variable.name));
        }
    }
    extra
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(extra: &str, others: &[(&str, &str)]) -> Vec<String> {
        let lookup = |name: &str| {
            let mut all = others.iter().copied().chain([("EXTRA_BODY", extra)]);
            all.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
        };
        let mut reader = Reader::new(&lookup);
        read(&mut reader);
        reader.into_faults().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_fault_is_named_and_no_value_is_shown() {
        assert!(faults(r#" {"top_p":0.9,"stream_options":null,"temperature":1,"a":{"model":1}} "#, &[]).is_empty());
        assert!(faults("", &[]).is_empty());
        for (extra, why) in [
            ("[\"secret\"]", "must be a JSON object, such as"),
            ("\"secret\"", "must be a JSON object, such as"),
            ("null", "must be a JSON object, such as"),
            ("{\"secret\":1} secret", "no JSON at line 1, column 14"),
            ("{\"secret\"", "no JSON at line 1"),
            ("{\"a\":1e999}", "no JSON at line 1"),
        ] {
            let said = faults(extra, &[]);
            assert!(said.len() == 1 && said[0].contains(why) && !said[0].contains("secret"), "{said:?}");
        }
        let all = r#"{"model":null,"messages":1,"input":1,"stream":false,"n":2,"tools":[],"max_tokens":null,"reasoning_effort":"low","temperature":1}"#;
        let others = [("MAX_COMPLETION_TOKENS", "5"), ("REASONING_EFFORT", "low"), ("TEMPERATURE", "1")];
        let said = faults(all, &others);
        assert_eq!(said.len(), 9, "{said:?}");
        assert!(said.contains(&"EXTRA_BODY: must not set max_tokens: MAX_COMPLETION_TOKENS does".to_owned()));
        assert!(said.contains(&"EXTRA_BODY: must not set n: that is the program's own".to_owned()));
    }

    #[test]
    fn it_has_a_bound() {
        let of = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
        assert!(faults(&of(MAX_BYTES), &[]).is_empty());
        assert_eq!(faults(&of(MAX_BYTES + 1), &[]), ["EXTRA_BODY: must be at most 16384 bytes"]);
    }
}
