//! The model's service: one host for each account that was deployed. It wants a bearer token, the role for whoever may call,
//! and a deployment of the name that is asked for; the demo model answers.

use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::log::{self, What};
use crate::reply::{Body, Reply, plain, whole};
use crate::sites::forward;
use crate::state::State;
use crate::world::World;

/// *Cognitive Services User*
const ROLE: &str = "a97b65f3-24c7-4388-baec-2e87135dc908";
/// What an account's host ends in.
const ENDS: [&str; 3] = [".services.ai.azure.com", ".openai.azure.com", ".cognitiveservices.azure.com"];
/// Largest request.
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// The account at this host.
pub(crate) fn account(host: &str, state: &State) -> Option<Value> {
    let name = ENDS.iter().find_map(|end| host.strip_suffix(end))?;
    let kind = "Microsoft.CognitiveServices/accounts";
    let at = |account: &&Value| {
        account["properties"]["customSubDomainName"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(name))
    };
    state.of_type(kind).find(at).cloned()
}

pub(crate) async fn answer(request: Request<Incoming>, host: &str, world: &World) -> Response<Body> {
    let (method, path) = (request.method().to_string(), request.uri().to_string());
    let response = turn(request, host, world).await;
    world.log.note(What::Request(log::Request {
        host: host.to_owned(),
        method,
        path,
        status: response.status().as_u16(),
        correlation: None,
        caller: None,
        body: None,
    }));
    response
}

async fn turn(request: Request<Incoming>, host: &str, world: &World) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_BYTES).collect().await else {
        return plain(StatusCode::BAD_REQUEST, "the body cannot be read");
    };
    let body = body.to_bytes();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let wanted = asked["model"].as_str().unwrap_or_default();
    if let Err(reply) = may(&parts.headers, host, wanted, &world.state()) {
        return reply.into_response();
    }
    let Some(port) = world.backends.of("model") else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "nothing answers for the model");
    };
    match forward(Request::from_parts(parts, whole(body)), port).await {
        Ok(response) => response,
        Err(why) => plain(StatusCode::BAD_GATEWAY, &why),
    }
}

/// Whether the caller may ask this deployment.
fn may(headers: &HeaderMap, host: &str, wanted: &str, state: &State) -> Result<(), Reply> {
    let account = account(host, state).unwrap_or_default();
    let id = account["id"].as_str().unwrap_or_default().to_lowercase();
    if !headers.get("authorization").is_some_and(|value| value.as_bytes().starts_with(b"Bearer ")) {
        return Err(refusal(401, "401", "Access denied due to missing token."));
    }
    // Whose token it is, is the identity endpoint's secret; that some identity of this deployment has the role is not.
    let identities = state.of_type("Microsoft.ManagedIdentity/userAssignedIdentities");
    let principals: Vec<&str> =
        identities.filter_map(|identity| identity["properties"]["principalId"].as_str()).collect();
    let holds = |(scope, role, who): &(String, String, String)| {
        *scope == id && role == ROLE && principals.iter().any(|principal| principal.eq_ignore_ascii_case(who))
    };
    if !state.roles.keys().any(holds) {
        return Err(refusal(401, "PermissionDenied", "The principal lacks the required data action."));
    }
    let deployment = format!("{id}/deployments/{}", wanted.to_lowercase());
    if state.resources.contains_key(&deployment) {
        Ok(())
    } else {
        Err(refusal(404, "DeploymentNotFound", "The API deployment for this resource does not exist."))
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::ok(json!({ "error": { "code": code, "message": message } })).with_status(status)
}
