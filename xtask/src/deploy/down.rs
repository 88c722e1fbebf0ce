//! What `azd down` does not see to: resource groups that were here before, and the app registration, which is in none.
//!
//! azd runs `before-down` before it asks whether to go on, and `after-down` when everything is gone and not otherwise; but
//! by then it has forgotten the outputs. So the first notes what the second deletes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::{json_of, known, output, project, purge, run};
use crate::steps::Outcome;
use crate::tool::tool;

/// A deleted registration appears among the deleted items after some seconds.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_secs(5);

/// An app registration that the deployment has made.
#[derive(Debug, PartialEq, Eq)]
struct Registration {
    client_id: String,
    /// Its application id URI, which no other registration of the tenant can have.
    uri: String,
}

/// Looks before `azd down` begins: what it would do wrong, and what it will not do.
pub(super) fn before() -> Outcome {
    let az = tool("az");
    // First of all: what is deleted by hand in place of azd ends in `after-down`, too.
    let registration = registration(az.as_deref());
    note(&place(), registration.as_ref())?;
    let group = known("AZURE_ENV_NAME").map(|environment| format!("rg-{environment}"));
    let account = known("EXISTING_AI_ACCOUNT");
    if let Some(why) = refusal(known("EXISTING_RESOURCE_GROUP"), account, known("EXISTING_AI_RESOURCE_GROUP"), group) {
        return Err(format!("{why}. See \"Removing\" in docs/deploying.md for a way that deletes only what was made"));
    }
    // Outputs are there, and the group that they name is not: azd would ask for its resources, and end on the answer.
    match (az, known("AZURE_RESOURCE_GROUP")) {
        (Some(az), Some(group)) => still_there(&az, &group),
        _ => Ok(()),
    }
}

/// Why azd must not begin. It deletes the resource groups that the deployment made, each with everything in it.
fn refusal(
    existing_group: Option<String>,
    account: Option<String>,
    account_group: Option<String>,
    own_group: Option<String>,
) -> Option<String> {
    if let Some(group) = existing_group {
        return Some(format!(
            "EXISTING_RESOURCE_GROUP is {group}: the deployment made no group of its own, so azd would delete nothing and \
             report that all is gone"
        ));
    }
    let account = account?;
    let within = account_group.is_none_or(|group| own_group.is_some_and(|own| own.eq_ignore_ascii_case(&group)));
    within.then(|| {
        format!("EXISTING_AI_ACCOUNT is {account}, in the resource group that azd would delete with everything in it")
    })
}

/// The registration that goes with this deployment, if it made one.
fn registration(az: Option<&Path>) -> Option<Registration> {
    if known("EXISTING_APP_CLIENT_ID").is_some() {
        return None;
    }
    if let (Some(client_id), Some(uri)) = (known("SIGN_IN_CLIENT_ID"), known("SIGN_IN_URI")) {
        return Some(Registration { client_id, uri });
    }
    // A run that failed put out nothing, but may have made one.
    let (environment, subscription) = (known("AZURE_ENV_NAME")?, known("AZURE_SUBSCRIPTION_ID")?);
    let location = known("AZURE_LOCATION")?;
    find(az?, &environment, &subscription, &location)
}

/// Looks for the registration by its name, and believes only the tags that the deployment gave it.
fn find(az: &Path, environment: &str, subscription: &str, location: &str) -> Option<Registration> {
    let name = format!("Reasoning chat ({environment})");
    let found = json_of(Command::new(az).args(["ad", "app", "list", "--display-name", &name, "--output", "json"]))?;
    let own =
        [format!("azd-env-name:{environment}"), format!("subscription:{subscription}"), format!("location:{location}")];
    let mut ours = found.as_array()?.iter().filter(|app| {
        let tags: Vec<&str> =
            app.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        own.iter().all(|tag| tags.contains(&tag.as_str()))
    });
    let app = ours.next()?;
    let client_id = app.get("appId")?.as_str()?.to_owned();
    let uri = app.get("identifierUris")?.as_array()?.first()?.as_str()?.to_owned();
    Some(Registration { client_id, uri })
}

/// An error if the resource group was deleted by hand.
fn still_there(az: &Path, group: &str) -> Outcome {
    let mut command = Command::new(az);
    command.args(["group", "exists", "--name", group]);
    if let Some(subscription) = known("AZURE_SUBSCRIPTION_ID") {
        command.args(["--subscription", &subscription]);
    }
    if output(&mut command).is_none_or(|answer| answer.trim() != "false") {
        return Ok(());
    }
    Err(format!(
        "the resource group {group} is gone already: azd would fail on that, or report success and purge nothing. `cargo xtask deploy after-down` deletes the \
         app registration; `cargo xtask deploy purge` frees the model account's name and quota. Then nothing is left"
    ))
}

