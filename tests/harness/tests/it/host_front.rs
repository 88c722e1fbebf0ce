//! The front door, the headers on both ways, and what an app must look like.

use bytes::Bytes;
use harness::host::{HostError, HostOptions};
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use crate::client::{get, json, post, request, send, soon, whole};
use crate::staged::{Staged, function_json, host_json, hosted};

fn with_headers(mut request: Request<Full<Bytes>>, headers: &[(&'static str, &'static str)]) -> Request<Full<Bytes>> {
    for (name, value) in headers {
        request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    request
}

#[tokio::test]
async fn a_request_passes_with_the_hosts_headers_on_it() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let url = host.url("api/play/echo?a=%2F+b&code=k");
    let sent = with_headers(
        request(Method::POST, &url, "12345"),
        &[
            ("authorization", "Bearer t"),
            ("x-functions-key", "k"),
            ("x-ms-client-principal-id", "spoofed"),
            ("traceparent", "00-1-2-00"),
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-prefix", "/p"),
            ("x-azure-functions-invocationid", "mine"),
            ("te", "trailers"),
            ("proxy-authorization", "p"),
        ],
    );
    let seen = json(send(sent).await).await;
    let header = |name: &str| seen["headers"][name].as_str().map(str::to_owned);
    assert_eq!(seen["target"], "/api/play/echo?a=%2F+b&code=k");
    assert_eq!(
        (&seen["method"], &seen["version"], &seen["body_bytes"]),
        (&json!("POST"), &json!("HTTP/1.1"), &json!(5))
    );
    assert_eq!(header("authorization").as_deref(), Some("Bearer t"));
    assert_eq!(header("x-functions-key").as_deref(), Some("k"));
    assert_eq!(header("x-ms-client-principal-id").as_deref(), Some("spoofed"));
    assert_eq!(header("traceparent").as_deref(), Some("00-1-2-00"));
    assert_eq!(header("content-length").as_deref(), Some("5"));
    assert_eq!(header("host"), Some(format!("127.0.0.1:{}", host.handler_port())));
    assert_eq!(header("x-forwarded-host"), Some(host.address().to_string()));
    assert_eq!(header("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(header("x-forwarded-proto").as_deref(), Some("http"));
    let id = header("x-azure-functions-invocationid").unwrap();
    assert!(id.len() == 36 && header("x-ms-invocation-id").as_deref() == Some(&id));
    for gone in ["forwarded", "x-forwarded-prefix", "te", "proxy-authorization"] {
        assert_eq!(header(gone), None, "{gone} passed");
    }
    let second = json(get(&host.url("api/play/echo")).await).await;
    assert_ne!(second["headers"]["x-ms-invocation-id"], json!(id));
    assert_eq!(second["headers"]["traceparent"].as_str().map(str::len), Some(55));
    host.stop().await;
}

#[tokio::test]
async fn an_answer_passes_whatever_its_status_without_the_headers_of_one_hop() {
    let (_app, host) = hosted(HostOptions::default()).await;
    for status in [200, 404, 503] {
        let answer = post(&host.url(&format!("api/play/status?code={status}"))).await;
        let headers = answer.headers().clone();
        assert_eq!(whole(answer).await, (status, "body".to_owned()));
        assert_eq!((&headers["x-kept"], &headers["content-length"]), (&"yes".parse().unwrap(), &"4".parse().unwrap()));
        assert!(!headers.contains_key("keep-alive") && !headers.contains_key("proxy-x"));
    }
    host.stop().await;
}

#[tokio::test]
async fn what_is_no_function_is_404_and_never_reaches_the_handler() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let put = request(Method::PUT, &host.url("api/play/echo"), "");
    assert_eq!(send(put).await.status(), 404, "a wrong method is no route");
    assert_eq!(post(&host.url("play/echo")).await.status(), 404, "the prefix is missing");
    assert_eq!(post(&host.url("control/exit")).await.status(), 404);
    assert_eq!(get(&host.url("")).await.status(), 200, "the host's own page; the handler says 418");
    host.stop().await;
}

#[tokio::test]
async fn preflights_are_answered_by_the_host() {
    let (_app, host) =
        hosted(HostOptions { cors: vec!["http://page.example".to_owned()], ..HostOptions::default() }).await;
    let asked = |origin: &'static str| {
        let asked = request(Method::OPTIONS, &host.url("api/play/echo"), "");
        let names = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        send(with_headers(asked, &names))
    };
    let admitted = asked("http://page.example").await;
    assert_eq!(
        (admitted.status().as_u16(), &admitted.headers()["access-control-allow-origin"]),
        (204, &"http://page.example".parse().unwrap())
    );
    assert_eq!(admitted.headers()["access-control-allow-headers"], "content-type");
    let other = asked("http://other.example").await;
    assert_eq!((other.status().as_u16(), other.headers().get("access-control-allow-origin")), (204, None));
    let call =
        with_headers(request(Method::POST, &host.url("api/play/echo"), ""), &[("origin", "http://page.example")]);
    assert_eq!(send(call).await.headers()["access-control-allow-origin"], "http://page.example");
    host.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_announced_or_not() {
    let env = vec![("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT".to_owned(), "4".to_owned())];
    let (_app, host) = hosted(HostOptions { env, ..HostOptions::default() }).await;
    let url = host.url("api/play/echo");
    assert_eq!(send(request(Method::POST, &url, "12345")).await.status(), 413);
    let pieces = ["123", "45"].map(|piece| Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from(piece))));
    let body = StreamBody::new(futures::stream::iter(pieces)).boxed();
    let chunked = Request::post(&url).body(body).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    assert_eq!(soon(client.request(chunked)).await.unwrap().status(), 413);
    assert_eq!(send(request(Method::POST, &url, "1234")).await.status(), 200);
    host.stop().await;
}

