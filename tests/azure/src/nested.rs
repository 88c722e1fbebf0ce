//! Nested deployments: each module of the template is one, with a name and a group of its own. Theirs is a life of their
//! own, too: a second one of the same name is refused while the first is active.
//!
//! The compiler's snapshot does not show them. Their names are expressions, so they are asked of the compiler as outputs
//! that are added to its copy of the template.

use serde_json::{Map, Value, json};

const MARK: &str = "nestedDeployment";

/// A nested deployment and the one that started it.
#[derive(Clone, Debug)]
pub(crate) struct Nested {
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) outer: String,
    pub(crate) state: &'static str,
}

/// A copy of the template that tells its nested deployments.
pub(crate) fn telling(template: &Value) -> Value {
    let mut telling = template.clone();
    let mut outputs = template["outputs"].as_object().cloned().unwrap_or_default();
    for (at, resource) in modules(template).enumerate() {
        let group = resource.get("resourceGroup").cloned().unwrap_or_else(|| json!(""));
        let made = resource.get("condition").cloned().unwrap_or(Value::Bool(true));
        // One output for each, since a template may have 64.
        let told = json!([resource["name"], group, made]);
        let output = match resource.get("copy") {
            // Of a loop each turn has a name.
            Some(copy) => json!({ "type": "array", "copy": { "count": copy["count"], "input": told } }),
            None => json!({ "type": "array", "value": [told] }),
        };
        outputs.insert(format!("{MARK}{at}"), output);
    }
    telling["outputs"] = Value::Object(outputs);
    telling
}

/// Takes what was told out of the outputs again.
pub(crate) fn told(outer: &str, outputs: &mut Map<String, Value>) -> Vec<Nested> {
    let mut found = Vec::new();
    for at in 0.. {
        let Some(turns) = outputs.remove(&format!("{MARK}{at}")) else { break };
        for turn in turns.as_array().into_iter().flatten() {
            if let (Some(name), Some(group), true) = (turn[0].as_str(), turn[1].as_str(), turn[2] == true) {
                let (name, group) = (name.to_owned(), group.to_owned());
                found.push(Nested { group, name, outer: outer.to_owned(), state: "Running" });
            }
        }
    }
    found
}

/// Resources that the template names by a symbol, and their types.
pub(crate) fn symbols(template: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for inner in modules(template).map(|module| &module["properties"]["template"]).chain([template]) {
        let Some(resources) = inner["resources"].as_object() else { continue };
        for (symbol, resource) in resources {
            found.push((symbol.clone(), resource["type"].as_str().unwrap_or_default().to_owned()));
        }
    }
    found
}

fn modules(template: &Value) -> impl Iterator<Item = &Value> {
    let listed = template["resources"].as_array().into_iter().flatten();
    let named = template["resources"].as_object().into_iter().flat_map(Map::values);
    listed.chain(named).filter(|resource| resource["type"] == "Microsoft.Resources/deployments")
}
