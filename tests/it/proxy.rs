//! `HTTPS_PROXY` and `NO_PROXY`: a proxy carries what goes to the model's service, and nothing else.

use std::sync::{Arc, Mutex};

use harness::identity::IdentityEndpoint;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::app::TestApp;

/// The head of a request for a tunnel, and the first bytes inside.
type Tunnel = (String, Vec<u8>);

/// A proxy that opens every tunnel, and what it saw.
struct Proxy {
    url: String,
    seen: Arc<Mutex<Vec<Tunnel>>>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://user:pass@{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Tunnel>>> = Arc::default();
        let told = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(socket.read_u8().await.unwrap());
                }
                socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut inside = vec![0; 4096];
                let length = socket.read(&mut inside).await.unwrap();
                inside.truncate(length);
                told.lock().unwrap().push((String::from_utf8(head).unwrap(), inside));
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<Tunnel> {
        self.seen.lock().unwrap().clone()
    }
}

/// An app in production whose model is at a name that nobody has.
async fn start(settings: &[(&str, &str)]) -> (TestApp, IdentityEndpoint) {
    let identity = IdentityEndpoint::start().await;
    let (identity_endpoint, secret) = (identity.endpoint_url(), identity.secret().to_owned());
    let plain = [
        ("RUNNING_IN_PRODUCTION", "true"),
        ("ALLOW_ANONYMOUS", "true"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("IDENTITY_ENDPOINT", identity_endpoint.as_str()),
        ("IDENTITY_HEADER", secret.as_str()),
        ("AZURE_INFERENCE_ENDPOINT", "https://model.invalid"),
        ("MAX_RETRIES", "0"),
        ("CONNECT_TIMEOUT", "3s"),
    ];
    (TestApp::with(&[&plain, settings].concat()).await, identity)
}

#[tokio::test]
async fn the_models_service_is_reached_through_the_proxy_and_nothing_else_is() {
    let proxy = Proxy::start().await;
    let all = "http://127.0.0.1:9";
    let (app, identity) = start(&[("HTTPS_PROXY", &proxy.url), ("ALL_PROXY", all), ("HTTP_PROXY", &proxy.url)]).await;
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_error"), "the tunnel leads nowhere");
    assert_eq!(identity.calls().len(), 1, "the identity endpoint is asked directly");
    let seen = proxy.seen();
    assert_eq!(seen.len(), 2, "one ahead of need, one for the question");
    for (head, inside) in &seen {
        assert!(head.starts_with("CONNECT model.invalid:443 HTTP/1.1\r\n"), "{head}");
        assert!(head.to_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz"), "{head}");
        assert!(!head.contains("token-") && !head.to_lowercase().contains("\r\nauthorization"), "{head}");
        assert_eq!(inside[0], 22, "the first byte of a TLS handshake");
    }
    assert!(app.log_with("user:pass").is_empty());
}

#[tokio::test]
async fn what_no_proxy_names_is_reached_directly() {
    for except in ["model.invalid", ".invalid", "*.invalid", "*", "x.example, MODEL.invalid:443"] {
        let proxy = Proxy::start().await;
        let (app, _identity) = start(&[("https_proxy", &proxy.url), ("NO_PROXY", except)]).await;
        let code = app.ask("Hi").await.code();
        assert!(matches!(code.as_str(), "upstream_error" | "upstream_timeout"), "{code}");
        assert_eq!(proxy.seen().len(), 0, "{except}");
    }
}

#[tokio::test]
async fn loopback_is_never_reached_through_a_proxy() {
    let proxy = Proxy::start().await;
    let app =
        TestApp::with(&[("HTTPS_PROXY", &proxy.url), ("HTTP_PROXY", &proxy.url), ("ALL_PROXY", &proxy.url)]).await;
    app.upstream.always(harness::upstream::Reply::sse(harness::upstream::sse(&[
        &harness::upstream::chunk("Hi"),
        &harness::upstream::finish("stop"),
    ])));
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    assert!(proxy.seen().is_empty());
}
