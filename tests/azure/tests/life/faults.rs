//! What goes wrong for people, and that the same command succeeds after the cure.

use std::time::Duration;

use scripted_azure::Fault;

use crate::checks;
use crate::rehearsal::{Done, Rehearsal};

const DOWN: [&str; 4] = ["down", "--force", "--purge", "--no-prompt"];
const PROVISION: [&str; 3] = ["provision", "--no-prompt", "--no-state"];
/// Longest wait for something that is under way.
const SOON: Duration = Duration::from_mins(10);

impl Done {
    /// Fails unless the command failed with these words.
    fn fails(&self, words: &str) {
        assert!(!self.succeeded && self.text.contains(words), "{words:?} is not how it failed:\n{}", self.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_each_cure_the_same_command_succeeds() {
    let Some(life) = Rehearsal::new("faults").await else { return };
    life.azure.lifetime(60);
    life.sign_in().await;
    life.new_environment(&[]).await;
    expired(&life).await;
    fails_late(&life).await;
    goes_on_when_azd_has_gone(&life).await;
    another_person(&life).await;
    existing_group(&life).await;
    without_purge(&life).await;
    group_deleted_by_hand(&life).await;
    checks::nothing_leaks(&life, &[]);
    checks::no_surprise(&life);
}

/// A sign-in that expired is said before anything begins.
async fn expired(life: &Rehearsal) {
    life.azure.fault(Fault::expired_sign_in().times(10));
    let up = life.azd(&["up", "--no-prompt"]).await;
    up.fails("azd auth login");
    assert!(up.calls("func").is_empty() && !up.requests().iter().any(|request| request.starts_with("PUT")));
    life.azure.cure();
    life.sign_in().await;
}

/// Everything is made and then one thing fails: no outputs are saved, and nothing is half written.
async fn fails_late(life: &Rehearsal) {
    let before = life.environment_file("chat");
    life.azure.fault(Fault::late_deployment("InsufficientQuota", "Insufficient quota. Cannot create the deployment."));
    life.azd(&PROVISION).await.fails("InsufficientQuota");
    assert_eq!(life.environment_file("chat"), before, "no half-written outputs");
    assert!(life.azure.state().groups.contains_key("rg-chat"), "what was made is there");
    // `azd down` finds all of it, though no output names it.
    life.azd(&DOWN).await.expect("azd down after a first run that failed");
    assert!(life.azure.state().is_empty(), "{:#?}", life.azure.state());
    // Azure is busy besides.
    let busy = Fault::refusal("GET", "/operationStatuses/", 429, "TooManyRequests", "Wait.").header("retry-after", "1");
    life.azure.fault(busy.times(2));
    life.azd(&PROVISION).await.expect("azd provision after the cure");
    life.azure.cure();
    assert!(life.values("chat").contains_key("API_ORIGIN"));
}

/// azd is ended while the deployment runs; that goes on, and a second one meets it.
async fn goes_on_when_azd_has_gone(life: &Rehearsal) {
    life.azure.hold();
    let mut command = life.command(&judges::AZD.find().unwrap());
    let before = life.azure.log().len();
    let mut azd = command.args(PROVISION).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut grown = life.azure.watch();
    let begun = async {
        while !life.azure.log().split_off(before).iter().any(|entry| entry.to_string().contains("201 PUT")) {
            grown.changed().await.unwrap();
        }
    };
    tokio::time::timeout(SOON, begun).await.expect("the deployment began");
    azd.kill().await.unwrap();
    let state = |life: &Rehearsal| life.azure.newest_deployment().unwrap()["properties"]["provisioningState"].clone();
    assert_eq!(state(life), "Running");
    life.azure.let_go();
    assert!(life.azure.settled(SOON).await);
    assert_eq!(state(life), "Succeeded");
}

/// Somebody else deploys the same: that person gets the role on the model.
async fn another_person(life: &Rehearsal) {
    let other = "66666666-6666-6666-6666-666666666666";
    life.azure.user(other);
    life.sign_in().await;
    life.azd(&PROVISION).await.expect("azd provision by somebody else");
    assert!(life.azure.roles().iter().any(|(_, _, who)| who == other), "{:?}", life.azure.roles());
}

/// `azd down` begins nothing where the group was there before.
async fn existing_group(life: &Rehearsal) {
    life.azd(&["env", "set", "EXISTING_RESOURCE_GROUP", "rg-chat"]).await.expect("azd env set");
    let down = life.azd(&DOWN).await;
    down.fails("EXISTING_RESOURCE_GROUP");
    assert!(!down.requests().iter().any(|request| request.starts_with("DELETE")), "{:?}", down.requests());
    life.azd(&["env", "set", "EXISTING_RESOURCE_GROUP", ""]).await.expect("azd env set");
}

/// An account that is deleted and not purged holds its name: one command frees it, and the next deployment succeeds.
async fn without_purge(life: &Rehearsal) {
    let down = life.azd(&["down", "--force", "--no-prompt"]).await.expect("azd down without --purge");
    assert!(down.text.contains("cargo xtask deploy purge"), "{}", down.text);
    assert_eq!(life.azure.state().deleted_accounts.len(), 1);
    life.azd(&PROVISION).await.fails("FlagMustBeSetForRestore");
    life.hook("purge").await.expect("cargo xtask deploy purge");
    life.azd(&PROVISION).await.expect("azd provision after the purge");
}

/// azd fails for ever on a group that is gone; what to do instead is said, and leaves nothing.
async fn group_deleted_by_hand(life: &Rehearsal) {
    assert!(life.azure.state().delete_group("rg-chat"));
    life.azd(&DOWN).await.fails("cargo xtask deploy after-down");
    life.hook("after-down").await.expect("cargo xtask deploy after-down");
    life.hook("purge").await.expect("cargo xtask deploy purge");
    assert!(life.azure.state().is_empty(), "{:#?}", life.azure.state());
}
