//! The process: killed, overloaded, out of file descriptors, with a standard output that is blocked or closed, with a
//! fault of its own. Stopping in good order is in `local`.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use harness::upstream::{Reply, Split, Upstream, chunk, finish, sse};
use http_body_util::BodyExt as _;
use reasoning_chat::models::catalogue::Catalogue;
use reasoning_chat::report::telemetry::Telemetry;
use reasoning_chat::settings::Settings;
use reasoning_chat::token::TokenProviders;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tower::ServiceExt as _;

use crate::support::app::{SOON, TestApp};
use crate::support::client::{begin, client, post, question};

#[tokio::test]
async fn killed_it_loses_its_open_answers_and_nothing_else() {
    let app = TestApp::start().await;
    let (held, gate) = Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])).split(Split::Events).gated();
    app.upstream.then(held);
    app.upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    gate.open_next();
    let response = post(&app.url(), &question("Hi")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    app.host.kill_handler().await;
    let broken = tokio::time::timeout(SOON, response.text()).await.unwrap();
    assert!(broken.is_err(), "the connection is cut, not ended: {broken:?}");
    assert!(app.upstream.wait_for(|counts| counts.open == 0, Duration::from_secs(1)).await);
    // A request that comes before the host has noticed the death is lost with it; that is the host's, not the program's.
    assert!(app.host.wait_until(|host| host.handler_starts() == 2 && host.is_ready(), SOON).await);
    assert_eq!(app.ask("Hi").await.content(), "Hi", "the host has started it again");
}

