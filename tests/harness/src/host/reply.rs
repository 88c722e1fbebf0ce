//! The handler's answer as .NET's client reads it: leniently where that loses nothing (bare line feeds, folded lines, spaces
//! before a colon), strictly where it might (bytes beyond ASCII, lines without a colon, heads over 64 KiB).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use hyper::ext::ReasonPhrase;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::bodies::Broken;
use super::handler::Handler;

/// Most bytes of a head.
const MAX_HEAD: usize = 64 * 1024;
/// Most bytes of a read, and so of a piece that is passed on.
pub(super) const MAX_READ: usize = 64 * 1024;

/// A parsed head, and how its body ends.
pub(super) struct Head {
    pub(super) response: Response<()>,
    framing: Framing,
    reusable: bool,
}

/// How a body ends, and how much of it is still to come.
#[derive(Debug)]
enum Framing {
    Length(u64),
    Chunked(Chunk),
    Close,
}

/// Where in the chunks the reader stands.
#[derive(Debug)]
enum Chunk {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
    Done,
}

/// Why there is no head.
pub(super) enum NoHead {
    /// The connection ended, properly, before any byte of one.
    Nothing,
    /// It broke, or is none.
    Bad(String),
}

/// Reads heads until one is final. What was read beyond it stays in `buffer`.
pub(super) async fn read_head(
    mut from: impl AsyncRead + Unpin,
    buffer: &mut BytesMut,
    method: &Method,
) -> Result<Head, NoHead> {
    let bad = |error: io::Error| NoHead::Bad(error.to_string());
    loop {
        if let Some(end) = head_end(buffer) {
            let head = parse(&buffer.split_to(end), method).map_err(|why| NoHead::Bad(why.to_owned()))?;
            if !head.response.status().is_informational() {
                return Ok(head);
            }
        } else if buffer.len() > MAX_HEAD {
            return Err(NoHead::Bad("the answer's head is larger than 64 KiB".to_owned()));
        } else if from.read_buf(buffer).await.map_err(bad)? == 0 {
            let nothing = buffer.is_empty();
            return Err(if nothing { NoHead::Nothing } else { NoHead::Bad("the answer's head ends early".to_owned()) });
        }
    }
}

/// Where the first head ends, its empty line included.
fn head_end(buffer: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(line) = buffer.get(at..)?.iter().position(|byte| *byte == b'\n') {
        let text = buffer.get(at..at + line)?;
        at += line + 1;
        if text.is_empty() || text == b"\r" {
            return Some(at);
        }
    }
    None
}

fn parse(head: &[u8], method: &Method) -> Result<Head, &'static str> {
    if head.len() > MAX_HEAD {
        return Err("the answer's head is larger than 64 KiB");
    }
    let text = std::str::from_utf8(head).ok().filter(|text| text.is_ascii()).ok_or("the answer's head is not ASCII")?;
    let mut lines = text.lines();
    let status_line = lines.next().unwrap_or_default();
    let (version, rest) = status_line.split_once(' ').ok_or("the answer has no status line")?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = version.starts_with("HTTP/1.").then(|| code.parse::<StatusCode>().ok()).flatten();
    let mut response = Response::new(());
    *response.status_mut() = status.ok_or("the answer has no status line")?;
    if let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes()) {
        response.extensions_mut().insert(reason);
    }
    *response.headers_mut() = headers(lines)?;
    let framing = framing(&response, method)?;
    if matches!(framing, Framing::Chunked(_)) {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    let closes = response.headers().get_all(CONNECTION).iter().any(|value| value.as_bytes() == b"close");
    let reusable = version == "HTTP/1.1" && !closes && !matches!(framing, Framing::Close);
    Ok(Head { response, framing, reusable })
}

fn headers<'head>(lines: impl Iterator<Item = &'head str>) -> Result<HeaderMap, &'static str> {
    let mut unfolded: Vec<(String, String)> = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        if let (true, Some((_, value))) = (line.starts_with([' ', '\t']), unfolded.last_mut()) {
            // The line's end becomes two spaces.
            value.push_str("  ");
            value.push_str(line);
            continue;
        }
        let (name, value) = line.split_once(':').ok_or("a header of the answer has no colon")?;
        unfolded.push((name.trim_end().to_owned(), value.trim().to_owned()));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in unfolded {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header of the answer has no name")?;
        headers.append(name, HeaderValue::from_str(&value).map_err(|_| "a header of the answer has no value")?);
    }
    Ok(headers)
}

fn framing(response: &Response<()>, method: &Method) -> Result<Framing, &'static str> {
    let headers = response.headers();
    let status = response.status();
    if method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok(Framing::Length(0));
    }
    if headers.get_all(TRANSFER_ENCODING).iter().any(|value| value.as_bytes().ends_with(b"chunked")) {
        return Ok(Framing::Chunked(Chunk::Size));
    }
    let Some(length) = headers.get(CONTENT_LENGTH) else { return Ok(Framing::Close) };
    let length = length.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Framing::Length).ok_or("the answer's length is no number")
}

