//! Several deployments of a model: the next one answers where one fails, before the first output and never after it.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt as _;
use harness::upstream::{Reply, Upstream, chunk, finish, sse};
use serde_json::{Value, json};

use crate::support::app::{SOON, TestApp};
use crate::support::client::{self, Answer};

/// Two regions of one model, and a model that is in the first alone.
struct Regions {
    app: TestApp,
    east: Upstream,
    west: Upstream,
}

impl Regions {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let (east, west) = (Upstream::start().await, Upstream::start().await);
        let places = format!("m-east@{}/v1, m-west@{}/v1", east.url(), west.url());
        let quick = format!("quick@{}/v1", east.url());
        let mut all = vec![("MODELS", "thorough,quick"), ("MODEL_THOROUGH", &places), ("MODEL_QUICK", &quick)];
        all.extend(settings);
        let app = TestApp::with(&all).await;
        Self { app, east, west }
    }

    async fn start() -> Self {
        Self::with(&[("MAX_RETRIES", "2")]).await
    }
}

fn says(text: &str) -> Reply {
    Reply::sse(sse(&[&chunk(text), &finish("stop")]))
}

fn start(answer: &Answer) -> Value {
    serde_json::from_str::<Value>(&answer.lines[0]).unwrap()["start"].clone()
}

