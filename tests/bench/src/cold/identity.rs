//! The identity endpoint: any request gets a token, after its time.

use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request is no longer than this.
const MAX_REQUEST: usize = 16 * 1024;
/// Seconds that a token is good for.
const LIFE: u64 = 86_400;

pub(super) async fn serve(listener: TcpListener, takes: Duration) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, takes));
    }
}

async fn answer(mut stream: TcpStream, takes: Duration) {
    let mut request = Vec::new();
    while memchr::memmem::find(&request, b"\r\n\r\n").is_none() {
        if request.len() > MAX_REQUEST || !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    tokio::time::sleep(takes).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let body = serde_json::json!({
        "access_token": "token",
        "expires_on": (now + LIFE).to_string(),
        "token_type": "Bearer",
        "resource": "https://cognitiveservices.azure.com",
        "client_id": "client",
    })
    .to_string();
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
    let _ = stream.write_all(format!("{head} {length}\r\n\r\n{body}").as_bytes()).await;
}
