//! Application Insights' place for queries, as far as `cargo xtask smoke` asks: how many requests came, and how often a
//! word is in what was told.

use std::sync::PoisonError;

use serde_json::{Value, json};

use crate::TENANT;
use crate::proxy::{Asked, unknown};
use crate::reply::Reply;
use crate::world::World;

pub(crate) const HOST: &str = "api.applicationinsights.io";

pub(crate) fn answer(asked: &Asked, world: &World) -> Reply {
    let said = asked.bearer.as_deref().and_then(|token| world.mint.said(token));
    if said.is_none_or(|said| said.tenant != TENANT || said.audience != format!("https://{HOST}")) {
        return Reply::refused(401, "InvalidTokenError", "the token is not for this audience");
    }
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let query = body["query"].as_str().unwrap_or_default();
    let items = world.telemetry.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|told| told.items());
    let items = items.unwrap_or_default();
    let is_request = |item: &&Value| item["data"]["baseType"] == "RequestData";
    let count = if query.starts_with("requests |") && query.ends_with("| count") {
        items.iter().filter(is_request).count()
    } else if let (true, Some(word)) = (query.starts_with("search in ("), query.split('\'').nth(1)) {
        items.iter().filter(|item| item.to_string().contains(word)).count()
    } else {
        return unknown(asked, HOST, world);
    };
    Reply::ok(json!({ "tables": [{ "name": "PrimaryResult", "columns": [], "rows": [[count]] }] }))
}
