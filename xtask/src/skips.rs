//! What was not checked. It is said where it happens and once more at the end; where `CI` is set, a check that the project
//! promises to everyone is a failure when it cannot be made, so that nothing is green that was not measured.

use std::sync::{Mutex, PoisonError};

use crate::steps::Outcome;

static SKIPPED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A check that any machine can make once a tool is installed. An error where `CI` is set.
pub(crate) fn promised(what: &str) -> Outcome {
    if is_ci() {
        return Err(format!("{what}; where CI is set, no promised check is skipped"));
    }
    beyond(what);
    Ok(())
}

/// A check that needs what the project does not carry, such as `../shared`.
pub(crate) fn beyond(what: &str) {
    println!("\nskipped: {what}");
    SKIPPED.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_owned());
}

/// All that was skipped, for the end of a command.
pub(crate) fn list() {
    let skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    if !skipped.is_empty() {
        println!("\nNot checked here:\n  skipped: {}", skipped.join("\n  skipped: "));
    }
}

/// Whether a machine runs this and nobody watches.
fn is_ci() -> bool {
    #[expect(clippy::disallowed_methods, reason = "who runs the checks is no setting of the program")]
    let said = std::env::var("CI").unwrap_or_default();
    says_so(&said)
}

fn says_so(variable: &str) -> bool {
    !matches!(variable, "" | "0" | "false")
}

#[cfg(test)]
mod tests {
    use super::says_so;

    #[test]
    fn an_empty_word_or_a_no_is_no_machine() {
        assert_eq!(["true", "1", "yes", "", "0", "false"].map(says_so), [true, true, true, false, false, false]);
    }
}
