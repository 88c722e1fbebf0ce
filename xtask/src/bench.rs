//! The benchmark and its guard: `tests/bench`, beside the program as it is packaged.

use std::path::PathBuf;
use std::process::Command;

use crate::stage;
use crate::steps::{Outcome, cargo, step};

/// `cargo xtask bench [PART…] […]`
pub(crate) fn bench(arguments: &[String]) -> Outcome {
    build()?;
    // Some minutes for one figure, so only where it is asked for.
    if arguments.iter().any(|word| word.split(',').any(|name| name == "floor-linked")) {
        cargo(&[
            "build",
            "--release",
            "--locked",
            "--package",
            "floor",
            "--features",
            "linked",
            "--bin",
            "floor-linked",
        ])?;
    }
    run(arguments)
}

/// `cargo xtask guard [--bless]`
pub(crate) fn guard(arguments: &[String]) -> Outcome {
    build()?;
    let mut words = vec!["guard".to_owned()];
    words.extend(arguments.iter().cloned());
    run(&words)
}

fn build() -> Outcome {
    // One after the other: built together, the benchmark's features would get into the program.
    cargo(&["build", "--release", "--locked", "--package", "reasoning-chat", "--no-default-features"])?;
    cargo(&["build", "--release", "--locked", "--package", "bench"])?;
    cargo(&["build", "--release", "--locked", "--package", "floor"])?;
    cargo(&["build", "--release", "--locked", "--package", "micro"])
}

fn run(arguments: &[String]) -> Outcome {
    let mut command = Command::new(release("bench"));
    command.arg("--program").arg(release(stage::BINARY));
    command.arg("--floor").arg(release("floor"));
    command.arg("--micro").arg(release("micro"));
    command.arg("--folder").arg(stage::project().join("target/bench"));
    step(command.args(arguments))
}

fn release(binary: &str) -> PathBuf {
    stage::project().join("target/release").join(binary)
}
