//! A model that thinks for long survives the limits on silence in front of the program. Scaled: a second here is about
//! a quarter of an hour. (Ten minutes of silence, tick by tick, are in `turn`'s own tests.)

use std::time::Duration;

use harness::host::HostOptions;
use harness::upstream::{Reply, Split, chunk, finish, sse, thought};

use crate::support::app::TestApp;

/// 240 s and 230 s at a two-hundredth and below.
fn impatient() -> HostOptions {
    HostOptions {
        idle_timeout: Duration::from_millis(700),
        front_idle_timeout: Some(Duration::from_millis(600)),
        ..HostOptions::default()
    }
}

fn slow_thinker() -> Reply {
    let body = sse(&[&thought("hmm"), &chunk("Hi"), &finish("stop")]);
    Reply::sse(body).split(Split::Events).first_after(Duration::from_secs(2)).pace(Duration::from_secs(2))
}

#[tokio::test]
async fn heartbeats_carry_a_slow_answer_past_the_idle_limits() {
    let app = TestApp::with_host(&[("HEARTBEAT_INTERVAL", "150ms")], impatient()).await;
    app.upstream.always(slow_thinker());
    let answer = app.ask("Hi").await;
    assert_eq!((answer.reasoning().as_str(), answer.content().as_str()), ("hmm", "Hi"));
    assert_eq!(answer.code(), "");
    let heartbeats = answer.lines.iter().filter(|line| line.contains("heartbeat")).count();
    assert!(heartbeats > 20, "{heartbeats}");
}

#[tokio::test]
async fn without_them_the_same_answer_is_cut() {
    let app = TestApp::with_host(&[("HEARTBEAT_INTERVAL", "10m")], impatient()).await;
    app.upstream.always(slow_thinker());
    let sent = crate::support::client::post(&app.url(), &crate::support::client::question("Hi")).send().await;
    let outcome = match sent {
        Err(_) => "cut",
        Ok(response) if response.status() == 500 => "cut",
        Ok(response) => {
            if response.text().await.is_err() {
                "cut"
            } else {
                "whole"
            }
        }
    };
    assert_eq!(outcome, "cut", "the limits of this test do not bite");
}