#[tokio::test]
async fn keys_are_checked_only_when_asked_for() {
    let (_app, host) = hosted(HostOptions { authorize: true, ..HostOptions::default() }).await;
    let url = host.url("api/play/echo");
    assert_eq!(post(&url).await.status(), 401);
    assert_eq!(post(&format!("{url}?code=wrong")).await.status(), 401);
    assert_eq!(post(&format!("{url}?a=b&code={}", host.function_key())).await.status(), 200);
    host.stop().await;
}

#[tokio::test]
async fn an_app_that_would_not_be_proxied_is_refused_with_the_reason() {
    let refused = async |app: &Staged| app.start(HostOptions::default()).await.err().unwrap().to_string();

    let app = Staged::new();
    let mut file = host_json();
    file["customHandler"]["enableProxyingHttpRequest"] = json!(false);
    app.write("host.json", &file);
    assert!(refused(&app).await.contains("JSON envelope"));

    let app = Staged::new();
    let mut file = function_json();
    file["bindings"].as_array_mut().unwrap().push(json!({ "type": "queue", "direction": "out", "name": "q" }));
    app.write("play/function.json", &file);
    assert!(refused(&app).await.contains("exactly one httpTrigger"));

    let app = Staged::new();
    std::fs::remove_dir_all(app.path().join("play")).unwrap();
    assert!(matches!(app.start(HostOptions::default()).await, Err(HostError::NoFunctions)));

    let app = Staged::new();
    let mut file = host_json();
    file["customHandler"]["description"]["defaultExecutablePath"] = json!("no-such-program");
    app.write("host.json", &file);
    assert!(matches!(app.start(HostOptions::default()).await, Err(HostError::Spawn { .. })));
    let name = "AzureFunctionsJobHost__customHandler__description__defaultExecutablePath".to_owned();
    let env = vec![(name, "%WHERE%/handler".to_owned()), ("WHERE".to_owned(), ".".to_owned())];
    app.start(HostOptions { env, ..HostOptions::default() }).await.unwrap().stop().await;
}