#[tokio::test]
async fn each_failure_of_a_deployment_is_answered_by_the_next_one_at_once() {
    let error_event = r#"{"error":{"code":"server_error","message":"m"}}"#;
    let role = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
    for (why, reply) in [
        ("408", Reply::status(408)),
        ("409", Reply::status(409)),
        ("429", Reply::status(429).header("retry-after", "30")),
        ("500", Reply::status(500)),
        ("503", Reply::status(503)),
        ("401", Reply::status(401)),
        ("403", Reply::status(403)),
        ("404", Reply::status(404).body(r#"{"error":{"code":"DeploymentNotFound","message":"m"}}"#)),
        ("refused", Reply::refuse()),
        ("inside a 200", Reply::sse(sse(&[error_event]))),
        ("inside a 200, after a role", Reply::sse(sse(&[role, error_event]))),
        ("inside a 200, a rate limit", Reply::sse(sse(&[r#"{"error":{"code":"429","message":"m"}}"#]))),
    ] {
        let regions = Regions::start().await;
        regions.east.always(reply);
        regions.west.always(says("west"));
        let begun = std::time::Instant::now();
        let answer = regions.app.ask("Hi").await;
        assert_eq!(answer.content(), "west", "{why}: {:?}", answer.lines);
        assert!(begun.elapsed().as_millis() < 450, "{why}: without a pause");
        assert_eq!((regions.east.requests().len(), regions.west.requests().len()), (1, 1), "{why}");
        let said = start(&answer);
        assert_eq!((&said["model"], &said["deployment"]), (&json!("thorough"), &json!("m-west")), "{why}");
        assert!(regions.app.wait_for_log("asking another deployment").await, "{why}");
        assert_eq!(answer.lines.iter().filter(|line| line.contains("{\"start\"")).count(), 1, "{why}");

        let next = regions.app.ask("Hi").await;
        assert_eq!(next.content(), "west", "{why}");
        let spared = !matches!(why, "408" | "409");
        assert_eq!(regions.east.requests().len(), if spared { 1 } else { 2 }, "{why}: it is left alone");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_request_is_asked_once() {
    for (status, body) in [
        (400, r#"{"error":{"code":"content_filter","message":"m"}}"#),
        (400, r#"{"error":{"code":"context_length_exceeded","message":"m"}}"#),
        (400, r#"{"error":{"code":"unsupported_parameter","param":"temperature","message":"m"}}"#),
        (422, r#"{"detail":[{"type":"extra_forbidden","loc":["body","x"]}]}"#),
    ] {
        let regions = Regions::start().await;
        regions.east.always(Reply::status(status).body(body));
        regions.west.always(says("west"));
        regions.app.ask("Hi").await;
        assert_eq!((regions.east.requests().len(), regions.west.requests().len()), (1, 0), "{body}");
    }
}

#[tokio::test]
async fn after_the_first_output_nothing_is_asked_again() {
    let regions = Regions::start().await;
    regions.east.always(Reply::sse(sse(&[&chunk("east"), r#"{"error":{"code":"server_error","message":"m"}}"#])));
    regions.west.always(says("west"));
    let answer = regions.app.ask("Hi").await;
    assert_eq!((answer.content().as_str(), answer.code().as_str()), ("east", "upstream_error"));
    assert_eq!(regions.west.requests().len(), 0);
}

#[tokio::test]
async fn all_tries_together_are_bounded() {
    for (retries, tries) in [("0", 1), ("1", 2), ("2", 3)] {
        let regions = Regions::with(&[("MAX_RETRIES", retries)]).await;
        regions.east.always(Reply::status(503));
        regions.west.always(Reply::status(503));
        assert_eq!(regions.app.ask("Hi").await.code(), "upstream_error");
        assert_eq!(regions.east.requests().len() + regions.west.requests().len(), tries, "MAX_RETRIES={retries}");
    }
}

#[tokio::test]
async fn a_limit_that_is_used_up_spares_the_doomed_request() {
    let regions = Regions::start().await;
    let last = says("east").header("x-ratelimit-remaining-requests", "0").header("x-ratelimit-reset-requests", "30");
    regions.east.always(last);
    regions.west.always(says("west"));
    assert_eq!(regions.app.ask("Hi").await.content(), "east");
    assert_eq!(regions.app.ask("Hi").await.content(), "west");
}

#[tokio::test]
async fn a_request_chooses_its_model_and_host_names_reach_no_client() {
    let regions = Regions::start().await;
    regions.east.always(says("east"));
    let asked = |model: Value| json!({ "model": model, "messages": [{ "role": "user", "content": "Hi" }] }).to_string();
    let answer = regions.app.send(&asked(json!("quick"))).await;
    assert_eq!(start(&answer)["model"], "quick");
    assert_eq!(regions.east.requests().pop().unwrap().json().unwrap()["model"], "quick");
    let by_deployment = regions.app.send(&asked(json!("m-west"))).await;
    assert_eq!(start(&by_deployment)["model"], "thorough");
    let unknown = regions.app.send(&asked(json!("other"))).await;
    assert_eq!(unknown.code(), "model_not_found");
    assert!(unknown.text().contains("thorough, quick"), "{}", unknown.text());
    assert_eq!(regions.app.send(&asked(json!(7))).await.code(), "invalid_request");

    let offer = client::client().get(regions.app.host.url("api/models")).send().await.unwrap();
    assert_eq!(offer.headers()["content-type"], "application/json");
    let text = offer.text().await.unwrap();
    assert!(!text.contains("127.0.0.1") && !text.contains("m-east"), "{text}");
    let offer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&offer["default"], &offer["models"][1]["name"]), (&json!("thorough"), &json!("quick")));
    assert_eq!(offer["limits"]["messages"], 200);
}

#[tokio::test]
async fn an_effort_is_one_of_the_models() {
    let regions = Regions::with(&[("MODEL_THOROUGH_EFFORTS", "low, high")]).await;
    regions.east.always(says("east"));
    let asked = |model: &str, effort: &str| {
        json!({ "model": model, "reasoning_effort": effort, "messages": [{ "role": "user", "content": "Hi" }] })
            .to_string()
    };
    assert_eq!(regions.app.send(&asked("thorough", "high")).await.content(), "east");
    assert_eq!(regions.east.requests().pop().unwrap().json().unwrap()["reasoning_effort"], "high");
    for (model, effort) in [("thorough", "medium"), ("quick", "low")] {
        let refused = regions.app.send(&asked(model, effort)).await;
        assert_eq!(refused.code(), "invalid_request");
        assert!(refused.text().starts_with("reasoning_effort: "), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_reader_who_leaves_during_the_second_try_closes_it() {
    let regions = Regions::start().await;
    regions.east.always(Reply::status(503));
    regions.west.always(Reply::silent());
    let url = regions.app.url();
    let asking = tokio::spawn(async move { client::post(&url, &client::question("Hi")).send().await.map(drop) });
    assert!(regions.west.wait_for(|counts| counts.open == 1, SOON).await);
    asking.abort();
    assert!(regions.west.wait_for(|counts| counts.open == 0, SOON).await);
}

/// Upstreams that fail at random, in every way before the first output: each request is answered at most once, asks no more
/// than it may, and leaves nothing open.
#[tokio::test]
async fn requests_against_upstreams_that_fail_at_random() {
    const REQUESTS: usize = 100_000;
    /// Many wait for a moment before they try again.
    const AT_ONCE: usize = 1_000;
    let regions = Regions::with(&[("MAX_RETRIES", "2"), ("MAX_CONCURRENT_STREAMS", "2000")]).await;
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    for upstream in [&regions.east, &regions.west] {
        let asked = std::sync::Arc::clone(&asked);
        upstream.respond(move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            match fastrand::u8(0..10) {
                0 => Reply::status(503),
                1 => Reply::status(429).header("retry-after-ms", "1"),
                2 => Reply::refuse(),
                3 => Reply::sse(sse(&[r#"{"error":{"code":"server_error","message":"m"}}"#])),
                4 => Reply::status(404).body(r#"{"error":{"code":"DeploymentNotFound"}}"#),
                _ => says("Hi"),
            }
        });
    }
    let (url, client) = (regions.app.url(), client::client());
    let one = |_: usize| {
        let asked = client.post(&url).header("content-type", "application/json").body(client::question("Hi"));
        async move { client::begin(asked).await.rest().await }
    };
    let mut whole = 0;
    let mut answers = futures::stream::iter(0..REQUESTS).map(one).buffer_unordered(AT_ONCE);
    while let Some(answer) = answers.next().await {
        let ends = answer.lines.iter().filter(|line| line.contains("\"done\"") || line.contains("\"error\"")).count();
        assert_eq!(ends, 1, "{:?}", answer.lines);
        let content = answer.content();
        assert!(content == "Hi" || content.is_empty(), "no answer twice: {content}");
        whole += usize::from(content == "Hi");
    }
    assert!(whole > REQUESTS / 2, "{whole} of {REQUESTS}");
    assert!(asked.load(Ordering::Relaxed) <= 3 * REQUESTS);
    for upstream in [&regions.east, &regions.west] {
        assert!(upstream.wait_for(|counts| counts.open == 0, SOON).await);
    }
}
