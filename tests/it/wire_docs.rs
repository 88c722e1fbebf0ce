//! The docs of the wire hold: each example in `docs/wire.md` is a line that the program sends, each path in
//! `docs/openapi.json` a route that it has.

use std::collections::BTreeSet;

use harness::upstream::{Ending, Reply, Split, chunk, finish, sse, thought};
use reasoning_chat::error::Code;
use serde_json::Value;

use crate::support::app::{TestApp, project};
use crate::support::client::{begin, client, post};

/// A line with what differs from run to run made the same: ids and times.
fn shape(line: &str) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON in docs/wire.md: {line}"));
    level(&mut line);
    line.to_string()
}

fn level(value: &mut Value) {
    for (name, value) in value.as_object_mut().into_iter().flatten() {
        match name.as_str() {
            "request_id" => *value = "ID".into(),
            "elapsed_ms" | "first_token_ms" if value.is_number() => *value = 0.into(),
            _ => level(value),
        }
    }
}

#[tokio::test]
async fn every_example_is_a_line_that_is_sent() {
    let app = TestApp::with(&[
        ("HEARTBEAT_INTERVAL", "50ms"),
        ("AZURE_DEEPSEEK_DEPLOYMENT", "DeepSeek-R1"),
        ("MAX_RETRIES", "0"),
    ])
    .await;
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":19,"completion_tokens":5,"total_tokens":24}}"#;
    let (good, gate) = Reply::sse(sse(&[&thought("The user greets me."), &chunk("Hello"), &finish("stop"), usage]))
        .split(Split::Events)
        .gated();
    app.upstream.then(good);
    let mut reading = app.begin("Hello").await;
    while !reading.line().await.unwrap().contains("heartbeat") {}
    gate.open_all();
    let mut sent: Vec<String> = reading.rest().await.lines;

    app.upstream.then(Reply::sse(format!("data: {}\n\n", chunk("Hello"))).ending(Ending::Complete));
    sent.extend(app.ask("Hello").await.lines);
    app.upstream.then(Reply::status(429).header("retry-after", "20"));
    sent.extend(app.ask("Hello").await.lines);
    app.upstream.then(Reply::status(400).body(
        r#"{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"violence":{"filtered":true}}}}}"#,
    ));
    sent.extend(app.ask("Hello").await.lines);
    let system = r#"{"messages":[{"role":"system","content":"Hello"}]}"#;
    sent.extend(begin(post(&app.url(), system)).await.rest().await.lines);

    let offer = client().get(app.host.url("api/models")).send().await.unwrap().text().await.unwrap();
    let keys = |offer: &str| {
        let offer: Value = serde_json::from_str(offer).unwrap();
        let of = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        [of(&offer), of(&offer["models"][0]), of(&offer["limits"])]
    };
    let sent: BTreeSet<String> = sent.iter().map(|line| shape(line)).collect();
    let page = std::fs::read_to_string(project().join("docs/wire.md")).unwrap();
    let examples: Vec<&str> = page
        .lines()
        .filter(|line| {
            line.starts_with('{') && !["{\"messages\"", "{\"request_id\""].iter().any(|sent| line.starts_with(sent))
        })
        .collect();
    let (offers, examples): (Vec<&str>, Vec<&str>) =
        examples.into_iter().partition(|example| example.starts_with("{\"default\""));
    assert_eq!(offers.iter().map(|example| keys(example)).collect::<Vec<_>>(), [keys(&offer)]);
    for example in &examples {
        let example = shape(example);
        assert!(sent.contains(&example), "docs/wire.md shows\n{example}\nbut what is sent is\n{sent:#?}");
    }
    for kind in ["{\"start\"", "{\"index\"", "{\"heartbeat\"", "{\"done\"", "{\"error\""] {
        assert!(examples.iter().any(|example| example.starts_with(kind)), "docs/wire.md has no example of {kind}");
    }
}

#[test]
fn every_code_is_in_the_table() {
    let page = std::fs::read_to_string(project().join("docs/wire.md")).unwrap();
    let table = page.split_once("| code | status | retryable | when |").expect("the table").1;
    let rows: Vec<String> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with("| `"))
        .map(|line| line.split(" | ").take(3).collect::<Vec<_>>().join(" | "))
        .collect();
    let expected: Vec<String> = Code::ALL
        .iter()
        .map(|code| {
            let retryable = if code.retryable() { "yes" } else { "no" };
            format!("| `{}` | {} | {retryable}", code.as_str(), code.status().as_u16())
        })
        .collect();
    assert_eq!(rows, expected);
}

/// Under which of its servers' addresses a path of the schema stands, behind the host's.
fn bases<'a>(schema: &'a Value, item: &'a Value) -> impl Iterator<Item = &'a str> {
    let servers = item["servers"].as_array().or(schema["servers"].as_array()).unwrap();
    servers.iter().map(|server| server["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:7071/").unwrap())
}

#[tokio::test]
async fn every_path_of_the_schema_is_a_route() {
    let app = TestApp::start().await;
    let schema = std::fs::read_to_string(project().join("docs/openapi.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut asked = 0;
    for (path, item) in schema["paths"].as_object().unwrap() {
        for base in bases(&schema, item) {
            let url = app.host.url(&format!("{base}{path}").replace("{name}", "r1").replace("{id}", "r1"));
            let (request, expected) =
                if item["post"].is_object() { (post(&url, "{}"), 400) } else { (client().get(&url), 200) };
            assert_eq!(request.send().await.unwrap().status(), expected, "{url}");
            asked += 1;
        }
    }
    assert_eq!(asked, 9, "three paths stand below `/openai` too");
}
