//! What stands before the program, and beside it: CORS, the page's policy, the page's `config.json`.

use serde_json::Value;

use super::report::Row;
use super::target::Target;
use crate::ask::{Answer, Ask};

const NO_PAGE: &str = "where the page is, is not known; say --page URL";

fn ask_first(target: &Target, origin: &str) -> Answer {
    Ask::options(target.chat())
        .header(format!("Origin: {origin}"))
        .header("Access-Control-Request-Method: POST")
        .header("Access-Control-Request-Headers: authorization,content-type")
        .send()
}

/// The page may call.
pub(super) fn preflight(target: &Target) -> Row {
    if target.page.is_empty() {
        return Row::skipped(NO_PAGE);
    }
    if target.page == target.api {
        return Row::skipped("page and API have one origin: no browser asks first");
    }
    let answer = ask_first(target, &target.page);
    match answer.header("access-control-allow-origin") {
        Some(origin) if origin == target.page && answer.status < 300 => {
            Row::passed("a preflight from the page's origin is answered")
        }
        Some("*") => Row::failed(
            "every origin is admitted",
            "`cors` in infra/modules/api.bicep must name the page alone; `azd provision --no-state`",
        ),
        _ => Row::failed(
            format!("a preflight from the page's origin is refused: {}", answer.outcome()),
            "function app, CORS: the page's origin must be there; `azd provision --no-state` puts it back",
        ),
    }
}

/// Nobody else's page may.
pub(super) fn other_origin(target: &Target) -> Row {
    if target.page.is_empty() {
        return Row::skipped(NO_PAGE);
    }
    let other = "https://elsewhere.example";
    match ask_first(target, other).header("access-control-allow-origin") {
        Some(origin) if origin == other || origin == "*" => Row::failed(
            "a preflight from another origin is answered",
            "function app, CORS: remove every origin but the page's; `azd provision --no-state` does",
        ),
        _ => Row::passed("a preflight from another origin is not answered"),
    }
}

/// The page's policy admits this API and the sign-in, and no other host.
pub(super) fn policy(target: &Target) -> Row {
    if target.page.is_empty() {
        return Row::skipped(NO_PAGE);
    }
    let answer = Ask::get(format!("{}/", target.page)).send();
    if answer.status != 200 {
        return Row::failed(format!("the page does not open: {}", answer.outcome()), "`azd deploy web`");
    }
    let Some(policy) = answer.header("content-security-policy") else {
        return Row::failed(
            "the page has no Content-Security-Policy",
            "`azd deploy web`; see the uploaded staticwebapp.config.json",
        );
    };
    let connect: Vec<&str> = policy
        .split(';')
        .find_map(|directive| directive.trim().strip_prefix("connect-src "))
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let wanted = target.sign_in.as_ref().map(|sign_in| origin(&sign_in.authority));
    // An API at the page's own origin, as behind the emulator, is the page itself.
    let admitted = |host: &str| connect.contains(&host) || (host == target.page && connect.contains(&"'self'"));
    let missing: Vec<&str> =
        [Some(target.api.as_str()), wanted.as_deref()].into_iter().flatten().filter(|host| !admitted(host)).collect();
    if missing.is_empty() {
        Row::passed("the policy names this API and the sign-in")
    } else {
        Row::failed(
            format!("the policy does not name {}", missing.join(" and ")),
            "another staticwebapp.config.json than the filled one was uploaded: only one may lie below web/; `azd deploy web`",
        )
    }
}

/// The page knows where the API is and how to sign in.
pub(super) fn config(target: &Target) -> Row {
    if target.page.is_empty() {
        return Row::skipped(NO_PAGE);
    }
    let answer = Ask::get(format!("{}/config.json", target.page)).send();
    let config = answer.json();
    let is_self = target.api == target.page;
    if is_self && !config.is_object() {
        return Row::passed("there is no config.json, and the API is at the page's own origin");
    }
    if answer.status != 200 || !config.is_object() {
        return Row::failed(format!("config.json is not there: {}", answer.outcome()), "`azd deploy web`");
    }
    let mut wrong = Vec::new();
    let base = config["apiBase"].as_str().unwrap_or_default();
    if base != target.api && !(is_self && base.is_empty()) {
        wrong.push("apiBase");
    }
    if let Some(sign_in) = &target.sign_in {
        let auth = &config["auth"];
        for (key, expected) in
            [("clientId", &sign_in.client_id), ("authority", &sign_in.authority), ("scope", &sign_in.scope)]
        {
            if auth[key] != **expected {
                wrong.push(key);
            }
        }
    } else if target.group.is_some() && target.anonymous && config["auth"] != Value::Null {
        wrong.push("auth");
    }
    if wrong.is_empty() {
        Row::passed("config.json is this deployment's")
    } else {
        Row::failed(format!("config.json is another deployment's: {}", wrong.join(", ")), "`azd deploy web`")
    }
}

fn origin(address: &str) -> String {
    address.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}
