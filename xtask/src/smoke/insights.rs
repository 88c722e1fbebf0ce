//! What Application Insights was told: the requests of this run, and nothing that was said in them.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use super::report::Row;
use super::target::{self, Target};
use crate::ask::Ask;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(15);

/// Telemetry arrives within minutes, and holds nothing of the conversation.
pub(super) fn telemetry(target: &Target) -> Row {
    if target.group.is_none() {
        return Row::skipped("the subscription and resource group are not known");
    }
    if target.answered.get() == Some(false) {
        return Row::skipped("no turn reached the program, so there is nothing to find");
    }
    match (&target.foreign, target::token("https://api.applicationinsights.io/.default")) {
        (Some(management), Some(query)) => ask_about(target, management, &query),
        _ => Row::skipped("azd gives no token to ask Application Insights with"),
    }
}

/// The same with these tokens for Resource Manager and for queries.
pub(super) fn ask_about(target: &Target, management: &str, query: &str) -> Row {
    let (subscription, group) = target.group.clone().unwrap_or_default();
    let list = format!(
        "{}/subscriptions/{subscription}/resourceGroups/{group}/resources?api-version=2021-04-01&\
         $filter=resourceType%20eq%20'Microsoft.Insights/components'",
        target.management
    );
    let listed = Ask::get(list).bearer(Some(management)).send();
    let found = listed.json();
    let all = found["value"].as_array().into_iter().flatten();
    let mut components = all.filter(|found| {
        found["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("Microsoft.Insights/components"))
    });
    let Some(id) = components.next().and_then(|component| component["id"].as_str()) else {
        return Row::failed(
            format!("there is no Application Insights: {}", listed.outcome()),
            "`azd provision --no-state`",
        );
    };
    let place = format!("{}/v1{id}/query", target.insights);
    let ask = |words: &str| {
        let answer = Ask::post(&place, &json!({ "query": words })).bearer(Some(query)).send();
        let count = answer.json()["tables"][0]["rows"][0][0].as_u64();
        count.ok_or_else(|| answer.outcome())
    };
    let start = Instant::now();
    loop {
        match ask("requests | where timestamp > ago(30m) | where name has 'chat' | count") {
            Ok(1..) => break,
            Ok(0) if start.elapsed() < target.wait => sleep(PAUSE.min(target.wait)),
            Ok(_) => {
                return Row::failed(
                    format!("no request of this run arrived within {} s", target.wait.as_secs()),
                    "the role Monitoring Metrics Publisher of the app's identity: docs/security.md, Roles; docs/telemetry.md",
                );
            }
            Err(why) => {
                return Row::failed(
                    format!("Application Insights cannot be asked: {why}"),
                    "you need Reader on the resource group (Owner has it)",
                );
            }
        }
    }
    match ask(&format!(
        "search in (requests, dependencies, traces, exceptions, customEvents) '{}' | count",
        target.marker
    )) {
        Ok(0) => Row::passed(format!(
            "requests arrived after {} s at most, without a word of the conversation",
            start.elapsed().as_secs()
        )),
        Ok(_) => Row::failed("a word of the conversation is in it", "this is a fault of the program: see SECURITY.md"),
        Err(why) => Row::failed(format!("Application Insights cannot be searched: {why}"), "ask it by hand"),
    }
}
