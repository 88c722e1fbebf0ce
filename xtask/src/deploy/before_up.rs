//! Looks before `azd up` begins whether this machine can end it: it is better to hear what is missing before anything is
//! provisioned than after the API has been published.

use std::path::Path;
use std::process::{Command, Stdio};

use super::known;
use crate::steps::Outcome;
use crate::tool::tool;

/// An error that names all that is missing.
pub(super) fn check() -> Outcome {
    let by_blob = known("DIRECT_UPLOAD").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let faults = missing(|name| tool(name).is_some(), by_blob).into_iter().chain(uploader().err()).collect::<Vec<_>>();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n       ")) }
}

/// The tools that are needed later and are not there.
fn missing(has: impl Fn(&str) -> bool, by_blob: bool) -> Vec<String> {
    let mut faults = Vec::new();
    if !has("npm") || !has("npx") {
        faults.push("Node.js (npm, npx) is missing; the page is built and deployed with it".to_owned());
    }
    if !has("func") {
        if !by_blob {
            faults.push(NO_FUNC.to_owned());
        } else if !has("az") {
            faults.push(
                "neither func nor the Azure CLI (az) is there; DIRECT_UPLOAD publishes with the latter".to_owned(),
            );
        }
    }
    faults
}

/// What to do without Core Tools.
pub(super) const NO_FUNC: &str = "the Azure Functions Core Tools (func) are missing. Install them, or publish without them: \
                                  see \"Without Core Tools\" in docs/deploying.md";

/// azd hands the page to the Static Web Apps CLI, whose uploader exists for x86-64 alone: an error on a machine where it would
/// start a program that cannot run there.
fn uploader() -> Outcome {
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
    fn all_that_is_missing_is_named_at_once() {
        assert_eq!(missing(|_| true, false), Vec::<String>::new());
        let faults = missing(|_| false, false);
        assert!(
            faults.len() == 2 && faults[0].contains("npm") && faults[1].contains("Without Core Tools"),
            "{faults:?}"
        );
        assert_eq!(missing(|name| name != "func", true), Vec::<String>::new());
        assert!(missing(|name| name != "func" && name != "az", true)[0].contains("neither"));
    }

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
