//! What is asked of the proxy's own address: by the stand-ins for programs, and by azd for a pipeline's identity.

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::programs;
use crate::reply::{Body, Reply, plain};
use crate::tokens::Principal;
use crate::world::World;

/// Largest message of a stand-in.
const CALL_BYTES: usize = 1024 * 1024;

/// A signed-in user's token for the deployed API.
fn page_token(world: &World) -> Option<String> {
    let mut state = world.state();
    let client = {
        let settings = state.of_type("Microsoft.Web/sites/config");
        let mut providers = settings.map(|found| &found["properties"]["identityProviders"]["azureActiveDirectory"]);
        providers.find_map(|provider| provider["registration"]["clientId"].as_str())?.to_owned()
    };
    let token = world.mint.access(state.user.as_ref()?, &client, &client);
    state.secrets.push(token.clone());
    Some(token)
}

pub(crate) async fn answer(request: Request<Incoming>, world: &World) -> Response<Body> {
    match (request.method().as_str(), request.uri().path()) {
        // GitHub's, for a workflow's identity.
        ("GET", "/oidc") => {
            let who = Principal { object: "repo:someone/reasoning-chat:ref:refs/heads/main".to_owned(), name: None };
            let token = world.mint.access(&who, "api://AzureADTokenExchange", "github");
            Reply::ok(json!({ "value": token })).into_response()
        }
        // What the page has after its sign-in, for who has no browser here.
        ("GET", "/token") => page_token(world).map_or_else(
            || plain(StatusCode::NOT_FOUND, "nobody signs in: no function app with sign-in was deployed"),
            |token| plain(StatusCode::OK, &token),
        ),
        ("POST", "/program") => {
            let Ok(body) = Limited::new(request.into_body(), CALL_BYTES).collect().await else {
                return plain(StatusCode::BAD_REQUEST, "the body cannot be read");
            };
            let call: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
            let outcome = programs::run(&call, world);
            Reply::ok(json!({ "exit": outcome.exit, "stdout": outcome.stdout, "stderr": outcome.stderr }))
                .into_response()
        }
        (method, path) => {
            world.log.unknown(format!("{method} {path} of the proxy itself"));
            plain(StatusCode::NOT_FOUND, "this is a proxy")
        }
    }
}
