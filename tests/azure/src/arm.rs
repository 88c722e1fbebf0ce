//! Resource Manager, route by route. Paths are compared without regard to case, as Azure does.

mod groups;
mod models;
mod resources;

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::deploy::{self, Deployment};
use crate::nested::Nested;
use crate::proxy::{Asked, decoded, unknown};
use crate::reply::Reply;
use crate::state::State;
use crate::world::World;
use crate::{ARM, SUBSCRIPTION, TENANT};

/// Regions: name, shown name, part of the world. Some have no Flex Consumption or no model; the first is the one that azd
/// puts first.
const REGIONS: [(&str, &str, &str); 4] = [
    ("eastus2", "East US 2", "US"),
    ("swedencentral", "Sweden Central", "Europe"),
    ("westeurope", "West Europe", "Europe"),
    ("polandcentral", "Poland Central", "Europe"),
];

/// A pause between two looks at an operation, ms.
const LOOK_AGAIN: &str = "50";
/// Looks at a long operation until it has ended.
const LOOKS: usize = 2;

pub(crate) async fn answer(asked: &Asked, world: &Arc<World>) -> Reply {
    let token = asked.bearer.as_deref().and_then(|token| world.mint.said(token));
    let audiences = ["https://management.azure.com", "https://management.core.windows.net"];
    let Some(token) = token.filter(|token| token.tenant == TENANT && audiences.contains(&&*token.audience)) else {
        return Reply::refused(401, "AuthenticationFailed", "there is no token of this tenant for this audience")
            .header("www-authenticate", "Bearer");
    };
    let path = decoded(&asked.path);
    let low = path.to_lowercase();
    let segments: Vec<&str> = low.trim_matches('/').split('/').collect();
    let body = || serde_json::from_slice::<Value>(&asked.body).unwrap_or_default();
    let known = match (asked.method.as_str(), segments.as_slice()) {
        ("GET", ["tenants"]) => Some(list([json!({
            "id": format!("/tenants/{TENANT}"), "tenantId": TENANT, "displayName": "Contoso",
            "defaultDomain": "contoso.example",
        })])),
        ("GET", ["subscriptions"]) => Some(list([subscription()])),
        ("GET", ["subscriptions", _]) => Some(Reply::ok(subscription())),
        ("GET", ["subscriptions", _, "locations"]) => Some(list(REGIONS.map(region))),
        ("POST", ["providers", "microsoft.resources", "calculatetemplatehash"]) => {
            Some(Reply::ok(json!({ "templateHash": deploy::template_hash(&body()) })))
        }
        (_, ["subscriptions", _, "providers", "microsoft.resources", "deployments", rest @ ..]) => {
            // The name in its own case.
            let name = path.trim_matches('/').split('/').nth(5).unwrap_or_default();
            deployments(&asked.method, name, rest.get(1..).unwrap_or_default(), &body, &token.object, world).await
        }
        ("GET", ["subscriptions", _, "operationstatuses", id]) => operation(id, &mut world.state()),
        ("GET", ["subscriptions", _, "operationresults", id]) => match operation(id, &mut world.state()) {
            Some(reply) if reply.body.as_ref().is_some_and(|body| body["status"] == "Running") => Some(
                Reply::empty(202)
                    .header("location", format!("https://{ARM}{}", asked.whole))
                    .header("retry-after-ms", LOOK_AGAIN),
            ),
            Some(_) => Some(Reply::empty(200)),
            None => None,
        },
        ("GET", ["subscriptions", _, "providers", "microsoft.authorization", "roleassignments"]) => {
            Some(list([owner(&token.object)]))
        }
        ("GET", [.., "providers", "microsoft.authorization", "roledefinitions", _]) => Some(Reply::ok(json!({
            "id": path, "properties": { "roleName": "Owner", "permissions": [{ "actions": ["*"], "notActions": [] }] },
        }))),
        (_, ["subscriptions", _, "resourcegroups", rest @ ..]) => {
            groups::answer(asked, &path, rest, &mut world.state())
        }
        ("GET" | "DELETE", ["subscriptions", _, "providers", "microsoft.cognitiveservices", rest @ ..]) => {
            models::answer(asked, rest, &mut world.state())
        }
        ("POST", ["subscriptions", _, "providers", namespace, "register"]) => {
            world.state().registered.insert((*namespace).to_owned());
            Some(Reply::ok(provider(namespace)))
        }
        ("GET", ["subscriptions", _, "providers", namespace]) => Some(Reply::ok(provider(namespace))),
        ("GET", ["subscriptions", _, "providers", "microsoft.web", "georegions"]) => {
            let flex = |name: &&(&str, &str, &str)| name.0 != "polandcentral";
            let regions = REGIONS.iter().filter(flex);
            Some(list(regions.map(|(name, shown, _)| json!({ "name": shown, "properties": { "name": name } }))))
        }
        _ => None,
    };
    let known = known.or_else(|| resources::answer(asked, &path, &low, world));
    known.unwrap_or_else(|| unknown(asked, ARM, world))
}

