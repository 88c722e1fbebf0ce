//! A reader who leaves is not paid for.

use std::time::Duration;

use harness::upstream::{Reply, Split, chunk, finish, sse};

use crate::support::app::{SOON, TestApp};
use crate::support::client::{begin, post, question};

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_closes_the_upstream_request() {
    let app = TestApp::start().await;
    app.upstream.always(Reply::silent());
    let asking = tokio::spawn(begin(post(&app.url(), &question("Hi"))));
    assert!(app.upstream.wait_for(|counts| counts.open == 1, SOON).await);
    asking.abort();
    assert!(app.upstream.wait_for(|counts| counts.open == 0 && counts.aborted == 1, Duration::from_secs(1)).await);
    assert!(app.wait_for_log("client_left").await);
}

#[tokio::test]
async fn a_client_that_leaves_during_the_answer_closes_the_upstream_request_while_upstream_is_silent() {
    let app = TestApp::start().await;
    let (reply, gate) = Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])).split(Split::Events).gated();
    app.upstream.always(reply);
    gate.open_next();
    let mut reading = app.begin("Hi").await;
    reading.line().await.unwrap();
    reading.line().await.unwrap();
    drop(reading);
    assert!(app.upstream.wait_for(|counts| counts.open == 0 && counts.aborted == 1, Duration::from_secs(1)).await);
    assert!(app.wait_for_log("client_left").await);
    assert_eq!(app.log_with("chat turn").len(), 1, "one line a turn");
}

#[tokio::test]
async fn after_done_upstream_is_read_on_for_a_second_at_most() {
    let app = TestApp::start().await;
    app.upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])).ending(harness::upstream::Ending::Hang));
    let answer = app.ask("Hi").await;
    assert_eq!(answer.last()["done"]["finish_reason"], "stop");
    // A server that ends a moment later keeps its connection; this one never does.
    assert!(app.upstream.wait_for(|counts| counts.open == 0, Duration::from_secs(3)).await);
}

/// Some servers send the end of a body as a packet of its own, a moment after `[DONE]`.
#[tokio::test]
async fn a_hundred_turns_share_a_connection() {
    let app = TestApp::start().await;
    let mut bytes = sse(&[&chunk("Hi"), &finish("stop")]);
    bytes.extend_from_slice(b": bye\n\n");
    let reply = Reply::sse(bytes).chunked().split(harness::upstream::Split::Events).pace(Duration::from_millis(5));
    app.upstream.always(reply);
    for turn in 0..100 {
        assert!(app.ask("Hi").await.last()["done"].is_object(), "turn {turn}");
        // The next question comes once the last answer's connection is free again.
        assert!(app.upstream.wait_for(|counts| counts.open == 0, SOON).await);
    }
    // A question may overtake the end of the answer before it, which upstream has sent and the program not read yet.
    assert!(app.upstream.connections() <= 3, "{}", app.upstream.connections());
}
