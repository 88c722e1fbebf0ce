//! The model's service behind TLS: each question gets the same short answer at once.

use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::plan::MODEL;

/// What it thinks.
pub(super) const THOUGHT: &str = "Let me see";
/// A request is no longer than this.
const MAX_REQUEST: usize = 64 * 1024;

/// The question, to be sent to the program.
pub(super) fn question(path: &str) -> String {
    let body = r#"{"messages":[{"role":"user","content":"Why?"}]}"#;
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

pub(super) async fn serve(listener: TcpListener, tls: Arc<ServerConfig>) {
    let tls = TlsAcceptor::from(tls);
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(tls.clone(), stream));
    }
}

async fn connection(tls: TlsAcceptor, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok(mut stream) = tls.accept(stream).await else { return };
    let answer = answer();
    loop {
        let mut request = Vec::new();
        while !is_whole(&request) {
            if request.len() > MAX_REQUEST || !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
                return;
            }
        }
        for piece in &answer {
            if stream.write_all(piece).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    }
}

/// Whether head and body are there.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = memchr::memmem::find(request, b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(request.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    request.len() >= end + 4 + length.unwrap_or(0_usize)
}

/// Head and role, thought, end: each a write of its own.
fn answer() -> [Vec<u8>; 3] {
    let event = |delta: serde_json::Value, reason: Option<&str>| {
        let choice = serde_json::json!({ "index": 0, "delta": delta, "finish_reason": reason });
        let event = serde_json::json!({ "model": MODEL, "object": "chat.completion.chunk", "choices": [choice] });
        chunk(&format!("data: {event}\n\n"))
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let role = event(serde_json::json!({ "role": "assistant", "content": "" }), None);
    let thought = event(serde_json::json!({ "reasoning_content": THOUGHT }), None);
    let end =
        event(serde_json::json!({ "content": "Because." }), Some("stop")) + &chunk("data: [DONE]\n\n") + "0\r\n\r\n";
    [head.to_owned() + &role, thought, end].map(String::into_bytes)
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_its_body() {
        let request = question("/x");
        assert!(is_whole(request.as_bytes()));
        assert!((0..request.len()).all(|end| !is_whole(&request.as_bytes()[..end])));
    }
}
