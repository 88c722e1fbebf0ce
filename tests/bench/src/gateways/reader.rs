//! A client that takes whatever comes, and remembers how it ended.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::dechunk::Dechunker;

/// Longest time without a byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// How an answer ended for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As HTTP wants it.
    Clean,
    /// The connection was closed or reset in the middle of it: an HTTP client reports an error.
    Broken,
    /// Not at all, for as long as a client waited.
    Never,
}

/// What a client saw.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) end: End,
}

/// Asks and reads to the end, whatever end it is.
///
/// # Errors
/// No connection, or no answer's head.
pub(super) async fn read(address: SocketAddr, request: &[u8]) -> Result<Seen, String> {
    let mut stream = open(address, request).await?;
    let mut raw = Vec::new();
    loop {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut raw)).await;
        let (status, body, is_over) = decoded(&raw).unwrap_or_default();
        let end = match read {
            _ if is_over => End::Clean,
            Err(_) => End::Never,
            Ok(Ok(0) | Err(_)) => End::Broken,
            Ok(Ok(_)) => continue,
        };
        if status == 0 {
            return Err(format!("no head of an answer ({end:?})"));
        }
        return Ok(Seen { status, body, end });
    }
}

/// Asks, reads up to `text`, waits for `rest` more and leaves.
///
/// # Errors
/// The answer ended before.
pub(super) async fn leave(address: SocketAddr, request: &[u8], text: &str, rest: Duration) -> Result<(), String> {
    let mut stream = open(address, request).await?;
    let mut raw = Vec::new();
    while memchr::memmem::find(&raw, text.as_bytes()).is_none() {
        match tokio::time::timeout(PATIENCE, stream.read_buf(&mut raw)).await {
            Ok(Ok(1..)) => {}
            ended => return Err(format!("the answer ended before its reader left: {ended:?}")),
        }
    }
    // What comes meanwhile is read: a socket that is closed over unread bytes is reset.
    let reading = async { while matches!(stream.read_buf(&mut raw).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(rest, reading).await;
    Ok(())
}

async fn open(address: SocketAddr, request: &[u8]) -> Result<TcpStream, String> {
    let failed = |error| format!("asking: {error}");
    let mut stream = TcpStream::connect(address).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    stream.write_all(request).await.map_err(failed)?;
    Ok(stream)
}

/// Status, body so far, and whether that is all of it; `None` before the head is whole.
fn decoded(raw: &[u8]) -> Option<(u16, Vec<u8>, bool)> {
    let end = memchr::memmem::find(raw, b"\r\n\r\n")? + 4;
    let (head, rest) = raw.split_at(end);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    if head.contains("\r\ntransfer-encoding: chunked\r\n") {
        let (mut body, mut dechunker) = (Vec::new(), Dechunker::new());
        let fed = dechunker.feed(rest, |bytes| {
            body.extend_from_slice(bytes);
            Ok(())
        });
        return Some((status, body, fed.is_ok() && dechunker.is_over()));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    Some((status, rest.to_vec(), length.is_some_and(|length| rest.len() >= length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_over_where_its_head_says() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
        assert_eq!(decoded(chunked), Some((200, b"ab".to_vec(), true)));
        assert_eq!(decoded(&chunked[..chunked.len() - 5]), Some((200, b"ab".to_vec(), false)));
        let long = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nab";
        assert_eq!(decoded(long), Some((502, b"ab".to_vec(), true)));
        assert_eq!(decoded(&long[..long.len() - 1]), Some((502, b"a".to_vec(), false)));
        assert_eq!(decoded(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
