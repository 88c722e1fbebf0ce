//! Upstream's rarer faults: connections that fail, bytes that dribble, statuses that are worth another try and those
//! that are not. The plain ones are in `errors`.

use std::time::{Duration, Instant};

use harness::identity::IdentityEndpoint;
use harness::upstream::{Ending, Reply, Split, chunk, finish, sse, thought};

use crate::support::app::TestApp;

fn good() -> Reply {
    Reply::sse(sse(&[&thought("hmm"), &chunk("Hi"), &finish("stop")]))
}

fn event(payload: &str) -> String {
    format!("data: {payload}\n\n")
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_and_then_told() {
    let app = TestApp::with(&[("AZURE_INFERENCE_ENDPOINT", "http://127.0.0.1:9/v1"), ("MAX_RETRIES", "1")]).await;
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_error"));
    assert!(!answer.text().contains("127.0.0.1"), "no address for strangers");
    assert!(app.wait_for_log("asking upstream again").await);
    assert_eq!(app.log_with("asking upstream again").len(), 1);
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_a_timeout_that_is_not_tried_again() {
    // A listener whose backlog is full lets further connections hang.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    for _ in 0..8 {
        let connecting = tokio::net::TcpStream::connect(address);
        held.push(tokio::time::timeout(Duration::from_millis(100), connecting).await);
    }
    assert!(held.last().unwrap().is_err(), "the backlog is full");
    let endpoint = format!("http://{address}/v1");
    let app = TestApp::with(&[("AZURE_INFERENCE_ENDPOINT", &endpoint), ("CONNECT_TIMEOUT", "300ms")]).await;
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "upstream_timeout"));
    assert!(answer.text().contains("CONNECT_TIMEOUT"));
    assert!(app.log_with("asking upstream again").is_empty());
}

