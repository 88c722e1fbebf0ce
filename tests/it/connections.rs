//! Connections to upstream: opened ahead of need in production, used again, and given up without a fault.

use std::time::Duration;

use harness::identity::{Behaviour, IdentityEndpoint};
use harness::upstream::{Reply, chunk, finish, sse};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::support::app::{SOON, TestApp};

fn events() -> Vec<u8> {
    sse(&[&chunk("Hi"), &finish("stop")])
}

/// An app in production, with more settings, whose tokens come after a while.
async fn in_production(settings: &[(&str, &str)]) -> (TestApp, IdentityEndpoint) {
    let identity = IdentityEndpoint::start().await;
    identity.set(Behaviour::slow(Duration::from_millis(300)));
    let (identity_endpoint, secret) = (identity.endpoint_url(), identity.secret().to_owned());
    let mut all = vec![
        ("RUNNING_IN_PRODUCTION", "true"),
        ("ALLOW_ANONYMOUS", "true"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("IDENTITY_ENDPOINT", identity_endpoint.as_str()),
        ("IDENTITY_HEADER", secret.as_str()),
    ];
    all.extend(settings);
    let app = TestApp::with(&all).await;
    app.upstream.always(Reply::sse(events()));
    (app, identity)
}

#[tokio::test]
async fn in_production_the_first_question_finds_an_open_connection() {
    let (app, identity) = in_production(&[]).await;
    assert!(app.upstream.wait_for(|counts| counts.connections == 1, SOON).await, "opened ahead of need");
    assert_eq!(app.upstream.counts().requests, 0, "nothing is asked on it");
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    assert_eq!((app.upstream.connections(), app.upstream.counts().requests), (1, 1));
    assert_eq!(identity.calls().len(), 1);
    let told = [app.log_with("HTTP/2"), app.log_with("ahead")];
    assert!(told.iter().all(Vec::is_empty), "{told:?}");
}

#[tokio::test]
async fn models_at_one_host_share_the_connection_ahead() {
    let models = [("MODELS", "a,b"), ("MODEL_A", "r1@{upstream}"), ("MODEL_B", "r2@{upstream}")];
    let (app, _identity) = in_production(&models).await;
    assert!(app.upstream.wait_for(|counts| counts.connections == 1, SOON).await);
    assert!(!app.upstream.wait_for(|counts| counts.connections > 1, Duration::from_millis(300)).await);
}

#[tokio::test]
async fn at_home_no_connection_is_opened_before_it_is_needed() {
    let app = TestApp::start().await;
    assert!(!app.upstream.wait_for(|counts| counts.connections > 0, Duration::from_millis(300)).await);
}

#[tokio::test]
async fn a_host_that_refuses_changes_neither_start_nor_first_question() {
    let (app, _identity) =
        in_production(&[("AZURE_INFERENCE_ENDPOINT", "http://127.0.0.1:9/v1"), ("MAX_RETRIES", "0")]).await;
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_error"));
    app.assert_quiet();
}

#[tokio::test]
async fn a_host_that_hangs_is_waited_for_no_longer_than_any_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}/openai/v1", listener.local_addr().unwrap());
    let (app, _identity) =
        in_production(&[("AZURE_INFERENCE_ENDPOINT", &endpoint), ("CONNECT_TIMEOUT", "300ms")]).await;
    let (mut ahead, _) = tokio::time::timeout(SOON, listener.accept()).await.unwrap().unwrap();
    let mut hello = Vec::new();
    let given_up = tokio::time::timeout(SOON, ahead.read_to_end(&mut hello)).await;
    assert!(given_up.is_ok() && hello.first() == Some(&0x16), "a TLS handshake, and its end");
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "upstream_timeout"));
    app.assert_quiet();
}

/// Without a word in its head: the connection goes to the pool, and is closed there.
#[tokio::test]
async fn a_kept_connection_that_the_server_closed_costs_nobody_an_answer() {
    let app = TestApp::start().await;
    let events = events();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n", events.len());
    app.upstream.always(Reply::raw([head.as_bytes(), &events].concat()));
    for _ in 0..20 {
        assert_eq!(app.ask("Hi").await.content(), "Hi");
    }
    assert_eq!(app.upstream.connections(), 20);
}

#[tokio::test]
async fn a_question_that_crosses_the_close_of_its_connection_is_asked_again() {
    let app = TestApp::start().await;
    app.upstream.then(Reply::sse(events()));
    app.upstream.then(Reply::refuse());
    app.upstream.always(Reply::sse(events()));
    for _ in 0..2 {
        assert_eq!(app.ask("Hi").await.content(), "Hi");
    }
    assert_eq!((app.upstream.connections(), app.upstream.counts().requests), (2, 3));
}
