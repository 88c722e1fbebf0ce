//! The queries, alerts and workbook ask for what the program tells, and the docs show the queries as they are.
//!
//! What the program tells stands in the tables of docs/telemetry.md; `telemetry` and `columns` hold those to what
//! arrives. No query is run here: that takes Application Insights.

use std::collections::{BTreeMap, BTreeSet};

use reasoning_chat::error::Code;
use serde_json::Value;

use crate::support::app::project;
use crate::support::kql::{self, Known};
use crate::support::tables::{quoted, rows};

fn text(file: &str) -> String {
    std::fs::read_to_string(project().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The queries of a folder, by name.
fn queries(folder: &str) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(project().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let read = |name: String| {
        let query = text(&format!("{folder}/{name}"));
        (name.strip_suffix(".kql").unwrap_or_else(|| panic!("{folder}/{name}")).to_owned(), query)
    };
    names.map(read).collect()
}

fn all() -> impl Iterator<Item = (String, String)> {
    queries("infra/queries").into_iter().chain(queries("infra/alerts"))
}

/// What docs/telemetry.md says that there is.
fn known() -> Known {
    let page = text("docs/telemetry.md");
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let mut tables: BTreeMap<String, BTreeSet<String>> = rows(&page, "| table | what | when |")
        .iter()
        .flat_map(|row| quoted(&row[0]))
        .map(|table| (table, BTreeSet::new()))
        .collect();
    for row in rows(&page, "| column | where | holds |") {
        let everywhere = row[1] == "all";
        for (_, columns) in tables.iter_mut().filter(|(table, _)| everywhere || quoted(&row[1]).contains(table)) {
            columns.extend(quoted(&row[0]));
        }
    }

    let mut dimensions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |names: Vec<String>, tables: &[String]| {
        for name in names {
            dimensions.entry(name).or_default().extend(tables.iter().cloned());
        }
    };
    let lines = ["traces".to_owned(), "exceptions".to_owned()];
    for row in rows(&page, "| custom dimension | where | meaning |") {
        add(quoted(&row[0]), &quoted(&row[1]));
    }
    for row in rows(&page, "| field of a line | meaning |") {
        add(quoted(&row[0]), &lines);
    }
    add(vec!["InvocationId".to_owned(), "place".to_owned()], &lines);
    let metrics = rows(&page, "| metric | unit | split by | what |");
    for row in &metrics {
        add(quoted(&row[2]), &["customMetrics".to_owned()]);
    }

    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    let outcomes: BTreeSet<String> =
        codes.iter().cloned().chain(["done".to_owned(), "client_left".to_owned()]).collect();
    let of = |name: &str| {
        let all = rows(&page, "| custom dimension | where | meaning |");
        let row = all.iter().find(|row| row[0] == format!("`{name}`")).unwrap_or_else(|| panic!("{name}"));
        quoted(&row[2]).into_iter().collect::<BTreeSet<_>>()
    };
    let named = |table: &str| {
        let all = rows(&page, "| table | what | when |");
        let of_table = all.iter().filter(|row| row[0] == table);
        of_table.filter_map(|row| quoted(&row[1]).first().cloned()).collect::<BTreeSet<_>>()
    };
    let values = [
        ("chat.outcome", outcomes.clone()),
        ("outcome", outcomes),
        ("chat.ended_by", of("chat.ended_by")),
        ("error.type", codes.clone()),
        ("gen_ai.operation.name", of("gen_ai.operation.name")),
        ("customMetrics.name", metrics.iter().flat_map(|row| quoted(&row[0])).collect()),
        ("dependencies.name", named("`dependencies`")),
        ("dependencies.resultCode", (200..600).map(|status| status.to_string()).collect()),
        ("customEvents.name", named("`customEvents`")),
        ("verdict", of("verdict")),
        ("exceptions.type", codes.into_iter().chain(set(&["error"])).collect()),
    ];
    Known { tables, dimensions, values: values.map(|(key, values)| (key.to_owned(), values)).into() }
}

#[test]
fn queries_ask_for_what_the_program_tells() {
    let known = known();
    let mut asked = 0;
    for (name, query) in all() {
        kql::check(&query, &known).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(query.starts_with("// ") && query.ends_with('\n') && !query.contains('\r'), "{name}");
        // Sampled items stand for several; there is one item only of each line and metric.
        let weighted = query.contains("\nrequests\n") || query.contains("\ndependencies\n");
        assert!(!weighted || !query.contains("count()"), "{name}: sum(itemCount) instead of count()");
        asked += 1;
    }
    assert!(asked >= 15, "{asked}");
}

/// The check itself: each mistake is refused, and for its own reason.
#[test]
fn mistakes_in_queries_are_refused() {
    let good = "// Q\nlet limit = 3;\nlet ids = traces | where customDimensions['InvocationId'] == 'x' | distinct operation_Id;\n\
        requests\n| where customDimensions['gen_ai.operation.name'] == 'chat' and operation_Id in (ids)\n\
        | extend outcome = tostring(customDimensions['chat.outcome'])\n\
        | summarize turns = sumif(itemCount, outcome in ('done', 'rate_limited')) by bin(timestamp, 15m), name, operation_Id\n\
        | where turns > limit\n| join kind=leftouter (dependencies | summarize arg_max(timestamp, target) by operation_Id) on operation_Id\n| order by timestamp asc\n| render timechart\n";
    let mut known = known();
    known.values.insert("InvocationId".to_owned(), ["x".to_owned()].into());
    assert_eq!(kql::check(good, &known), Ok(()));
    for (from, to, fault) in [
        ("requests\n|", "request\n|", "`request` is no table"),
        ("| where turns", "| were turns", "`were` is no operator"),
        ("sumif(itemCount,", "sum_if(itemCount,", "`sum_if` is no function"),
        ("sumif(itemCount,", "sumif(itemcount,", "no column `itemcount`"),
        ("15m), name", "15m), success, target", "no column `target`"),
        ("where turns >", "where duration >", "no column `duration`"),
        ("['chat.outcome']", "['chat.outcomes']", "no custom dimension `chat.outcomes`"),
        ("['chat.outcome']", "['http.request.resend_count']", "have no custom dimension `http.request.resend_count`"),
        ("'rate_limited'", "'ratelimited'", "`chat.outcome` is never 'ratelimited'"),
        ("'done'", "'Done'", "`chat.outcome` is never 'Done'"),
        ("== 'chat'", "== 'chats'", "`gen_ai.operation.name` is never 'chats'"),
        ("turns > limit", "turns > most", "no column `most`"),
        ("turns > limit", "turns == 'many'", "`turns` is compared with 'many'"),
        ("turns > limit", "(turns > limit", "`(` is not closed"),
        ("turns > limit", "turns > limit)", "`)` closes nothing"),
        ("'done'", "'done", "a text without an end"),
        ("timestamp asc", "timestamp", "`order` is no operator"),
        ("timechart", "linechart", "`render` is no operator"),
        ("let limit", "def limit", "`def` is no statement"),
        ("let limit = 3", "limit = 3", "no `let NAME"),
        ("= 3;", "= 3 ! 4;", "an unknown sign"),
        ("arg_max(timestamp, target)", "arg_max(timestamp, targets)", "no column `targets`"),
        ("on operation_Id", "on target", "`target` is on one side only"),
        ("kind=leftouter", "kind=outer", "`join` is no operator"),
        ("dependencies |", "dependency |", "`dependency` is no table"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let refusal = kql::check(&bad, &known).expect_err(to);
        assert!(refusal.contains(fault), "{to}: {refusal}");
    }
}

/// The names that queries compare with are documented; here, that the program has them.
#[test]
fn documented_values_are_the_programs() {
    let known = known();
    let source = ["call", "request", "verdict"].map(|file| text(&format!("src/report/telemetry/{file}.rs"))).concat()
        + &text("src/report/telemetry.rs");
    let source = source + &text("src/inbound/verdict.rs");
    for key in ["chat.ended_by", "gen_ai.operation.name", "dependencies.name", "customEvents.name", "verdict"] {
        for value in &known.values[key] {
            assert!(source.contains(&format!("\"{value}\"")), "docs/telemetry.md: {key} is never {value}");
        }
    }
    assert_eq!(known.values["dependencies.name"].len(), 2);
    assert_eq!(known.values["chat.ended_by"].len(), 4);
    assert_eq!((known.values["customEvents.name"].len(), known.values["verdict"].len()), (1, 2));
    assert!(text("src/report/log.rs").contains("error!(place,"), "docs/telemetry.md: the line of a panic has a place");
    assert!(
        text("src/report/telemetry/lines.rs").contains("\"error\""),
        "docs/telemetry.md: the type of an error without a code"
    );
}

#[test]
fn the_operating_page_shows_the_queries_as_they_are() {
    let page = text("docs/operating.md");
    let section = page.split_once("\n## Questions and queries\n").unwrap().1.split("\n## ").next().unwrap();
    let shown: Vec<&str> = section.split("```kusto\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    let queries = queries("infra/queries");
    for (name, query) in &queries {
        assert!(shown.contains(&query.as_str()), "docs/operating.md does not show infra/queries/{name}.kql as it is");
    }
    assert_eq!(shown.len(), queries.len(), "docs/operating.md shows a query that is no file");
}

#[test]
fn alerts_are_the_documented_ones_and_each_is_made() {
    let module = text("infra/modules/alerts.bicep");
    let loaded: BTreeSet<String> = module
        .split("loadTextContent('../alerts/")
        .skip(1)
        .map(|rest| rest.split_once(".kql')").unwrap().0.to_owned())
        .collect();
    let files: BTreeSet<String> = queries("infra/alerts").into_keys().collect();
    assert_eq!(loaded, files, "infra/modules/alerts.bicep");
    let page = text("docs/operating-azure.md");
    let documented: BTreeSet<String> =
        rows(&page, "| alert | severity | fires when | do |").iter().flat_map(|row| quoted(&row[0])).collect();
    assert_eq!(documented, files, "docs/operating-azure.md");
    for row in rows(&page, "| alert | severity | fires when | do |") {
        let rule = module.split("  {\n").find(|rule| rule.contains(&format!("'{}'", quoted(&row[0])[0]))).unwrap();
        assert!(rule.contains(&format!("severity: {}\n", row[1])), "docs/operating-azure.md: {row:?}");
    }
}

/// The queries of the workbook, by the name of their part.
fn in_workbook(workbook: &Value) -> BTreeMap<String, Value> {
    let items = workbook["items"].as_array().unwrap().iter();
    let queries = items.filter(|item| item["type"] == 3);
    queries.map(|item| (item["name"].as_str().unwrap().to_owned(), item["content"].clone())).collect()
}

#[test]
fn the_workbook_asks_the_same_queries() {
    let workbook: Value = serde_json::from_str(&text("infra/workbook.json")).unwrap();
    assert_eq!(workbook["version"], "Notebook/1.0");
    let parameters = workbook["items"][0]["content"]["parameters"].as_array().unwrap();
    let parameters: Vec<&str> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
    assert_eq!(parameters, ["TimeRange", "InputPrice", "OutputPrice", "RequestId"]);

    let files = queries("infra/queries");
    let mut asked: String = String::new();
    for (name, content) in in_workbook(&workbook) {
        // What the file leaves to the reader is a parameter here.
        let expected = files[&name]
            .replace("input_price = 0.0", "input_price = {InputPrice}")
            .replace("output_price = 0.0", "output_price = {OutputPrice}")
            .replace("'REQUEST-ID'", "'{RequestId}'");
        let query = content["query"].as_str().unwrap();
        assert_eq!(query, expected, "infra/workbook.json: {name}");
        asked.push_str(query);
        assert_eq!(content["timeContextFromParameter"], "TimeRange", "{name}");
        assert_eq!(content["resourceType"], "microsoft.insights/components", "{name}");
        let chart = expected.lines().last().unwrap().strip_prefix("| render ");
        let chart = chart.map(|chart| if chart == "columnchart" { "barchart" } else { chart });
        assert_eq!(content["visualization"], chart.unwrap_or("table"), "{name}");
    }
    assert!(
        parameters.iter().skip(1).all(|name| asked.contains(&format!("{{{name}}}"))),
        "a parameter that nobody uses"
    );
    for name in [
        "up",
        "failures",
        "first-token",
        "first-token-trend",
        "retries",
        "tokens",
        "cost",
        "open-streams",
        "one-request",
    ] {
        assert!(in_workbook(&workbook).contains_key(name), "infra/workbook.json lacks {name}");
    }
    let module = text("infra/modules/workbook.bicep");
    assert!(module.contains("loadJsonContent('../workbook.json')"));
    assert!(!text("infra/workbook.json").contains("/subscriptions/"), "the resource is put in by Bicep");
}
