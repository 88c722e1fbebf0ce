//! Where a request to the model goes.

use harness::upstream::{Reply, chunk, finish, sse};

use crate::support::app::TestApp;

fn answer() -> Reply {
    Reply::sse(sse(&[&chunk("Hi"), &finish("stop")]))
}

#[tokio::test]
async fn a_bare_loopback_endpoint_may_be_any_openai_style_server() {
    let app = TestApp::with(&[("AZURE_INFERENCE_ENDPOINT", "http://127.0.0.1:1")]).await;
    assert_eq!(app.ask("Hi").await.code(), "upstream_error", "nobody listens there");

    let upstream = harness::upstream::Upstream::start().await;
    upstream.respond(|request| if request.path() == "/v1/chat/completions" { answer() } else { Reply::status(404) });
    let app = TestApp::with(&[("AZURE_INFERENCE_ENDPOINT", &upstream.url()), ("AZURE_DEEPSEEK_DEPLOYMENT", "")]).await;
    for _ in 0..2 {
        assert_eq!(app.ask("Hi").await.content(), "Hi");
    }
    let targets: Vec<String> = upstream.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(
        targets,
        ["/openai/v1/chat/completions", "/v1/chat/completions", "/v1/chat/completions"],
        "what was found out once is remembered"
    );
    assert_eq!(upstream.requests()[0].json().unwrap()["model"], "default");
}

#[tokio::test]
async fn an_api_version_chooses_the_original_apps_route() {
    let upstream = harness::upstream::Upstream::start().await;
    upstream.always(answer());
    let app = TestApp::with(&[
        ("AZURE_INFERENCE_ENDPOINT", &upstream.url()),
        ("AZURE_DEEPSEEK_DEPLOYMENT", "my r1"),
        ("AZURE_INFERENCE_API_VERSION", "2025-04-01-preview"),
    ])
    .await;
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    let request = upstream.requests().pop().unwrap();
    assert_eq!(request.target, "/openai/deployments/my%20r1/chat/completions?api-version=2025-04-01-preview");
}
