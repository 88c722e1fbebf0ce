//! Known faults of what is depended on, as their databases say today: a check that the same sources may pass on one day and
//! fail on the next, so it is no part of `cargo xtask test`.

use std::process::Command;

use crate::steps::{Outcome, cargo_path, step};
use crate::web;

/// Folders of cargo workspaces. The fuzz targets are one of their own.
const WORKSPACES: [&str; 2] = [".", "fuzz"];

/// `cargo xtask advisories`
pub(crate) fn advisories() -> Outcome {
    for folder in WORKSPACES {
        let manifest = format!("{folder}/Cargo.toml");
        let deny = ["deny", "--manifest-path", &manifest, "--config", "deny.toml", "--workspace", "--all-features"];
        step(Command::new(cargo_path()).args(deny).args(["check", "advisories"]))?;
    }
    // What a reader's browser gets; the tools that build and test it run on nobody's data.
    web::npm("web", &["audit", "--omit=dev"])
}
