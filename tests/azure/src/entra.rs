//! Entra: discovery, the device code, the browser's code, refresh tokens, a pipeline's assertion.

use serde_json::{Value, json};
use uuid::Uuid;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

use crate::proxy::{Asked, unknown, value};
use crate::reply::Reply;
use crate::state::{Grant, PIPELINE_OBJECT};
use crate::tokens::Principal;
use crate::world::World;
use crate::{ARM, LOGIN, TENANT};

pub(crate) fn answer(asked: &Asked, world: &World) -> Reply {
    let segments: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
    match (asked.method.as_str(), segments.as_slice()) {
        ("GET", ["common", "discovery", "instance"]) => Reply::ok(instance()),
        ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => Reply::ok(configuration(tenant)),
        ("POST", [_, "oauth2", "v2.0", "devicecode"]) => Reply::ok(device_code()),
        ("GET", [_, "oauth2", "v2.0", "authorize"]) => authorize(asked, world),
        ("POST", [_, "oauth2", "v2.0", "token"]) => token(&String::from_utf8_lossy(&asked.body), world),
        _ => unknown(asked, LOGIN, world),
    }
}

fn instance() -> Value {
    json!({
        "tenant_discovery_endpoint": format!("https://{LOGIN}/{TENANT}/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{
            "preferred_network": LOGIN, "preferred_cache": "login.windows.net",
            "aliases": [LOGIN, "login.windows.net", "login.microsoft.com", "sts.windows.net"],
        }],
    })
}

fn configuration(tenant: &str) -> Value {
    let at = |what: &str| format!("https://{LOGIN}/{tenant}/oauth2/v2.0/{what}");
    let issued_for = if tenant == "organizations" || tenant == "common" { "{tenantid}" } else { tenant };
    json!({
        "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
        "device_authorization_endpoint": at("devicecode"), "issuer": format!("https://{LOGIN}/{issued_for}/v2.0"),
    })
}

fn device_code() -> Value {
    let page = "https://microsoft.com/devicelogin";
    json!({
        "device_code": "device", "user_code": "ABCD1234", "verification_uri": page, "verification_url": page,
        "expires_in": 900, "interval": 1,
        "message": format!("To sign in, open {page} and enter the code ABCD1234. (Here nobody has to: it is granted.)"),
    })
}

/// The browser's way: consent is given at once, and the browser sent back.
fn authorize(asked: &Asked, world: &World) -> Reply {
    let wanted = |name: &str| value(&asked.query, name);
    let (Some(back), Some(who)) = (wanted("redirect_uri"), world.state().user.clone()) else {
        return Reply::refused(400, "invalid_request", "redirect_uri is missing");
    };
    let code = format!("CODE-{}", Uuid::new_v4().simple());
    let grant = Grant { who, client: wanted("client_id").unwrap_or_default(), nonce: wanted("nonce") };
    world.state().grants.insert(code.clone(), grant);
    let mark = if wanted("response_mode").as_deref() == Some("fragment") { '#' } else { '?' };
    let state = encoded(&wanted("state").unwrap_or_default());
    Reply::empty(302)
        .header("location", format!("{back}{mark}code={code}&state={state}&client_info={}", client_info("")))
}

fn token(form: &str, world: &World) -> Reply {
    let given = |name: &str| value(form, name);
    let kind = given("grant_type").unwrap_or_default();
    let client = given("client_id").unwrap_or_default();
    let grant = match kind.as_str() {
        "device_code" | "urn:ietf:params:oauth:grant-type:device_code" => {
            let mut state = world.state();
            if state.device_pending > 0 {
                state.device_pending -= 1;
                return refused("authorization_pending", "AADSTS70016: it is not granted yet");
            }
            state.user.clone().map(|who| Grant { who, client: client.clone(), nonce: None })
        }
        "authorization_code" => given("code").and_then(|code| world.state().grants.remove(&code)),
        "refresh_token" => given("refresh_token").and_then(|token| world.state().grants.get(&token).cloned()),
        // A pipeline: whoever asserts something signed by somebody else. Whose word it is is not looked at here.
        "client_credentials" if given("client_assertion").is_some() => {
            let who = Principal { object: PIPELINE_OBJECT.to_owned(), name: None };
            Some(Grant { who, client: client.clone(), nonce: None })
        }
        other => {
            world.log.unknown(format!("Entra's grant type {other:?}"));
            None
        }
    };
    let Some(grant) = grant else {
        return refused("invalid_grant", "AADSTS70000: this was not given out here");
    };
    let scope = given("scope").unwrap_or_default();
    let audience = audience(&scope, &client);
    let access = world.mint.access(&grant.who, &audience, &client);
    let refresh = format!("REFRESH-{}", Uuid::new_v4().simple());
    let mut state = world.state();
    let lifetime = state.lifetime;
    let mut answer = json!({
        "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": access,
    });
    state.secrets.extend([access, refresh.clone()]);
    if kind != "client_credentials" {
        answer["refresh_token"] = json!(refresh);
        answer["id_token"] = json!(world.mint.id(&grant.who, &client, grant.nonce.as_deref()));
        answer["client_info"] = json!(client_info(&grant.who.object));
        answer["foci"] = json!("1");
        // The page's library looks at it; azd's takes all for granted where it is absent.
        if client == grant.client && kind == "authorization_code" && !scope.contains(".default") {
            answer["scope"] = json!(scope);
        }
        state.grants.insert(refresh, grant);
    }
    Reply::ok(answer)
}

/// Whom the token is for: the first scope that names somebody.
fn audience(scope: &str, client: &str) -> String {
    let mut words =
        scope.split(' ').filter(|word| !["openid", "profile", "offline_access", "email", ""].contains(word));
    let Some(word) = words.next() else { return format!("https://{ARM}") };
    let resource = word.rsplit_once('/').map_or(word, |(resource, _)| resource).trim_end_matches('/');
    if resource.is_empty() { client.to_owned() } else { resource.to_owned() }
}

fn client_info(object: &str) -> String {
    BASE64.encode(json!({ "uid": object, "utid": TENANT }).to_string())
}

fn refused(code: &str, description: &str) -> Reply {
    let body = json!({ "error": code, "error_description": description });
    Reply::ok(body).with_status(400)
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audience_is_the_scopes_resource() {
        for (scope, expected) in [
            ("https://management.azure.com//.default openid offline_access profile", "https://management.azure.com"),
            ("https://management.core.windows.net/.default", "https://management.core.windows.net"),
            ("openid api://tenant/chat/user_impersonation", "api://tenant/chat"),
            ("client-id/user_impersonation", "client-id"),
            ("openid profile", "https://management.azure.com"),
        ] {
            assert_eq!(audience(scope, "client"), expected, "{scope}");
        }
    }
}
