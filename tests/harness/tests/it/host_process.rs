//! The handler's process: how it is started, watched, restarted and ended.

use std::path::Path;
use std::time::Duration;

use harness::host::{Channel, Host, HostError, HostOptions, Level, Stream};
use tokio::net::TcpStream;

use crate::client::{get, json, post, whole};
use crate::staged::{Staged, control, exit, hosted};
use crate::{NOT_YET, SOON};

fn at_start(order: &str) -> HostOptions {
    HostOptions { env: vec![("FAKE_AT_START".to_owned(), order.to_owned())], ..HostOptions::default() }
}

async fn restarted(host: &Host, starts: usize) -> bool {
    host.wait_until(|host| host.handler_starts() == starts && host.is_ready(), SOON).await
}

fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn the_handler_gets_the_hosts_environment_and_folder() {
    let env = vec![("OURS".to_owned(), "1".to_owned())];
    let (app, host) = hosted(HostOptions { env, ..HostOptions::default() }).await;
    let seen = json(get(&host.url("api/play/environment")).await).await;
    let root = app.path().canonicalize().unwrap();
    let variable = |name: &str| seen["variables"][name].as_str().unwrap_or_else(|| panic!("{name} is missing"));
    assert_eq!(seen["directory"].as_str(), root.to_str());
    assert_eq!(seen["arguments"], serde_json::json!([]));
    assert_eq!(variable("FUNCTIONS_CUSTOMHANDLER_PORT"), host.handler_port().to_string());
    assert_eq!(variable("FUNCTIONS_HTTPWORKER_PORT"), host.handler_port().to_string());
    assert_eq!(variable("FUNCTIONS_CUSTOMHANDLER_WORKER_ID"), variable("FUNCTIONS_HTTPWORKER_ID"));
    assert_eq!(Some(variable("FUNCTIONS_APP_ROOT_PATH")), root.to_str());
    assert_eq!((variable("FUNCTIONS_WORKER_RUNTIME"), variable("OURS")), ("custom", "1"));
    assert!(seen["variables"].get("CARGO_MANIFEST_DIR").is_none(), "the test's own environment was inherited");
    host.stop().await;
}

#[tokio::test]
async fn lines_become_log_entries_by_their_stream() {
    let (_app, host) = hosted(HostOptions::default()).await;
    control(&host, "out?text=an+error+on+stdout").await;
    control(&host, "err?text=a+Warning").await;
    control(&host, "err?text=broken").await;
    control(&host, "out?text=LanguageWorkerConsoleLog+internal").await;
    let has = |host: &Host, level, stream, channel, text: &str| {
        host.log()
            .iter()
            .any(|line| (line.level, line.stream, line.channel, line.text.as_str()) == (level, stream, channel, text))
    };
    for (level, stream, channel, text) in [
        (Level::Information, Stream::Stdout, Channel::Console, "an error on stdout"),
        (Level::Warning, Stream::Stderr, Channel::Console, "a Warning"),
        (Level::Error, Stream::Stderr, Channel::Console, "broken"),
        (Level::Information, Stream::Stdout, Channel::System, "internal"),
    ] {
        assert!(host.wait_until(|host| has(host, level, stream, channel, text), SOON).await, "{:?}", host.log());
    }
    host.stop().await;
}

#[tokio::test]
async fn exit_code_0_is_not_restarted_and_later_calls_fail() {
    let (_app, host) = hosted(HostOptions::default()).await;
    exit(&host, 0).await;
    assert!(host.wait_until(|host| host.handler_pid().is_none(), SOON).await);
    assert_eq!(whole(post(&host.url("api/play/echo")).await).await, (500, String::new()));
    assert_eq!((host.handler_starts(), host.is_stopped()), (1, false));
    host.stop().await;
}

