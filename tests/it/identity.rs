//! The managed identity, through the real `azure_identity` and a stand-in for the platform's endpoint.

use std::time::Duration;

use harness::identity::{Behaviour, IdentityEndpoint};
use harness::upstream::{Reply, chunk, finish, sse};

use crate::support::app::{SOON, TestApp};

async fn start(behaviour: Behaviour) -> (TestApp, IdentityEndpoint) {
    let identity = IdentityEndpoint::start().await;
    identity.set(behaviour);
    let (endpoint, secret) = (identity.endpoint_url(), identity.secret().to_owned());
    let app = TestApp::with(&[
        ("RUNNING_IN_PRODUCTION", "true"),
        ("ALLOW_ANONYMOUS", "true"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("IDENTITY_ENDPOINT", &endpoint),
        ("IDENTITY_HEADER", &secret),
    ])
    .await;
    app.upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    (app, identity)
}

/// The tokens that upstream was shown, in order.
fn shown(app: &TestApp) -> Vec<String> {
    let requests = app.upstream.requests();
    requests.iter().map(|request| request.header("authorization").unwrap_or_default().to_owned()).collect()
}

fn assert_no_secret_is_logged(app: &TestApp, identity: &IdentityEndpoint) {
    let log = app.host.log().iter().map(|line| line.text.clone()).collect::<String>();
    assert!(!log.contains("token-"), "a token is in the log");
    assert!(!log.contains(&identity.secret().to_owned()), "the endpoint's secret is in the log");
}

#[tokio::test]
async fn a_hundred_first_requests_make_one_fetch() {
    let (app, identity) = start(Behaviour::slow(Duration::from_millis(300))).await;
    let answers = futures::future::join_all((0..100).map(|_| app.ask("Hi"))).await;
    assert!(answers.iter().all(|answer| answer.content() == "Hi"));
    let calls = identity.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].query("client_id").as_deref(), Some("client-1"));
    assert_eq!(calls[0].query("resource").as_deref(), Some("https://cognitiveservices.azure.com"));
    assert_eq!(shown(&app), vec!["Bearer token-1"; 100]);
    assert_no_secret_is_logged(&app, &identity);
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_expiry_in_the_background() {
    let (app, identity) = start(Behaviour::lifetime(Duration::from_secs(10))).await;
    assert_eq!(app.ask("Hi").await.code(), "");
    identity.set(Behaviour::slow(Duration::from_millis(500)));
    // Half of its life is over: the next request starts the renewal and does not wait for it.
    tokio::time::sleep(Duration::from_millis(5300)).await;
    assert_eq!(app.ask("Hi").await.code(), "");
    assert_eq!(shown(&app), ["Bearer token-1", "Bearer token-1"]);
    assert!(identity.wait_for(|counts| counts.completed == 2, SOON).await);
    let mut tries = 0;
    while shown(&app).last().unwrap() != "Bearer token-2" {
        tries += 1;
        assert!(tries < 100, "the renewed token is never shown");
        assert_eq!(app.ask("Hi").await.code(), "");
    }
    assert_eq!(identity.calls().len(), 2);
}

#[tokio::test]
async fn a_valid_token_serves_while_the_endpoint_fails() {
    let (app, identity) = start(Behaviour::lifetime(Duration::from_secs(10))).await;
    assert_eq!(app.ask("Hi").await.code(), "");
    identity.set(Behaviour::failing(400, "{\"secret\":\"token-body\"}"));
    tokio::time::sleep(Duration::from_millis(5300)).await;
    for _ in 0..3 {
        assert_eq!(app.ask("Hi").await.code(), "");
    }
    assert!(app.wait_for_log("could not be renewed").await);
    assert!(shown(&app).iter().all(|token| token == "Bearer token-1"));
    assert_no_secret_is_logged(&app, &identity);
}

#[tokio::test]
async fn without_a_token_the_answer_says_so() {
    let (app, identity) = start(Behaviour::failing(400, "{\"secret\":\"token-body\"}")).await;
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "identity_unavailable"));
    assert_eq!(answer.headers["retry-after"], "5");
    let text = answer.text();
    assert!(!text.contains("azd") && !text.contains("AZURE_") && !text.contains("identity"), "to a reader: {text}");
    assert!(app.wait_for_log("the identity endpoint answered 400; is AZURE_CLIENT_ID an identity of the app?").await);
    assert!(app.upstream.requests().is_empty());
    assert_no_secret_is_logged(&app, &identity);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_unless_the_role_is_missing() {
    let (app, identity) = start(Behaviour::default()).await;
    app.upstream.then(Reply::status(401).body(r#"{"error":{"code":"401","message":"expired"}}"#));
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    assert_eq!(shown(&app), ["Bearer token-1", "Bearer token-2"]);

    app.upstream.always(Reply::status(401).body("{}"));
    assert_eq!(app.ask("Hi").await.code(), "upstream_auth");
    assert_eq!(identity.calls().len(), 3);

    app.upstream.always(Reply::status(401).body(r#"{"error":{"code":"PermissionDenied","message":"m"}}"#));
    let before = app.upstream.requests().len();
    let answer = app.ask("Hi").await;
    assert_eq!(answer.code(), "upstream_auth");
    assert!(!answer.text().contains("Cognitive Services User"), "that is the operator's to know");
    assert!(app.wait_for_log("Cognitive Services User").await);
    assert_eq!(app.upstream.requests().len(), before + 1, "not tried again");
}