/// The deployments of the subscription.
async fn deployments(
    method: &str,
    name: &str,
    verb: &[&str],
    body: &impl Fn() -> Value,
    caller: &str,
    world: &Arc<World>,
) -> Option<Reply> {
    match (method, name, verb) {
        ("GET", "", []) => {
            let state = world.state();
            return Some(list(state.deployments.iter().rev().map(|deployment| deployment.record.clone())));
        }
        ("POST", _, ["validate"]) => {
            let id = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Resources/deployments/{name}");
            return Some(Reply::ok(
                json!({ "id": id, "name": name, "properties": { "provisioningState": "Succeeded" } }),
            ));
        }
        ("POST", _, ["whatif"]) => {
            return Some(Reply::ok(json!({ "status": "Succeeded", "properties": { "changes": [] } })));
        }
        ("PUT", _, []) => {
            if let Err(refusal) = deploy::begin(name, &body(), caller, world).await {
                return Some(refusal);
            }
        }
        _ => {}
    }
    let mut state = world.state();
    let Some(found) = state.deployments.iter().find(|other| other.name().eq_ignore_ascii_case(name)) else {
        let said = format!("Deployment '{name}' could not be found.");
        return Some(Reply::refused(404, "DeploymentNotFound", &said));
    };
    match (method, verb) {
        ("PUT", []) => {
            let mut shown = found.record.clone();
            shown["properties"]["provisioningState"] = json!("Accepted");
            let status = format!("https://{ARM}/subscriptions/{SUBSCRIPTION}/operationStatuses/{name}");
            Some(
                Reply::ok(shown)
                    .with_status(201)
                    .header("azure-asyncoperation", status)
                    .header("retry-after-ms", LOOK_AGAIN),
            )
        }
        ("GET", []) => Some(Reply::ok(found.record.clone())),
        ("GET", ["operations"]) => Some(list(operations(found, &state))),
        ("POST", ["cancel"]) => {
            deploy::cancel(name, &mut state);
            Some(Reply::empty(204))
        }
        ("DELETE", []) => {
            state.deployments.retain(|other| !other.name().eq_ignore_ascii_case(name));
            Some(Reply::empty(204))
        }
        _ => None,
    }
}

/// For the lines that azd shows while it waits.
fn operations(deployment: &Deployment, state: &State) -> Vec<Value> {
    let told = |id: &str, kind: &str, how: &str| {
        json!({
            "id": format!("{id}/operation"), "operationId": deploy::template_hash(&json!(id)),
            "properties": {
                "provisioningOperation": "Create", "provisioningState": how, "timestamp": crate::time::now(),
                "duration": "PT5S",
                "targetResource": { "id": id, "resourceType": kind, "resourceName": id.rsplit('/').next() },
            },
        })
    };
    let of_it = |module: &&Nested| module.outer == deployment.name();
    let modules = state.nested.values().filter(of_it);
    let mut all: Vec<Value> = modules
        .map(|module| told(&deploy::module_id(module), "Microsoft.Resources/deployments", module.state))
        .collect();
    for made in deployment.record["properties"]["outputResources"].as_array().into_iter().flatten() {
        let id = made["id"].as_str().unwrap_or_default();
        let kind = state.resource(id).and_then(|found| found["type"].as_str());
        all.push(told(id, kind.unwrap_or("Microsoft.Resources/resourceGroups"), "Succeeded"));
    }
    all
}

/// A look at an operation: a deployment's, by its name, or another.
fn operation(id: &str, state: &mut State) -> Option<Reply> {
    if let Some(deployment) = state.deployments.iter().find(|other| other.name().eq_ignore_ascii_case(id)) {
        return Some(Reply::ok(deployment.status()).header("retry-after-ms", LOOK_AGAIN));
    }
    let looks = state.operations.get_mut(id)?;
    *looks = looks.saturating_sub(1);
    let status = if *looks == 0 { "Succeeded" } else { "Running" };
    Some(Reply::ok(json!({ "status": status })).header("retry-after-ms", LOOK_AGAIN))
}

/// An answer that says: it takes a while, look there.
fn accepted(state: &mut State, header: &str, route: &str) -> Reply {
    let id = Uuid::new_v4().simple().to_string();
    state.operations.insert(id.clone(), LOOKS);
    let place = format!("https://{ARM}/subscriptions/{SUBSCRIPTION}/{route}/{id}?api-version=2021-04-01");
    Reply::empty(202).header(header, place).header("retry-after-ms", LOOK_AGAIN)
}

fn list(items: impl IntoIterator<Item = Value>) -> Reply {
    Reply::ok(json!({ "value": items.into_iter().collect::<Vec<_>>() }))
}

fn subscription() -> Value {
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}"), "subscriptionId": SUBSCRIPTION, "displayName": "Rehearsal",
        "tenantId": TENANT, "state": "Enabled",
    })
}

fn region((name, shown, part): (&str, &str, &str)) -> Value {
    json!({
        "name": name, "displayName": shown, "regionalDisplayName": format!("({part}) {shown}"),
        // Without a place azd leaves it out.
        "metadata": { "regionType": "Physical", "physicalLocation": shown },
    })
}

fn owner(principal: &str) -> Value {
    const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
    let root = format!("/subscriptions/{SUBSCRIPTION}");
    let of = format!("{root}/providers/Microsoft.Authorization");
    json!({
        "id": format!("{of}/roleAssignments/1"), "name": "1",
        "properties": {
            "principalId": principal, "scope": root, "roleDefinitionId": format!("{of}/roleDefinitions/{OWNER}"),
        },
    })
}

fn provider(namespace: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}/providers/{namespace}"), "namespace": namespace,
        "registrationState": "Registered", "resourceTypes": [],
    })
}

/// The tag and its value that a list is asked for.
fn wanted_tag(asked: &Asked) -> Option<(String, String)> {
    let filter = crate::proxy::value(&asked.query, "$filter")?;
    let mut quoted = filter.split('\'').skip(1).step_by(2);
    Some((quoted.next()?.to_owned(), quoted.next()?.to_owned()))
}
