//! Reads request bodies, within bounds of size and time.
//!
//! A body is read even when its request is refused: the Functions host turns an answer that comes before the body was
//! taken into an empty 500 (azure-functions-host#10623).

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::error::{ChatError, Code};
use crate::settings::RequestLimits;

/// How much of a body that nobody wants is taken off the wire before the connection is given up. Bytes.
const MAX_UNWANTED_BYTES: usize = 16 * 1024 * 1024;
/// How long that may take; a body that is here already takes no time.
const UNWANTED_TIMEOUT: Duration = Duration::from_secs(5);

/// The whole body.
///
/// # Errors
/// `request_too_large`, `request_timeout`, `invalid_request`
pub(crate) async fn read(mut body: Body, limits: &RequestLimits) -> Result<Bytes, ChatError> {
    let read =
        tokio::time::timeout(limits.timeout, read_up_to(&mut body, limits.max_bytes)).await.map_err(|_| {
            let text =
                format!("The request did not arrive within {} ms (REQUEST_TIMEOUT).", limits.timeout.as_millis());
            ChatError::new(Code::RequestTimeout, text)
        })??;
    if let Some(bytes) = read {
        return Ok(bytes);
    }
    discard(body).await;
    let text = format!("The request is larger than {} bytes (MAX_REQUEST_BYTES).", limits.max_bytes);
    Err(ChatError::new(Code::RequestTooLarge, text))
}

/// `None` when there is more than `max_bytes`.
async fn read_up_to(body: &mut Body, max_bytes: usize) -> Result<Option<Bytes>, ChatError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ChatError::new(Code::InvalidRequest, "The request's body broke off."))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > max_bytes {
            return Ok(None);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Some(bytes.freeze()))
}

/// Takes what is left of a body off the wire and forgets it, as far as the bounds allow.
pub(crate) async fn discard(mut body: Body) {
    let drain = async {
        let mut taken = 0;
        while let Some(Ok(frame)) = body.frame().await {
            taken += frame.data_ref().map_or(0, Bytes::len);
            if taken > MAX_UNWANTED_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(UNWANTED_TIMEOUT, drain).await;
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use futures::stream;
    use tokio::time::Instant;

    use super::*;

    const LIMITS: RequestLimits =
        RequestLimits { max_bytes: 10, max_messages: 1, max_chars: 1, timeout: Duration::from_secs(30) };

    /// A body of these pieces, each after a pause; `None` never ends it.
    fn body(pieces: Vec<(u64, Option<&'static str>)>) -> Body {
        Body::from_stream(stream::iter(pieces).filter_map(|(pause_ms, piece)| async move {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            match piece {
                Some(piece) => Some(Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes()))),
                None => std::future::pending().await,
            }
        }))
    }

    async fn outcome(body: Body) -> (Result<Bytes, Code>, Duration) {
        let begun = Instant::now();
        let read = read(body, &LIMITS).await.map_err(|error| error.code());
        (read, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_is_exact_and_pieces_do_not_stretch_it() {
        let in_time = body(vec![(15_000, Some("ab")), (14_999, Some("cd"))]);
        assert_eq!(outcome(in_time).await, (Ok(Bytes::from_static(b"abcd")), Duration::from_millis(29_999)));
        let late = body(vec![(15_000, Some("ab")), (15_001, Some("cd"))]);
        assert_eq!(outcome(late).await, (Err(Code::RequestTimeout), LIMITS.timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn the_bound_is_exact_and_what_is_over_it_is_taken_off_the_wire_for_a_while() {
        assert_eq!(outcome(body(vec![(0, Some("0123456789"))])).await.0, Ok(Bytes::from_static(b"0123456789")));
        let over = body(vec![(0, Some("0123456789")), (0, Some("x")), (1000, Some("rest"))]);
        assert_eq!(outcome(over).await, (Err(Code::RequestTooLarge), Duration::from_secs(1)));
        let endless = body(vec![(0, Some("0123456789x")), (0, None)]);
        assert_eq!(outcome(endless).await, (Err(Code::RequestTooLarge), UNWANTED_TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_wants_is_bounded_in_size_too() {
        static MEBIBYTE: [u8; 1 << 20] = [b'x'; 1 << 20];
        let taken = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = std::sync::Arc::clone(&taken);
        discard(Body::from_stream(stream::repeat_with(move || {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from_static(&MEBIBYTE))
        })))
        .await;
        assert_eq!(
            taken.load(std::sync::atomic::Ordering::Relaxed) * MEBIBYTE.len(),
            MAX_UNWANTED_BYTES + MEBIBYTE.len()
        );
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_a_bad_request() {
        let broken = stream::iter([Ok("ab"), Err(std::io::Error::other("gone"))]);
        assert_eq!(outcome(Body::from_stream(broken)).await.0, Err(Code::InvalidRequest));
    }
}
