//! What goes wrong for people, and that the same command succeeds after the cure.

mod existing;
mod model;
mod publishing;
mod removing;
mod words;

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
    words::of_the_sign_in(&life).await;
    model::is_wanting(&life).await;
    words::of_azure(&life).await;
    fails_late(&life).await;
    goes_on_when_azd_has_gone(&life).await;
    another_person(&life).await;
    publishing::fails(&life).await;
    existing::group(&life).await;
    existing::account(&life).await;
    removing::without_purge(&life).await;
    removing::refused(&life).await;
    removing::by_hand(&life).await;
    checks::nothing_leaks(&life);
    checks::no_surprise(&life);
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
    life.azure.fault(Fault::refusal("GET", "/operationStatuses/", 404, "DeploymentNotFound", "Not yet.").after(1));
    life.azd(&PROVISION).await.expect("azd provision after the cure");
    life.azure.cure();
    assert!(life.values("chat").contains_key("API_ORIGIN"));
    life.hook("before-provision").await.expect("a look at quota that this deployment itself has used up");
}

/// azd is ended while the deployment runs, as by a page that cannot be built; that goes on, and is in nobody's way.
async fn goes_on_when_azd_has_gone(life: &Rehearsal) {
    life.azure.hold();
    let mut command = life.command(&judges::AZD.find().unwrap());
    let before = life.azure.log().len();
    let mut azd = command.args(PROVISION).stdout(std::process::Stdio::null()).spawn().unwrap();
    begun(life, before, 1).await;
    azd.kill().await.unwrap();
    assert_eq!(state_of_the_newest(life), "Running");
    let again = async {
        begun(life, before, 2).await;
        life.azure.let_go();
    };
    let (second, ()) = tokio::join!(life.azd(&PROVISION), again);
    second.expect("azd provision while an earlier deployment still runs");
    assert!(life.azure.settled(SOON).await);
    assert_eq!(state_of_the_newest(life), "Succeeded");
}

/// Waits until so many deployments have been taken on.
async fn begun(life: &Rehearsal, before: usize, count: usize) {
    let mut grown = life.azure.watch();
    let is_begun = |entry: &scripted_azure::log::Entry| entry.to_string().contains("201 PUT");
    let begun = async {
        while life.azure.log().split_off(before).into_iter().filter(is_begun).count() < count {
            grown.changed().await.unwrap();
        }
    };
    tokio::time::timeout(SOON, begun).await.expect("the deployment began");
}

fn state_of_the_newest(life: &Rehearsal) -> String {
    let newest = life.azure.newest_deployment().unwrap();
    newest["properties"]["provisioningState"].as_str().unwrap().to_owned()
}

/// Somebody else deploys the same: that person gets the role on the model.
async fn another_person(life: &Rehearsal) {
    let other = "66666666-6666-6666-6666-666666666666";
    life.azure.user(other);
    life.sign_in().await;
    // Whether one may assign roles azd only warns of: it sees no groups, and Azure decides.
    let may = serde_json::json!({ "properties": { "permissions": [{ "actions": ["*/read"], "notActions": [] }] } });
    life.azure.fault(Fault::answer("GET", "/roleDefinitions/", 200, may));
    let warned = life.azd(&PROVISION).await.expect("azd provision by somebody else");
    assert!(warned.text.contains("roleAssignments/write"), "{}", warned.text);
    assert!(life.azure.roles().iter().any(|(_, _, who)| who == other), "{:?}", life.azure.roles());
}
