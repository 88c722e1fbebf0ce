//! What goes through the stand-in for the Functions host goes through the real host's proxy as well: Kestrel and YARP's
//! forwarder, where a machine has them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{Outcome, cargo_path, step};
use crate::{skips, web};

/// What makes the stand-in put the real proxy in its front door's place (`tests/harness/src/host/options.rs`).
const BEHIND: &str = "BEHIND_REAL_PROXY";

/// Tests that start no host, or talk past it; the last one keeps a core busy for a minute.
const PAST_IT: [&str; 4] = ["vectors::", "properties::", "client_faults::", "failover::requests_against_upstreams"];

/// The program's tests once more, and those of the page in the whole stack.
pub(crate) fn behind_the_real_proxy() -> Outcome {
    let Some(program) = judges::REAL_PROXY.find() else {
        skips::beyond(&format!("the same tests behind the host's real proxy ({})", judges::REAL_PROXY.absent()));
        return Ok(());
    };
    // Most of them wait for clocks, so more than one a core.
    let mut tests = Command::new(cargo_path());
    tests.args(["test", "--package", "reasoning-chat", "--test", "it", "--locked", "--", "--test-threads", "4"]);
    tests.args(PAST_IT.iter().flat_map(|module| ["--skip", module]));
    println!("\nBehind {}:", program.display());
    step(tests.env(BEHIND, absolute(&program)))?;
    web::stack_test(&[(BEHIND, absolute(&program))])
}

fn absolute(program: &Path) -> PathBuf {
    program.canonicalize().unwrap_or_else(|_| program.to_path_buf())
}
