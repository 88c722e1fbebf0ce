//! Tools from Python's package index, each set in a place of its own under `target/tools`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::stage;
use crate::steps::step;

/// The folder of programs (`python` among them) of the environment `name`, which has exactly these packages; made where it
/// is missing. None where there is no Python.
pub(crate) fn tools(name: &str, packages: &[&str]) -> Result<Option<PathBuf>, String> {
    let home = stage::project().join("target/tools").join(name);
    let bin = home.join(if cfg!(windows) { "Scripts" } else { "bin" });
    // Written last, so that a broken-off installation is made again.
    let made = home.join(packages.join(" "));
    if made.is_file() {
        return Ok(Some(bin));
    }
    let Some(system) = ["python3", "python"].into_iter().find(works) else {
        return Ok(None);
    };
    step(Command::new(system).args(["-m", "venv", "--clear"]).arg(&home))?;
    step(Command::new(bin.join("python")).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
    std::fs::write(&made, "").map_err(|error| format!("{}: {error}", made.display()))?;
    Ok(Some(bin))
}

fn works(program: &&str) -> bool {
    let probe = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}
