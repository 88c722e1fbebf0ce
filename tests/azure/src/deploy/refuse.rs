//! What Azure refuses to make.

use serde_json::Value;

use super::{Refusal, refusal};
use crate::state::State;

/// Whether a resource may be made as it is wanted.
pub(super) fn may_be_made(kind: &str, item: &Value, key: &str, state: &mut State) -> Result<(), Refusal> {
    let group = key.split('/').nth(4).unwrap_or_default();
    if !state.groups.contains_key(group) {
        return Err(refusal("ResourceGroupNotFound", format!("Resource group '{group}' could not be found.")));
    }
    let name = item["name"].as_str().unwrap_or_default();
    match kind {
        "Microsoft.CognitiveServices/accounts"
            if state.deleted_accounts.contains_key(name) && item["properties"]["restore"] != true =>
        {
            let id = item["id"].as_str().unwrap_or_default();
            Err(refusal(
                "FlagMustBeSetForRestore",
                format!(
                    "An existing resource with ID '{id}' has been soft-deleted. To restore the resource, you must \
                     specify 'restore' to be 'true' in the property. If you don't want to restore existing resource, \
                     please purge it first."
                ),
            ))
        }
        "Microsoft.CognitiveServices/accounts" => {
            state.deleted_accounts.remove(name);
            Ok(())
        }
        "Microsoft.CognitiveServices/accounts/deployments" if !state.resources.contains_key(key) => {
            let account = key.rsplit_once("/deployments/").and_then(|(id, _)| state.resource(id));
            let region = account.and_then(|account| account["location"].as_str()).unwrap_or_default();
            let model = item["properties"]["model"]["name"].as_str().unwrap_or_default();
            let (wanted, (used, limit)) = (item["sku"]["capacity"].as_u64().unwrap_or(1), state.quota(region, model));
            if wanted + used <= limit {
                return Ok(());
            }
            Err(refusal(
                "InsufficientQuota",
                format!(
                    "This operation require {wanted} new capacity in quota Tokens Per Minute (thousands), which is \
                     bigger than the current available capacity {}.",
                    limit.saturating_sub(used)
                ),
            ))
        }
        "Microsoft.Authorization/roleAssignments" => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
            let (scope, given) = (key.split("/providers/microsoft.authorization/").next(), &item["properties"]);
            let role = text(&given["roleDefinitionId"]).rsplit('/').next().unwrap_or_default().to_owned();
            let who = (scope.unwrap_or_default().to_owned(), role, text(&given["principalId"]));
            if state.roles.get(&who).is_some_and(|other| other != key) {
                return Err(refusal("RoleAssignmentExists", "The role assignment already exists."));
            }
            state.roles.insert(who, key.to_owned());
            Ok(())
        }
        _ => Ok(()),
    }
}
