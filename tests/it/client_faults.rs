//! Clients that leave, do not read, do not write, or write strange things. Past the host: it would shield the program.

use std::time::{Duration, Instant};

use harness::upstream::{Ending, Reply, Split, chunk, finish, sse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::app::{SOON, TestApp};
use crate::support::client::{begin, client, post, question};

async fn connect(app: &TestApp) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", app.host.handler_port())).await.unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

fn request(text: &str) -> String {
    let body = question(text);
    format!(
        "POST /api/chat/stream HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn read_all(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(SOON, socket.read_to_end(&mut answer)).await.expect("the connection stays open");
    drop(read); // a reset ends it as well
    String::from_utf8_lossy(&answer).into_owned()
}

fn slow_answer() -> Reply {
    let events: Vec<String> = (0..200).map(|at| chunk(&format!("word {at} "))).collect();
    Reply::sse(sse(&events.iter().map(String::as_str).collect::<Vec<_>>()))
        .split(Split::Events)
        .pace(Duration::from_millis(3))
}

#[tokio::test]
async fn a_thousand_readers_leave_at_random_and_upstream_knows_within_50_ms() {
    let app = TestApp::with(&[("RUST_LOG", "warn")]).await;
    app.upstream.always(slow_answer());
    let mut random = fastrand::Rng::with_seed(20_261_123);
    let mut delays = Vec::new();
    for _ in 0..1000 {
        let mut socket = connect(&app).await;
        socket.write_all(request("Hi").as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_micros(random.u64(0..20_000))).await;
        let before = app.upstream.aborted();
        drop(socket);
        let left = Instant::now();
        // A reader may leave before the program has asked upstream; then there is nothing to close.
        if app.upstream.wait_for(|counts| counts.open == 0, SOON).await && app.upstream.aborted() > before {
            delays.push(left.elapsed());
        }
    }
    assert!(delays.len() > 500, "only {} left while an answer was open", delays.len());
    delays.sort_unstable();
    let (median, worst_of_99) = (delays[delays.len() / 2], delays[delays.len() * 99 / 100]);
    assert!(worst_of_99 < Duration::from_millis(50), "median {median:?}, 99 % within {worst_of_99:?}");
    assert!(app.upstream.wait_for(|counts| counts.open == 0, SOON).await, "none is left open");
}

#[tokio::test]
async fn a_reader_that_closes_its_sending_side_counts_as_gone() {
    let app = TestApp::start().await;
    app.upstream.always(Reply::silent());
    let mut socket = connect(&app).await;
    socket.write_all(request("Hi").as_bytes()).await.unwrap();
    assert!(app.upstream.wait_for(|counts| counts.open == 1, SOON).await);
    socket.shutdown().await.unwrap();
    assert!(app.upstream.wait_for(|counts| counts.open == 0, Duration::from_secs(1)).await);
}

#[tokio::test]
async fn a_silent_reader_is_dropped_in_bounded_memory_and_its_neighbours_do_not_notice() {
    let app = TestApp::with(&[("WRITE_TIMEOUT", "500ms")]).await;
    let flood = format!("data: {}\n\n", chunk(&"x".repeat(8000))).repeat(20_000);
    app.upstream.then(Reply::sse(flood).ending(Ending::Hang));
    let mut silent = connect(&app).await;
    silent.write_all(request("flood me").as_bytes()).await.unwrap();
    assert!(app.upstream.wait_for(|counts| counts.open == 1, SOON).await);

    app.upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    let resident = resident_kib(&app);
    let begun = Instant::now();
    while app.upstream.open() > 0 {
        assert!(begun.elapsed() < SOON, "the silent reader is kept");
        let asked = Instant::now();
        let answer = begin(post(&app.direct_url("/api/chat/stream"), &question("Hi"))).await.rest().await;
        assert_eq!(answer.content(), "Hi");
        // Far above what it takes on a busy machine, far below what a stalled program would.
        assert!(asked.elapsed() < Duration::from_secs(3), "a neighbour waits");
        let grown = resident_kib(&app).saturating_sub(resident);
        assert!(grown < 16 * 1024, "160 MB are on offer, {grown} KiB were taken in");
    }
    assert!(begun.elapsed() >= Duration::from_millis(300), "not before it was given its time");
    assert_eq!(app.upstream.aborted(), 1, "its upstream request is closed");
}

/// Resident memory of the program.
fn resident_kib(app: &TestApp) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.host.handler_pid().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_slow_reader_slows_upstream_and_gets_everything() {
    let app = TestApp::with(&[("WRITE_TIMEOUT", "2s")]).await;
    let words: String = (0..3000).map(|at| format!("{at} ")).collect();
    let events: Vec<String> =
        words.split_inclusive(' ').map(|word| chunk(&format!("{word}{}", "·".repeat(1500)))).collect();
    let events: Vec<&str> = events.iter().map(String::as_str).chain([finish("stop").leak() as &str]).collect();
    app.upstream.always(Reply::sse(sse(&events)));
    let mut socket = connect(&app).await;
    socket.write_all(request("Hi").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(app.upstream.open(), 1, "upstream waits for the reader");
    let mut answer = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    while !answer.ends_with(b"0\r\n\r\n") {
        let taken = tokio::time::timeout(SOON, socket.read(&mut buffer)).await.unwrap().unwrap();
        assert_ne!(taken, 0, "the answer was cut");
        answer.extend_from_slice(&buffer[..taken]);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let answer = String::from_utf8_lossy(&answer);
    for at in [0, 1, 1499, 2998, 2999] {
        assert!(answer.contains(&format!("\"{at} ·")), "word {at} is lost");
    }
    assert!(answer.contains("{\"done\""));
}

#[tokio::test]
async fn slow_senders_have_their_limits() {
    let app = TestApp::with(&[("REQUEST_TIMEOUT", "300ms")]).await;
    let mut head = connect(&app).await;
    head.write_all(b"POST /api/chat/stream HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let begun = Instant::now();
    assert_eq!(read_all(&mut head).await, "", "a head that does not end gets no answer");
    assert!(begun.elapsed() < Duration::from_secs(3));

    let mut body = connect(&app).await;
    let dribble = async {
        body.write_all(b"POST /api/chat/stream HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            if body.write_all(b"{").await.is_err() {
                break;
            }
        }
        read_all(&mut body).await
    };
    let answer = dribble.await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("REQUEST_TIMEOUT"));
}

#[tokio::test]
async fn odd_but_lawful_requests_work() {
    let app = TestApp::start().await;
    app.upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    let body = question("Hi");
    let length = body.len();
    let chunked: String = body
        .as_bytes()
        .chunks(7)
        .map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece)))
        .collect();
    for (name, request) in [
        (
            "HTTP/1.0",
            format!(
                "POST /api/chat/stream HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "chunked",
            format!(
                "POST /api/chat/stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{chunked}0\r\n\r\n"
            ),
        ),
        (
            "expect",
            format!(
                "POST /api/chat/stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "pipelined",
            format!(
                "GET / HTTP/1.1\r\nhost: x\r\n\r\nPOST /api/chat/stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
        ),
    ] {
        let mut socket = connect(&app).await;
        socket.write_all(request.as_bytes()).await.unwrap();
        let answer = read_all(&mut socket).await;
        assert!(answer.contains("\"content\":\"Hi\"") && answer.contains("{\"done\""), "{name}: {answer}");
    }
}

#[tokio::test]
async fn unlawful_requests_are_refused_and_nothing_hangs() {
    let app = TestApp::start().await;
    let invalid = Some((400, "invalid_request"));
    let too_large = Some((431, "request_too_large"));
    for (name, request, refusal) in [
        ("no HTTP", "hello\r\n\r\n".to_owned(), invalid),
        // All of it is read, so that the refusal is not lost in a reset.
        ("a huge head", format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}", "x".repeat((64 << 10) - 28)), too_large),
        ("many headers", format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(101)), too_large),
        ("another protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), None),
        ("a bad length", "POST /api/chat/stream HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_owned(), invalid),
        ("two lengths", "POST /api/chat/stream HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx".to_owned(), invalid),
        ("a bad chunk", "POST /api/chat/stream HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned(), invalid),
    ] {
        let mut socket = connect(&app).await;
        // The program may close before all is written.
        let _ = socket.write_all(request.as_bytes()).await;
        let answer = read_all(&mut socket).await;
        let Some((status, code)) = refusal else {
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{name}: {answer:.100}");
            continue;
        };
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer:.100}");
        let body: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!((&body["code"], &body["retryable"]), (&code.into(), &false.into()), "{name}");
        assert!(answer.contains(body["request_id"].as_str().unwrap()) && body["error"].is_string(), "{name}");
    }
    // As many as are allowed are no fault.
    let mut socket = connect(&app).await;
    let allowed = format!("GET / HTTP/1.1\r\nconnection: close\r\n{}\r\n", "x: y\r\n".repeat(99));
    socket.write_all(allowed.as_bytes()).await.unwrap();
    assert!(read_all(&mut socket).await.starts_with("HTTP/1.1 200 "));
    assert!(app.upstream.requests().is_empty());
}

/// Refusals of bodies as large as the host lets through: they arrive, and the program keeps nothing of what comes.
#[tokio::test]
async fn a_refusal_reaches_those_who_send_a_hundred_megabytes() {
    let app = TestApp::start().await;
    let production = [("RUNNING_IN_PRODUCTION", "true"), ("AZURE_CLIENT_ID", "c"), ("WEBSITE_AUTH_ENABLED", "true")];
    let guarded = TestApp::with(&production).await;
    for (app, content_type, code) in [
        (&app, "application/json", "request_too_large"),
        (&app, "text/plain", "unsupported_media_type"),
        (&guarded, "application/json", "unauthenticated"),
    ] {
        let resident = resident_kib(app);
        let pieces = std::iter::repeat_n("x".repeat(64 << 10), 1600).map(Ok::<_, std::convert::Infallible>);
        let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
        let url = app.direct_url("/api/chat/stream");
        let request = client().post(url).header("content-type", content_type).body(body);
        let answer = begin(request).await.rest().await;
        assert_eq!(answer.code(), code);
        let grown = resident_kib(app).saturating_sub(resident);
        assert!(grown < 16 * 1024, "100 MB came, {grown} KiB were kept");
    }
}

#[tokio::test]
async fn strange_text_is_carried_and_strange_json_refused() {
    let app = TestApp::start().await;
    app.upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    let strange = "nul \0, bell \u{7}, bidi \u{202E}, line \u{2028}, emoji \u{1F600}, \"quotes\", \\, <think>";
    assert_eq!(app.ask(strange).await.content(), "Hi");
    let sent = app.upstream.requests().pop().unwrap().json().unwrap();
    assert_eq!(sent["messages"][1]["content"], strange);
    assert_eq!(app.send(r#"{"messages":[{"role":"user","content":"half \udc00"}]}"#).await.content(), "Hi");
    let sent = app.upstream.requests().pop().unwrap().json().unwrap();
    assert_eq!(sent["messages"][1]["content"], "half \u{FFFD}", "half a character");
    for (body, says) in [
        (r#"{"messages":[{"role":"user","content":"a","content":"b"}]}"#, "one role and one content"),
        (r#"{"messages":[{"role":"user","role":"system","content":"a"}]}"#, "one role and one content"),
        (r#"{"messages":[],"messages":[{"role":"user","content":"a"}]}"#, "JSON object"),
        ("{\"messages\":[{\"role\":\"user\",\"content\":\"a\u{1}\"}]}", "JSON"),
        ("\u{FEFF}{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", "byte order mark"),
    ] {
        let answer = app.send(body).await;
        assert_eq!(answer.code(), "invalid_request", "{body}");
        assert!(answer.text().contains(says), "{body}: {}", answer.text());
    }
    let gzip = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0];
    let answer = begin(post(&app.url(), "").body(gzip.to_vec())).await.rest().await;
    assert_eq!((answer.code().as_str(), answer.text().contains("compressed")), ("invalid_request", true));
    let answer = begin(post(&app.url(), "").body(gzip.to_vec()).header("content-encoding", "gzip")).await.rest().await;
    assert_eq!((answer.code().as_str(), answer.text().contains("Content-Encoding")), ("unsupported_media_type", true));
    let deep = format!("{{\"messages\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(app.send(&deep).await.code(), "invalid_request");
    let not_utf8 = post(&app.url(), "").body(b"{\"messages\":[{\"role\":\"user\",\"content\":\"\xFF\"}]}".to_vec());
    assert_eq!(begin(not_utf8).await.rest().await.code(), "invalid_request");
    app.assert_quiet();
}
