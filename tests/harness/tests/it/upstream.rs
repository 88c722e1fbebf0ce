//! The scripted upstream: what is written when, and what it notices.

use std::time::Duration;

use harness::upstream::{Ending, Reply, Split, Upstream, chunk, finish, sse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::{get, piece, post, soon, whole};
use crate::{NOT_YET, SOON};

#[tokio::test]
async fn events_come_piece_by_piece_at_their_pace() {
    let upstream = Upstream::start().await;
    let script = sse(&[&chunk("a"), &finish("stop")]);
    upstream.always(Reply::sse(script.clone()).split(Split::Events).pace(Duration::from_millis(60)));
    let begin = Instant::now();
    let mut answer = post(&format!("{}/v1/chat", upstream.url())).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut pieces = Vec::new();
    while let Some(piece) = piece(&mut answer).await.unwrap() {
        pieces.push(piece);
    }
    assert_eq!((pieces.len(), pieces.concat().into_bytes()), (3, script));
    assert!(begin.elapsed() >= Duration::from_millis(120));
    assert!(upstream.wait_for(|counts| counts.completed == 1 && counts.open == 0, SOON).await);
    let request = &upstream.requests()[0];
    assert_eq!((request.method.as_str(), request.path(), &request.body[..]), ("POST", "/v1/chat", &b"{}"[..]));
}

#[tokio::test]
async fn replies_come_in_order_and_then_for_ever() {
    let upstream = Upstream::start().await;
    upstream.then(Reply::status(429).header("retry-after", "1").body("slow down"));
    upstream.then(Reply::status(500));
    upstream.always(Reply::status(200).content_type("text/plain").body("ok"));
    assert_eq!(whole(get(&upstream.url()).await).await, (429, "slow down".to_owned()));
    assert_eq!(whole(get(&upstream.url()).await).await, (500, String::new()));
    assert_eq!(whole(get(&upstream.url()).await).await, (200, "ok".to_owned()));
    assert_eq!(whole(get(&upstream.url()).await).await, (200, "ok".to_owned()));
    assert_eq!((upstream.connections(), upstream.requests().len()), (4, 4));
}

#[tokio::test]
async fn a_gate_holds_each_piece_and_not_the_headers() {
    let upstream = Upstream::start().await;
    let (reply, gate) = Reply::sse("abc").split(Split::Every(1)).gated();
    upstream.always(reply);
    let mut answer = post(&upstream.url()).await;
    assert_eq!((answer.status().as_u16(), gate.sent()), (200, 0));
    assert!(timeout(NOT_YET, piece(&mut answer)).await.is_err());
    gate.open_next();
    assert_eq!(piece(&mut answer).await.unwrap().as_deref(), Some("a"));
    assert!(gate.wait_sent(1, SOON).await);
    assert_eq!(upstream.open(), 1);
    gate.open_all();
    let mut rest = String::new();
    while let Some(piece) = piece(&mut answer).await.unwrap() {
        rest.push_str(&piece);
    }
    assert_eq!((rest.as_str(), gate.sent()), ("bc", 3));
}

#[tokio::test]
async fn a_client_that_leaves_is_counted_while_the_script_is_silent() {
    let upstream = Upstream::start().await;
    let (gated, _gate) = Reply::sse("abc").gated();
    for silent in [gated, Reply::silent(), Reply::sse("abc").ending(Ending::Hang)] {
        upstream.then(silent);
        let mut stream = TcpStream::connect(upstream.address()).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(upstream.wait_for(|counts| counts.open == 1, SOON).await);
        let left = Instant::now();
        drop(stream);
        assert!(upstream.wait_for(|counts| counts.open == 0, SOON).await);
        let noticed = upstream.aborts().last().unwrap().duration_since(left);
        assert!(noticed < Duration::from_millis(250), "noticed after {noticed:?}");
    }
    assert_eq!((upstream.aborted(), upstream.completed()), (3, 0));
}

#[tokio::test]
async fn endings_differ() {
    let upstream = Upstream::start().await;
    let error_after_abc = async |reply: Reply| {
        upstream.then(reply);
        let mut answer = post(&upstream.url()).await;
        assert_eq!(piece(&mut answer).await.unwrap().as_deref(), Some("abc"));
        piece(&mut answer).await.map(drop).map_err(|error| format!("{error:?}"))
    };
    assert_eq!(error_after_abc(Reply::sse("abc")).await, Ok(()));
    assert!(error_after_abc(Reply::sse("abc").ending(Ending::Cut)).await.is_err());
    assert!(error_after_abc(Reply::status(200).body("abc").ending(Ending::Cut)).await.is_err());
    let reset = error_after_abc(Reply::sse("abc").ending(Ending::Reset)).await.unwrap_err();
    assert!(reset.contains("ConnectionReset"), "{reset}");
    assert!(upstream.wait_for(|counts| counts.completed == 4, SOON).await);
}

#[tokio::test]
async fn raw_bytes_refusals_and_kept_connections() {
    let upstream = Upstream::start().await;
    upstream.then(Reply::raw("anything at all"));
    upstream.then(Reply::refuse());
    let answer_to = async |request: &[u8]| {
        let mut stream = TcpStream::connect(upstream.address()).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        answer
    };
    assert_eq!(answer_to(b"GET / HTTP/1.1\r\n\r\n").await, "anything at all");
    assert_eq!(answer_to(b"GET / HTTP/1.1\r\n\r\n").await, "");
    upstream.always(Reply::status(200).body("x"));
    let two = b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_eq!(answer_to(two).await.matches("200 OK").count(), 2);
    assert_eq!((upstream.connections(), upstream.requests().len()), (3, 4));
}

#[tokio::test]
async fn waits_before_headers_and_before_the_body() {
    let upstream = Upstream::start().await;
    let wait = Duration::from_millis(80);
    upstream.always(Reply::sse("abc").first_after(wait).headers_then(wait));
    let begin = Instant::now();
    let mut answer = post(&upstream.url()).await;
    let headers_at = begin.elapsed();
    assert!(headers_at >= wait);
    assert_eq!(piece(&mut answer).await.unwrap().as_deref(), Some("abc"));
    assert!(begin.elapsed() >= 2 * wait);
}
