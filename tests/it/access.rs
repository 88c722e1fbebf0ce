//! Who may call, through the whole program.

use harness::identity::IdentityEndpoint;
use harness::upstream::{Reply, chunk, finish, sse};

use crate::support::app::TestApp;
use crate::support::client::{begin, post, question};

const PRINCIPAL: &str = "x-ms-client-principal-id";

/// An app in production, whose tokens come from a stand-in identity endpoint.
async fn in_production(settings: &[(&str, &str)]) -> (TestApp, IdentityEndpoint) {
    let identity = IdentityEndpoint::start().await;
    let (endpoint, secret) = (identity.endpoint_url(), identity.secret().to_owned());
    let mut all = vec![
        ("RUNNING_IN_PRODUCTION", "true"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", secret.as_str()),
    ];
    all.extend_from_slice(settings);
    let app = TestApp::with(&all).await;
    app.upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    (app, identity)
}

async fn code(app: &TestApp, headers: &[(&str, &str)]) -> String {
    let request =
        headers.iter().fold(post(&app.url(), &question("Hi")), |request, (name, value)| request.header(*name, *value));
    begin(request).await.rest().await.code()
}

#[tokio::test]
async fn production_without_platform_sign_in_is_closed_and_a_spoofed_principal_does_not_open_it() {
    let (app, _identity) = in_production(&[]).await;
    assert_eq!(code(&app, &[]).await, "sign_in_not_configured");
    assert_eq!(
        code(&app, &[(PRINCIPAL, "spoofed"), ("x-ms-client-principal", "e30=")]).await,
        "sign_in_not_configured"
    );
    assert!(app.upstream.requests().is_empty());
}

#[tokio::test]
async fn behind_platform_sign_in_the_principal_is_asked_for() {
    let (app, _identity) = in_production(&[("WEBSITE_AUTH_ENABLED", "True")]).await;
    assert_eq!(code(&app, &[]).await, "unauthenticated");
    assert_eq!(code(&app, &[(PRINCIPAL, "user-1")]).await, "");
}

#[tokio::test]
async fn anonymous_use_is_opted_into_and_a_spoofed_principal_is_nobody() {
    let (app, _identity) = in_production(&[("ALLOW_ANONYMOUS", "true"), ("MAX_STREAMS_PER_USER", "1")]).await;
    let (reply, gate) = Reply::sse(sse(&[&finish("stop")])).gated();
    app.upstream.then(reply);
    let first = tokio::spawn({
        let request = post(&app.url(), &question("Hi")).header(PRINCIPAL, "user-1");
        async move { begin(request).await.rest().await.code() }
    });
    assert!(app.upstream.wait_for(|counts| counts.open == 1, crate::support::app::SOON).await);
    assert_eq!(
        code(&app, &[(PRINCIPAL, "user-1")]).await,
        "",
        "the per-user bound does not count a name nobody vouches for"
    );
    gate.open_all();
    assert_eq!(first.await.unwrap(), "");
}

#[tokio::test]
async fn one_user_has_a_bound_and_the_instance_has_one() {
    let (app, _identity) = in_production(&[
        ("WEBSITE_AUTH_ENABLED", "true"),
        ("MAX_STREAMS_PER_USER", "1"),
        ("MAX_CONCURRENT_STREAMS", "2"),
    ])
    .await;
    let (reply, gate) = Reply::sse(sse(&[&finish("stop")])).gated();
    app.upstream.always(reply);
    let ask = |user: &'static str| {
        let request = post(&app.url(), &question("Hi")).header(PRINCIPAL, user);
        tokio::spawn(async move { begin(request).await.rest().await })
    };
    let first = ask("a");
    assert!(app.upstream.wait_for(|counts| counts.open == 1, crate::support::app::SOON).await);
    let refused = ask("a").await.unwrap();
    assert_eq!(refused.code(), "rate_limited");
    assert!(refused.text().contains("MAX_STREAMS_PER_USER"));
    let second = ask("b");
    assert!(app.upstream.wait_for(|counts| counts.open == 2, crate::support::app::SOON).await);
    let refused = ask("c").await.unwrap();
    assert_eq!(refused.code(), "overloaded");
    assert!(refused.headers.contains_key("retry-after"));
    gate.open_all();
    assert_eq!((first.await.unwrap().code(), second.await.unwrap().code()), (String::new(), String::new()));
    assert_eq!(ask("a").await.unwrap().code(), "", "there is room again");
}

#[tokio::test]
async fn only_named_origins_may_call() {
    let app = TestApp::with(&[("ALLOWED_ORIGINS", "https://page.example, http://localhost:5173")]).await;
    app.upstream.always(Reply::sse(sse(&[&finish("stop")])));
    assert_eq!(code(&app, &[("origin", "https://page.example")]).await, "");
    assert_eq!(code(&app, &[("origin", "http://localhost:5173")]).await, "");
    assert_eq!(code(&app, &[("origin", "https://page.example.evil.example")]).await, "forbidden_origin");
    assert_eq!(code(&app, &[]).await, "", "curl has no origin");
}
