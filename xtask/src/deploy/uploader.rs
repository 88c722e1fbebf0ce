//! Whether this machine can deploy the page. azd hands it to the Static Web Apps CLI, whose uploader exists for x86-64 alone:
//! it is better to hear that before anything is provisioned than after the API has been published.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::steps::Outcome;

/// An error on a machine where `swa deploy` would start a program that cannot run there.
pub(super) fn check() -> Outcome {
    let emulated = || match std::env::consts::OS {
        "macos" => Command::new("arch")
            .args(["-x86_64", "/usr/bin/true"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success()),
        _ => ["qemu-x86_64", "rosetta"].iter().any(|name| Path::new("/proc/sys/fs/binfmt_misc").join(name).exists()),
    };
    runs_on(std::env::consts::OS, std::env::consts::ARCH, emulated)
}

/// `emulated`: whether programs for x86-64 run here nevertheless.
fn runs_on(system: &str, architecture: &str, emulated: impl Fn() -> bool) -> Outcome {
    let cure = match (system, architecture) {
        // Windows emulates x86-64 by itself.
        (_, "x86_64") | ("windows", _) => return Ok(()),
        _ if emulated() => return Ok(()),
        ("macos", _) => "install Rosetta (softwareupdate --install-rosetta)",
        _ => "deploy from an x86-64 machine, a codespace or the workflow",
    };
    Err(format!(
        "azd deploys the page with the Static Web Apps CLI, whose uploader runs on x86-64 only, and this is {system} on \
         {architecture}: {cure}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_uploader_is_told_the_cure() {
        for (system, architecture) in [("linux", "x86_64"), ("macos", "x86_64"), ("windows", "aarch64")] {
            runs_on(system, architecture, || false).unwrap();
        }
        assert!(runs_on("macos", "aarch64", || false).unwrap_err().contains("Rosetta"));
        assert!(runs_on("linux", "aarch64", || false).unwrap_err().contains("codespace"));
        runs_on("macos", "aarch64", || true).unwrap();
        runs_on("linux", "aarch64", || true).unwrap();
    }
}
