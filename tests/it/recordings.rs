//! Answers of real servers, byte for byte, end as their recording says: whole, and in pieces of seven bytes.

use harness::upstream::{Reply, Split};
use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::shared;

/// Waits until the log holds a line of this request that has one of these words.
async fn logged(app: &TestApp, request_id: &str, words: &str) -> bool {
    let is_told = |line: &str| line.contains(request_id) && words.split('|').any(|word| line.contains(word));
    app.wait_for_log(request_id).await && app.log_with(request_id).iter().any(|line| is_told(line))
}

#[tokio::test]
async fn answers_of_real_servers_end_as_recorded() {
    let Some(folder) = shared::folder("upstream-recordings") else { return };
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    assert!(cases.len() >= 20, "only {} recordings", cases.len());
    let app = TestApp::with(&[("AZURE_DEEPSEEK_DEPLOYMENT", "nope"), ("MAX_RETRIES", "0")]).await;
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let bytes = std::fs::read(folder.join(format!("{name}.http"))).unwrap();
        for split in [Split::Whole, Split::Every(7)] {
            app.upstream.always(Reply::raw(bytes.clone()).split(split.clone()));
            let answer = app.ask("Hi").await;
            let mut check = |what: &str, said: Value, expected: &Value| {
                if !expected.is_null() && said != *expected {
                    wrong.push(format!("{name} ({split:?}), {what}: {said}, not {expected}"));
                }
            };
            check("status", answer.status.into(), &case["status"]);
            check("code", answer.code().into(), &case["code"]);
            check("thoughts", answer.reasoning().into(), &case["thoughts"]);
            check("content", answer.content().into(), &case["content"]);
            check("finish_reason", answer.last()["done"]["finish_reason"].clone(), &case["finish_reason"]);
            check("categories", answer.last()["categories"].clone(), &case["categories"]);
            check("wait", answer.last()["retry_after"].clone(), &case["wait"]);
            if let Some(words) = case["log"].as_str() {
                let request_id = answer.headers["x-request-id"].to_str().unwrap();
                check("log", logged(&app, request_id, words).await.into(), &true.into());
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
