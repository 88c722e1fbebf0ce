//! Images in questions: what is taken goes upstream by either protocol, what is not is refused by its field, and none of it is
//! kept or logged.

use harness::upstream::{Gate, Reply, Split, chunk, finish, sse};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Reading, begin, post};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=";

fn asks(url: &str) -> String {
    let content = json!([{ "type": "text", "text": "What is it?" }, { "type": "image_url", "image_url": { "url": url, "detail": "low" } }]);
    json!({ "messages": [{ "role": "user", "content": content }] }).to_string()
}

fn png() -> String {
    format!("data:image/png;base64,{PNG}")
}

async fn app(settings: &[(&str, &str)]) -> TestApp {
    let all = [&[("IMAGES", "true")], settings].concat();
    let app = TestApp::with(&all).await;
    app.upstream.always(Reply::sse(sse(&[&chunk("A dot."), &finish("stop")])));
    app
}

fn sent(app: &TestApp) -> Value {
    app.upstream.requests().pop().unwrap().json().unwrap()
}

#[tokio::test]
async fn an_image_goes_upstream_as_it_came_and_into_no_log() {
    let app = app(&[("RUST_LOG", "trace")]).await;
    assert_eq!(app.send(&asks(&png())).await.content(), "A dot.");
    let said = &sent(&app)["messages"][1]["content"];
    assert_eq!(said[0], json!({ "type": "text", "text": "What is it?" }));
    assert_eq!(said[1], json!({ "type": "image_url", "image_url": { "url": png(), "detail": "low" } }));
    assert!(app.wait_for_log("chat turn").await);
    assert!(app.log_with("iVBOR").is_empty());
}

#[tokio::test]
async fn by_the_responses_api_it_is_an_input_image() {
    let app = app(&[("AZURE_INFERENCE_API", "responses")]).await;
    app.send(&asks(&png())).await;
    let said = &sent(&app)["input"][0]["content"];
    assert_eq!(said[1], json!({ "type": "input_image", "image_url": png(), "detail": "low" }));
}

#[tokio::test]
async fn what_is_no_image_that_is_taken_is_refused_by_its_field() {
    let app = app(&[("MAX_IMAGES", "2"), ("MAX_IMAGE_BYTES", "70")]).await;
    for url in
        ["https://example.com/a.png", "file:///a.png", "data:image/svg+xml;base64,PHN2Zz4=", "data:image/png;base64,x"]
    {
        let refused = app.send(&asks(url)).await;
        assert_eq!(refused.code(), "invalid_request", "{url}");
        assert!(refused.text().starts_with("messages[0].content[1]: image_url.url"), "{}", refused.text());
    }
    let large = format!("data:image/png;base64,{}{PNG}", "iVBORw0K".repeat(3));
    let refused = app.send(&asks(&large)).await;
    assert_eq!(refused.code(), "request_too_large");
    assert!(refused.text().contains("MAX_IMAGE_BYTES"), "{}", refused.text());

    let part = json!({ "type": "image_url", "image_url": { "url": png() } });
    let three = json!({ "messages": [{ "role": "user", "content": [part, part, part] }] }).to_string();
    assert!(app.send(&three).await.text().contains("MAX_IMAGES"));
    let said_by_the_model =
        json!({ "messages": [{ "role": "assistant", "content": [part] }, { "role": "user", "content": "a" }] });
    assert!(app.send(&said_by_the_model.to_string()).await.text().contains("only the user's"));
    assert!(app.upstream.requests().is_empty());

    let blind = TestApp::start().await;
    let refused = blind.send(&asks(&png())).await;
    assert!(refused.code() == "invalid_request" && refused.text().contains("takes no images"), "{}", refused.text());
}

#[tokio::test]
async fn a_model_that_refuses_it_after_all_is_told_as_that() {
    let app = app(&[("MAX_RETRIES", "0")]).await;
    let message = "Invalid content type. image_url is only supported by certain models.";
    app.upstream.always(Reply::status(400).body(json!({ "error": { "message": message } }).to_string()));
    let refused = app.send(&asks(&png())).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"));
    assert!(refused.text().contains("image"), "{}", refused.text());
}

/// With the first output the conversation goes, so an open answer holds what it holds without images.
#[tokio::test]
async fn open_answers_hold_no_images() {
    const ANSWERS: usize = 24;
    let app = app(&[]).await;
    // A legal image by its head; nobody decodes the rest.
    let image = format!("data:image/png;base64,iVBORw0KGgoA{}", "AAAA".repeat(500_000));
    let resident = || {
        let pid = app.host.handler_pid().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap()
    };
    let open = async |body: &str| -> (Reading, Gate) {
        let (reply, gate) = Reply::sse(sse(&[&chunk("A dot."), &finish("stop")])).split(Split::Events).gated();
        app.upstream.then(reply);
        gate.open_next();
        let mut reading = begin(post(&app.url(), body)).await;
        while !reading.line().await.unwrap().contains("A dot.") {}
        (reading, gate)
    };
    // What the allocator keeps of the first ones is no answer's.
    let mut held = Vec::new();
    for _ in 0..ANSWERS {
        held.push(open(&asks(&image)).await);
    }
    let before = resident();
    for _ in 0..ANSWERS {
        held.push(open(&asks(&image)).await);
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < ANSWERS * 500, "{grown} KiB for {ANSWERS} answers to questions of 2 MB");
}
