//! What an operator is told once for each model, when its answers show that a setting would mend something.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::answer::{Answer, Thoughts};

/// Answers without thoughts before it is said that there are none: to an easy question some models answer at once.
const ANSWERS: u32 = 3;

/// What has been told of one model.
#[derive(Debug, Default)]
pub struct Hints {
    /// It is asked to think (`REASONING_EFFORT`).
    should_think: bool,
    /// A thought of it has been told.
    tells_thoughts: AtomicBool,
    /// Whole answers that should have had thoughts.
    without_thoughts: AtomicU32,
    starts_in_thoughts: AtomicBool,
}

impl Hints {
    /// For a model that is asked with this effort.
    pub fn new(effort: Option<&str>) -> Self {
        let should_think = effort.is_some_and(|effort| !matches!(effort, "none" | "minimal"));
        Self { should_think, ..Self::default() }
    }

    /// Looks at a whole answer.
    pub(super) fn look(&self, answer: &Answer) {
        if answer.is_missing_thoughts() && !self.starts_in_thoughts.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "an answer holds </think> and no <think>: its thoughts were told as the answer; if this model's chat template \
                 opens the block itself, set STARTS_IN_THOUGHTS=true"
            );
        }
        if self.misses_thoughts(answer.thoughts()) {
            tracing::warn!(
                thoughts = answer.thoughts().as_str(),
                "the model tells no thoughts: `hidden` are those that were counted and not told, of which OpenAI's models \
                 tell a summary through AZURE_INFERENCE_API=responses; `none` is a model that did not think, though \
                 REASONING_EFFORT asks it to"
            );
        }
    }

    /// Whether this answer is the one that shows it.
    fn misses_thoughts(&self, thoughts: Thoughts) -> bool {
        match thoughts {
            Thoughts::Shown | Thoughts::Summary => {
                self.tells_thoughts.store(true, Ordering::Relaxed);
                false
            }
            Thoughts::None if !self.should_think => false,
            Thoughts::Hidden | Thoughts::None => {
                let before = self.without_thoughts.fetch_add(1, Ordering::Relaxed);
                before + 1 == ANSWERS && !self.tells_thoughts.load(Ordering::Relaxed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_thoughts_are_told_once_and_only_of_a_model_that_should_think_and_never_does() {
        use Thoughts::{Hidden, None, Shown, Summary};
        let look = |should_think: bool, answers: &[Thoughts]| {
            let hints = Hints { should_think, ..Hints::default() };
            answers.iter().filter(|thoughts| hints.misses_thoughts(**thoughts)).count()
        };
        assert_eq!(look(true, &[None, None]), 0);
        assert_eq!(look(true, &[None, Hidden, None, None, None, None]), 1);
        assert_eq!(look(false, &[None; 9]), 0);
        assert_eq!(look(false, &[Hidden; 9]), 1);
        for told in [Shown, Summary] {
            assert_eq!(look(true, &[None, None, told, None, Hidden]), 0);
        }
    }
}
