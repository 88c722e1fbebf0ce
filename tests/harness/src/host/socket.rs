//! A client's connection as Kestrel keeps it where hyper, which serves it, differs.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Whether a connection is to end in a reset, which says that what it carried was no end.
pub(super) type Cut = Arc<AtomicBool>;

/// The connection.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    cut: Cut,
    /// What was read last had more after a head's end.
    body_came: bool,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, cut: Cut) -> Self {
        Self { stream, cut, body_came: false }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        let end = read.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        self.body_came = end.is_some_and(|end| end + 4 < read.len());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Nobody is asked to go on who has gone on already.
        if let (true, Some(rest)) = (self.body_came, bytes.strip_prefix(CONTINUE)) {
            let written = if rest.is_empty() { 0 } else { ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? };
            self.body_came = false;
            return Poll::Ready(Ok(written + CONTINUE.len()));
        }
        // Whoever asks in HTTP/1.0 is answered in HTTP/1.1.
        if let Some(rest) = bytes.strip_prefix(b"HTTP/1.0 ") {
            let newer = [b"HTTP/1.1 ", rest].concat();
            return Pin::new(&mut self.stream).poll_write(cx, &newer);
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cut.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.cut.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}
