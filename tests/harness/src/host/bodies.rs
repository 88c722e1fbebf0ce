//! The two bodies of a call while they pass through: the client's on its way in, the handler's on its way out.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::clock::Clock;
use super::reply::Reply;
use super::socket::Cut;
use crate::lock::locked;

/// Most bytes of a chunk towards the client.
const MAX_CHUNK: usize = 4096;
/// Time for what a client still sends of a body that nobody wants.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// A body that broke on its way.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body ended before its end")
    }
}

impl std::error::Error for Broken {}

/// The client's body, shared by the attempts to send it: the first poll of it is the last attempt.
#[derive(Clone, Debug)]
pub(super) struct RequestBody(Arc<Mutex<Upload>>);

#[derive(Debug)]
struct Upload {
    incoming: Incoming,
    clock: Arc<Clock>,
    left: u64,
    polled: bool,
    too_large: bool,
}

impl RequestBody {
    /// At most `limit` bytes of it are passed on.
    pub(super) fn new(incoming: Incoming, clock: Arc<Clock>, limit: u64) -> Self {
        Self(Arc::new(Mutex::new(Upload { incoming, clock, left: limit, polled: false, too_large: false })))
    }

    /// Whether sending it once more loses nothing.
    pub(super) fn can_be_sent_again(&self) -> bool {
        let upload = locked(&self.0);
        !upload.polled
    }

    pub(super) fn was_too_large(&self) -> bool {
        locked(&self.0).too_large
    }

    /// Reads what is left, after an answer that did not wait for it. What is not there in time cuts the connection.
    pub(super) fn drain(mut self, cut: Cut) {
        tokio::spawn(async move {
            let read = async { while let Some(Ok(_)) = self.frame().await {} };
            if timeout(DRAIN_TIME, read).await.is_err() {
                cut.store(true, Ordering::Relaxed);
            }
        });
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let mut upload = locked(&self.0);
        upload.polled = true;
        let frame = ready!(Pin::new(&mut upload.incoming).poll_frame(cx));
        upload.clock.touch();
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                let size = frame.data_ref().map_or(0, |data| data.len() as u64);
                if let Some(left) = upload.left.checked_sub(size) {
                    upload.left = left;
                    Some(Ok(frame))
                } else {
                    upload.too_large = true;
                    Some(Err(Broken))
                }
            }
            Some(Err(_)) => Some(Err(Broken)),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        locked(&self.0).incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        locked(&self.0).incoming.size_hint()
    }
}

/// What happens to a handler's answer that the client did not take to its end.
pub(super) type Abandoned = Box<dyn FnOnce(Option<Reply>) + Send>;

/// The handler's body: its first bytes, which have already come, and the rest.
pub(super) struct ResponseBody {
    first: Bytes,
    rest: Option<Reply>,
    clock: Arc<Clock>,
    cut: Cut,
    abandoned: Option<Abandoned>,
}

impl ResponseBody {
    /// `abandoned` is called if this is dropped before the end, with the rest to read unless that is broken.
    pub(super) fn new(first: Bytes, rest: Option<Reply>, clock: Arc<Clock>, cut: Cut, abandoned: Abandoned) -> Self {
        Self { first, rest, clock, cut, abandoned: Some(abandoned) }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        while this.first.is_empty() {
            let Some(rest) = &mut this.rest else {
                this.abandoned = None;
                this.clock.settle();
                return Poll::Ready(None);
            };
            match ready!(rest.poll_piece(cx)) {
                Some(Ok(piece)) => this.first = piece,
                Some(Err(Broken)) => {
                    this.rest = None;
                    this.cut.store(true, Ordering::Relaxed);
                    if let Some(abandoned) = this.abandoned.take() {
                        abandoned(None);
                    }
                    return Poll::Ready(Some(Err(Broken)));
                }
                None => this.rest = None,
            }
        }
        this.clock.touch();
        let size = this.first.len().min(MAX_CHUNK);
        Poll::Ready(Some(Ok(Frame::data(this.first.split_to(size)))))
    }

    /// An answer without a body, to `HEAD` for example, must not be turned into one of unknown length.
    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.as_ref().is_none_or(Reply::is_at_end)
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if self.is_end_stream() {
            self.clock.settle();
        } else if let Some(abandoned) = self.abandoned.take() {
            abandoned(self.rest.take());
        }
    }
}
