//! Reads request bodies, within bounds of size and time.
//!
//! A body is read to its end even when its request is refused: the Functions host turns an answer that comes before the
//! body was taken into an empty 500 (azure-functions-host#10623). What nobody wants is forgotten as it comes.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use crate::error::{ChatError, Code};
use crate::settings::RequestLimits;

/// How much of a body that nobody wants is taken off the wire before the connection is given up: what the Functions host
/// lets through. Bytes.
const MAX_UNWANTED_BYTES: usize = 100 * 1024 * 1024;
/// How long that may take where no setting says it.
pub(crate) const UNWANTED_TIME: Duration = Duration::from_secs(30);

/// The body must come as it is.
///
/// # Errors
/// `unsupported_media_type`
pub(crate) fn require_plain(headers: &HeaderMap) -> Result<(), ChatError> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let text = "The request's body is compressed (Content-Encoding). Send it as it is.";
    Err(ChatError::new(Code::UnsupportedMediaType, text))
}

/// The whole body. One that is too large is read to its end all the same, within the same time.
///
/// # Errors
/// `request_too_large`, `request_timeout`, `invalid_request`
pub(crate) async fn read(body: Body, limits: &RequestLimits) -> Result<Bytes, ChatError> {
    read_within(body, limits.max_bytes, limits.timeout, " (MAX_REQUEST_BYTES)").await
}

/// The whole of a body whose bound is no setting.
///
/// # Errors
/// As of [`read`].
pub(crate) async fn read_small(body: Body, max_bytes: usize, time: Duration) -> Result<Bytes, ChatError> {
    read_within(body, max_bytes, time, "").await
}

async fn read_within(mut body: Body, max_bytes: usize, time: Duration, setting: &str) -> Result<Bytes, ChatError> {
    let deadline = Instant::now() + time;
    let read = tokio::time::timeout_at(deadline, read_up_to(&mut body, max_bytes)).await.map_err(|_| {
        let text = format!("The request did not arrive within {} ms (REQUEST_TIMEOUT).", time.as_millis());
        ChatError::new(Code::RequestTimeout, text)
    })??;
    if let Some(bytes) = read {
        check_beginning(&bytes)?;
        return Ok(bytes);
    }
    discard(body, deadline.saturating_duration_since(Instant::now())).await;
    Err(ChatError::new(Code::RequestTooLarge, format!("The request is larger than {max_bytes} bytes{setting}.")))
}

/// A JSON reader would only say "line 1, column 1" of what tools put first.
fn check_beginning(bytes: &[u8]) -> Result<(), ChatError> {
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, ..] => "The body begins with a byte order mark. Send the JSON without it.",
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [b'{', 0, ..] | [0, b'{', ..] => {
            "The body is UTF-16. Send the JSON as UTF-8."
        }
        // gzip, zlib, Zstandard
        [0x1F, 0x8B, ..] | [0x78, 0x01 | 0x9C | 0xDA, ..] | [0x28, 0xB5, 0x2F, 0xFD, ..] => {
            "The body is compressed. Send the JSON as it is."
        }
        _ => return Ok(()),
    };
    Err(ChatError::new(Code::InvalidRequest, text))
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

/// Takes what is left of a body off the wire and forgets it, as far as the bounds of size and `time` allow.
pub(crate) async fn discard(mut body: Body, time: Duration) {
    let drain = async {
        let mut taken = 0;
        while let Some(Ok(frame)) = body.frame().await {
            taken += frame.data_ref().map_or(0, Bytes::len);
            if taken > MAX_UNWANTED_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(time, drain).await;
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use futures::stream;

    use super::*;

    const LIMITS: RequestLimits = RequestLimits {
        max_bytes: 10,
        max_messages: 1,
        max_chars: 1,
        max_images: 0,
        max_image_bytes: 0,
        timeout: Duration::from_secs(30),
    };

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
        let endless = body(vec![(2000, Some("0123456789x")), (0, None)]);
        let late = "its whole time, of which a part had passed";
        assert_eq!(outcome(endless).await, (Err(Code::RequestTooLarge), LIMITS.timeout), "{late}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_wants_is_bounded_in_size_too() {
        static MEBIBYTE: [u8; 1 << 20] = [b'x'; 1 << 20];
        let taken = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = std::sync::Arc::clone(&taken);
        discard(
            Body::from_stream(stream::repeat_with(move || {
                counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Ok::<_, std::io::Error>(Bytes::from_static(&MEBIBYTE))
            })),
            UNWANTED_TIME,
        )
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

    #[tokio::test]
    async fn what_is_no_json_by_its_first_bytes_is_named() {
        for (bytes, says) in [
            (&b"\xEF\xBB\xBF{}"[..], "byte order mark"),
            (b"\xFF\xFE{\0}\0", "UTF-16"),
            (b"\0{\0}", "UTF-16"),
            (b"\x1F\x8B\x08", "compressed"),
            (b"\x28\xB5\x2F\xFD", "compressed"),
        ] {
            let error = read(Body::from(bytes), &LIMITS).await.unwrap_err();
            assert_eq!(error.code(), Code::InvalidRequest);
            assert!(error.text().contains(says), "{}", error.text());
        }
        assert!(read(Body::from(" {x:1}"), &LIMITS).await.is_ok(), "the rest is the JSON reader's");
    }

    #[test]
    fn a_body_that_is_called_compressed_is_refused_by_its_head() {
        let plain = |encodings: &[&'static str]| {
            let encodings = encodings.iter().map(|value| (header::CONTENT_ENCODING, (*value).parse().unwrap()));
            require_plain(&encodings.collect()).is_ok()
        };
        assert!(plain(&[]) && plain(&["identity"]) && plain(&["Identity "]));
        assert!(!plain(&["gzip"]) && !plain(&["identity", "br"]) && !plain(&["gzip, identity"]) && !plain(&[""]));
    }
}