#[tokio::test]
async fn overload_is_told_within_5_ms_and_nothing_is_queued() {
    let app = TestApp::with(&[("MAX_CONCURRENT_STREAMS", "1")]).await;
    let (held, gate) = Reply::sse(sse(&[&finish("stop")])).gated();
    app.upstream.always(held);
    let url = app.direct_url("/api/chat/stream");
    let first = tokio::spawn(begin(post(&url, &question("Hi"))));
    assert!(app.upstream.wait_for(|counts| counts.open == 1, SOON).await);

    let client = client();
    let mut waits = Vec::new();
    for _ in 0..200 {
        let request = client.post(&url).header("content-type", "application/json").body(question("Hi"));
        let asked = Instant::now();
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 503);
        let body = response.text().await.unwrap();
        waits.push(asked.elapsed());
        assert!(body.contains(r#""code":"overloaded""#), "{body}");
    }
    waits.sort_unstable();
    assert!(waits[waits.len() / 2] < Duration::from_millis(5), "median {:?}", waits[waits.len() / 2]);
    assert_eq!(app.upstream.requests().len(), 1, "none of them went upstream");
    gate.open_all();
    assert_eq!(first.await.unwrap().rest().await.code(), "");
    assert_eq!(begin(post(&url, &question("Hi"))).await.rest().await.code(), "");
}

#[tokio::test]
async fn arguments_are_answered_or_refused_and_start_no_server() {
    for (argument, code, says) in [
        ("--help", 0, "docs/settings.md"),
        ("-h", 0, "Usage:"),
        ("--version", 0, env!("CARGO_PKG_VERSION")),
        ("--api-key=canary", 64, "no argument \"--api-key\""),
        ("serve", 64, "no argument \"serve\""),
        ("", 64, "--help"),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_reasoning-chat"));
        let ended = program.arg(argument).env_clear().kill_on_drop(true).output();
        let ended = tokio::time::timeout(SOON, ended).await.expect("it does not serve").unwrap();
        assert_eq!(ended.status.code(), Some(code), "{argument}");
        let (told, silent) = if code == 0 { (ended.stdout, ended.stderr) } else { (ended.stderr, ended.stdout) };
        let told = String::from_utf8(told).unwrap();
        assert!(told.contains(says) && !told.contains("canary") && told.len() < 1024, "{told}");
        assert!(silent.is_empty());
    }
}

/// The program by itself, under a shell that sets its limits or its standard output.
async fn start_under(shell: &str, upstream: &Upstream) -> (tokio::process::Child, u16) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$PROGRAM\"")])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("PROGRAM", env!("CARGO_BIN_EXE_reasoning-chat"))
        .env("PORT", port.to_string())
        .env("AZURE_INFERENCE_ENDPOINT", format!("{}/v1", upstream.url()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let started = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(started.elapsed() < SOON && child.try_wait().unwrap().is_none(), "it does not start");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (child, port)
}

async fn ask(port: u16) -> String {
    begin(post(&format!("http://127.0.0.1:{port}/api/chat/stream"), &question("Hi"))).await.rest().await.content()
}

#[tokio::test]
async fn out_of_file_descriptors_it_waits_and_goes_on() {
    let upstream = Upstream::start().await;
    upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    let (mut child, port) = start_under("ulimit -n 40;", &upstream).await;
    assert_eq!(ask(port).await, "Hi");
    let mut held = Vec::new();
    for _ in 0..60 {
        held.push(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = async {
        while let Some(line) = log.next_line().await.unwrap() {
            if line.contains("no connection can be accepted") {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(SOON, told).await.unwrap());
    drop(held);
    assert_eq!(ask(port).await, "Hi");
    assert!(child.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn a_standard_output_that_is_blocked_or_closed_does_not_stop_the_streams() {
    let upstream = Upstream::start().await;
    upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    // A pipe holds 64 KiB and nobody reads it; every turn logs about 250 bytes.
    let (mut blocked, port) = start_under("RUST_LOG=trace", &upstream).await;
    let client = client();
    for _ in 0..1000 {
        let url = format!("http://127.0.0.1:{port}/api/chat/stream");
        let request = client.post(url).header("content-type", "application/json").body(question("Hi"));
        let text = tokio::time::timeout(SOON, async { request.send().await.unwrap().text().await.unwrap() }).await;
        assert!(text.expect("the stream waits for the log").contains("{\"done\""));
    }
    assert!(blocked.try_wait().unwrap().is_none());

    let (mut closed, port) = start_under("exec >&-;", &upstream).await;
    for _ in 0..10 {
        assert_eq!(ask(port).await, "Hi");
    }
    assert!(closed.try_wait().unwrap().is_none());
}

/// A panic cannot be provoked in the binary from outside, so this one is in the very routes that the binary serves.
#[tokio::test]
async fn a_panic_in_the_handler_is_internal_and_the_next_request_is_served() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let upstream = Upstream::start().await;
    upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    let settings = Settings::from_lookup(&|_| None).unwrap();
    let models = vec![settings.template.local("r1", "R1", &[("r1", upstream.address())], (&[], None))];
    let client = reasoning_chat::models::client::client(false, settings.clocks.connect).unwrap();
    let (_grace, grace_over) = tokio::sync::watch::channel(false);
    let (tokens, telemetry) = (TokenProviders::default(), Telemetry::off());
    let chat = Arc::new(reasoning_chat::chat::Chat {
        access: settings.access,
        limits: settings.request,
        clocks: settings.clocks,
        slots: reasoning_chat::inbound::slots::Slots::new(settings.streams),
        room: reasoning_chat::inbound::room::Room::default(),
        catalogue: Catalogue::new(models, &client, &tokens, &settings.clocks, &telemetry),
        telemetry,
        grace_over,
    });
    let app = reasoning_chat::app(chat, reasoning_chat::Offered::default());
    let request = |body: Body| {
        http::Request::post("/api/chat/stream").header("content-type", "application/json").body(body).unwrap()
    };

    let panicking = futures::stream::poll_fn(|_| -> std::task::Poll<Option<Result<String, std::io::Error>>> {
        panic!("on purpose")
    });
    let answer = app.clone().oneshot(request(Body::from_stream(panicking))).await.unwrap();
    assert_eq!(answer.status(), 500);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["code"], &body["retryable"]), (&"internal".into(), &false.into()));

    let answer = app.oneshot(request(Body::from(question("Hi")))).await.unwrap();
    let lines = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&lines).contains("{\"done\""));
}
