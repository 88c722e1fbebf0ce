//! Model accounts that are deleted but not purged: each holds its name and its quota.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{json_of, known, project, required, run};
use crate::steps::Outcome;
use crate::tool::tool;

/// Purges the deployment's accounts that are deleted, so that their names and quota are free.
pub(super) fn purge() -> Outcome {
    let az = tool("az").ok_or(
        "the Azure CLI (az) is missing. By hand: portal, Azure AI services, Manage deleted resources, there Purge",
    )?;
    let accounts = unpurged(&az)?;
    if accounts.is_empty() {
        println!("No account of this deployment is deleted without being purged.");
    }
    for Account { name, location, group } in &accounts {
        let mut command = Command::new(&az);
        command.args(["cognitiveservices", "account", "purge", "--name", name]);
        command.args(["--location", location, "--resource-group", group]);
        command.args(["--subscription", &required("AZURE_SUBSCRIPTION_ID")?]);
        run(&mut command, project(), None)?;
    }
    Ok(())
}

/// A deleted account.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    location: String,
    group: String,
}

/// The deployment's accounts that are deleted and not purged.
pub(super) fn unpurged(az: &Path) -> Result<Vec<Account>, String> {
    let subscription = required("AZURE_SUBSCRIPTION_ID")?;
    let token = known("SERVICE_API_NAME").and_then(|name| Some(name.strip_prefix("func-")?.to_owned()));
    let group = match (known("EXISTING_RESOURCE_GROUP"), &token) {
        (Some(group), Some(_)) => group,
        // Another environment's accounts may have been in the same group.
        (Some(group), None) => {
            return Err(format!(
                "which of the deleted accounts of {group} are this deployment's is not known any more"
            ));
        }
        (None, _) => format!("rg-{}", required("AZURE_ENV_NAME")?),
    };
    let list = ["cognitiveservices", "account", "list-deleted", "--subscription", &subscription, "--output", "json"];
    let deleted = json_of(Command::new(az).args(list)).ok_or("az does not list the deleted accounts")?;
    Ok(ours(&deleted, &group, token.as_deref()))
}

/// Those of a group that are named as this project names them, with this deployment's letters where they are known. The
/// list has them as `…/locations/LOCATION/resourceGroups/GROUP/deletedAccounts/NAME`.
fn ours(deleted: &Value, group: &str, token: Option<&str>) -> Vec<Account> {
    let mut accounts = Vec::new();
    for id in deleted.as_array().into_iter().flatten().filter_map(|account| account.get("id")?.as_str()) {
        let words: Vec<&str> = id.split('/').collect();
        let after = |key: &str| {
            let at = words.iter().position(|word| word.eq_ignore_ascii_case(key))?;
            words.get(at + 1).map(|word| (*word).to_owned())
        };
        let (Some(name), Some(location), Some(own_group)) =
            (after("deletedAccounts"), after("locations"), after("resourceGroups"))
        else {
            continue;
        };
        if own_group.eq_ignore_ascii_case(group) && is_our_name(&name, token) {
            accounts.push(Account { name, location, group: own_group });
        }
    }
    accounts
}

/// `ai-`, the thirteen letters of the deployment, and perhaps a region.
fn is_our_name(name: &str, token: Option<&str>) -> bool {
    let Some(rest) = name.strip_prefix("ai-") else { return false };
    let (letters, region) = rest.split_once('-').unwrap_or((rest, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    letters.len() == 13 && plain(letters) && plain(region) && token.is_none_or(|token| token == letters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_accounts_of_this_deployment_are_purged() {
        let deleted = |group: &str, name: &str| {
            let place = format!(
                "/subscriptions/s/providers/Microsoft.CognitiveServices/locations/eastus2/resourceGroups/{group}"
            );
            json!({ "id": format!("{place}/deletedAccounts/{name}"), "name": name })
        };
        let list = json!([
            deleted("rg-chat", "ai-2fkvxvac7zxj4"),
            deleted("RG-Chat", "ai-2fkvxvac7zxj4-swedencentral"),
            deleted("rg-chat", "ai-aaaaaaaaaaaaa"),
            deleted("rg-chat", "ai-somebody"),
            deleted("rg-chat", "somebody"),
            deleted("rg-other", "ai-2fkvxvac7zxj4"),
            json!({ "id": "/of/another/shape" }),
        ]);
        let names = |token| ours(&list, "rg-chat", token).into_iter().map(|account| account.name).collect::<Vec<_>>();
        assert_eq!(names(Some("2fkvxvac7zxj4")), ["ai-2fkvxvac7zxj4", "ai-2fkvxvac7zxj4-swedencentral"]);
        assert_eq!(names(None), ["ai-2fkvxvac7zxj4", "ai-2fkvxvac7zxj4-swedencentral", "ai-aaaaaaaaaaaaa"]);
        let first = &ours(&list, "rg-chat", None)[0];
        assert_eq!((first.location.as_str(), first.group.as_str()), ("eastus2", "rg-chat"));
    }
}
