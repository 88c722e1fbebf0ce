//! One client connection's clocks, on the socket itself.
//!
//! A body that is not polled cannot run a timer, and hyper does not poll a body while the socket takes no bytes. So the
//! clocks for a client that does not read, does not finish its request's head, or just stays, run where the bytes pass.
//! When one is due the socket fails, hyper drops the connection, and with it the turn and its upstream request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::error::{ChatError, Code};
use crate::settings::Connections;

/// A connection without a request is closed after this. Longer than the minute for which .NET's HTTP client, the
/// Functions host's, keeps an idle connection: whoever may still send on it should be the one to close it.
const IDLE_CONNECTION: Duration = Duration::from_secs(120);

/// A socket that fails when its client is too slow.
#[derive(Debug)]
pub(crate) struct TimedIo<S> {
    socket: S,
    limits: Connections,
    serving: Serving,
    /// Since the last request, bytes of the next one's head have come.
    head_has_begun: bool,
    reading: Option<Pin<Box<Sleep>>>,
    writing: Option<Pin<Box<Sleep>>>,
    /// What is sent instead of hyper's own refusal of a head, and how much of it has gone.
    instead: Option<(Vec<u8>, usize)>,
}

/// Whether a request is being served: from its head to the end of its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Serving(Arc<AtomicBool>);

impl Serving {
    /// From now until the guard is dropped.
    pub(crate) fn begin(&self) -> ServingGuard {
        self.0.store(true, Ordering::Relaxed);
        ServingGuard(self.clone())
    }
}

/// Ends [`Serving`] when it is dropped.
#[derive(Debug)]
pub(crate) struct ServingGuard(Serving);

impl Drop for ServingGuard {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// An answer's body that ends [`Serving`] with itself.
#[derive(Debug)]
pub(crate) struct ServedBody {
    pub(crate) body: Body,
    pub(crate) _guard: ServingGuard,
}

impl http_body::Body for ServedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<S> TimedIo<S> {
    pub(crate) fn new(socket: S, limits: Connections, serving: Serving) -> Self {
        Self { socket, limits, serving, head_has_begun: false, reading: None, writing: None, instead: None }
    }

    /// The socket has nothing to read: what is waited for, and how long.
    fn poll_reading(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.serving.0.load(Ordering::Relaxed) {
            self.head_has_begun = false;
            self.reading = None;
            return Poll::Pending;
        }
        let limit = if self.head_has_begun { self.limits.head } else { IDLE_CONNECTION };
        let timer = self.reading.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        timer.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into())
    }

    /// The socket takes no byte.
    fn poll_writing(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let timer = self.writing.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.limits.write)));
        timer.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into())
    }
}

