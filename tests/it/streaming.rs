//! Lines come as they are made, whole, in order, with the thoughts apart.

use harness::upstream::{Reply, Split, chunk, finish, sse, thought};
use serde_json::Value;

use crate::support::app::{SOON, TestApp};
use crate::support::client::{begin, post, question};
use crate::support::shared;

#[tokio::test]
async fn the_first_line_reaches_the_client_before_upstream_has_made_its_second_event() {
    let app = TestApp::start().await;
    let body = sse(&[&thought("hmm"), &chunk("Hi"), &finish("stop")]);
    let (reply, gate) = Reply::sse(body).split(Split::Events).gated();
    app.upstream.always(reply);

    let asking = tokio::spawn({
        let url = app.url();
        async move { begin(post(&url, &question("Hi"))).await }
    });
    gate.open_next();
    let mut reading = tokio::time::timeout(SOON, asking).await.unwrap().unwrap();
    let start: Value = serde_json::from_str(&reading.line().await.unwrap()).unwrap();
    assert_eq!(start["start"]["deployment"], "r1");
    assert!(reading.line().await.unwrap().contains(r#""reasoning_content":"hmm""#));
    assert_eq!(gate.sent(), 1, "upstream has sent one event and no more");

    gate.open_next();
    assert!(reading.line().await.unwrap().contains(r#""content":"Hi""#));
    assert_eq!(gate.sent(), 2);
    gate.open_all();
    let answer = reading.rest().await;
    assert_eq!(answer.last()["done"]["finish_reason"], "stop");
    app.assert_quiet();
}

#[tokio::test]
async fn inline_thoughts_are_told_apart_on_the_wire() {
    let app = TestApp::start().await;
    let body = sse(&[&chunk("<thi"), &chunk("nk>hm"), &chunk("m</think"), &chunk(">\n\nHi"), &finish("stop")]);
    app.upstream.always(Reply::sse(body));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.reasoning().as_str(), answer.content().as_str()), ("hmm", "\n\nHi"));
}

#[tokio::test]
async fn the_request_upstream_is_what_the_contract_says() {
    let app = TestApp::with(&[("SYSTEM_PROMPT", "Be brief."), ("REASONING_EFFORT", "low")]).await;
    app.upstream.always(Reply::sse(sse(&[&finish("stop")])));
    let body = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_content":"secret"},{"role":"user","content":[{"type":"text","text":"c"}]}],"temperature":2,"top_k":1}"#;
    let request = post(&app.url(), body)
        .header("authorization", "Bearer the-clients")
        .header("cookie", "the=clients")
        .header("x-functions-key", "the-clients")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let answer = begin(request).await.rest().await;
    assert_eq!(answer.code(), "");

    let sent = app.upstream.requests().pop().unwrap();
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/openai/v1/chat/completions"));
    assert_eq!(
        String::from_utf8(sent.body.to_vec()).unwrap(),
        r#"{"model":"r1","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"stream":true,"stream_options":{"include_usage":true},"reasoning_effort":"low"}"#
    );
    assert_eq!(sent.header("authorization"), None, "a loopback endpoint gets no token outside production");
    assert_eq!(sent.header("cookie"), None);
    assert_eq!(sent.header("x-functions-key"), None);
    assert_eq!(sent.header("traceparent"), Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    let logged = app.host.log().iter().map(|line| line.text.clone()).collect::<String>();
    assert!(!logged.contains("the-clients") && !logged.contains("secret"));
}

#[tokio::test]
async fn silence_is_broken_by_start_and_heartbeats() {
    let app = TestApp::with(&[("HEARTBEAT_INTERVAL", "100ms")]).await;
    let (reply, gate) = Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])).split(Split::Events).gated();
    app.upstream.always(reply);
    let mut reading = app.begin("Hi").await;
    assert!(reading.line().await.unwrap().contains("start"), "before upstream has said anything");
    assert!(reading.line().await.unwrap().contains("heartbeat"));
    gate.open_all();
    let answer = reading.rest().await;
    assert_eq!(answer.content(), "Hi");
}

/// Recorded answers of real services arrive whole, for whole pieces and for cruel ones.
#[tokio::test]
async fn recorded_answers_arrive_whole_and_in_order() {
    let Some(folder) = shared::folder("sse-vectors") else { return };
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let app = TestApp::start().await;
    let mut played = 0;
    for case in index["cases"].as_array().unwrap() {
        let (id, chat) = (case["id"].as_str().unwrap(), &case["chat"]);
        if !matches!(case["kind"].as_str(), Some("recorded" | "chat")) {
            continue;
        }
        let bytes = std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        for split in [Split::Whole, Split::Events, Split::Every(1009)] {
            app.upstream.always(Reply::sse(bytes.clone()).split(split));
            let answer = app.ask("Hi").await;
            assert_eq!(answer.code(), "", "{id}");
            assert_eq!(sha256(&answer.content()), chat["content_sha256"], "{id}: content");
            assert_eq!(sha256(&answer.reasoning()), chat["reasoning_sha256"], "{id}: reasoning");
            let done = &answer.last()["done"];
            let filtered = !chat["filtered"].as_array().unwrap().is_empty();
            let finish = if filtered {
                &Value::from("content_filter")
            } else {
                chat["finish"].as_array().unwrap().last().unwrap()
            };
            assert_eq!(&done["finish_reason"], finish, "{id}");
            assert_eq!(done["usage"], chat["usage"], "{id}");
            assert!(!answer.lines.concat().contains("obfuscation"), "{id}: upstream's internals stay there");
            played += 1;
        }
    }
    assert!(played >= 30, "only {played} answers were played");
    app.assert_quiet();
}

pub(crate) fn sha256(text: &str) -> String {
    use std::fmt::Write as _;
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
