//! A request as it came over the wire, and the reading of it: enough of HTTP/1.1 for clients that behave.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;

/// Largest head and largest body that are read; both are far above what tests send.
const MAX_HEAD_BYTES: usize = 256 * 1024;
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// A request that was received whole.
#[derive(Clone, Debug)]
pub struct Request {
    /// As sent, for example `POST`.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// In the order received, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Without the transfer coding.
    pub body: Bytes,
    /// When the last byte of it had been read.
    pub at: Instant,
}

impl Request {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body read as JSON.
    pub fn json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
    }

    /// The target up to the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first query parameter of this name, percent-decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find_map(|(key, value)| (percent_decoded(key) == name).then(|| percent_decoded(value)))
    }

    /// Whether the client wants to use the connection again.
    pub(super) fn keeps_alive(&self) -> bool {
        !self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let escaped = (byte == b'%').then(|| Some((hex(ahead.next()?)?, hex(ahead.next()?)?))).flatten();
        bytes.push(match (byte, escaped) {
            (_, Some((high, low))) => {
                rest = ahead;
                high << 4 | low
            }
            (b'+', None) => b' ',
            (other, None) => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Reads the next request; `None` when the client has closed between two requests.
pub(super) async fn read(source: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<Option<Request>> {
    let Some(head) = read_head(source, buffer).await? else {
        return Ok(None);
    };
    let (method, target, headers) =
        parse_head(&head).ok_or_else(|| malformed("a request head that is not HTTP/1.1"))?;
    let mut request = Request { method, target, headers, body: Bytes::new(), at: Instant::now() };
    request.body = if request.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        read_chunks(source, buffer).await?
    } else {
        let length = request.header("content-length").unwrap_or("0").trim().parse();
        let length: usize = length.map_err(|_| malformed("a content length that is no number"))?;
        take(source, buffer, length).await?
    };
    request.at = Instant::now();
    Ok(Some(request))
}

async fn read_head(source: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = buffer.split_to(end).freeze();
            buffer.advance(4);
            return Ok(Some(head));
        }
        if buffer.len() > MAX_HEAD_BYTES {
            return Err(malformed("a request head without an end"));
        }
        if source.read_buf(buffer).await? == 0 {
            return if buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
}

type Head = (String, String, Vec<(String, String)>);

fn parse_head(head: &[u8]) -> Option<Head> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target, version) = (first.next()?, first.next()?, first.next()?);
    if !version.starts_with("HTTP/1.") {
        return None;
    }
    let headers = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())))
        .collect::<Option<_>>()?;
    Some((method.to_owned(), target.to_owned(), headers))
}

async fn read_chunks(source: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<Bytes> {
    let mut body = BytesMut::new();
    loop {
        let line = read_line(source, buffer).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| malformed("a chunk size that is no number"))?;
        if size == 0 {
            while !read_line(source, buffer).await?.is_empty() {}
            return Ok(body.freeze());
        }
        if body.len().saturating_add(size) > MAX_BODY_BYTES {
            return Err(malformed("a request body beyond what is read here"));
        }
        body.extend_from_slice(&take(source, buffer, size).await?);
        read_line(source, buffer).await?;
    }
}

async fn read_line(source: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<String> {
    loop {
        if let Some(end) = buffer.windows(2).position(|window| window == b"\r\n") {
            let line = String::from_utf8_lossy(&buffer.split_to(end)).into_owned();
            buffer.advance(2);
            return Ok(line);
        }
        if buffer.len() > MAX_HEAD_BYTES {
            return Err(malformed("a line without an end"));
        }
        more(source, buffer).await?;
    }
}

async fn take(source: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut, length: usize) -> io::Result<Bytes> {
    if length > MAX_BODY_BYTES {
        return Err(malformed("a request body beyond what is read here"));
    }
    while buffer.len() < length {
        more(source, buffer).await?;
    }
    Ok(buffer.split_to(length).freeze())
}

async fn more(source: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<()> {
    match source.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the client sent {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_lengths_and_chunks_one_after_the_other() {
        let wire = b"POST /a?x=1%2F2&y HTTP/1.1\r\nContent-Length: 2\r\nX-A: b\r\n\r\n{}\
            PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n1\r\nd\r\n0\r\nt: 1\r\n\r\n";
        let mut source: &[u8] = wire;
        let mut buffer = BytesMut::new();
        let first = read(&mut source, &mut buffer).await.unwrap().unwrap();
        assert_eq!((first.method.as_str(), first.path(), first.header("x-a")), ("POST", "/a", Some("b")));
        assert_eq!(first.query("x").as_deref(), Some("1/2"));
        assert_eq!(first.query("y").as_deref(), Some(""));
        assert!(first.json().is_ok());
        let second = read(&mut source, &mut buffer).await.unwrap().unwrap();
        assert_eq!(&*second.body, b"abcd");
        assert!(read(&mut source, &mut buffer).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_request_that_stops_half_way_is_an_error() {
        let mut source: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc";
        assert!(read(&mut source, &mut BytesMut::new()).await.is_err());
    }
}
