//! A hand on the script: pieces of a gated reply leave only when a test releases them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// Releases the pieces of one gated reply, and knows how many have been written.
///
/// A reply that is played more than once shares its gate between all its plays.
#[derive(Clone, Debug)]
pub struct Gate {
    permits: Arc<Semaphore>,
    sent: Arc<watch::Sender<usize>>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(0)), sent: Arc::new(watch::Sender::new(0)) }
    }

    /// Lets the next piece go. Called before anything waits, the piece goes as soon as its turn comes.
    pub fn open_next(&self) {
        self.permits.add_permits(1);
    }

    /// Lets all remaining pieces go.
    pub fn open_all(&self) {
        self.permits.close();
    }

    /// How many pieces have been handed to the socket so far.
    pub fn sent(&self) -> usize {
        *self.sent.borrow()
    }

    /// Waits until at least `pieces` have been handed to the socket; false when that takes longer than `within`.
    pub async fn wait_sent(&self, pieces: usize, within: Duration) -> bool {
        let mut sent = self.sent.subscribe();
        timeout(within, sent.wait_for(|sent| *sent >= pieces)).await.is_ok_and(|waited| waited.is_ok())
    }

    /// Waits for this piece's turn. A closed semaphore is an open gate.
    pub(super) async fn pass(&self) {
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
    }

    pub(super) fn count(&self) {
        self.sent.send_modify(|sent| *sent += 1);
    }
}
