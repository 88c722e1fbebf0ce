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
        let mut tell = |what: &str, kind: &str, value: &Value| {
            outputs.insert(format!("{MARK}{what}{at}"), json!({ "type": kind, "value": value }));
        };
        tell("Name", "string", &resource["name"]);
        let group = resource.get("resourceGroup").cloned().unwrap_or_else(|| json!(""));
        tell("Group", "string", &group);
        let made = resource.get("condition").cloned().unwrap_or(Value::Bool(true));
        tell("Made", "bool", &made);
    }
    telling["outputs"] = Value::Object(outputs);
    telling
}

/// Takes what was told out of the outputs again.
pub(crate) fn told(outer: &str, outputs: &mut Map<String, Value>) -> Vec<Nested> {
    let mut found = Vec::new();
    for at in 0.. {
        let mut take = |what: &str| outputs.remove(&format!("{MARK}{what}{at}"));
        let (Some(name), Some(group), Some(made)) = (take("Name"), take("Group"), take("Made")) else { break };
        if let (Some(name), Some(group), true) = (name.as_str(), group.as_str(), made == true) {
            let (name, group) = (name.to_owned(), group.to_owned());
            found.push(Nested { group, name, outer: outer.to_owned(), state: "Running" });
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
