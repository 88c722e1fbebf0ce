//! Room for large request bodies: all that are held at once have a bound together, so that many readers with images do not
//! take the instance's memory. A small body needs none: how many there are is bounded by the slots.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ChatError, Code};

/// Bodies up to this size need no room. Bytes.
const SMALL_BYTES: usize = 64 * 1024;
/// What all others may have together. A body is held up to three times for a moment: as it came, as a conversation, and as
/// upstream gets it; an instance of 512 MB has room for that.
const ALL_BYTES: usize = 64 * 1024 * 1024;
/// What room is counted in. Bytes.
const UNIT: usize = 1024;

/// The room of this instance.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

/// A body's share, given back when it is dropped. Small ones have none.
#[derive(Debug, Default)]
pub struct Share(Option<OwnedSemaphorePermit>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL_BYTES / UNIT)))
    }
}

impl Room {
    /// Room for a body whose head this is, and which has at most `max_bytes`. Waits for others to end, at most for `time`.
    ///
    /// # Errors
    /// `overloaded`
    pub(crate) async fn take(&self, headers: &HeaderMap, max_bytes: usize, time: Duration) -> Result<Share, ChatError> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let bytes = length.unwrap_or(max_bytes).min(max_bytes);
        if bytes <= SMALL_BYTES {
            return Ok(Share::default());
        }
        let taking = Arc::clone(&self.0).acquire_many_owned(units(bytes));
        match tokio::time::timeout(time, taking).await {
            Ok(Ok(permit)) => Ok(Share(Some(permit))),
            Ok(Err(_)) | Err(_) => {
                Err(ChatError::new(Code::Overloaded, "This instance is busy. Try again in a moment.")
                    .retry_after(Duration::from_secs(5))
                    .caused_by(format!("large request bodies hold {ALL_BYTES} bytes")))
            }
        }
    }
}

impl Share {
    /// The body has come, and has so many bytes: gives back what it does not need.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let Some(permit) = &mut self.0 else { return };
        let needed = if bytes <= SMALL_BYTES { 0 } else { units(bytes) as usize };
        drop(permit.split(permit.num_permits().saturating_sub(needed)));
    }
}

/// Whole units, as many as there are at most.
fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.min(ALL_BYTES).div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MIB: usize = 1024 * 1024;

    fn head(bytes: usize) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_LENGTH, bytes.into())])
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_share_and_small_ones_pass() {
        let room = Room::default();
        let take = async |bytes| room.take(&head(bytes), 8 * MIB, SECOND).await;
        let mut held = Vec::new();
        for _ in 0..8 {
            held.push(take(8 * MIB).await.unwrap());
        }
        let error = take(MIB).await.unwrap_err();
        assert_eq!((error.code(), error.retry_after_seconds()), (Code::Overloaded, Some(5)));
        assert!(take(SMALL_BYTES).await.is_ok());
        assert!(room.take(&HeaderMap::new(), MIB, SECOND).await.is_err(), "without a length it may be of any");
        held.pop();
        assert!(take(8 * MIB).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_body_did_not_need_is_given_back() {
        let room = Room::default();
        let mut share = room.take(&HeaderMap::new(), ALL_BYTES, SECOND).await.unwrap();
        share.shrink(MIB);
        assert!(room.take(&head(ALL_BYTES - MIB), ALL_BYTES, SECOND).await.is_ok());
        assert!(room.take(&head(ALL_BYTES), ALL_BYTES, SECOND).await.is_err());
        share.shrink(1);
        assert!(room.take(&head(ALL_BYTES), 2 * ALL_BYTES, SECOND).await.is_ok());
    }
}
