//! The end of the grace period, as one turn sees it.

use std::task::Context;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::woken::Woken;

/// Tells when open answers must end. It is asked with every piece of an answer, so that mostly costs one look at a number:
/// the task is registered to be woken once, and again only if it is another.
pub struct Grace {
    over: watch::Receiver<bool>,
    wake: BoxFuture<'static, ()>,
    woken: Woken,
}

impl std::fmt::Debug for Grace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grace").field("over", &self.over).finish_non_exhaustive()
    }
}

impl Grace {
    /// `over` becomes true, once, when the grace period is over.
    pub fn new(over: &watch::Receiver<bool>) -> Self {
        let mut waiting = over.clone();
        let wake = async move {
            if waiting.wait_for(|over| *over).await.is_err() {
                // Nobody is left who could end the grace period.
                std::future::pending::<()>().await;
            }
        };
        Self { over: over.clone(), wake: wake.boxed(), woken: Woken::default() }
    }

    /// Whether it is over; if not, the task is woken when it is.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if self.over.has_changed().unwrap_or(false) {
            return true;
        }
        if !self.woken.is(cx) {
            if self.wake.poll_unpin(cx).is_ready() {
                return true;
            }
            self.woken.set(cx);
        }
        false
    }
}
