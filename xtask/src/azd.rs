//! `cargo xtask azd`: a scripted Azure on this machine, against which azd's commands can be typed without an account.

use std::process::Command;

use crate::stage;
use crate::steps::{Outcome, cargo, step};

/// `cargo xtask azd`
pub(crate) fn azd() -> Outcome {
    if cfg!(windows) {
        return Err("the scripted Azure needs Linux or macOS; on Windows use WSL".to_owned());
    }
    if judges::AZD.find().is_none() {
        return Err(judges::AZD.absent());
    }
    cargo(&["build", "--locked", "--package", "scripted-azure"])?;
    let environments = stage::project().join(".azure");
    if environments.is_dir() {
        println!("\nThere are environments of azd in .azure already: give this one a name of its own.");
    }
    step(Command::new(stage::built("scripted-azure")).arg("target/azd"))
}

/// Why azd cannot be rehearsed here, if it cannot.
pub(crate) fn no_rehearsal() -> Option<String> {
    let packaged = stage::project().join("dist/func/reasoning-chat").is_file();
    match (judges::AZD.find(), judges::BICEP.find()) {
        (None, _) => Some(judges::AZD.absent()),
        (_, None) => Some(judges::BICEP.absent()),
        _ if crate::web::no_node().is_some() => crate::web::no_node(),
        _ if !packaged => Some("nothing is packaged; to have it: cargo xtask package".to_owned()),
        _ => None,
    }
}
