//! The two bodies of a call while they pass through: the client's on its way in, the handler's on its way out.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::clock::Clock;
use crate::lock::locked;

/// Most bytes that are passed on at a time.
const MAX_READ: usize = 64 * 1024;

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
pub(super) type Abandoned = Box<dyn FnOnce(Option<Incoming>) + Send>;

/// The handler's body: its first bytes, which have already come, and the rest.
pub(super) struct ResponseBody {
    first: Bytes,
    rest: Option<Incoming>,
    clock: Arc<Clock>,
    abandoned: Option<Abandoned>,
}

impl ResponseBody {
    /// `abandoned` is called if this is dropped before the end, with the rest to read unless that is broken.
    pub(super) fn new(first: Bytes, rest: Option<Incoming>, clock: Arc<Clock>, abandoned: Abandoned) -> Self {
        Self { first, rest, clock, abandoned: Some(abandoned) }
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
            match ready!(Pin::new(rest).poll_frame(cx)) {
                // Trailers do not pass.
                Some(Ok(frame)) => this.first = frame.into_data().unwrap_or_default(),
                Some(Err(_)) => {
                    this.rest = None;
                    if let Some(abandoned) = this.abandoned.take() {
                        abandoned(None);
                    }
                    return Poll::Ready(Some(Err(Broken)));
                }
                None => this.rest = None,
            }
        }
        this.clock.touch();
        let size = this.first.len().min(MAX_READ);
        Poll::Ready(Some(Ok(Frame::data(this.first.split_to(size)))))
    }

    /// An answer without a body, to `HEAD` for example, must not be turned into one of unknown length.
    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.as_ref().is_none_or(Body::is_end_stream)
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
