//! The benchmark and its guard: `tests/bench`, beside the program as it is packaged.

use std::process::Command;

use crate::stage;
use crate::steps::{Outcome, cargo, step};

/// `cargo xtask bench [PART…] […]`
pub(crate) fn bench(arguments: &[String]) -> Outcome {
    build()?;
    let mut command = Command::new(stage::project().join("target/release/bench"));
    command.arg("--program").arg(stage::project().join("target/release").join(stage::BINARY));
    command.arg("--folder").arg(stage::project().join("target/bench"));
    step(command.args(arguments))
}

fn build() -> Outcome {
    // One after the other: built together, the bench's features would get into the program.
    cargo(&["build", "--release", "--locked", "--package", "reasoning-chat"])?;
    cargo(&["build", "--release", "--locked", "--package", "bench"])
}