#[tokio::test]
async fn exit_code_200_is_a_restart_that_does_not_count() {
    let (_app, host) = hosted(HostOptions::default()).await;
    for starts in 2..=5 {
        exit(&host, 200).await;
        assert!(restarted(&host, starts).await, "{:?}", host.log());
    }
    assert_eq!(post(&host.url("api/play/echo")).await.status(), 200);
    host.stop().await;
}

#[tokio::test]
async fn errors_are_restarted_on_the_same_port_and_the_third_stops_the_host() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let (port, url) = (host.handler_port(), host.url("api/play/environment"));
    let id = async || json(get(&url).await).await["variables"]["FUNCTIONS_HTTPWORKER_ID"].clone();
    let first = id().await;
    exit(&host, 3).await;
    assert!(restarted(&host, 2).await);
    assert_ne!(id().await, first);
    host.terminate_handler().await;
    assert!(host.wait_until(|host| host.handler_starts() == 3, SOON).await);
    assert_eq!(post(&url).await.status(), 200, "a call waits for the restart");
    assert_eq!(host.handler_port(), port);
    host.kill_handler().await;
    assert!(host.wait_until(Host::is_stopped, SOON).await);
    let closed = async { while TcpStream::connect(host.address()).await.is_ok() {} };
    crate::client::soon(closed).await;
    assert_eq!((host.handler_pid(), host.handler_starts()), (None, 3));
    host.stop().await;
}

#[tokio::test]
async fn a_handler_that_fails_at_its_start_is_tried_again() {
    let app = Staged::new();
    let mark = app.path().join("mark");
    let host = app.start(at_start(&format!("touch:{}", mark.display()))).await.unwrap();
    assert_eq!(host.handler_starts(), 2);
    host.stop().await;
}

#[tokio::test]
async fn a_hopeless_handler_is_an_error_with_its_last_words() {
    let error = Staged::new().start(at_start("exit:64")).await.err().unwrap();
    assert!(matches!(error, HostError::Handler { .. }));
    let text = error.to_string();
    assert!(text.contains("64") && text.contains("fake handler was told to end"), "{text}");
}

#[tokio::test]
async fn a_handler_that_never_answers_is_an_error() {
    let options = HostOptions { initialization_timeout: Duration::from_millis(100), ..at_start("deaf") };
    let error = Staged::new().start(options).await.err().unwrap();
    assert!(error.to_string().contains("did not answer GET /"), "{error}");
}

#[tokio::test]
async fn a_call_that_waits_in_vain_for_a_restart_stops_the_host() {
    let app = Staged::new();
    let order = format!("once:{}", app.path().join("mark").display());
    let host = app.start(HostOptions { restart_wait: NOT_YET, ..at_start(&order) }).await.unwrap();
    host.kill_handler().await;
    assert!(host.wait_until(|host| host.handler_starts() == 2, SOON).await);
    assert_eq!(post(&host.url("api/play/echo")).await.status(), 503);
    assert!(host.wait_until(Host::is_stopped, SOON).await);
    host.stop().await;
}

#[tokio::test]
async fn stop_kills_the_one_process_and_frees_its_port() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let (pid, port, address) = (host.handler_pid().unwrap(), host.handler_port(), host.address());
    assert!(exists(pid));
    host.stop().await;
    assert!(!exists(pid));
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_dropped_host_leaves_no_process() {
    let (_app, host) = hosted(HostOptions::default()).await;
    let pid = host.handler_pid().unwrap();
    drop(host);
    crate::client::soon(async {
        while exists(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn interrupt_lets_the_handler_end_by_itself() {
    let (_app, host) = hosted(HostOptions::default()).await;
    assert_eq!(host.interrupt().await.and_then(|status| status.code()), Some(7));
}

#[tokio::test]
async fn two_hosts_of_one_app_overlap() {
    let (app, old) = hosted(HostOptions::default()).await;
    let new = app.start(HostOptions::default()).await.unwrap();
    assert_ne!(old.handler_port(), new.handler_port());
    old.stop().await;
    assert_eq!(post(&new.url("api/play/echo")).await.status(), 200);
    new.stop().await;
}