/// Deletes the app registration, once azd has deleted all else, and says what still holds a name.
pub(super) fn after() -> Outcome {
    let place = place();
    let az = tool("az");
    if let Some(registration) = noted(&place)? {
        match &az {
            Some(az) => delete(az, &registration, PAUSE)?,
            None => {
                println!("\nThe Azure CLI (az) is missing, so the app registration stays. {}", by_hand(&registration));
            }
        }
        note(&place, None)?;
    }
    let left = az.and_then(|az| purge::unpurged(&az).ok()).unwrap_or_default();
    for account in &left {
        println!("\nThe account {} is deleted but not purged: it holds its name and its quota.", account.name);
    }
    if !left.is_empty() {
        println!(
            "`cargo xtask deploy purge` frees both; without it the next `azd up` ends in FlagMustBeSetForRestore."
        );
    }
    Ok(())
}

/// One place for each environment of azd.
fn place() -> PathBuf {
    let environment = known("AZURE_ENV_NAME").unwrap_or_else(|| "default".to_owned());
    project().join("target/azd-down").join(format!("{environment}.json"))
}

/// Writes down what is to be deleted; with none, that it is nothing.
fn note(place: &Path, registration: Option<&Registration>) -> Outcome {
    let told = |error| format!("{}: {error}", place.display());
    let Some(registration) = registration else {
        return if place.exists() { fs::remove_file(place).map_err(told) } else { Ok(()) };
    };
    let text = json!({ "clientId": registration.client_id, "uri": registration.uri }).to_string();
    fs::create_dir_all(place.parent().unwrap_or(place)).and_then(|()| fs::write(place, text)).map_err(told)?;
    println!("\nWhen all else is gone, the app registration {} is deleted too.", registration.client_id);
    Ok(())
}

