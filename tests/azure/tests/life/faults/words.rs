//! What people see when Entra or Azure refuses, and search for: azd's words are those under which the cure stands in
//! `docs/troubleshooting.md`, and no command leaves anything half written.

use std::fs;

use scripted_azure::Fault;
use serde_json::json;

use super::PROVISION;
use crate::copy::project;
use crate::rehearsal::Rehearsal;

/// Entra's number, the word before it, and what azd says.
const SIGN_IN: [(u32, &str, &str); 4] = [
    (700_082, "invalid_grant", "Login expired."),
    (50_076, "interaction_required", "Reauthentication required."),
    (50_005, "interaction_required", "--use-device-code=false"),
    (530_084, "invalid_grant", "AADSTS530084"),
];

/// Azure's code, and what azd adds to it where that is not what helps.
const AZURE: [(&str, &str); 9] = [
    ("RoleAssignmentExists", "safe to ignore"),
    ("InsufficientQuota", "az vm list-usage"),
    ("LocationNotAvailableForResourceType", ""),
    ("InvalidResourceGroupLocation", ""),
    ("Authorization_RequestDenied", ""),
    ("AuthorizationFailed", ""),
    ("RequestDisallowedByPolicy", ""),
    ("MissingSubscriptionRegistration", ""),
    ("DeploymentActive", ""),
];

/// A sign-in that is refused is said before anything begins.
pub(super) async fn of_the_sign_in(life: &Rehearsal) {
    for (number, error, words) in SIGN_IN {
        let body = json!({
            "error": error, "error_codes": [number], "error_description": format!("AADSTS{number}: it is refused."),
        });
        life.azure.fault(Fault::answer("POST", "/oauth2/v2.0/token", 400, body).times(10));
        let up = life.azd(&["up", "--no-prompt"]).await;
        up.fails(words);
        assert!(up.requests().is_empty() && up.calls("func").is_empty(), "{:?}", up.requests());
        stands_in_the_docs(&format!("AADSTS{number}"));
        life.azure.cure();
    }
    life.azd(&["auth", "logout"]).await.expect("azd auth logout");
    // azd 1.32 signs in by itself, and then is confused; the same command again is not.
    life.azd(&["up", "--no-prompt"]).await.fails("locking .env: context canceled");
    stands_in_the_docs("locking .env: context canceled");
}

/// What Azure refuses when it is asked whether it would deploy.
pub(super) async fn of_azure(life: &Rehearsal) {
    let before = life.environment_file("chat");
    for (code, words) in AZURE {
        let body = json!({ "error": {
            "code": "InvalidTemplateDeployment", "message": "The template deployment failed.",
            "details": [{ "code": code, "message": format!("It is refused: {code}.") }],
        } });
        life.azure.fault(Fault::answer("POST", "/validate", 400, body));
        let provision = life.azd(&PROVISION).await;
        provision.fails(code);
        assert!(provision.text.contains(words), "{code}: {words} in\n{}", provision.text);
        assert!(!provision.requests().iter().any(|request| request.starts_with("PUT")), "{code}");
        assert_eq!(life.environment_file("chat"), before, "{code}");
        for said in [code, words] {
            stands_in_the_docs(said);
        }
        life.azure.cure();
    }
}

/// A row of the page for those who search for what they see.
#[track_caller]
fn stands_in_the_docs(words: &str) {
    let page = fs::read_to_string(project().join("docs/troubleshooting.md")).unwrap();
    assert!(page.lines().any(|line| line.starts_with('|') && line.contains(words)), "{words:?}");
}
