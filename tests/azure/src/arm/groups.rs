//! Resource groups, and what stands in them.

use serde_json::{Value, json};

use super::{accepted, list, wanted_tag};
use crate::SUBSCRIPTION;
use crate::deploy::module_id;
use crate::proxy::Asked;
use crate::reply::Reply;
use crate::state::State;

pub(super) fn answer(asked: &Asked, path: &str, rest: &[&str], state: &mut State) -> Option<Reply> {
    match (asked.method.as_str(), rest) {
        ("GET", []) => {
            let wanted = wanted_tag(asked);
            let groups = state.groups.values().filter(|group| has_tag(group, wanted.as_ref()));
            Some(list(groups.cloned()))
        }
        ("HEAD", [name]) => Some(Reply::empty(if state.groups.contains_key(*name) { 204 } else { 404 })),
        ("GET", [name]) => {
            Some(state.groups.get(*name).map_or_else(|| missing(name), |group| Reply::ok(group.clone())))
        }
        ("PUT" | "PATCH", [name]) => {
            let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
            let shown = path.rsplit('/').next().unwrap_or(name);
            let group = state.groups.entry((*name).to_owned()).or_insert_with(|| {
                let id = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{shown}");
                json!({
                    "id": id, "name": shown, "type": "Microsoft.Resources/resourceGroups", "location": body["location"],
                    "tags": {}, "properties": { "provisioningState": "Succeeded" },
                })
            });
            if let Some(tags) = body.get("tags") {
                group["tags"] = tags.clone();
            }
            Some(Reply::ok(group.clone()))
        }
        ("DELETE", [name]) => {
            if !state.delete_group(name) {
                return Some(missing(name));
            }
            Some(accepted(state, "location", "operationresults"))
        }
        ("GET", [name, "resources"]) => {
            if !state.groups.contains_key(*name) {
                return Some(missing(name));
            }
            let wanted = wanted_tag(asked);
            let inside = format!("/subscriptions/{SUBSCRIPTION}/resourcegroups/{name}/");
            let resources = state.resources.iter().filter(|(id, _)| id.starts_with(&inside)).map(|(_, found)| found);
            let listed = resources.filter(|found| is_listed(found) && has_tag(found, wanted.as_ref()));
            Some(list(listed.map(brief)))
        }
        ("GET", [_, "deployments", _, "operations"]) => Some(list([])),
        ("GET", [group, "providers", "microsoft.resources", "deployments", rest @ ..]) => {
            let mut modules: Vec<Value> = Vec::new();
            for module in state.nested.values().filter(|module| module.group.eq_ignore_ascii_case(group)) {
                if rest.first().is_none_or(|name| module.name.eq_ignore_ascii_case(name)) {
                    modules.push(json!({
                        "id": module_id(module), "name": module.name, "type": "Microsoft.Resources/deployments",
                        "properties": { "provisioningState": module.state, "timestamp": crate::time::now() },
                    }));
                }
            }
            match (rest, modules.pop()) {
                ([], last) => Some(list(modules.into_iter().chain(last))),
                ([_], Some(module)) => Some(Reply::ok(module)),
                ([name], None) => {
                    let said = format!("Deployment '{name}' could not be found.");
                    Some(Reply::refused(404, "DeploymentNotFound", &said))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn missing(name: &str) -> Reply {
    Reply::refused(404, "ResourceGroupNotFound", &format!("Resource group '{name}' could not be found."))
}

fn has_tag(found: &Value, wanted: Option<&(String, String)>) -> bool {
    wanted.is_none_or(|(tag, value)| found["tags"][tag] == **value)
}

/// Only what stands in the group itself is listed, and no role assignment.
fn is_listed(resource: &Value) -> bool {
    let kind = resource["type"].as_str().unwrap_or_default();
    kind.matches('/').count() == 1 && !kind.starts_with("Microsoft.Authorization")
}

fn brief(resource: &Value) -> Value {
    let or = |name: &str, other: Value| resource.get(name).filter(|value| !value.is_null()).cloned().unwrap_or(other);
    json!({
        "id": resource["id"], "name": resource["name"], "type": resource["type"],
        "location": or("location", json!("global")), "tags": or("tags", json!({})), "kind": or("kind", json!("")),
    })
}
