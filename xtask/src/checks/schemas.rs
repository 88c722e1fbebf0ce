//! The tools' files against the tools' schemas, which stand in `../shared`, outside the project.

use std::process::Command;

use crate::steps::{Outcome, step};
use crate::{python, skips};

/// What the check is written with, from Python's package index, pinned as a lock file would.
const PACKAGES: [&str; 2] = ["jsonschema==4.26.0", "pyyaml==6.0.3"];

pub(super) fn check() -> Outcome {
    let schemas = judges::shared().join("schemas");
    if !schemas.is_dir() {
        skips::beyond("the tools' files against their schemas (there is no ../shared)");
        return Ok(());
    }
    let Some(bin) = python::tools("schemas", &PACKAGES)? else {
        return skips::promised("the tools' files against their schemas (there is no Python)");
    };
    step(Command::new(bin.join("python")).arg("-B").arg("xtask/src/checks/schemas.py").arg(schemas))
}