fn noted(place: &Path) -> Result<Option<Registration>, String> {
    if !place.exists() {
        return Ok(None);
    }
    let told = |error: String| format!("{}: {error}", place.display());
    let text = fs::read_to_string(place).map_err(|error| told(error.to_string()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| told(error.to_string()))?;
    let word = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let registration = word("clientId").zip(word("uri")).map(|(client_id, uri)| Registration { client_id, uri });
    registration.map(Some).ok_or_else(|| told("it lacks clientId or uri".to_owned()))
}

/// Deletes it for good: while it is only deleted, its name is taken for 30 days, and the next `azd up` fails on that.
fn delete(az: &Path, registration: &Registration, pause: Duration) -> Outcome {
    let Registration { client_id, uri } = registration;
    let found = output(Command::new(az).args(["ad", "app", "show", "--id", client_id, "--output", "json"]));
    let found: Value = found.and_then(|found| serde_json::from_str(&found).ok()).unwrap_or_default();
    let uris = found.get("identifierUris").and_then(Value::as_array);
    let (Some(object), Some(uris)) = (found.get("id").and_then(Value::as_str), uris) else {
        return Err(format!("az does not find the app registration {client_id}. {}", by_hand(registration)));
    };
    if !uris.iter().any(|other| other == uri) {
        return Err(format!("the app registration {client_id} is not the one of this deployment: it lacks {uri}"));
    }
    let told = |error| format!("{error}. {}", by_hand(registration));
    run(Command::new(az).args(["ad", "app", "delete", "--id", client_id]), project(), None).map_err(told)?;
    let url = format!("https://graph.microsoft.com/v1.0/directory/deletedItems/{object}");
    let mut purged = Ok(());
    for attempt in 0..TRIES {
        if attempt > 0 {
            sleep(pause);
        }
        purged = run(Command::new(az).args(["rest", "--method", "delete", "--url", &url]), project(), None);
        if purged.is_ok() {
            break;
        }
    }
    purged.map_err(|error| {
        format!(
            "{error}. The app registration is deleted, but its name stays taken for 30 days, unless somebody who may \
             removes it for good: Entra, App registrations, Deleted applications. Until then use another environment name"
        )
    })
}

fn by_hand(registration: &Registration) -> String {
    format!("\"Removing\" in docs/deploying.md says how to delete it by hand: {}", registration.client_id)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::super::stand_in::StandIn;
    use super::*;

    /// `purge` is a shell command that decides how the last call ends.
    fn az_with(uri: &str, purge: &str) -> StandIn {
        let answers = format!(
            "case \"$1 $3\" in\n\
             'ad show') echo '{{\"id\":\"object-1\",\"identifierUris\":[\"{uri}\"]}}';;\n\
             'rest delete') {purge};;\nesac\n"
        );
        StandIn::new("az", &answers)
    }

    fn delete_with(az: &StandIn) -> Outcome {
        delete(&az.program(), &registration(), Duration::ZERO)
    }

    fn registration() -> Registration {
        Registration { client_id: "client-1".to_owned(), uri: "api://tenant/reasoning-chat-abc".to_owned() }
    }

    const PURGE: &str = "rest --method delete --url https://graph.microsoft.com/v1.0/directory/deletedItems/object-1";

    #[test]
    fn the_registration_of_this_deployment_is_deleted_for_good() {
        let az = az_with(&registration().uri, "exit 0");
        delete_with(&az).unwrap();
        assert_eq!(az.asked(), ["ad app show --id client-1 --output json", "ad app delete --id client-1", PURGE]);
    }

    #[test]
    fn another_registration_is_never_deleted() {
        let az = az_with("api://tenant/something-else", "exit 0");
        assert!(delete_with(&az).unwrap_err().contains("not the one of this deployment"));
        assert_eq!(az.asked().len(), 1, "it was only looked at");
    }

    #[test]
    fn a_registration_that_is_not_there_yet_among_the_deleted_is_waited_for_but_not_for_ever() {
        let az = az_with(&registration().uri, "[ $(grep -c ^rest \"$(dirname $0)/asked\") -ge 3 ]");
        delete_with(&az).unwrap();
        assert_eq!(az.asked().iter().filter(|line| *line == PURGE).count(), 3);
        let az = az_with(&registration().uri, "exit 1");
        assert!(delete_with(&az).unwrap_err().contains("30 days"));
        assert_eq!(az.asked().iter().filter(|line| *line == PURGE).count(), TRIES as usize);
    }

    #[test]
    fn what_is_noted_is_found_and_the_last_word_counts() {
        let folder = std::env::temp_dir().join(format!("down-note-{}", std::process::id()));
        let place = folder.join("chat.json");
        assert_eq!(noted(&place).unwrap(), None);
        note(&place, None).unwrap();
        note(&place, Some(&registration())).unwrap();
        assert_eq!(noted(&place).unwrap(), Some(registration()));
        note(&place, None).unwrap();
        assert_eq!(noted(&place).unwrap(), None);
        fs::write(&place, "{}").unwrap();
        assert!(noted(&place).is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn azd_is_kept_from_groups_that_were_there_before_and_from_no_other() {
        let given = |words: [&str; 3]| {
            let [group, account, account_group] =
                words.map(|word| Some(word.to_owned()).filter(|word| !word.is_empty()));
            refusal(group, account, account_group, Some("rg-chat".to_owned()))
        };
        assert!(given(["rg-team", "", ""]).unwrap().contains("delete nothing"));
        for within in [["", "ai", ""], ["", "ai", "RG-Chat"]] {
            assert!(given(within).unwrap().contains("everything in it"), "{within:?}");
        }
        assert_eq!(given(["", "ai", "rg-team"]), None, "azd leaves a group alone that the deployment did not make");
        assert_eq!(given(["", "", ""]), None);
    }

    #[test]
    fn the_registration_of_a_run_that_failed_is_found_by_its_tags_and_no_other() {
        let tags = |subscription: &str| {
            format!("[\"azd-env-name:chat\",\"subscription:{subscription}\",\"location:swedencentral\"]")
        };
        let app = |id: &str, tags: &str| {
            format!("{{\"appId\":\"{id}\",\"identifierUris\":[\"api://t/{id}\"],\"tags\":{tags}}}")
        };
        let list = [app("hand-made", "[]"), app("a-colleagues", &tags("other")), app("ours", &tags("sub"))].join(",");
        let az = StandIn::new("az", &format!("echo '[{list}]'"));
        let found = find(&az.program(), "chat", "sub", "swedencentral").unwrap();
        assert_eq!(found, Registration { client_id: "ours".to_owned(), uri: "api://t/ours".to_owned() });
        assert_eq!(az.asked(), ["ad app list --display-name Reasoning chat (chat) --output json"]);
        assert_eq!(find(&az.program(), "chat", "sub", "eastus2"), None);
        for nothing in ["echo '[]'", "exit 1", "true"] {
            assert_eq!(find(&StandIn::new("az", nothing).program(), "chat", "sub", "swedencentral"), None, "{nothing}");
        }
    }

    #[test]
    fn a_group_that_was_deleted_by_hand_is_told_before_azd_fails_on_it() {
        let told = still_there(&StandIn::new("az", "echo false").program(), "rg-chat").unwrap_err();
        assert!(told.contains("after-down") && told.contains("purge"), "{told}");
        for there_or_unknown in ["echo true", "exit 1", "true"] {
            still_there(&StandIn::new("az", there_or_unknown).program(), "rg-chat").unwrap();
        }
    }
}
