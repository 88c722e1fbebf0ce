//! Tools as a request brings them, made fit for services that take what OpenAI's takes and no more.
//!
//! Clients write out what they leave open: `"strict": null`. OpenAI's own API takes that for absent, and others refuse the whole
//! request (Microsoft Foundry's DeepSeek does, github.com/microsoft/vscode/issues/316581). A schema's own `null` has a meaning and
//! stays.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

type Members<'a> = BTreeMap<&'a str, &'a RawValue>;

/// The tools without what a function or the tool itself says to be `null`; `None` where nothing has to go, or where they are of
/// another shape.
pub(super) fn without_nulls(tools: &str) -> Option<String> {
    let tools: Vec<Members<'_>> = serde_json::from_str(tools).ok()?;
    let mut changed = false;
    let mut written = Vec::with_capacity(tools.len());
    for mut tool in tools {
        changed |= drop_nulls(&mut tool);
        let function = tool.get("function").and_then(|function| {
            let mut function: Members<'_> = serde_json::from_str(function.get()).ok()?;
            drop_nulls(&mut function).then(|| serde_json::value::to_raw_value(&function).ok()).flatten()
        });
        if let Some(function) = &function {
            changed = true;
            tool.insert("function", function);
        }
        written.push(serde_json::to_string(&tool).ok()?);
    }
    changed.then(|| format!("[{}]", written.join(",")))
}

/// Whether there were any.
fn drop_nulls(members: &mut Members<'_>) -> bool {
    let before = members.len();
    members.retain(|_, value| value.get() != "null");
    members.len() < before
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_null_goes_and_what_a_schema_says_stays() {
        let schema = json!({ "type": "object", "properties": { "a": { "enum": ["x", null], "default": null } } });
        let tools = json!([
            { "type": "function", "function": { "name": "f", "strict": null, "description": null, "parameters": schema }, "x": null },
            { "type": "function", "function": { "name": "g", "strict": false } },
        ]);
        let expected = json!([
            { "type": "function", "function": { "name": "f", "parameters": schema } },
            { "type": "function", "function": { "name": "g", "strict": false } },
        ]);
        let written = without_nulls(&tools.to_string()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), expected);
        assert_eq!(without_nulls(&written), None, "and is left alone from then on");
        assert_eq!(
            without_nulls(r#"[{"type":"function","function":null}]"#).as_deref(),
            Some(r#"[{"type":"function"}]"#)
        );
        for other in ["[5]", "{}", r#"[{"function":"f"}]"#, "[]"] {
            assert_eq!(without_nulls(other), None, "{other}");
        }
    }
}
