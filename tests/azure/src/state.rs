//! What is there: groups, resources, roles, what was deleted, who may sign in. Names are kept in lower case as keys, as
//! Resource Manager compares them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::SUBSCRIPTION;
use crate::deploy::Deployment;
use crate::fault::Faults;
use crate::nested::Nested;
use crate::tokens::{LIFETIME_SECONDS, Principal};

/// The person who signs in by default.
pub const USER_OBJECT: &str = "33333333-3333-3333-3333-333333333333";
/// The pipeline's identity.
pub const PIPELINE_OBJECT: &str = "44444444-4444-4444-4444-444444444444";

/// The quota of each model in a region, in its own units.
const QUOTA: u64 = 1_000;

/// What this world remembers.
#[derive(Debug, Default)]
pub struct State {
    /// Resource groups, by name.
    pub groups: BTreeMap<String, Value>,
    /// Resources of all groups, by id, role assignments among them.
    pub resources: BTreeMap<String, Value>,
    /// Model accounts that hold their names after they are gone: name, location, id.
    pub deleted_accounts: BTreeMap<String, DeletedAccount>,
    /// App registrations, by unique name.
    pub applications: BTreeMap<String, Value>,
    /// App registrations that are deleted, but not for good.
    pub deleted_applications: BTreeMap<String, Value>,
    /// Deployments of the subscription, in order of their making.
    pub(crate) deployments: Vec<Deployment>,
    /// Nested deployments, by group and name.
    pub(crate) nested: HashMap<(String, String), Nested>,
    /// Who holds which role on what: the assignment's id.
    pub(crate) roles: BTreeMap<(String, String, String), String>,
    /// Resource providers that were registered by hand.
    pub(crate) registered: BTreeSet<String>,
    /// Long operations that are no deployments: looks until they end.
    pub(crate) operations: HashMap<String, usize>,
    /// Static sites whose page was uploaded, and where its copy is.
    pub(crate) pages: BTreeMap<String, PathBuf>,
    /// Function apps whose program was published, and where its copy is.
    pub(crate) packages: BTreeMap<String, PathBuf>,
    /// How often a program was published.
    pub(crate) publications: usize,
    /// How long access tokens are said to live.
    pub(crate) lifetime: u64,
    /// What signs in next.
    pub(crate) user: Option<Principal>,
    /// Refresh tokens and codes that were given out, and to whom.
    pub(crate) grants: HashMap<String, Grant>,
    /// Answers "not yet" to so many polls of a device code.
    pub(crate) device_pending: usize,
    /// Everything that must be seen nowhere.
    pub(crate) secrets: Vec<String>,
    pub(crate) faults: Faults,
    /// Limits of each model's quota, for the regions where they are not the usual one.
    pub(crate) limits: BTreeMap<String, u64>,
    /// Deployments do not end until they are let go.
    pub(crate) held: bool,
}

/// A model account that is gone and holds its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedAccount {
    /// Where it was.
    pub location: String,
    /// Its group.
    pub group: String,
    /// Its id, in the case it had.
    pub id: String,
}

impl DeletedAccount {
    /// As Azure lists it.
    pub(crate) fn shown(&self, name: &str) -> Value {
        let Self { location, group, .. } = self;
        let of = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/locations/{location}");
        json!({
            "id": format!("{of}/resourceGroups/{group}/deletedAccounts/{name}"), "name": name, "location": location,
            "properties": { "deletionDate": crate::time::now() },
        })
    }
}

/// What a code or a refresh token stands for.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) who: Principal,
    pub(crate) client: String,
    pub(crate) nonce: Option<String>,
}

impl State {
    pub(crate) fn new() -> Self {
        let user = Principal { object: USER_OBJECT.to_owned(), name: Some("dev@contoso.example".to_owned()) };
        Self { user: Some(user), device_pending: 1, lifetime: LIFETIME_SECONDS, ..Self::default() }
    }

    /// A resource, whatever the case of its id.
    pub fn resource(&self, id: &str) -> Option<&Value> {
        self.resources.get(&id.to_lowercase())
    }

    /// The resources of one type, such as `Microsoft.Web/sites`.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.resources.values().filter(move |resource| resource["type"].as_str() == Some(kind))
    }

    /// A resource of this type by its name.
    pub(crate) fn named<'a>(&'a self, kind: &'a str, name: &str) -> Option<&'a Value> {
        self.of_type(kind).find(|found| found["name"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(name)))
    }

    /// A model's quota in a region: what its deployments there use, and the limit.
    pub(crate) fn quota(&self, region: &str, model: &str) -> (u64, u64) {
        let there = self.of_type("Microsoft.CognitiveServices/accounts/deployments").filter(|one| {
            let account = one["id"].as_str().and_then(|id| Some(id.rsplit_once("/deployments/")?.0));
            let place = account.and_then(|id| self.resource(id)?["location"].as_str());
            one["properties"]["model"]["name"] == model && place == Some(region)
        });
        let used = there.filter_map(|one| one["sku"]["capacity"].as_u64()).sum();
        (used, self.limits.get(region).copied().unwrap_or(QUOTA))
    }

    /// What a run must not leave behind: everything but the history of deployments.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
            && self.resources.is_empty()
            && self.deleted_accounts.is_empty()
            && self.applications.is_empty()
            && self.deleted_applications.is_empty()
    }

    /// Takes a group away with all that is in it. Model accounts stay behind as deleted ones.
    pub fn delete_group(&mut self, name: &str) -> bool {
        let Some(group) = self.groups.remove(&name.to_lowercase()) else { return false };
        let prefix = format!("{}/", group["id"].as_str().unwrap_or_default().to_lowercase());
        let inside: Vec<String> = self.resources.keys().filter(|id| id.starts_with(&prefix)).cloned().collect();
        for id in inside {
            let Some(gone) = self.resources.remove(&id) else { continue };
            if gone["type"] == "Microsoft.CognitiveServices/accounts" {
                let text = |name: &str| gone[name].as_str().unwrap_or_default().to_owned();
                let group = name.to_lowercase();
                self.deleted_accounts
                    .insert(text("name"), DeletedAccount { location: text("location"), group, id: text("id") });
            }
        }
        self.roles.retain(|_, id| !id.starts_with(&prefix));
        self.nested.retain(|(group, _), _| !group.eq_ignore_ascii_case(name));
        true
    }
}
