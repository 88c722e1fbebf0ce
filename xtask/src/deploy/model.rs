//! Looks before anything is provisioned whether the region has the model, and quota for it: azd warns of both and goes on
//! by itself, and Azure refuses minutes later. What is missing is an error that names the regions which have it.
//!
//! Where Azure cannot be asked nothing is said, and azd's own look remains.

#![expect(clippy::indexing_slicing, reason = "a JSON value that is absent is null, and no panic")]

mod offer;
mod wanted;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use super::{azd_token, output, project};
use crate::ask::Ask;
use crate::steps::Outcome;
use crate::tool::tool;
use offer::{Offer, Region};
use wanted::Wanted;

const API_VERSION: &str = "2025-06-01";
/// Regions that are asked at once.
const ASKERS: usize = 8;
/// Most regions that are named.
const NAMED: usize = 8;
/// Most pages of a list.
const PAGES: usize = 20;

/// An error that says what is missing, where it is, and what to do.
pub(super) fn check() -> Outcome {
    let chosen = chosen();
    let choice = |name: &str| chosen.get(name).cloned();
    let (Some(subscription), Some(location)) = (choice("AZURE_SUBSCRIPTION_ID"), choice("AZURE_LOCATION")) else {
        return Ok(()); // azd has not asked for them yet
    };
    let file = |name: &str| {
        let text = std::fs::read_to_string(project().join(name)).map_err(|error| format!("{name}: {error}"))?;
        serde_json::from_str::<Value>(&text).map_err(|error| format!("{name}: {error}"))
    };
    let all = wanted::all(&file("infra/main.parameters.json")?, &file("infra/models.json")?, choice, &location);
    if all.is_empty() || tool("curl").is_none() {
        return Ok(());
    }
    let Some(token) = azd_token() else { return Ok(()) };
    let own = choice("AZURE_ENV_NAME").map(|environment| format!("rg-{environment}"));
    let group = choice("EXISTING_RESOURCE_GROUP").or(own).unwrap_or_default();
    let azure = Azure { subscription, token, group };
    let faults: Vec<String> = all.iter().filter_map(|wanted| azure.fault(wanted)).collect();
    if faults.is_empty() || is_switched_off() {
        return Ok(());
    }
    Err(format!("{}\n  To go on all the same: azd config set validation.provision off", faults.join("\n")))
}

/// What `azd env set` has set, and what this process was given.
fn chosen() -> BTreeMap<String, String> {
    let asked = tool("azd").and_then(|azd| {
        let said = output(Command::new(azd).args(["env", "get-values", "--output", "json"]))?;
        serde_json::from_str::<BTreeMap<String, String>>(&said).ok()
    });
    let given =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    asked.unwrap_or_default().into_iter().chain(given).filter(|(_, value)| !value.is_empty()).collect()
}

/// azd's own switch for the looks that it takes before it provisions.
fn is_switched_off() -> bool {
    let said = tool("azd").and_then(|azd| output(Command::new(azd).args(["config", "get", "validation.provision"])));
    said.is_some_and(|said| said.trim().trim_matches('"') == "off")
}

/// Resource Manager, as azd's sign-in sees it.
struct Azure {
    subscription: String,
    token: String,
    /// The resource group of the deployment.
    group: String,
}

impl Azure {
    /// What is wrong with this model in its region, in words.
    fn fault(&self, wanted: &Wanted) -> Option<String> {
        let mut offer = self.region(&wanted.location)?.offers(wanted);
        if offer.is_fault() {
            offer = offer.besides(self.held(wanted), wanted);
        }
        offer.is_fault().then(|| offer.words(wanted, &self.elsewhere(wanted)))
    }

    /// The region's models and quota; none if Azure does not say.
    fn region(&self, name: &str) -> Option<Region> {
        let of = format!("/subscriptions/{}/providers/Microsoft.CognitiveServices/locations/{name}", self.subscription);
        Some(Region { models: self.list(&format!("{of}/models"))?, usages: self.list(&format!("{of}/usages"))? })
    }

    /// Regions that would do, those with the most quota first.
    fn elsewhere(&self, wanted: &Wanted) -> Vec<(String, u64)> {
        let listed = self.list_of(&format!("/subscriptions/{}/locations", self.subscription), "2022-12-01");
        let names: Vec<String> =
            listed.iter().flatten().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect();
        let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let look = || {
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(Offer::Fits { free }) = self.region(name).map(|region| region.offers(wanted))
                    && let Ok(mut found) = found.lock()
                {
                    found.push((name.clone(), free));
                }
            }
        };
        thread::scope(|scope| (0..ASKERS).for_each(|_| drop(scope.spawn(look))));
        let mut found = found.into_inner().unwrap_or_default();
        found.sort_by_key(|(name, free)| (Reverse(*free), name.clone()));
        found.truncate(NAMED);
        found
    }

    /// What an earlier run has made of it, which is not wanting; none if there is nothing.
    fn held(&self, wanted: &Wanted) -> Option<u64> {
        let of = format!("/subscriptions/{}/resourceGroups/{}/providers", self.subscription, self.group);
        let accounts = self.list(&format!("{of}/Microsoft.CognitiveServices/accounts"))?;
        let here = accounts.iter().filter(|account| {
            account["location"].as_str().is_some_and(|place| place.eq_ignore_ascii_case(&wanted.location))
        });
        let deployments = here.filter_map(|account| self.list(&format!("{}/deployments", account["id"].as_str()?)));
        offer::held(wanted, &deployments.flatten().collect::<Vec<_>>())
    }

    fn list(&self, path: &str) -> Option<Vec<Value>> {
        self.list_of(path, API_VERSION)
    }

    /// All pages of a list; none if Azure does not say.
    fn list_of(&self, path: &str, api_version: &str) -> Option<Vec<Value>> {
        let mut all = Vec::new();
        let mut next = Some(format!("https://management.azure.com{path}?api-version={api_version}"));
        for _ in 0..PAGES {
            let Some(url) = next else { break };
            let answer = Ask::get(url).bearer(Some(&self.token)).send();
            let page = answer.json();
            if answer.status != 200 {
                return None;
            }
            all.extend(page.get("value")?.as_array()?.iter().cloned());
            next = page["nextLink"].as_str().filter(|link| !link.is_empty()).map(str::to_owned);
        }
        Some(all)
    }
}
