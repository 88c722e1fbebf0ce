//! The way to the handler: its connections, and one exchange on one of them, as .NET's client makes it.
//!
//! An answer counts only once the request is sent to its end; a handler that answers early and does not read on has its
//! answer lost as soon as more is left than the sockets hold.

use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Response};
use http_body_util::BodyExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::bodies::RequestBody;
use super::reply::{MAX_READ, NoHead, Reply, read_head};
use crate::lock::locked;

/// What the sockets between host and handler hold of a body that the handler does not read: with 100 kB an early answer
/// always arrived, with 1 MB now and then, with 3 MB never. Bytes.
const HELD: usize = 512 * 1024;
/// How long a connection waits for its next request.
const IDLE: Duration = Duration::from_mins(1);

/// The handler's port, and the connections to it that wait.
#[derive(Debug)]
pub(super) struct Handler {
    port: u16,
    idle: Mutex<Vec<(TcpStream, Instant)>>,
}

/// Why an exchange failed.
pub(super) struct Failure {
    /// The handler closed, properly, without a byte of an answer: .NET's client tries that by itself.
    pub(super) closed: bool,
    pub(super) why: String,
}

impl Failure {
    fn new(why: String) -> Self {
        Self { closed: false, why }
    }
}

impl Handler {
    pub(super) fn new(port: u16) -> Arc<Self> {
        Arc::new(Self { port, idle: Mutex::default() })
    }

    /// Sends the request and reads the answer's head.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
        body: &RequestBody,
    ) -> Result<(Response<()>, Reply), Failure> {
        let mut stream = self.connection().await.map_err(|error| Failure::new(error.to_string()))?;
        let mut buffer = BytesMut::with_capacity(MAX_READ);
        let head = {
            let (from, mut to) = stream.split();
            let sent = async {
                {
                    let sent = send(&mut to, method, target, headers, body).await;
                    sent.map_err(|error| Failure::new(error.to_string()))
                }
            };
            let answered = async {
                read_head(from, &mut buffer, method).await.map_err(|problem| match problem {
                    NoHead::Nothing => Failure { closed: true, why: "the handler closed without an answer".to_owned() },
                    NoHead::Bad(why) => Failure::new(why),
                })
            };
            tokio::try_join!(sent, answered)?.1
        };
        Ok(Reply::new(head, stream, buffer, Arc::clone(self)))
    }

    /// A connection that waits, or a new one.
    async fn connection(&self) -> io::Result<TcpStream> {
        while let Some((stream, since)) = self.waiting() {
            // Nothing to read, and no end: it is alive.
            let alive = matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            if alive && since.elapsed() < IDLE {
                return Ok(stream);
            }
        }
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn waiting(&self) -> Option<(TcpStream, Instant)> {
        locked(&self.idle).pop()
    }

    /// Keeps a connection for the next request.
    pub(super) fn keep(&self, stream: TcpStream) {
        locked(&self.idle).push((stream, Instant::now()));
    }
}

async fn send(
    to: &mut (impl AsyncWrite + Unpin),
    method: &Method,
    target: &str,
    headers: &HeaderMap,
    body: &RequestBody,
) -> io::Result<()> {
    let mut head = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    to.write_all(&head).await?;
    if !headers.contains_key(TRANSFER_ENCODING) && !headers.contains_key(CONTENT_LENGTH) {
        return Ok(());
    }
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    let mut body = body.clone();
    let (mut refused, mut left) = (None, 0);
    while let Some(frame) = Pin::new(&mut body).frame().await {
        // Trailers do not pass.
        let data = frame.map_err(io::Error::other)?.into_data().unwrap_or_default();
        if refused.is_none() {
            refused = send_piece(to, &data, chunked).await.err();
        }
        if let Some(error) = refused.take() {
            left += data.len();
            if left > HELD {
                return Err(error);
            }
            refused = Some(error);
        }
    }
    if chunked && refused.is_none() {
        // Refused or not, it was on its way; so was all that is left.
        let _ = to.write_all(b"0\r\n\r\n").await;
    }
    Ok(())
}

async fn send_piece(to: &mut (impl AsyncWrite + Unpin), data: &Bytes, chunked: bool) -> io::Result<()> {
    if !chunked {
        return to.write_all(data).await;
    }
    if data.is_empty() {
        return Ok(());
    }
    to.write_all(format!("{:x}\r\n", data.len()).as_bytes()).await?;
    to.write_all(data).await?;
    to.write_all(b"\r\n").await
}
