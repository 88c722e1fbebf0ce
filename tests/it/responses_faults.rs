//! The Responses API's side of every fault, and of a good answer.

use std::time::{Duration, Instant};

use harness::upstream::{Ending, Reply, Split, chunk, sse};
use serde_json::{Value, json};

use crate::support::app::{SOON, TestApp};
use crate::support::responses::{added, begun, done, ending, error, good, stream, summary, text};

async fn app_with(settings: &[(&str, &str)]) -> TestApp {
    TestApp::with(&[&[("AZURE_INFERENCE_API", "responses")], settings].concat()).await
}

fn reply(events: &[Value]) -> Reply {
    Reply::sse(stream(events))
}

/// An answer that has begun, and then this.
fn begun_then(events: &[Value]) -> Reply {
    reply(&[&begun()[..], &[text(0, "Hi")], events].concat())
}

#[tokio::test]
async fn a_good_answer_of_the_responses_api() {
    let app =
        app_with(&[("REASONING_EFFORT", "high"), ("MAX_COMPLETION_TOKENS", "500"), ("SYSTEM_PROMPT", "Be brief.")])
            .await;
    app.upstream.always(reply(&good()));
    let answer = app.ask("Hi?").await;
    assert_eq!((answer.reasoning().as_str(), answer.content().as_str()), ("**Hm**", "Hi"));
    let done = &answer.last()["done"];
    assert_eq!((&done["finish_reason"], &done["thoughts"]), (&json!("stop"), &json!("summary")));
    assert_eq!(
        done["usage"],
        json!({ "prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12, "completion_tokens_details": { "reasoning_tokens": 7 } })
    );
    assert!(!answer.lines.concat().contains("secret"), "the request that upstream echoes goes nowhere");
    let request = app.upstream.requests().pop().unwrap();
    assert_eq!(request.path(), "/openai/v1/responses");
    assert_eq!(
        request.json().unwrap(),
        json!({
            "model": "r1", "instructions": "Be brief.", "input": [{ "role": "user", "content": "Hi?" }], "stream": true,
            "store": false, "reasoning": { "effort": "high", "summary": "auto" }, "max_output_tokens": 500
        })
    );
    app.assert_quiet();
}

#[tokio::test]
async fn a_bare_loopback_endpoint_is_asked_for_responses_too() {
    let upstream = harness::upstream::Upstream::start().await;
    upstream.respond(|request| if request.path() == "/v1/responses" { reply(&good()) } else { Reply::status(404) });
    let app = app_with(&[("AZURE_INFERENCE_ENDPOINT", &upstream.url())]).await;
    assert_eq!(app.ask("Hi").await.content(), "Hi");
}

#[tokio::test]
async fn refusals_of_the_responses_api_have_their_status() {
    let app = app_with(&[("MAX_RETRIES", "0")]).await;
    let body = |code: &str| {
        json!({ "error": { "code": code, "message": "secret words", "type": "x", "param": "y" } }).to_string()
    };
    for (status, upstreams, code) in [
        (400, "content_filter", "content_filter"),
        (400, "context_length_exceeded", "context_length_exceeded"),
        (400, "unsupported_parameter", "upstream_rejected"),
        (403, "", "upstream_auth"),
        (404, "DeploymentNotFound", "upstream_misconfigured"),
        (429, "too_many_requests", "rate_limited"),
        (500, "server_error", "upstream_error"),
    ] {
        app.upstream.always(Reply::status(status).body(body(upstreams)));
        let answer = app.ask("Hi").await;
        assert_eq!(answer.code(), code, "{status} {upstreams}");
        assert!(answer.status >= 400 && !answer.text().contains("secret"));
    }
}

#[tokio::test]
async fn a_failure_in_either_order_keeps_its_status_until_the_first_output() {
    let app = app_with(&[("MAX_RETRIES", "0")]).await;
    let empty = || ending("failed", json!({ "error": null, "incomplete_details": null }));
    let told = |code: &str| ending("failed", json!({ "error": { "code": code, "message": "secret words" } }));
    for (upstreams, status, code) in [
        ("rate_limit_exceeded", 429, "rate_limited"),
        ("content_filter", 400, "content_filter"),
        ("content_policy_violation", 400, "content_filter"),
        ("context_length_exceeded", 400, "context_length_exceeded"),
        ("server_error", 502, "upstream_error"),
    ] {
        let azures = vec![empty(), error(upstreams)];
        let openais = vec![error(upstreams), told(upstreams)];
        for events in [azures, openais, vec![told(upstreams)]] {
            // Each event by itself, a reasoning item open before it: no output yet.
            let before = [&begun()[..], &[added(0, "reasoning")], &events].concat();
            let slow = reply(&before).split(Split::Events).pace(Duration::from_millis(20)).header("retry-after", "7");
            app.upstream.always(slow);
            let answer = app.ask("Hi").await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{events:?}");
            assert!(!answer.lines.concat().contains("secret"));
            if status == 429 {
                assert_eq!(answer.headers["retry-after"], "7", "the wait that the answer's head named");
            }
            app.upstream.always(begun_then(&events));
            let answer = app.ask("Hi").await;
            assert_eq!(
                (answer.status, answer.code().as_str(), answer.content().as_str()),
                (200, code, "Hi"),
                "{events:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_failure_without_a_reason_is_one_after_a_second_or_at_the_end() {
    let app = app_with(&[("MAX_RETRIES", "0")]).await;
    let failed = [&begun()[..], &[ending("failed", json!({ "error": null }))]].concat();
    for (end, at_least) in [(Ending::Complete, Duration::ZERO), (Ending::Hang, Duration::from_secs(1))] {
        app.upstream.always(reply(&failed).ending(end));
        let asked = Instant::now();
        let answer = app.ask("Hi").await;
        assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_error"), "{end:?}");
        assert!(
            asked.elapsed() >= at_least && asked.elapsed() < at_least + Duration::from_secs(10),
            "{:?}",
            asked.elapsed()
        );
    }
    assert!(app.upstream.wait_for(|counts| counts.open == 0, Duration::from_secs(1)).await);
    assert!(app.wait_for_log("response.failed without a reason").await);
}

#[tokio::test]
async fn an_open_thought_may_be_silent_for_longer_than_other_events() {
    let app =
        app_with(&[("IDLE_TIMEOUT", "300ms"), ("FIRST_EVENT_TIMEOUT", "20s"), ("HEARTBEAT_INTERVAL", "100ms")]).await;
    let thinking = |between: &[Value]| {
        let events = [
            &[text(0, "Hi"), added(1, "reasoning")],
            between,
            &[summary(1, 0, "a"), done(1, "reasoning")],
            &[ending("completed", json!({}))],
        ];
        let events = events.concat();
        let cut = stream(&events[..2 + between.len()]).len();
        reply(&events).split(Split::At(vec![cut])).pace(Duration::from_millis(900))
    };
    app.upstream.always(thinking(&[]));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.code().as_str(), answer.reasoning().as_str()), ("", "a"));
    assert!(answer.lines.iter().filter(|line| line.contains("heartbeat")).count() >= 3);

    app.upstream.always(thinking(&[done(1, "reasoning")]));
    let answer = app.ask("Hi").await;
    assert_eq!(answer.code(), "upstream_timeout", "a thought that is over is not waited for");
    assert!(answer.text().contains("IDLE_TIMEOUT"));
}

#[tokio::test]
async fn a_word_that_there_will_be_an_answer_does_not_stop_the_first_clock() {
    let app = app_with(&[("FIRST_EVENT_TIMEOUT", "400ms")]).await;
    let events = [&begun()[..], &[added(0, "reasoning")]].concat();
    app.upstream.always(reply(&events).split(Split::Events).pace(Duration::from_millis(150)).ending(Ending::Hang));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "upstream_timeout"));
    assert!(answer.text().contains("FIRST_EVENT_TIMEOUT"));
}

#[tokio::test]
async fn whatever_has_come_an_answer_without_its_end_is_truncated() {
    let app = app_with(&[]).await;
    let whole = [
        json!({ "type": "response.output_text.done", "output_index": 0, "text": "Hi" }),
        json!({ "type": "response.content_part.done", "output_index": 0, "part": { "type": "output_text", "text": "Hi" } }),
        done(0, "message"),
    ];
    for count in 0..=whole.len() {
        app.upstream.always(begun_then(&whole[..count]));
        let answer = app.ask("Hi").await;
        assert_eq!((answer.code().as_str(), answer.content().as_str()), ("upstream_truncated", "Hi"), "{count}");
    }
    let mut bytes = stream(&good());
    bytes.truncate(bytes.len() - 20);
    app.upstream.always(Reply::sse(bytes));
    assert_eq!(app.ask("Hi").await.code(), "upstream_truncated", "in the middle of the last event");
    app.upstream.always(Reply::sse(format!("{}data: [DONE]\n\n", stream(&begun()))));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_truncated"));
    app.upstream.always(begun_then(&[]).ending(Ending::Reset));
    assert_eq!(app.ask("Hi").await.code(), "upstream_error");
}

#[tokio::test]
async fn each_way_to_end_has_its_finish_reason() {
    let app = app_with(&[]).await;
    let filters = |verdict: Value| json!({ "content_filters": [verdict] });
    let filtered = json!({ "source_type": "completion", "blocked": false, "content_filter_results": { "hate": { "filtered": true } } });
    let detected = json!({ "source_type": "prompt", "blocked": false, "content_filter_results": { "jailbreak": { "detected": true } } });
    for (event, reason) in [
        (ending("completed", json!({})), "stop"),
        (ending("incomplete", json!({ "incomplete_details": { "reason": "max_output_tokens" } })), "length"),
        (ending("incomplete", json!({ "incomplete_details": { "reason": "content_filter" } })), "content_filter"),
        (ending("completed", filters(json!({ "source_type": "prompt", "blocked": true }))), "content_filter"),
        (ending("completed", filters(json!({ "source_type": "completion", "blocked": true }))), "content_filter"),
        (ending("completed", filters(filtered)), "content_filter"),
        (ending("completed", filters(detected)), "stop"),
    ] {
        // What follows an end is not read.
        app.upstream.always(begun_then(&[event.clone(), error("server_error")]).ending(Ending::Hang));
        let answer = app.ask("Hi").await;
        assert_eq!(answer.last()["done"]["finish_reason"], reason, "{event}");
    }
    assert!(app.upstream.wait_for(|counts| counts.open == 0, Duration::from_secs(3)).await);
}

#[tokio::test]
async fn chunks_where_the_responses_api_was_asked_are_a_fault_that_names_the_setting() {
    let app = app_with(&[]).await;
    app.upstream.always(Reply::sse(sse(&[&chunk("Hi")])));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_protocol"));
    assert!(app.wait_for_log("AZURE_INFERENCE_API").await);
}

#[tokio::test]
async fn a_reader_who_leaves_a_silent_thinker_closes_the_upstream_request() {
    let app = app_with(&[("HEARTBEAT_INTERVAL", "50ms")]).await;
    app.upstream.always(reply(&[&begun()[..], &[added(0, "reasoning")]].concat()).ending(Ending::Hang));
    let mut reading = app.begin("Hi").await;
    reading.line().await.unwrap();
    reading.line().await.unwrap();
    drop(reading);
    assert!(app.upstream.wait_for(|counts| counts.open == 0 && counts.aborted == 1, Duration::from_secs(1)).await);
    assert!(app.wait_for_log("client_left").await);
}

/// An answer of a size that 128k tokens have, told in pieces and then whole, four times, as the API does it.
fn long(pieces: usize) -> (String, Vec<Value>) {
    let piece = "a line of text, with \"quotes\" and \\ü\n".repeat(20);
    let whole = piece.repeat(pieces);
    let part = json!({ "type": "output_text", "text": whole });
    let item = json!({ "type": "message", "content": [part] });
    let mut events = [&begun()[..], &[added(0, "message")], &vec![text(0, &piece); pieces]].concat();
    events.push(json!({ "type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": whole }));
    events.push(json!({ "type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part }));
    events.push(json!({ "type": "response.output_item.done", "output_index": 0, "item": item }));
    events.push(ending(
        "completed",
        json!({ "output": [item], "usage": { "input_tokens": 1, "output_tokens": 128_000 } }),
    ));
    (whole, events)
}

#[tokio::test]
async fn a_text_that_comes_again_whole_may_be_larger_than_the_largest_event() {
    let app = app_with(&[("MAX_EVENT_BYTES", "20000")]).await;
    let (whole, events) = long(400);
    for split in [Split::Whole, Split::Every(4099)] {
        app.upstream.always(reply(&events).split(split));
        let answer = app.ask("Hi").await;
        assert!(answer.content() == whole, "{} of {} bytes", answer.content().len(), whole.len());
        let done = &answer.last()["done"];
        assert_eq!((&done["finish_reason"], &done["usage"]["completion_tokens"]), (&json!("stop"), &json!(128_000)));
    }
    // Where it did not come in pieces, there is nothing to tell it from.
    let untold: Vec<Value> = events.into_iter().filter(|event| event["type"] != "response.output_text.delta").collect();
    app.upstream.always(reply(&untold));
    assert_eq!(app.ask("Hi").await.code(), "upstream_protocol");
    assert!(app.wait_for_log("MAX_EVENT_BYTES").await);
    // One that never ends is bounded by the clock.
    let app = app_with(&[("MAX_EVENT_BYTES", "20000"), ("IDLE_TIMEOUT", "500ms")]).await;
    let endless = format!(
        "{}data: {{\"type\":\"response.completed\",\"response\":{{\"output\":\"{}",
        stream(&[text(0, "Hi")]),
        "x".repeat(200_000)
    );
    app.upstream.always(Reply::sse(endless).ending(Ending::Hang));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.content().as_str(), answer.code().as_str()), ("Hi", "upstream_timeout"));
}

#[tokio::test]
async fn events_need_no_names_and_ids_may_change() {
    let app = app_with(&[]).await;
    let nameless: String = good().iter().map(|event| format!("data: {event}\n\n")).collect();
    app.upstream.always(Reply::sse(format!(": hello\n\n{nameless}data: [DONE]\n\n")));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.reasoning().as_str(), answer.content().as_str()), ("**Hm**", "Hi"));
    let mut rotating = good();
    for (at, event) in rotating.iter_mut().enumerate() {
        event["item_id"] = json!(format!("item-{at}"));
    }
    app.upstream.always(reply(&rotating));
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    assert!(app.upstream.wait_for(|counts| counts.open == 0, SOON).await);
}
