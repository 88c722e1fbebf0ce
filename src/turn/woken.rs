//! Who is woken by what a turn waits for beside its upstream.

use std::task::{Context, Waker};

/// The task that was registered last. A turn is polled with every piece of an answer, mostly by the same task: then nothing
/// has to be registered, which costs more than the look.
#[derive(Debug, Default)]
pub(super) struct Woken(Option<Waker>);

impl Woken {
    /// Whether it is this task.
    pub(super) fn is(&self, cx: &Context<'_>) -> bool {
        self.0.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
    }

    /// It is this task from here on.
    pub(super) fn set(&mut self, cx: &Context<'_>) {
        if !self.is(cx) {
            self.0 = Some(cx.waker().clone());
        }
    }
}
