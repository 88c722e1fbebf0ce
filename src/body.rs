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
