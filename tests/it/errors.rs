//! Upstream's failures and what a client sees of them: a status before the first line, one last line after it.

use harness::upstream::{Ending, Reply, chunk, finish, sse};

use crate::support::app::TestApp;
use crate::support::shared;

/// Words that upstream says and nobody else may hear.
const WORDS: &str = "upstream-internals";

fn refusal(status: u16, code: &str) -> Reply {
    Reply::status(status)
        .content_type("application/json")
        .body(format!(r#"{{"error":{{"code":"{code}","message":"{WORDS}"}}}}"#))
}

#[tokio::test]
async fn refusals_have_their_status_and_none_is_told_in_upstreams_words() {
    let app = TestApp::with(&[("MAX_RETRIES", "0")]).await;
    for (reply, status, code) in [
        (refusal(400, "content_filter"), 400, "content_filter"),
        (refusal(400, "context_length_exceeded"), 400, "context_length_exceeded"),
        (refusal(400, "invalid_parameter"), 502, "upstream_rejected"),
        (refusal(403, "AuthorizationFailed"), 502, "upstream_auth"),
        (refusal(404, "DeploymentNotFound"), 502, "upstream_misconfigured"),
        (refusal(429, "429").header("retry-after", "7"), 429, "rate_limited"),
        (refusal(500, "oops"), 502, "upstream_error"),
        (refusal(307, "moved").header("location", "http://127.0.0.1:9/"), 502, "upstream_protocol"),
        (Reply::status(200).content_type("text/html").body(format!("<html>{WORDS}")), 502, "upstream_protocol"),
        (Reply::sse(""), 502, "upstream_truncated"),
        (Reply::refuse(), 502, "upstream_error"),
    ] {
        app.upstream.always(reply);
        let answer = app.ask("Hi").await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{:?}", answer.lines);
        assert!(!answer.lines.concat().contains(WORDS));
    }
    assert_eq!(app.log_with(WORDS), [] as [&str; 0]);
    app.assert_quiet();
}

#[tokio::test]
async fn after_the_first_line_a_failure_is_the_last_line() {
    let app = TestApp::start().await;
    let error = format!(r#"{{"error":{{"message":"{WORDS}","type":"server_error","code":null}}}}"#);
    for (reply, code) in [
        (Reply::sse(sse(&[&chunk("Hi"), &error])), "upstream_error"),
        (Reply::sse(sse(&[&chunk("Hi"), r#"{"error":{"code":"429"}}"#])), "rate_limited"),
        (Reply::sse(sse(&[&chunk("Hi"), WORDS])), "upstream_protocol"),
        (Reply::sse(sse(&[&chunk("Hi")])), "upstream_truncated"),
        (Reply::sse(format!("data: {}\n\n", chunk("Hi"))), "upstream_truncated"),
        (Reply::sse(format!("data: {}\n\n", chunk("Hi"))).ending(Ending::Cut), "upstream_error"),
        (Reply::sse(format!("data: {}\n\n", chunk("Hi"))).ending(Ending::Reset), "upstream_error"),
    ] {
        app.upstream.always(reply);
        let answer = app.ask("Hi").await;
        assert_eq!((answer.status, answer.code().as_str()), (200, code), "{:?}", answer.lines);
        assert_eq!(answer.content(), "Hi", "what came before stays");
        assert!(!answer.lines.concat().contains(WORDS));
    }
    assert_eq!(app.log_with(WORDS), [] as [&str; 0]);
}

#[tokio::test]
async fn a_try_that_may_mend_it_is_made_and_the_wait_upstream_asks_for_is_kept() {
    let app = TestApp::start().await;
    app.upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    app.upstream.then(refusal(429, "429").header("retry-after-ms", "50"));
    app.upstream.then(Reply::refuse());
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    assert_eq!(app.upstream.requests().len(), 3, "two retries");

    for _ in 0..3 {
        app.upstream.then(refusal(503, "busy").header("retry-after-ms", "1"));
    }
    assert_eq!(app.ask("Hi").await.code(), "upstream_error");
    assert_eq!(app.upstream.requests().len(), 6);

    app.upstream.then(refusal(429, "429").header("retry-after", "20"));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.code().as_str(), answer.last()["retry_after"].as_u64()), ("rate_limited", Some(20)));
    assert_eq!(app.upstream.requests().len(), 7, "a long wait is the client's to make");
}

#[tokio::test]
async fn a_limit_that_passes_is_not_tried_again_and_is_named() {
    let app = TestApp::with(&[("FIRST_EVENT_TIMEOUT", "150ms"), ("IDLE_TIMEOUT", "150ms")]).await;
    app.upstream.then(Reply::silent());
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "upstream_timeout"));
    assert!(answer.text().contains("FIRST_EVENT_TIMEOUT"));
    assert_eq!(app.upstream.requests().len(), 1);

    app.upstream.then(Reply::sse(format!("data: {}\n\n", chunk("Hi"))).ending(Ending::Hang));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "upstream_timeout"));
    assert!(answer.text().contains("IDLE_TIMEOUT"));
}

#[tokio::test]
async fn recorded_faults_have_their_codes() {
    let Some(folder) = shared::folder("sse-vectors") else { return };
    let app = TestApp::start().await;
    for (file, code) in [
        ("027-node-fake-done-prefix.sse", "upstream_protocol"),
        ("055-svir-done-without-finish.sse", "upstream_truncated"),
        ("061-fault-truncated-clean-eof.sse", "upstream_truncated"),
        ("066-fault-error-object-mid-stream.sse", "upstream_error"),
        ("067-fault-error-event-mid-stream.sse", "rate_limited"),
        ("058-svir-error-event.sse", "context_length_exceeded"),
        ("026-oai-large-event-2mib.sse", "upstream_protocol"),
        ("057-svir-invalid-utf8.sse", ""),
        ("064-fault-duplicate-done.sse", ""),
    ] {
        app.upstream.always(Reply::sse(std::fs::read(folder.join(file)).unwrap()));
        assert_eq!(app.ask("Hi").await.code(), code, "{file}");
    }
    let gzip = std::fs::read(folder.join("076-fault-gzip.sse.gz")).unwrap();
    app.upstream.always(Reply::sse(gzip).header("content-encoding", "gzip"));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_protocol"));
}