/// An app in production whose endpoint is this; tokens come from a stand-in.
async fn in_production(endpoint: &str) -> (TestApp, IdentityEndpoint) {
    let identity = IdentityEndpoint::start().await;
    let (identity_endpoint, secret) = (identity.endpoint_url(), identity.secret().to_owned());
    let app = TestApp::with(&[
        ("RUNNING_IN_PRODUCTION", "true"),
        ("ALLOW_ANONYMOUS", "true"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("IDENTITY_ENDPOINT", &identity_endpoint),
        ("IDENTITY_HEADER", &secret),
        ("AZURE_INFERENCE_ENDPOINT", endpoint),
        ("MAX_RETRIES", "0"),
        ("CONNECT_TIMEOUT", "3s"),
    ])
    .await;
    (app, identity)
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_never_sees_the_token() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (app, _identity) = in_production(&format!("https://{}", plain.local_addr().unwrap())).await;
    let serve = async || {
        let (mut socket, _) = plain.accept().await.unwrap();
        let mut hello = vec![0; 4096];
        let taken = socket.read(&mut hello).await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        hello.truncate(taken);
        hello
    };
    // The connection ahead of need, and the question's.
    let hellos = async { [serve().await, serve().await] };
    let (answer, hellos) = tokio::join!(app.ask("Hi"), hellos);
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_error"));
    for hello in hellos {
        assert_eq!(hello[0], 22, "the first byte of a TLS handshake");
        assert!(!String::from_utf8_lossy(&hello).contains("token-"));
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist() {
    let (app, _identity) = in_production("https://no-such-host.invalid").await;
    let answer = app.ask("Hi").await;
    // Where the machine's resolver itself does not answer, the connection's clock is first.
    assert!(matches!(answer.code().as_str(), "upstream_error" | "upstream_timeout"), "{}", answer.code());
    assert!(!answer.lines.concat().contains("no-such-host"));
}

#[tokio::test]
async fn statuses_that_another_try_may_mend_and_those_it_may_not() {
    let app = TestApp::start().await;
    app.upstream.always(good());
    for (status, tries) in [(408, 3), (409, 3), (429, 3), (500, 3), (502, 3), (503, 3), (504, 3)] {
        let before = app.upstream.requests().len();
        for _ in 0..tries - 1 {
            app.upstream.then(Reply::status(status).header("retry-after-ms", "1"));
        }
        assert_eq!(app.ask("Hi").await.content(), "Hi", "{status}");
        assert_eq!(app.upstream.requests().len() - before, tries, "{status}");
    }
    for (status, code) in [
        (400, "upstream_rejected"),
        (403, "upstream_auth"),
        (404, "upstream_misconfigured"),
        (422, "upstream_rejected"),
    ] {
        let before = app.upstream.requests().len();
        app.upstream.then(Reply::status(status));
        assert_eq!(app.ask("Hi").await.code(), code, "{status}");
        assert_eq!(app.upstream.requests().len() - before, 1, "{status}");
    }
    for (status, code) in
        [(408, "upstream_error"), (409, "upstream_error"), (413, "context_length_exceeded"), (204, "upstream_protocol")]
    {
        for _ in 0..3 {
            app.upstream.then(Reply::status(status).header("retry-after-ms", "1"));
        }
        assert_eq!(app.ask("Hi").await.code(), code, "{status} at last");
        while app.upstream.requests().len() % 3 != 0 {
            app.ask("use up what is queued").await;
        }
    }
}

#[tokio::test]
async fn pauses_without_a_wish_of_upstreams_grow() {
    let app = TestApp::start().await;
    app.upstream.always(good());
    app.upstream.then(Reply::status(503));
    app.upstream.then(Reply::status(503));
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    let at: Vec<_> = app.upstream.requests().iter().map(|request| request.at).collect();
    let (first, second) = (at[1] - at[0], at[2] - at[1]);
    let within = |pause: Duration, ms: u64| {
        pause >= Duration::from_millis(ms * 3 / 4) && pause < Duration::from_millis(ms + 400)
    };
    assert!(within(first, 500), "{first:?}");
    assert!(within(second, 1000), "{second:?}");
}

#[tokio::test]
async fn after_the_first_line_nothing_is_tried_again() {
    let app = TestApp::with(&[("HEARTBEAT_INTERVAL", "100ms"), ("MAX_RETRIES", "0")]).await;
    app.upstream.then(Reply::sse(event(&chunk("Hi"))).ending(Ending::Reset));
    assert_eq!(app.ask("Hi").await.code(), "upstream_error");
    assert_eq!(app.upstream.requests().len(), 1);

    // The start line was sent while upstream was silent; its refusal comes too late for a status.
    app.upstream.then(Reply::status(500).first_after(Duration::from_millis(400)));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "upstream_error"));
}

#[tokio::test]
async fn headers_at_once_and_no_event_is_a_timeout_that_is_not_tried_again() {
    let app = TestApp::with(&[("FIRST_EVENT_TIMEOUT", "200ms")]).await;
    for reply in [
        Reply::sse(": keep-alive\n\n".repeat(100))
            .split(Split::Every(14))
            .pace(Duration::from_millis(20))
            .ending(Ending::Hang),
        Reply::sse("").headers_then(Duration::from_secs(5)),
    ] {
        let before = app.upstream.requests().len();
        app.upstream.always(reply);
        let answer = app.ask("Hi").await;
        assert_eq!((answer.status, answer.code().as_str()), (504, "upstream_timeout"));
        assert!(answer.text().contains("FIRST_EVENT_TIMEOUT"));
        assert_eq!(app.upstream.requests().len() - before, 1);
    }
    assert!(app.upstream.wait_for(|counts| counts.open == 0, Duration::from_secs(1)).await);
}

#[tokio::test]
async fn the_whole_answers_limit_once_for_real() {
    let app = TestApp::with(&[("ANSWER_TIMEOUT", "500ms")]).await;
    let endless = event(&chunk("x")).repeat(1000);
    app.upstream.always(Reply::sse(endless).split(Split::Events).pace(Duration::from_millis(10)));
    let begun = Instant::now();
    let answer = app.ask("Hi").await;
    assert_eq!(answer.code(), "upstream_timeout");
    assert!(answer.text().contains("ANSWER_TIMEOUT"));
    assert!(begun.elapsed() >= Duration::from_millis(500) && begun.elapsed() < Duration::from_secs(3));
    assert!(app.upstream.wait_for(|counts| counts.open == 0, Duration::from_secs(1)).await);
}

#[tokio::test]
async fn one_byte_at_a_time_is_a_good_answer() {
    let app = TestApp::start().await;
    let body = format!(
        "\u{FEFF}: hello\r\n\r\n{}",
        String::from_utf8(sse(&[&thought("hm — m"), &chunk("Hé"), &finish("stop")])).unwrap()
    );
    app.upstream.always(Reply::sse(body).split(Split::Every(1)));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.reasoning().as_str(), answer.content().as_str()), ("hm — m", "Hé"));
}