/// The rest of an answer. Dropping it before its end closes the handler's connection.
pub(super) struct Reply {
    stream: Option<TcpStream>,
    handler: Arc<Handler>,
    buffer: BytesMut,
    space: Box<[u8]>,
    framing: Framing,
    reusable: bool,
}

impl Reply {
    pub(super) fn new(head: Head, stream: TcpStream, buffer: BytesMut, handler: Arc<Handler>) -> (Response<()>, Self) {
        let Head { response, framing, reusable } = head;
        let space = vec![0; MAX_READ].into_boxed_slice();
        (response, Self { stream: Some(stream), handler, buffer, space, framing, reusable })
    }

    /// What the next read holds, or nothing at the end. Bytes that come together with what breaks the answer are lost.
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            let Ok(piece) = decode(&mut self.framing, &mut self.buffer) else { return self.broken() };
            if !piece.is_empty() {
                self.settle();
                return Poll::Ready(Some(Ok(piece)));
            }
            if self.is_at_end() {
                self.settle();
                return Poll::Ready(None);
            }
            let Some(stream) = &mut self.stream else { return self.broken() };
            let mut read = ReadBuf::new(&mut self.space);
            let came = ready!(Pin::new(stream).poll_read(cx, &mut read));
            match (came, read.filled()) {
                (Ok(()), []) if matches!(self.framing, Framing::Close) => self.framing = Framing::Length(0),
                (Err(_), _) | (Ok(()), []) => return self.broken(),
                (Ok(()), bytes) => self.buffer.extend_from_slice(bytes),
            }
        }
    }

    /// Whether nothing more can come.
    pub(super) fn is_at_end(&self) -> bool {
        matches!(self.framing, Framing::Length(0) | Framing::Chunked(Chunk::Done))
    }

    /// The connection serves again once the answer is whole.
    fn settle(&mut self) {
        if self.is_at_end()
            && let Some(stream) = self.stream.take().filter(|_| self.reusable && self.buffer.is_empty())
        {
            self.handler.keep(stream);
        }
    }

    fn broken(&mut self) -> Poll<Option<Result<Bytes, Broken>>> {
        self.stream = None;
        Poll::Ready(Some(Err(Broken)))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // An answer that nobody takes any more is left with an end, and only then with a reset for what was not read.
        if let Some(stream) = &mut self.stream {
            let _ = Pin::new(stream).poll_shutdown(&mut Context::from_waker(Waker::noop()));
        }
    }
}

/// Takes all that the buffer holds of the body.
fn decode(framing: &mut Framing, buffer: &mut BytesMut) -> Result<Bytes, Broken> {
    match framing {
        Framing::Close => Ok(buffer.split().freeze()),
        Framing::Length(left) => Ok(take(left, buffer)),
        Framing::Chunked(chunk) => {
            let mut piece = BytesMut::new();
            while decode_chunk(chunk, buffer, &mut piece)? {}
            Ok(piece.freeze())
        }
    }
}

/// One step through the chunks; false when more has to come, or nothing does.
fn decode_chunk(chunk: &mut Chunk, buffer: &mut BytesMut, piece: &mut BytesMut) -> Result<bool, Broken> {
    match chunk {
        Chunk::Size => {
            let Some(line) = line(buffer) else { return Ok(false) };
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let digits = std::str::from_utf8(digits).map_err(|_| Broken)?.trim();
            let size = u64::from_str_radix(digits, 16).map_err(|_| Broken)?;
            *chunk = if size == 0 { Chunk::Trailers } else { Chunk::Data(size) };
        }
        Chunk::Data(left) => {
            piece.extend_from_slice(&take(left, buffer));
            if *left > 0 {
                return Ok(false);
            }
            *chunk = Chunk::DataEnd;
        }
        Chunk::DataEnd => match line(buffer) {
            Some(line) if line.is_empty() => *chunk = Chunk::Size,
            Some(_) => return Err(Broken),
            None => return Ok(false),
        },
        Chunk::Trailers => match line(buffer) {
            // Trailers do not pass.
            Some(line) if line.is_empty() => *chunk = Chunk::Done,
            Some(_) => {}
            None => return Ok(false),
        },
        Chunk::Done => return Ok(false),
    }
    Ok(true)
}

fn take(left: &mut u64, buffer: &mut BytesMut) -> Bytes {
    let size = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    *left -= size as u64;
    buffer.split_to(size).freeze()
}

fn line(buffer: &mut BytesMut) -> Option<Bytes> {
    let end = buffer.iter().position(|byte| *byte == b'\n')?;
    let mut line = buffer.split_to(end).freeze();
    buffer.advance(1);
    if line.last() == Some(&b'\r') {
        line.truncate(line.len() - 1);
    }
    Some(line)
}
