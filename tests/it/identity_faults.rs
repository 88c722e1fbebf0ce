//! The identity endpoint slow, down, malformed, expired. What holds while a token is still good is in `identity`.

use std::time::{Duration, Instant};

use harness::identity::{Behaviour, IdentityEndpoint};
use harness::upstream::{Reply, Upstream, chunk, finish, sse};

use crate::support::app::TestApp;

async fn start(identity_endpoint: &str, secret: &str) -> TestApp {
    let app = TestApp::with(&[
        ("RUNNING_IN_PRODUCTION", "true"),
        ("ALLOW_ANONYMOUS", "true"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("IDENTITY_ENDPOINT", identity_endpoint),
        ("IDENTITY_HEADER", secret),
    ])
    .await;
    app.upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    app
}

#[tokio::test]
async fn an_endpoint_that_hangs_costs_the_limit_and_no_more_and_all_wait_together() {
    let identity = IdentityEndpoint::start().await;
    identity.set(Behaviour::hanging());
    let app = start(&identity.endpoint_url(), identity.secret()).await;
    let begun = Instant::now();
    let answers = futures::future::join_all((0..20).map(|_| app.begin("Hi"))).await;
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(9) && waited < Duration::from_secs(13), "{waited:?}");
    for answer in answers {
        assert_eq!(answer.rest().await.code(), "identity_unavailable");
    }
    assert_eq!(identity.calls().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_told_and_heals() {
    let identity = IdentityEndpoint::start().await;
    identity.set(Behaviour::failing(500, "down"));
    let app = start(&identity.endpoint_url(), identity.secret()).await;
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "identity_unavailable"));
    let calls = identity.calls().len();
    assert!((2..=3).contains(&calls), "the library tries {calls} times, within bounds");
    assert_eq!(app.ask("Hi").await.code(), "identity_unavailable", "remembered for a moment");
    assert_eq!(identity.calls().len(), calls);
    identity.set(Behaviour::default());
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(app.ask("Hi").await.content(), "Hi");
}

#[tokio::test]
async fn an_endpoint_that_is_not_there() {
    let app = start("http://127.0.0.1:9/msi/token", "secret").await;
    assert_eq!(app.ask("Hi").await.code(), "identity_unavailable");
    assert!(app.wait_for_log("cannot be reached").await);
}

/// Answers that are no tokens; each is refused, and none of it is told or logged.
#[tokio::test]
async fn malformed_answers_are_refused() {
    let huge = format!(
        r#"{{"access_token":"{}","expires_on":"4102444800","token_type":"Bearer","resource":"r"}}"#,
        "x".repeat(1 << 20)
    );
    for (name, body) in [
        ("not JSON", "canary-body"),
        ("no token", r#"{"expires_on":"4102444800","token_type":"Bearer","resource":"canary-body"}"#),
        ("no expiry", r#"{"access_token":"canary-body","token_type":"Bearer","resource":"r"}"#),
        (
            "expiry is a number",
            r#"{"access_token":"canary-body","expires_on":4102444800,"token_type":"Bearer","resource":"r"}"#,
        ),
        ("expired", r#"{"access_token":"canary-body","expires_on":"1000000000","token_type":"Bearer","resource":"r"}"#),
        (
            "expiry out of range",
            r#"{"access_token":"canary-body","expires_on":"99999999999999999","token_type":"Bearer","resource":"r"}"#,
        ),
        (
            "no header value",
            "{\"access_token\":\"canary-body\\n\",\"expires_on\":\"4102444800\",\"token_type\":\"Bearer\",\"resource\":\"r\"}",
        ),
        ("a mebibyte", huge.as_str()),
    ] {
        let endpoint = Upstream::start().await;
        endpoint.always(Reply::status(200).content_type("application/json").body(body.to_owned()));
        let app = start(&format!("{}/msi/token", endpoint.url()), "secret").await;
        let answer = app.ask("Hi").await;
        assert_eq!(answer.code(), "identity_unavailable", "{name}");
        assert!(!answer.lines.concat().contains("canary"), "{name}");
        assert_eq!(app.log_with("canary"), [] as [&str; 0], "{name}");
        assert!(app.upstream.requests().is_empty(), "{name}");
    }
}
