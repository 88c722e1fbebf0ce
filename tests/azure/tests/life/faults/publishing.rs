//! What fails between a deployment and a page that answers.

use scripted_azure::Fault;
use serde_json::json;

use crate::rehearsal::Rehearsal;

const DEPLOY: [&str; 2] = ["deploy", "--no-prompt"];

pub(super) async fn fails(life: &Rehearsal) {
    let before = life.environment_file("chat");
    for (fault, words) in [
        (Fault::program("func", "publish", 1, "The storage is not reachable."), "The storage is not reachable."),
        (Fault::answer("GET", "/resources", 200, json!({ "value": [] })).times(2), "unable to find a resource tagged"),
        (Fault::refusal("POST", "/listSecrets", 403, "AuthorizationFailed", "You may not."), "AuthorizationFailed"),
        (Fault::program("npx", "static-web-apps-cli", 1, "The content server is not reachable."), "content server"),
    ] {
        life.azure.fault(fault);
        life.azd(&DEPLOY).await.fails(words);
        life.azure.cure();
        assert_eq!(life.environment_file("chat"), before, "{words}");
    }
    let deploy = life.azd(&DEPLOY).await.expect("azd deploy after the cures");
    assert_eq!((deploy.calls("func").len(), deploy.calls("npx").len()), (1, 1));
    let addresses = life.azd(&["hooks", "run", "postup"]).await.expect("azd hooks run postup");
    assert!(addresses.text.contains(&life.values("chat")["API_ORIGIN"]), "{}", addresses.text);
}
