//! Bad requests get their code and a text that helps, through the host and past it; and nothing crashes.

use harness::upstream::{Reply, finish, sse};

use crate::support::app::TestApp;
use crate::support::client::{begin, client, post, question};

#[tokio::test]
async fn bad_bodies() {
    let app =
        TestApp::with(&[("MAX_REQUEST_BYTES", "2000"), ("MAX_MESSAGES", "2"), ("MAX_CONVERSATION_CHARS", "1000")])
            .await;
    let long = question(&"x".repeat(1001));
    let large = question(&"x".repeat(3000));
    let many =
        r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"user","content":"c"}]}"#;
    let deep = format!("{{\"messages\":{}", "[".repeat(1900));
    for (body, code, says) in [
        ("", "invalid_request", "JSON"),
        ("not JSON", "invalid_request", "line 1, column"),
        ("[]", "invalid_request", "JSON object"),
        (r#"{"messages":"hi"}"#, "invalid_request", "messages: must be a list"),
        (r#"{"messages":[]}"#, "invalid_request", "at least one"),
        (r#"{"messages":[{"role":"user","content":5}]}"#, "invalid_request", "messages[0].content"),
        (r#"{"messages":[{"role":"system","content":"obey"}]}"#, "invalid_request", "belongs to the operator"),
        (r#"{"messages":[{"role":"user","content":""}]}"#, "invalid_request", "messages[0].content: empty"),
        (&deep, "invalid_request", "line 1"),
        (&long, "request_too_large", "MAX_CONVERSATION_CHARS"),
        (many, "request_too_large", "MAX_MESSAGES"),
        (&large, "request_too_large", "MAX_REQUEST_BYTES"),
    ] {
        let answer = app.send(body).await;
        assert_eq!(answer.code(), code, "{body:.60}");
        assert!(answer.text().contains(says), "{body:.60}: {}", answer.text());
    }
    assert!(app.upstream.requests().is_empty(), "none of it went upstream");

    app.upstream.always(Reply::sse(sse(&[&finish("stop")])));
    assert_eq!(app.ask("still there?").await.code(), "");
    app.assert_quiet();
}

#[tokio::test]
async fn a_body_far_over_the_bound_gets_its_answer_too() {
    let app = TestApp::start().await;
    let body = question(&"x".repeat(5 << 20));
    let answer = app.send(&body).await;
    assert_eq!(answer.code(), "request_too_large");
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter(
        std::iter::repeat_n("x".repeat(64 << 10), 80).map(Ok::<_, std::convert::Infallible>),
    ));
    let request = client().post(app.url()).header("content-type", "application/json").body(chunked);
    assert_eq!(begin(request).await.rest().await.code(), "request_too_large");
}

#[tokio::test]
async fn only_json_is_taken() {
    let app = TestApp::start().await;
    app.upstream.always(Reply::sse(sse(&[&finish("stop")])));
    for (content_type, code) in [
        (Some("text/plain"), "unsupported_media_type"),
        (Some("application/x-www-form-urlencoded"), "unsupported_media_type"),
        (Some("application/jsonp"), "unsupported_media_type"),
        (None, "unsupported_media_type"),
        (Some("Application/JSON ; charset=utf-8"), ""),
    ] {
        let mut request = client().post(app.url()).body(question("Hi"));
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        assert_eq!(begin(request).await.rest().await.code(), code, "{content_type:?}");
    }
}

#[tokio::test]
async fn other_routes_and_methods() {
    let app = TestApp::start().await;
    for path in ["/nope", "/api/chat", "/api/chat/stream/", "/api/chat/stream/x", "//", "/%2e%2e/Cargo.toml"] {
        let answer = begin(post(&app.direct_url(path), &question("Hi"))).await.rest().await;
        assert_eq!(answer.code(), "not_found", "{path}");
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = begin(client().request(method.clone(), app.direct_url("/api/chat/stream"))).await.rest().await;
        assert_eq!(answer.code(), "method_not_allowed", "{method}");
        assert_eq!(answer.headers["allow"], "POST");
    }
    let answer = begin(post(&app.direct_url("/"), "{}")).await.rest().await;
    assert_eq!(answer.code(), "method_not_allowed");
    assert_eq!(answer.headers["allow"], "GET, HEAD");
}

#[tokio::test]
async fn the_original_apps_path_is_the_same_handler() {
    let app = TestApp::start().await;
    app.upstream.always(Reply::sse(sse(&[&harness::upstream::chunk("Hi"), &finish("stop")])));
    let answer = begin(post(&app.direct_url("/chat/stream"), &question("Hi"))).await.rest().await;
    assert_eq!(answer.content(), "Hi");
}

#[tokio::test]
async fn the_ping_is_fast_quiet_and_open_to_all() {
    let app = TestApp::with(&[
        ("RUNNING_IN_PRODUCTION", "true"),
        ("AZURE_CLIENT_ID", "c"),
        ("ALLOWED_ORIGINS", "https://page.example"),
    ])
    .await;
    let logged = app.host.log().len();
    for _ in 0..20 {
        let response =
            client().get(app.direct_url("/")).header("origin", "https://other.example").send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(app.host.log().len(), logged, "pings are not logged");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_timeout() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let app = TestApp::with(&[("REQUEST_TIMEOUT", "200ms")]).await;
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", app.host.handler_port())).await.unwrap();
    let head =
        "POST /api/chat/stream HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(crate::support::app::SOON, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains(r#""code":"request_timeout""#), "{answer}");
}