#[tokio::test]
async fn an_event_that_never_ends_is_cut_at_the_bound() {
    let app = TestApp::with(&[("MAX_EVENT_BYTES", "10000")]).await;
    for endless in [format!("data: {}", "x".repeat(200_000)), "data: x\n".repeat(50_000), "x".repeat(200_000)] {
        app.upstream
            .always(Reply::sse([event(&chunk("Hi")).as_bytes(), endless.as_bytes()].concat()).ending(Ending::Hang));
        let answer = app.ask("Hi").await;
        assert_eq!((answer.status, answer.code().as_str()), (200, "upstream_protocol"));
        assert!(app.log_with("MAX_EVENT_BYTES").len() <= 3);
        assert!(app.upstream.wait_for(|counts| counts.open == 0, Duration::from_secs(1)).await);
    }
}

#[tokio::test]
async fn a_compressed_answer_is_refused_and_never_passed_on() {
    let app = TestApp::start().await;
    for encoding in ["gzip", "br", "deflate"] {
        app.upstream.always(good().header("content-encoding", encoding));
        let answer = app.ask("Hi").await;
        assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_protocol"), "{encoding}");
    }
    app.upstream.always(good().header("content-encoding", "identity"));
    assert_eq!(app.ask("Hi").await.content(), "Hi");
    assert_eq!(app.upstream.requests()[0].header("accept-encoding"), None, "and none is asked for");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = harness::upstream::Upstream::start().await;
    elsewhere.always(good());
    let app = TestApp::start().await;
    for status in [301, 302, 307, 308] {
        let location = format!("{}/openai/v1/chat/completions", elsewhere.url());
        app.upstream.always(Reply::status(status).header("location", &location));
        assert_eq!(app.ask("Hi").await.code(), "upstream_protocol", "{status}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn what_is_no_http_is_told() {
    let app = TestApp::with(&[("MAX_RETRIES", "0")]).await;
    for raw in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "HTTP/1.1 999999 \r\n\r\n"] {
        app.upstream.always(Reply::raw(raw));
        assert_eq!(app.ask("Hi").await.code(), "upstream_error", "{raw}");
    }
}

#[tokio::test]
async fn content_filters_say_their_word_in_every_place() {
    let app = TestApp::start().await;
    let refused = r#"{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":false},"jailbreak":{"filtered":true,"detected":true},"violence":{"filtered":true,"severity":"high"}}}}}"#;
    app.upstream.always(Reply::status(400).body(refused));
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "content_filter"));
    assert_eq!(answer.last()["categories"], serde_json::json!(["jailbreak", "violence"]));

    let verdict = r#"{"choices":[{"index":0,"finish_reason":null,"content_filter_results":{"violence":{"filtered":true}},"content_filter_offsets":{"check_offset":1}}]}"#;
    let unavailable = r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"content_filter_results":{"error":{"code":"content_filter_error","message":"The contents are not filtered"}}}]}"#;
    for (events, reason) in [
        (vec![chunk("Hi"), finish("content_filter")], "content_filter"),
        (vec![chunk("Hi"), finish("stop"), verdict.to_owned()], "content_filter"),
        (vec![chunk("Hi"), verdict.to_owned(), finish("stop")], "content_filter"),
        (vec![unavailable.to_owned(), finish("stop")], "stop"),
    ] {
        app.upstream.always(Reply::sse(sse(&events.iter().map(String::as_str).collect::<Vec<_>>())));
        assert_eq!(app.ask("Hi").await.last()["done"]["finish_reason"], reason, "{events:?}");
    }
    app.upstream.always(Reply::sse(sse(&[&chunk("Hi"), r#"{"error":{"code":"content_filter"}}"#])));
    assert_eq!(app.ask("Hi").await.code(), "content_filter");
}

#[tokio::test]
async fn truncation_at_any_event_is_never_done() {
    let app = TestApp::start().await;
    let whole = String::from_utf8(sse(&[&thought("hmm"), &chunk("Hi"), &chunk(" there"), &finish("stop")])).unwrap();
    let finish_at = whole.find("\"finish_reason\":\"stop\"").unwrap();
    let finished = finish_at + whole[finish_at..].find("\n\n").unwrap() + 2;
    for at in (0..whole.len()).step_by(13) {
        app.upstream.always(Reply::sse(whole[..at].to_owned()));
        let answer = app.ask("Hi").await;
        let expected = if at >= finished { "" } else { "upstream_truncated" };
        assert_eq!(answer.code(), expected, "cut at {at}");
    }
}
