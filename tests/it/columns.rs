//! The columns, the lines' fields and the metrics' dimensions that docs/telemetry.md names are those that arrive, so
//! that `queries` may hold the queries to that page.

use std::collections::BTreeSet;

use harness::upstream::Reply;
use serde_json::Value;

use crate::support::app::{SOON, project};
use crate::support::envelope::Item;
use crate::support::tables::{quoted, rows};
use crate::telemetry::Told;

/// The tables, and the kinds of items that fill them.
const TABLES: [(&str, &str); 6] = [
    ("requests", "Request"),
    ("dependencies", "RemoteDependency"),
    ("traces", "Message"),
    ("exceptions", "Exception"),
    ("customEvents", "Event"),
    ("customMetrics", "Metric"),
];

/// What Application Insights fills a column with, by the published schema of the items. `itemType` and a missing
/// sampling rate, which stands for 1, it adds itself.
fn filled<'a>(item: &'a Item, column: &str) -> &'a Value {
    match (column, item.kind()) {
        ("timestamp", _) => &item.0["time"],
        ("itemType", _) => &item.0["data"]["baseType"],
        ("customDimensions", _) => item.data("properties"),
        ("cloud_RoleInstance", _) => &item.0["tags"]["ai.cloud.roleInstance"],
        ("operation_Id", _) => &item.0["tags"]["ai.operation.id"],
        ("itemCount", "Request" | "RemoteDependency" | "Event") => &item.0["sampleRate"],
        ("itemCount", "Message" | "Exception") => &item.0["name"],
        ("resultCode", "Request") => item.data("responseCode"),
        ("name", "Metric") => &item.data("metrics")[0]["name"],
        ("valueSum", "Metric") => &item.data("metrics")[0]["value"],
        ("valueMax", "Metric") => match item.data("metrics")[0].get("max") {
            Some(most) if most.is_number() => most,
            // Of a single value it is the value.
            _ => &item.data("metrics")[0]["value"],
        },
        ("type", "Exception") => &item.data("exceptions")[0]["typeName"],
        ("outerMessage", "Exception") => &item.data("exceptions")[0]["message"],
        (column @ ("name" | "resultCode" | "success" | "duration" | "target"), "Request" | "RemoteDependency")
        | (column @ "name", "Event")
        | (column @ "message", "Message") => item.data(column),
        (column, kind) => panic!("docs/telemetry.md: what is the column {column} of {kind}?"),
    }
}

#[tokio::test]
async fn the_documented_columns_fields_and_dimensions_are_those_that_arrive() {
    let told = Told::with(&[("FEEDBACK", "true")]).await;
    told.judge(told.ask().await.request_id(), "up").await;
    told.app.upstream.then(Reply::status(500).header("retry-after-ms", "1"));
    told.app.upstream.then(Reply::status(403));
    told.ask().await;
    told.app.upstream.then(Reply::status(429).header("retry-after-ms", "60000"));
    told.ask().await;
    told.item_with("Exception", "outcome", "upstream_auth").await;
    told.item_with("Message", "outcome", "rate_limited").await;
    told.app.host.terminate_handler().await;
    let is_here = |items: &[Value]| items.iter().any(|item| item["data"]["baseType"] == "MetricData");
    assert!(told.ingestion.wait_for(is_here, SOON).await, "no metrics");
    let page = std::fs::read_to_string(project().join("docs/telemetry.md")).unwrap();

    let turns = |kind: &str| -> Vec<Item> {
        let is_turn = |item: &Item| !item.property("outcome").is_empty();
        told.of_kind(kind)
            .into_iter()
            .filter(|item| !["Message", "Exception"].contains(&kind) || is_turn(item))
            .collect()
    };
    for row in rows(&page, "| column | where | holds |") {
        for (table, kind) in
            TABLES.iter().filter(|(table, _)| row[1] == "all" || row[1].contains(&format!("`{table}`")))
        {
            let items = turns(kind);
            assert!(!items.is_empty(), "{table}");
            for column in quoted(&row[0]) {
                // The fetch of a token has no address of its own.
                let expected = |item: &&Item| column != "target" || item.text("name") != "token";
                for item in items.iter().filter(expected) {
                    assert!(!filled(item, &column).is_null(), "docs/telemetry.md: {table}.{column}: {item:?}");
                }
            }
        }
    }

    let dimensions = rows(&page, "| custom dimension | where | meaning |");
    let of_events = dimensions.iter().filter(|row| quoted(&row[1]).contains(&"customEvents".to_owned()));
    let of_events: BTreeSet<String> = of_events.flat_map(|row| quoted(&row[0])).collect();
    assert_eq!(told.of_kind("Event")[0].properties(), of_events, "docs/telemetry.md: customEvents");

    let fields = |items: &[Item]| items.iter().flat_map(Item::properties).collect::<BTreeSet<String>>();
    let mut documented: BTreeSet<String> =
        rows(&page, "| field of a line | meaning |").iter().flat_map(|row| quoted(&row[0])).collect();
    documented.insert("InvocationId".to_owned());
    assert_eq!(documented, fields(&[turns("Message"), turns("Exception")].concat()), "docs/telemetry.md");

    let metrics = told.of_kind("Metric");
    for row in rows(&page, "| metric | unit | split by | what |") {
        let mut documented: BTreeSet<String> = quoted(&row[2]).into_iter().collect();
        if row[2].ends_with("model") {
            let of_model = ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"];
            documented.extend(of_model.map(str::to_owned));
        }
        let name = quoted(&row[0]).remove(0);
        let seen: Vec<Item> = metrics.iter().filter(|item| item.metric().0 == name).cloned().collect();
        let mut seen = fields(&seen);
        seen.retain(|name| !name.starts_with("service."));
        // Nothing is turned away or left for another here; `telemetry` and `failover` see what that is split by.
        let is_elsewhere = ["chat.shed", "chat.failovers"].contains(&name.as_str());
        assert!(seen == documented || is_elsewhere, "docs/telemetry.md: {name}: {seen:?}");
    }
}
