//! Bodies far over every bound are read to their end, in constant memory, so that what is said of them arrives: the host's
//! proxy makes an empty 500 of an answer that comes while a body is left unread.

use std::convert::Infallible;

use bytes::Bytes;
use harness::host::{Host, HostOptions};

use crate::support::app::TestApp;
use crate::support::client::{Answer, begin, client};

/// More than any buffer on the way holds, and more than the program once read. Bytes.
const LARGE: usize = 20 << 20;
/// Just below what the host lets through. Bytes.
const LARGEST: usize = 100 << 20;

/// Sends this many bytes, with their length or chunked.
async fn send(app: &TestApp, content_type: &str, bytes: usize, chunked: bool) -> Answer {
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    let pieces = futures::stream::iter(std::iter::repeat_n(piece, bytes / (64 << 10)).map(Ok::<_, Infallible>));
    let mut request = client().post(app.url()).header("content-type", content_type);
    if !chunked {
        request = request.header("content-length", bytes);
    }
    begin(request.body(reqwest::Body::wrap_stream(pieces))).await.rest().await
}

#[tokio::test]
async fn a_refusal_arrives_however_large_the_body_and_however_it_is_framed() {
    let open = TestApp::start().await;
    let closed = TestApp::with(&[("RUNNING_IN_PRODUCTION", "true"), ("AZURE_CLIENT_ID", "client")]).await;
    for chunked in [false, true] {
        for (app, content_type, code) in [
            (&open, "application/json", "request_too_large"),
            (&open, "text/plain", "unsupported_media_type"),
            (&closed, "application/json", "sign_in_not_configured"),
        ] {
            let answer = send(app, content_type, LARGE, chunked).await;
            assert_eq!(answer.code(), code, "chunked: {chunked}");
        }
    }
}

/// Most memory that the program has ever held, in KiB.
#[cfg(target_os = "linux")]
fn peak(host: &Host) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.handler_pid().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hundred_megabytes_take_no_memory() {
    let app = TestApp::with_host(&[], HostOptions { ping_every: None, ..HostOptions::default() }).await;
    send(&app, "application/json", 2 << 20, true).await;
    let before = peak(&app.host);
    let answer = send(&app, "application/json", LARGEST, false).await;
    assert_eq!(answer.code(), "request_too_large");
    let more = peak(&app.host) - before;
    assert!(more < 4 << 10, "{more} KiB more than for 2 MiB");
}
