//! What was there before: azd finds no such resource group by itself, and must delete nothing of it.

use scripted_azure::SUBSCRIPTION;
use serde_json::json;

use super::{DOWN, PROVISION};
use crate::rehearsal::Rehearsal;

const GROUP: &str = "team-resources";

pub(super) async fn group(life: &Rehearsal) {
    let id = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}");
    let made = json!({ "id": id, "name": GROUP, "type": "Microsoft.Resources/resourceGroups", "location": "eastus2", "tags": {} });
    life.azure.state().groups.insert(GROUP.to_owned(), made.clone());
    let place = ["--subscription", SUBSCRIPTION, "--location", "swedencentral", "--no-prompt"];
    life.azd(&[&["env", "new", "team"], &place[..]].concat()).await.expect("azd env new");
    life.set("EXISTING_RESOURCE_GROUP", GROUP).await;
    life.set("MODEL_LOCATION", "polandcentral").await;
    life.azd(&PROVISION).await.expect("azd provision into a group that is there");
    assert_eq!(life.azure.state().groups[GROUP], made, "it is used as it is");

    // As docs/troubleshooting.md says, "Afterwards".
    let show = life.azd(&["show"]).await.expect("azd show");
    assert!(show.text.contains("not yet provisioned"), "{}", show.text);
    life.azd(&["monitor"]).await.fails("resource groups");
    let page = life.azd(&["env", "get-value", "PAGE_ORIGIN"]).await.expect("azd env get-value");
    assert_eq!(page.text.trim(), life.values("team")["PAGE_ORIGIN"]);

    refused(life, "EXISTING_RESOURCE_GROUP").await;
    // By hand, as docs/deploying.md says, "Removing".
    assert!(life.azure.state().delete_group(GROUP));
    life.hook("after-down").await.expect("cargo xtask deploy after-down");
    life.hook("purge").await.expect("cargo xtask deploy purge");
    let of_it = |named: String| assert!(!named.contains("team"), "{named}");
    of_it(format!("{:?}", life.azure.state().deleted_accounts));
    of_it(format!("{:?}", life.azure.state().applications));
    life.azd(&["env", "select", "chat"]).await.expect("azd env select");
}

/// An account that was there before, in the group that azd would delete.
pub(super) async fn account(life: &Rehearsal) {
    life.set("EXISTING_AI_ACCOUNT", "shared").await;
    refused(life, "EXISTING_AI_ACCOUNT").await;
    life.set("EXISTING_AI_ACCOUNT", "").await;
}

/// `azd down` deletes nothing, and says why.
async fn refused(life: &Rehearsal, why: &str) {
    let down = life.azd(&DOWN).await;
    down.fails(why);
    assert!(!down.requests().iter().any(|request| request.starts_with("DELETE")), "{:?}", down.requests());
}
