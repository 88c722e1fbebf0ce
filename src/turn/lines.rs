//! A turn from its first line on, as a stream of lines.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use http_body::Body;

use super::{Step, Turn};
use crate::error::{ChatError, Code};

/// A buffer of lines larger than this is not kept for the next ones; usual ones are a few hundred bytes, a burst some thousand.
const MAX_KEPT_BYTES: usize = 8 * 1024;

/// A turn whose first line is on its way: a stream of whole lines, the last of which is `done` or `error`.
#[derive(Debug)]
pub struct Lines<B> {
    turn: Turn<B>,
    ended: bool,
}

impl<B> Lines<B> {
    /// Of a turn that has lines to send.
    pub(super) fn of(turn: Turn<B>) -> Self {
        Self { turn, ended: false }
    }
}

impl<B> Stream for Lines<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error,
{
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.turn.lines.is_empty() {
            if this.ended {
                return Poll::Ready(None);
            }
            // A fault of ours ends this answer with its line, and no other.
            let step = std::panic::catch_unwind(AssertUnwindSafe(|| this.turn.poll_step(cx))).unwrap_or_else(|_| {
                let error = ChatError::new(Code::Internal, "This program failed. Tell the operator.");
                Poll::Ready(Step::End(Err(error.caused_by("a panic; the log tells its place"))))
            });
            match ready!(step) {
                Step::Events => {}
                Step::Silence => this.turn.surface.heartbeat(&mut this.turn.lines, this.turn.record.elapsed()),
                Step::End(end) => {
                    this.ended = true;
                    this.turn.close(end);
                }
            }
        }
        this.turn.time.line();
        Poll::Ready(Some(Ok(take(&mut this.turn.lines, this.turn.is_burst))))
    }
}

/// The lines to be sent, in one allocation of their size. A single line's buffer mostly has that, and goes. A burst's had to
/// grow: it is copied and used again.
fn take(lines: &mut Vec<u8>, is_burst: bool) -> Bytes {
    if lines.capacity() == lines.len() && !is_burst {
        return std::mem::take(lines).into();
    }
    let taken = Bytes::copy_from_slice(lines);
    // What a burst needed is not kept for the single lines after it.
    let is_oversized = lines.capacity() / 8 > lines.len();
    if lines.capacity() > MAX_KEPT_BYTES || is_oversized {
        *lines = Vec::new();
    }
    lines.clear();
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_lines_buffer_goes_and_a_bursts_is_used_again_unless_it_is_large() {
        let mut lines = b"a line\n".to_vec();
        let at = lines.as_ptr();
        let taken = take(&mut lines, false);
        assert_eq!((&taken[..], taken.as_ptr(), lines.capacity()), (&b"a line\n"[..], at, 0), "not copied");

        for (length, capacity, is_burst, is_kept) in [
            (1000, 1000, true, true),
            (200, 1000, false, true),
            (100, 1000, false, false),
            (MAX_KEPT_BYTES, MAX_KEPT_BYTES, true, true),
            (MAX_KEPT_BYTES, MAX_KEPT_BYTES + 1, true, false),
        ] {
            let mut lines = Vec::with_capacity(capacity);
            lines.resize(length, b'x');
            assert_eq!(take(&mut lines, is_burst), vec![b'x'; length]);
            assert_eq!((lines.len(), lines.capacity() == capacity), (0, is_kept), "{length} of {capacity}");
        }
    }
}
