//! Models, their quota, and accounts that are deleted but hold their names.

use serde_json::{Value, json};

use super::list;
use crate::proxy::Asked;
use crate::reply::Reply;
use crate::state::State;

/// Models that are offered: kind of the usage's name, format, name, version.
const MODELS: [(&str, &str, &str, &str); 5] = [
    ("AIServices", "DeepSeek", "DeepSeek-V3.2", "1"),
    ("AIServices", "DeepSeek", "DeepSeek-V4-Pro", "2026-04-23"),
    ("AIServices", "DeepSeek", "DeepSeek-V4-Flash", "2026-04-23"),
    ("AIServices", "OpenAI-OSS", "gpt-oss-120b", "1"),
    ("OpenAI", "OpenAI", "gpt-5-mini", "2025-08-07"),
];

pub(super) fn answer(asked: &Asked, rest: &[&str], state: &mut State) -> Option<Reply> {
    match (asked.method.as_str(), rest) {
        ("GET", ["locations", region, "usages"]) => Some(usages(region, state)),
        // One region has no model.
        ("GET", ["locations", "westeurope", "models"]) => Some(list([])),
        ("GET", ["locations", _, "models"]) => Some(list(MODELS.map(model))),
        ("GET", ["deletedaccounts"]) => {
            Some(list(state.deleted_accounts.iter().map(|(name, account)| account.shown(name))))
        }
        ("DELETE", ["locations", _, "resourcegroups", _, "deletedaccounts", name]) => {
            let found = state.deleted_accounts.keys().find(|other| other.eq_ignore_ascii_case(name)).cloned();
            let gone = found.and_then(|name| state.deleted_accounts.remove(&name));
            Some(Reply::empty(if gone.is_some() { 200 } else { 204 }))
        }
        ("GET", ["locations", _, "resourcegroups", _, "deletedaccounts", name]) => {
            let found = state.deleted_accounts.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            Some(match found {
                Some((name, account)) => Reply::ok(account.shown(name)),
                None => Reply::refused(404, "ResourceNotFound", "no such deleted account"),
            })
        }
        _ => None,
    }
}

fn usages(region: &str, state: &State) -> Reply {
    let usage = |name: String, used: u64, limit: u64| json!({ "name": { "value": name }, "currentValue": used, "limit": limit, "unit": "Count" });
    let of_models = MODELS.map(|(kind, _, name, _)| {
        let (used, limit) = state.quota(region, name);
        usage(format!("{kind}.GlobalStandard.{name}"), used, limit)
    });
    list(of_models.into_iter().chain([usage("OpenAI.S0.AccountCount".to_owned(), 0, 30)]))
}

fn model((kind, format, name, version): (&str, &str, &str, &str)) -> Value {
    json!({
        "kind": "AIServices", "skuName": "S0",
        "model": {
            "format": format, "name": name, "version": version, "lifecycleStatus": "GenerallyAvailable",
            "skus": [{
                "name": "GlobalStandard", "usageName": format!("{kind}.GlobalStandard.{name}"),
                "capacity": { "default": 100, "maximum": 1_000 },
            }],
        },
    })
}
