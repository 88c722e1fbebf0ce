//! Real clients of OpenAI's API against the program, and the matrix of what each makes of it.

use std::process::Command;

use crate::steps::{Outcome, cargo, step};
use crate::{python, skips, stage, web};

/// Where the drivers are, and what they drive.
const DRIVERS: &str = "tests/clients/drivers";

/// What makes requests from a schema, from Python's package index.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Part of `cargo xtask test`.
pub(crate) fn check() -> Outcome {
    clients(false)?;
    let Some(bin) = python::tools("schemathesis", &[SCHEMATHESIS])? else {
        return skips::promised("the schema of OpenAI's form (there is no Python)");
    };
    step(
        Command::new(stage::built("clients"))
            .arg("--fuzz")
            .arg(stage::built(stage::BINARY))
            .arg(bin.join("schemathesis")),
    )
}

/// Asks with every client that this machine can have. `write`: the matrix is written anew, and not compared.
pub(crate) fn clients(write: bool) -> Outcome {
    let pinned = stage::project().join(DRIVERS).join("requirements.txt");
    let pinned = std::fs::read_to_string(&pinned).map_err(|error| format!("{}: {error}", pinned.display()))?;
    let packages: Vec<&str> = pinned.lines().filter(|line| !line.is_empty()).collect();
    let python = python::tools("clients", &packages)?.map(|bin| bin.join("python").display().to_string());
    if python.is_none() {
        skips::promised("OpenAI's clients in Python (there is no Python)")?;
    }
    let modules = match web::no_node() {
        None => {
            web::install(DRIVERS)?;
            Some(stage::project().join(DRIVERS).display().to_string())
        }
        Some(why) => {
            skips::promised(&format!("OpenAI's clients in JavaScript ({why})"))?;
            None
        }
    };
    let binaries = judges::shared().join("tools");
    let binaries = binaries.is_dir().then(|| binaries.display().to_string());
    if binaries.is_none() {
        skips::beyond("OpenAI's clients in .NET, Go and Rust (there is no ../shared)");
    }
    // Built with the workspace's features, as the tests were.
    cargo(&["build", "--workspace", "--bin", "clients", "--bin", "reasoning-chat", "--locked"])?;
    let mut run = Command::new(stage::built("clients"));
    run.arg(stage::built(stage::BINARY));
    run.args([python, modules, binaries].map(|place| place.unwrap_or_else(|| "-".to_owned())));
    if write {
        run.arg("--write");
    }
    step(&mut run)
}
