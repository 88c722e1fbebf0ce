//! A Python environment with the packages of one requirements file, all pinned there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Interpreters to try: Debian's first, which is built with profile-guided optimisation.
const INTERPRETERS: [&str; 3] = ["/usr/bin/python3", "python3", "python"];

/// Makes the environment if it is not there, and gives its interpreter.
///
/// # Errors
/// Why it cannot be had.
pub(crate) fn install(folder: &Path, requirements: &Path) -> Result<PathBuf, String> {
    let python = folder.join("bin/python");
    let installed = folder.join("installed.txt");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    if python.is_file() && read(&installed) == read(requirements) {
        return Ok(python);
    }
    let made = INTERPRETERS.iter().any(|interpreter| {
        let mut command = Command::new(interpreter);
        command.args(["-m", "venv", "--clear"]).arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    });
    if !made {
        return Err("there is no Python with venv".to_owned());
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "-r"]);
    let status = pip.arg(requirements).status().map_err(|error| format!("pip: {error}"))?;
    if !status.success() {
        return Err(format!("pip could not install {}", requirements.display()));
    }
    std::fs::copy(requirements, &installed).map_err(|error| error.to_string())?;
    Ok(python)
}

/// What the environment's interpreter is.
pub(crate) fn version(python: &Path) -> String {
    let said = Command::new(python).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&said).trim().to_owned()
}
