//! The original app's page reads our lines as it read the original's: `delta.reasoning_content`, `delta.content`,
//! `error`, and nothing else of an event.

use harness::upstream::{Reply, sse};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::shared;

/// What the original page makes of a stream of lines.
#[derive(Debug, Default, PartialEq)]
struct OriginalPage {
    thoughts: String,
    answer: String,
    error: Option<String>,
}

impl OriginalPage {
    fn read(lines: &[String]) -> Self {
        let mut page = Self::default();
        for line in lines {
            let event: Value = serde_json::from_str(line).unwrap();
            if let Some(error) = event["error"].as_str() {
                page.error = Some(error.to_owned());
            }
            let delta = &event["delta"];
            if let Some(thought) = delta["reasoning_content"].as_str().filter(|text| !text.is_empty()) {
                page.thoughts.push_str(thought);
            } else if let Some(text) = delta["content"].as_str().filter(|text| !text.is_empty()) {
                page.answer.push_str(text);
            }
        }
        page
    }
}

/// Upstream's chunks that the original's test mocks, as its snapshot shows their choices.
fn upstream_of(snapshot: &str) -> Vec<String> {
    let choices = snapshot.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    choices
        .map(|choice| json!({ "id": "x", "object": "chat.completion.chunk", "choices": [choice] }).to_string())
        .collect()
}

#[tokio::test]
async fn the_originals_snapshot_reads_the_same() {
    let Some(folder) = shared::folder("seed") else { return };
    let snapshot = std::fs::read_to_string(folder.join("original-result.jsonlines")).unwrap();
    let original: Vec<String> = snapshot.lines().map(str::to_owned).collect();
    let expected = OriginalPage::read(&original);
    assert_eq!((expected.thoughts.as_str(), expected.answer.as_str()), ("hmm", "The capital of France is Paris."));

    let app = TestApp::start().await;
    let chunks = upstream_of(&snapshot);
    app.upstream.always(Reply::sse(sse(&chunks.iter().map(String::as_str).collect::<Vec<_>>())));
    let answer = app.ask("What is the capital of France?").await;
    assert_eq!(OriginalPage::read(&answer.lines), expected);

    // Line by line: every field of ours is the original's, and what we leave out says nothing.
    let ours = answer.choices();
    assert_eq!(ours.len(), original.len());
    for (ours, original) in ours.iter().zip(&original) {
        let (ours, mut original): (Value, Value) =
            (serde_json::from_str(ours).unwrap(), serde_json::from_str(original).unwrap());
        let function_call = original["delta"].as_object_mut().unwrap().remove("function_call");
        assert_eq!(function_call, Some(Value::Null));
        assert_eq!(ours, original);
    }
}

#[tokio::test]
async fn an_error_is_where_the_original_page_looks_for_it() {
    let app = TestApp::with(&[("MAX_RETRIES", "0")]).await;
    app.upstream.always(Reply::status(500));
    let refused = OriginalPage::read(&app.ask("Hi").await.lines);
    app.upstream.always(Reply::sse(sse(&[&harness::upstream::chunk("Hi"), r#"{"error":{"message":"m"}}"#])));
    let broken = OriginalPage::read(&app.ask("Hi").await.lines);
    assert!(refused.error.is_some());
    assert_eq!(broken.answer, "Hi");
    assert!(broken.error.is_some());
}

/// The original's page keeps an assistant message for each line that it read, with the answer as it was then.
#[tokio::test]
async fn the_originals_page_holds_a_conversation_of_five_questions() {
    let app = TestApp::start().await;
    let words: Vec<String> = (0..24).map(|word| format!("word{word} ")).collect();
    let chunks: Vec<String> =
        ["", ""].into_iter().chain(words.iter().map(String::as_str)).map(harness::upstream::chunk).collect();
    let mut events: Vec<&str> = chunks.iter().map(String::as_str).collect();
    events.push(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#);
    app.upstream.always(Reply::sse(sse(&events)));

    let mut kept: Vec<Value> = Vec::new();
    for question in 0..5 {
        kept.push(json!({ "role": "user", "content": format!("question {question}") }));
        let answer = app.send(&json!({ "messages": kept }).to_string()).await;
        assert!(answer.last()["done"].is_object(), "question {question}: {:?}", answer.lines);
        let mut so_far = String::new();
        for line in answer.choices() {
            let line: Value = serde_json::from_str(line).unwrap();
            so_far.push_str(line["delta"]["content"].as_str().unwrap_or_default());
            kept.push(json!({ "role": "assistant", "content": so_far }));
        }
        assert_eq!(so_far, words.concat());
    }
    let last = app.upstream.requests().pop().unwrap().json().unwrap();
    let asked = last["messages"].as_array().unwrap();
    assert_eq!(asked.len(), 1 + 5 + 4, "the system prompt, the questions, an answer to each but the last");
    assert_eq!(asked[2]["content"], words.concat());
}
