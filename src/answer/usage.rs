//! Upstream's usage, without what is no count of tokens: some gateways add what the answer costs them.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The members of a usage that count tokens, as one line of JSON: all as they were written where all do.
pub(super) fn counts(usage: &str) -> String {
    let one_line = |json: &str| json.replace(['\n', '\r'], " ");
    let Ok(mut members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(usage) else { return one_line(usage) };
    let all = members.len();
    members.retain(|name, _| name.contains("token"));
    if members.len() == all {
        return one_line(usage);
    }
    // Names and JSON always serialise.
    one_line(&serde_json::to_string(&members).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn what_is_no_count_of_tokens_is_left_out() {
        let plain = r#"{"total_tokens":3, "prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":0}}"#;
        assert_eq!(counts(plain), plain);
        assert_eq!(counts("{\n\"total_tokens\":3}"), "{ \"total_tokens\":3}");
        let gateway =
            r#"{"prompt_tokens":1,"cost":0.01,"cost_details":{"upstream":2},"is_byok":false,"total_tokens":3}"#;
        assert_eq!(counts(gateway), r#"{"prompt_tokens":1,"total_tokens":3}"#);
        assert_eq!(
            counts(r#"{"total_tokens":1,"total_tokens":2,"cost":3}"#),
            r#"{"total_tokens":2}"#,
            "the last one counts"
        );
    }
}
