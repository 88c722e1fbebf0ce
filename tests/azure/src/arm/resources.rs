//! One resource by its id, and the few questions that are asked of one.

use serde_json::{Value, json};

use super::accepted;
use crate::proxy::Asked;
use crate::reply::Reply;
use crate::world::World;

pub(super) fn answer(asked: &Asked, path: &str, low: &str, world: &World) -> Option<Reply> {
    let mut state = world.state();
    let method = asked.method.as_str();
    if let Some((site, verb)) = static_site(low) {
        let host = state.resources.get(site)?["properties"]["defaultHostname"].clone();
        let name = site.rsplit('/').next().unwrap_or_default();
        return match (method, verb) {
            ("POST", "listsecrets") => {
                let token = format!("SWA-{}", world.mint.access_key(name));
                state.secrets.push(token.clone());
                Some(Reply::ok(json!({ "properties": { "apiKey": token } })))
            }
            ("GET", "builds/default") => {
                let status = if state.pages.contains_key(name) { "Ready" } else { "WaitingForDeployment" };
                Some(Reply::ok(json!({
                    "id": path, "name": "default",
                    "properties": { "status": status, "hostname": host, "buildId": "default" },
                })))
            }
            _ => None,
        };
    }
    if let Some(site) = low.strip_suffix("/functions").filter(|site| site.contains("/microsoft.web/sites/")) {
        let name = state.resources.get(site)?["name"].as_str()?.to_owned();
        let package = state.packages.get(&name.to_lowercase());
        return (method == "GET")
            .then(|| super::list(package.map(|package| functions(&name, package)).into_iter().flatten()));
    }
    // Of model accounts the project asks the lists itself: those of a group, and the deployments of one.
    if low.ends_with("/microsoft.cognitiveservices/accounts") || low.ends_with("/deployments") {
        let inside = format!("{low}/");
        let listed =
            state.resources.iter().filter(|(id, _)| id.strip_prefix(&inside).is_some_and(|name| !name.contains('/')));
        return (method == "GET").then(|| super::list(listed.map(|(_, found)| found.clone())));
    }
    let found = state.resources.get(low)?.clone();
    match method {
        "GET" => Some(Reply::ok(found)),
        "HEAD" => Some(Reply::empty(204)),
        "DELETE" => {
            state.resources.remove(low);
            if found["type"] == "Microsoft.Authorization/roleAssignments" {
                state.roles.retain(|_, id| id != low);
            }
            Some(accepted(&mut state, "azure-asyncoperation", "operationStatuses"))
        }
        _ => None,
    }
}

/// A static site's id and what is asked of it.
fn static_site(low: &str) -> Option<(&str, &str)> {
    let verbs = ["listsecrets", "builds/default"];
    let found = verbs.into_iter().find_map(|verb| Some((low.strip_suffix(verb)?.strip_suffix('/')?, verb)))?;
    found.0.contains("/providers/microsoft.web/staticsites/").then_some(found)
}

/// The functions of a published package, by its folders.
fn functions(site: &str, package: &std::path::Path) -> Vec<Value> {
    let folders = std::fs::read_dir(package).into_iter().flatten().flatten();
    let functions = folders.filter(|folder| folder.path().join("function.json").is_file());
    functions.map(|folder| json!({ "name": format!("{site}/{}", folder.file_name().to_string_lossy()) })).collect()
}
