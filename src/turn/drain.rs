//! What follows an answer's end. Some servers send it a moment later; a body that is dropped before takes its connection
//! with it, and the next turn has to open another.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt as _;

/// Bytes that may follow.
const MAX_BYTES: usize = 64 * 1024;
/// How long they may take. It also bounds how many bodies are read here at once, by the answers that end meanwhile.
const MAX_TIME: Duration = Duration::from_secs(1);

/// Reads a body to its end in the background, within bounds, and forgets it.
pub(super) fn to_end<B>(mut body: B)
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    if body.is_end_stream() {
        return;
    }
    let rest = async move {
        let mut left = MAX_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    tokio::spawn(tokio::time::timeout(MAX_TIME, rest));
}

#[cfg(test)]
mod tests {
    use futures::channel::mpsc;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    type Piece = Result<Frame<Bytes>, std::io::Error>;

    /// Whether the body is still held after these pieces and this time.
    async fn is_held(pieces: Vec<Piece>, end: bool, after: Duration) -> bool {
        let (sender, body) = mpsc::unbounded();
        for piece in pieces {
            sender.unbounded_send(piece).unwrap();
        }
        if end {
            sender.close_channel();
        }
        to_end(StreamBody::new(body));
        tokio::time::sleep(after).await;
        !sender.is_closed()
    }

    fn piece(bytes: usize) -> Frame<Bytes> {
        Frame::data(vec![b' '; bytes].into())
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_is_awaited_within_bounds() {
        let (soon, late) = (Duration::from_millis(999), Duration::from_millis(1001));
        assert!(is_held(vec![Ok(piece(MAX_BYTES))], false, soon).await, "it may still end");
        assert!(!is_held(vec![Ok(piece(MAX_BYTES))], false, late).await, "not for ever");
        assert!(!is_held(vec![Ok(piece(MAX_BYTES)), Ok(piece(1))], false, soon).await, "not for any size");
        assert!(!is_held(vec![Err(std::io::ErrorKind::ConnectionReset.into())], false, soon).await, "it is lost");
        assert!(!is_held(vec![Ok(piece(1))], true, soon).await, "it has ended");
    }
}
