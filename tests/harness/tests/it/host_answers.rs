//! What a client sees of an answer: when it begins, how it flows, and how it breaks.

use std::time::Duration;

use harness::host::{Host, HostOptions, Level};
use tokio::time::timeout;

use crate::client::{get, piece, post, request, send, soon, whole};
use crate::staged::{control, exit, hosted, scene};
use crate::{NOT_YET, SOON};

fn said(host: &Host, text: &str) -> usize {
    host.log().iter().filter(|line| line.text.contains(text)).count()
}

#[tokio::test]
async fn status_and_headers_are_held_until_the_first_byte() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let url = host.url("api/play/scene?name=a");
    let mut call = tokio::spawn(async move { post(&url).await });
    assert!(timeout(NOT_YET, &mut call).await.is_err(), "headers came without a byte of the body");
    control(&host, "piece?name=a&text=1").await;
    let mut answer = soon(call).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["x-scene"].as_bytes()), (200, &b"a"[..]));
    assert_eq!(piece(&mut answer).await.unwrap().as_deref(), Some("1"));
    host.stop().await;
}

#[tokio::test]
async fn each_piece_arrives_before_the_next_is_produced() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let mut answer = scene(&host, "a").await;
    for text in ["second", "third"] {
        control(&host, &format!("piece?name=a&text={text}")).await;
        assert_eq!(piece(&mut answer).await.unwrap().as_deref(), Some(text));
    }
    control(&host, "piece?name=a&text=.").await;
    assert_eq!(piece(&mut answer).await.unwrap(), None);
    assert!(host.log().iter().all(|line| line.level != Level::Error), "{:?}", host.log());
    host.stop().await;
}

#[tokio::test]
async fn an_empty_answer_comes_with_its_end() {
    let (_app, host) = hosted(HostOptions::default()).await;
    control(&host, "piece?name=a&text=.").await;
    assert_eq!(whole(post(&host.url("api/play/scene?name=a")).await).await, (200, String::new()));
    host.stop().await;
}

#[tokio::test]
async fn a_death_before_the_first_byte_is_an_empty_500() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let url = host.url("api/play/silence");
    let mut call = tokio::spawn(async move { post(&url).await });
    assert!(timeout(NOT_YET, &mut call).await.is_err());
    exit(&host, 3).await;
    assert_eq!(whole(soon(call).await.unwrap()).await, (500, String::new()));
    host.stop().await;
}

#[tokio::test]
async fn a_death_after_the_first_byte_cuts_the_client_off() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let mut answer = scene(&host, "a").await;
    host.kill_handler().await;
    assert!(piece(&mut answer).await.is_err(), "the end looked like a proper one");
    assert!(host.wait_until(|host| said(host, "broke off") == 1, SOON).await);
    host.stop().await;
}

#[tokio::test]
async fn an_answer_that_breaks_cuts_the_client_off_and_leaves_the_others() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let mut broken = scene(&host, "a").await;
    let mut sound = scene(&host, "b").await;
    control(&host, "break?name=a").await;
    assert!(piece(&mut broken).await.is_err());
    control(&host, "piece?name=b&text=still").await;
    assert_eq!(piece(&mut sound).await.unwrap().as_deref(), Some("still"));
    host.stop().await;
}

#[tokio::test]
async fn silence_beyond_the_idle_limit_is_a_500_before_the_first_byte_and_a_cut_after_it() {
    let (_app, host) = hosted(HostOptions { idle_timeout: Duration::from_millis(400), ..HostOptions::default() }).await;
    let mut answer = scene(&host, "a").await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(250)).await; // activity for longer than the limit
        control(&host, "piece?name=a&text=more").await;
        assert_eq!(piece(&mut answer).await.unwrap().as_deref(), Some("more"));
    }
    assert!(piece(&mut answer).await.is_err());
    assert_eq!(control(&host, "gone?name=a").await, 200);
    assert_eq!(whole(post(&host.url("api/play/silence")).await).await, (500, String::new()));
    assert_eq!(host.handler_starts(), 1);
    host.stop().await;
}

