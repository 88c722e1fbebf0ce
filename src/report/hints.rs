//! What an operator is told once for each model, when an answer shows that a setting would mend it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::answer::Answer;

/// What has been told of one model.
#[derive(Debug, Default)]
pub struct Hints {
    starts_in_thoughts: AtomicBool,
}

impl Hints {
    /// Looks at a whole answer.
    pub(super) fn look(&self, answer: &Answer) {
        if answer.is_missing_thoughts() && !self.starts_in_thoughts.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "an answer holds </think> and no <think>: its thoughts were told as the answer; if this model's chat template \
                 opens the block itself, set STARTS_IN_THOUGHTS=true"
            );
        }
    }
}