/// A head that cannot be read, or is over a bound, never becomes a request: hyper refuses it by itself, with a status and
/// nothing else. This is the same refusal in this program's words; `None` if the bytes are anything else.
fn instead_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let status = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    let answer = std::str::from_utf8(bytes).ok()?;
    let status_line = answer.lines().next()?;
    let error = match status {
        b"400" => ChatError::new(Code::InvalidRequest, "This is no HTTP request that can be read."),
        b"414" | b"431" => {
            ChatError::new(Code::RequestTooLarge, "The request's head is over 64 KiB, or over 100 headers.")
        }
        _ => return None,
    };
    // A refusal of this program's own has a body.
    if !answer.ends_with("\r\n\r\n") || !answer.contains("\r\ncontent-length: 0\r\n") {
        return None;
    }
    let request_id = uuid::Uuid::new_v4().to_string();
    tracing::info!(request_id, outcome = error.code().as_str(), status_line, "a head that is no request's");
    let body = error.to_json(&request_id);
    let head = format!(
        "{status_line}\r\ncontent-type: application/json\r\ncache-control: no-store\r\nx-request-id: {request_id}\r\n\
         access-control-expose-headers: X-Request-Id, Retry-After\r\nx-content-type-options: nosniff\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Some([head.into_bytes(), body].concat())
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match Pin::new(&mut this.socket).poll_read(cx, buffer) {
            Poll::Pending => this.poll_reading(cx).map(Err),
            Poll::Ready(result) => {
                if !this.head_has_begun && !this.serving.0.load(Ordering::Relaxed) {
                    this.head_has_begun = true;
                    this.reading = None;
                }
                Poll::Ready(result)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_none() && !this.serving.0.load(Ordering::Relaxed) {
            this.instead = instead_of(bytes).map(|answer| (answer, 0));
        }
        if let Some((answer, sent)) = &mut this.instead {
            while let Some(left @ [_, ..]) = answer.get(*sent..) {
                match Pin::new(&mut this.socket).poll_write(cx, left) {
                    Poll::Pending => return this.poll_writing(cx).map(Err),
                    Poll::Ready(Ok(taken @ 1..)) => *sent += taken,
                    Poll::Ready(other) => return Poll::Ready(other),
                }
            }
            this.instead = None;
            return Poll::Ready(Ok(bytes.len()));
        }
        match Pin::new(&mut this.socket).poll_write(cx, bytes) {
            Poll::Pending => this.poll_writing(cx).map(Err),
            Poll::Ready(result) => {
                this.writing = None;
                Poll::Ready(result)
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match Pin::new(&mut this.socket).poll_write_vectored(cx, slices) {
            Poll::Pending => this.poll_writing(cx).map(Err),
            Poll::Ready(result) => {
                this.writing = None;
                Poll::Ready(result)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;

    const LIMITS: Connections =
        Connections { head: Duration::from_secs(30), write: Duration::from_secs(20), grace: Duration::from_secs(1) };

    fn timed_out(result: &io::Result<impl Sized>) -> bool {
        result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_dropped_and_one_that_takes_a_little_is_not() {
        let (socket, mut client) = tokio::io::duplex(16);
        let mut io = TimedIo::new(socket, LIMITS, Serving::default());
        io.write_all(&[0; 16]).await.unwrap();
        let slow = async {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_secs(19)).await;
                client.read_u8().await.unwrap();
            }
            client
        };
        let (written, _client) = tokio::join!(io.write_all(&[0; 4]), slow);
        assert!(written.is_ok(), "each byte taken starts the clock again");
        let start = Instant::now();
        assert!(timed_out(&io.write_all(&[0; 1]).await));
        assert_eq!(start.elapsed(), LIMITS.write);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_end_has_its_limit_and_bytes_do_not_stretch_it() {
        let (socket, mut client) = tokio::io::duplex(1024);
        let mut io = TimedIo::new(socket, LIMITS, Serving::default());
        let start = Instant::now();
        let dribble = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if client.write_u8(b'x').await.is_err() {
                    break;
                }
            }
        };
        let read = async {
            let mut buffer = [0; 8];
            loop {
                let result = io.read(&mut buffer).await;
                if result.is_err() {
                    break result;
                }
            }
        };
        let result = tokio::select! { result = read => result, () = dribble => unreachable!() };
        assert!(timed_out(&result));
        assert_eq!(start.elapsed(), LIMITS.head + Duration::from_secs(1), "from the first byte");
    }

    #[tokio::test(start_paused = true)]
    async fn hypers_own_refusal_goes_out_in_our_words_whole_and_within_the_limit() {
        let theirs = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let (socket, mut client) = tokio::io::duplex(16);
        let mut io = TimedIo::new(socket, LIMITS, Serving::default());
        let read = async {
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let (written, answer) = tokio::join!(
            async {
                let written = io.write_all(theirs).await;
                drop(io);
                written
            },
            read
        );
        written.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 431 ") && head.ends_with(&format!("content-length: {}", body.len())),
            "{head}"
        );
        assert!(body.contains("\"code\":\"request_too_large\""), "{body}");

        let (socket, _client) = tokio::io::duplex(16);
        let mut io = TimedIo::new(socket, LIMITS, Serving::default());
        let start = Instant::now();
        assert!(timed_out(&io.write_all(theirs).await), "nobody reads it");
        assert_eq!(start.elapsed(), LIMITS.write);
    }

    #[test]
    fn nothing_but_hypers_own_refusals_is_replaced() {
        for kept in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n0\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "5\r\nHTTP/1.1 431 \r\ncontent-length: 0\r\n\r\n",
            "",
        ] {
            assert_eq!(instead_of(kept.as_bytes()), None, "{kept}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_served_may_take_its_time_and_an_idle_connection_may_not() {
        let (socket, _client) = tokio::io::duplex(1024);
        let serving = Serving::default();
        let mut io = TimedIo::new(socket, LIMITS, serving.clone());
        let guard = serving.begin();
        let mut buffer = [0; 8];
        let served = tokio::time::timeout(Duration::from_secs(3600), io.read(&mut buffer)).await;
        assert!(served.is_err(), "no clock while an answer streams");
        drop(guard);
        let start = Instant::now();
        assert!(timed_out(&io.read(&mut buffer).await));
        assert_eq!(start.elapsed(), IDLE_CONNECTION);
    }
}
