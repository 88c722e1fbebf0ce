//! Where a request to the model goes, and what it holds.

use harness::upstream::{Reply, Upstream, chunk, finish, sse};

use crate::support::app::TestApp;

fn answer() -> Reply {
    Reply::sse(sse(&[&chunk("Hi"), &finish("stop")]))
}

fn targets(upstream: &Upstream) -> Vec<String> {
    upstream.requests().into_iter().map(|request| request.target).collect()
}

/// An app whose endpoint is the bare address of this upstream.
async fn on_loopback(upstream: &Upstream, settings: &[(&str, &str)]) -> TestApp {
    let url = upstream.url();
    let endpoint = [("AZURE_INFERENCE_ENDPOINT", url.as_str()), ("MAX_RETRIES", "0")];
    TestApp::with(&[&endpoint, settings].concat()).await
}

const V1: &str = "/v1/chat/completions";
const OPENAI_V1: &str = "/openai/v1/chat/completions";

#[tokio::test]
async fn a_bare_loopback_endpoint_may_be_any_openai_style_server() {
    let app = TestApp::with(&[("AZURE_INFERENCE_ENDPOINT", "http://127.0.0.1:1"), ("MAX_RETRIES", "0")]).await;
    let answer_of_nobody = app.ask("Hi").await;
    assert_eq!(answer_of_nobody.code(), "upstream_error", "nobody listens there");
    assert!(answer_of_nobody.text().contains("AZURE_INFERENCE_ENDPOINT"), "{}", answer_of_nobody.text());

    let upstream = Upstream::start().await;
    upstream.always(answer());
    let app = on_loopback(&upstream, &[("AZURE_DEEPSEEK_DEPLOYMENT", "")]).await;
    for _ in 0..2 {
        assert_eq!(app.ask("Hi").await.content(), "Hi");
    }
    assert_eq!(targets(&upstream), [V1, V1], "at some gateways the other route leads off this machine");
    assert_eq!(upstream.requests()[0].json().unwrap()["model"], "default");

    let upstream = Upstream::start().await;
    upstream.respond(|request| {
        if request.path() == OPENAI_V1 { answer() } else { Reply::status(404).body("404 page not found") }
    });
    let app = on_loopback(&upstream, &[]).await;
    for _ in 0..2 {
        assert_eq!(app.ask("Hi").await.content(), "Hi");
    }
    assert_eq!(targets(&upstream), [V1, OPENAI_V1, OPENAI_V1], "what was found out once is remembered");
    // Another server on the same port.
    upstream.respond(|request| if request.path() == V1 { answer() } else { Reply::status(404) });
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    assert_eq!(targets(&upstream)[3..], [OPENAI_V1, V1, V1]);
}

#[tokio::test]
async fn only_a_route_that_answered_is_kept() {
    let upstream = Upstream::start().await;
    upstream.always(Reply::status(404));
    let app = on_loopback(&upstream, &[]).await;
    assert_eq!(app.ask("Hi").await.code(), "upstream_misconfigured");
    assert_eq!(targets(&upstream), [V1, OPENAI_V1]);
    // The second route answers now, and not with an answer.
    upstream.respond(|request| Reply::status(if request.path() == V1 { 404 } else { 500 }));
    assert_eq!(app.ask("Hi").await.code(), "upstream_error");
    upstream.always(answer());
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    assert_eq!(targets(&upstream)[2..], [V1, OPENAI_V1, V1], "none was kept before");
}

#[tokio::test]
async fn an_unknown_model_is_named_and_moves_no_route_on() {
    let unknown = [
        (404, r#"{"error":{"message":"model \"nope\" not found, try pulling it first","type":"not_found_error"}}"#),
        (
            404,
            r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Invalid model name passed in model=nope.","type":"invalid_request_error","code":"400"}}"#,
        ),
        (404, r#"{"detail":"The model `nope` does not exist."}"#),
    ];
    for (status, body) in unknown {
        let upstream = Upstream::start().await;
        upstream.then(Reply::status(status).content_type("application/json").body(body));
        upstream.always(answer());
        let app = on_loopback(&upstream, &[("AZURE_DEEPSEEK_DEPLOYMENT", "nope")]).await;
        let refused = app.ask("Hi").await;
        assert_eq!((refused.status, refused.code().as_str()), (502, "upstream_misconfigured"), "{body}");
        assert!(refused.text().contains("nope") && refused.text().contains("AZURE_DEEPSEEK_DEPLOYMENT"), "{body}");
        assert!(app.wait_for_log("unknown model nope").await, "{body}");
        // The model is there now: no restart is needed.
        assert_eq!(app.ask("Hi").await.content(), "Hi");
        assert_eq!(targets(&upstream), [V1, V1]);
    }
}

#[tokio::test]
async fn an_api_version_chooses_the_original_apps_route() {
    let upstream = Upstream::start().await;
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

#[tokio::test]
async fn on_loopback_the_limit_is_max_tokens_and_extra_parameters_are_laid_over_the_body() {
    let app = TestApp::with(&[
        ("MAX_COMPLETION_TOKENS", "10"),
        ("SYSTEM_PROMPT", "none"),
        ("EXTRA_BODY", r#"{"stream_options":null,"top_p":0.9,"chat_template_kwargs":{"enable_thinking":true}}"#),
    ])
    .await;
    app.upstream.always(answer());
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    let request = app.upstream.requests().pop().unwrap().json().unwrap();
    let expected = serde_json::json!({
        "model": "r1",
        "messages": [{ "role": "user", "content": "Hi" }],
        "stream": true,
        "max_tokens": 10,
        "top_p": 0.9,
        "chat_template_kwargs": { "enable_thinking": true },
    });
    assert_eq!(request, expected);
}