#[tokio::test]
async fn a_client_that_stops_reading_slows_the_handler_and_is_cut_off_in_the_end() {
    let (_app, host) = hosted(HostOptions { idle_timeout: Duration::from_millis(400), ..HostOptions::default() }).await;
    let mut answer = post(&host.url("api/play/flood")).await;
    assert!(piece(&mut answer).await.unwrap().is_some());
    assert_eq!(control(&host, "gone?name=flood").await, 200);
    let flooded = get(&format!("http://127.0.0.1:{}/flooded", host.handler_port())).await;
    let pieces: usize = whole(flooded).await.1.parse().unwrap();
    assert!(pieces < 512, "{pieces} pieces of 64 KiB left the handler for a client that took one");
    host.stop().await;
}

#[tokio::test]
async fn an_answer_before_the_requests_end_passes_or_is_a_500() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let body: &'static str = Box::leak("x".repeat(8 * 1024 * 1024).into_boxed_str());
    let answer = send(request(http::Method::POST, &host.url("api/play/early"), body)).await;
    assert!(matches!(answer.status().as_u16(), 400 | 500));
    host.stop().await;
}

#[tokio::test]
async fn a_connection_outlives_the_limits_of_its_finished_calls() {
    use http_body_util::BodyExt;
    let limit = Duration::from_millis(200);
    let (_app, host) =
        hosted(HostOptions { idle_timeout: limit, function_timeout: Some(limit), ..HostOptions::default() }).await;
    let client: hyper_util::client::legacy::Client<_, http_body_util::Full<bytes::Bytes>> =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let uri: http::Uri = host.url("api/play/echo").parse().unwrap();
    client.get(uri.clone()).await.unwrap().into_body().collect().await.unwrap();
    assert!(
        !host.wait_until(|host| host.handler_starts() > 1, limit * 2).await,
        "an idle connection counted as a call"
    );
    assert_eq!(said(&host, "cut off"), 0);
    host.stop().await;
}

#[tokio::test]
async fn the_front_ends_limit_closes_the_clients_side() {
    let (_app, host) = hosted(HostOptions { front_idle_timeout: Some(NOT_YET), ..HostOptions::default() }).await;
    let mut answer = scene(&host, "a").await;
    assert!(piece(&mut answer).await.is_err());
    assert_eq!(control(&host, "gone?name=a").await, 200);
    host.stop().await;
}

#[tokio::test]
async fn function_timeout_kills_the_handler_and_every_stream_with_it() {
    let limit = Some(Duration::from_millis(700));
    let (_app, host) = hosted(HostOptions { function_timeout: limit, ..HostOptions::default() }).await;
    let mut late = scene(&host, "a").await;
    tokio::time::sleep(Duration::from_millis(300)).await; // so that only the first call is over its time
    let mut innocent = scene(&host, "b").await;
    assert!(piece(&mut late).await.is_err());
    assert!(piece(&mut innocent).await.is_err());
    assert!(host.wait_until(|host| host.handler_starts() == 2 && host.is_ready(), SOON).await);
    assert!(host.wait_until(|host| said(host, "broke off") == 1, SOON).await, "{:?}", host.log());
    assert_eq!(said(&host, "ran longer than functionTimeout"), 1);
    host.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_by_the_handler_at_once() {
    let (_app, host) = hosted(HostOptions::default()).await;
    drop(scene(&host, "a").await);
    assert_eq!(control(&host, "gone?name=a").await, 200);
    let url = host.url("api/play/scene?name=b");
    assert!(timeout(NOT_YET, post(&url)).await.is_err());
    assert_eq!(control(&host, "gone?name=b").await, 200, "left before the first byte");
    host.stop().await;
}

#[tokio::test]
async fn a_front_end_that_hides_the_leaving_reads_to_the_end() {
    let (_app, host) = hosted(HostOptions { hide_client_abort: true, ..HostOptions::default() }).await;
    drop(scene(&host, "a").await);
    assert!(host.wait_until(|host| said(host, "(499)") == 1, SOON).await);
    assert!(timeout(NOT_YET, control(&host, "gone?name=a")).await.is_err());
    control(&host, "piece?name=a&text=.").await;
    assert_eq!(control(&host, "gone?name=a").await, 200);
    let url = host.url("api/play/scene?name=b");
    assert!(timeout(NOT_YET, post(&url)).await.is_err());
    assert!(timeout(NOT_YET, control(&host, "gone?name=b")).await.is_err(), "left before the first byte");
    host.stop().await;
}
