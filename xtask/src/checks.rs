//! Checks of what is not Rust: Bicep against Azure's type data, and the tools' files against the tools' schemas. Both stand
//! in `../shared`, outside the project; where that is absent the checks say that they were skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::stage;
use crate::steps::{Outcome, step};

/// What the checks are written with, from Python's package index, pinned as a lock file would.
const PACKAGES: [&str; 4] = ["tree-sitter==0.26.1", "tree-sitter-bicep==1.1.0", "jsonschema==4.26.0", "pyyaml==6.0.3"];

/// Part of `cargo xtask test`.
pub(crate) fn infrastructure() -> Outcome {
    let shared = stage::project().join("../shared");
    let (tool, schemas) = (shared.join("tools/bicep_check.py"), shared.join("schemas"));
    if !tool.is_file() || !schemas.is_dir() {
        println!(
            "\nskipped: Bicep against Azure's types, and the tools' files against their schemas (there is no ../shared)"
        );
        return Ok(());
    }
    let Some(python) = python()? else {
        println!(
            "\nskipped: Bicep against Azure's types, and the tools' files against their schemas (there is no Python)"
        );
        return Ok(());
    };
    step(Command::new(&python).arg("-B").arg(tool).args(bicep_files().map_err(|error| format!("infra: {error}"))?))?;
    step(Command::new(&python).arg("-B").arg("xtask/src/checks/schemas.py").arg(schemas))
}

/// A Python that has the packages, in a place of its own under `target`; none where there is no Python.
fn python() -> Result<Option<PathBuf>, String> {
    let home = stage::project().join("target/tools/checks");
    let python = home.join(if cfg!(windows) { "Scripts/python" } else { "bin/python" });
    // Written last, so that a broken-off installation is made again.
    let made = home.join(PACKAGES.join(" "));
    if made.is_file() {
        return Ok(Some(python));
    }
    let works = |name: &&str| {
        let probe = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        probe.is_ok_and(|status| status.success())
    };
    let Some(system) = ["python3", "python"].into_iter().find(works) else {
        return Ok(None);
    };
    step(Command::new(system).args(["-m", "venv"]).arg(&home))?;
    step(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    std::fs::write(&made, "").map_err(|error| format!("{}: {error}", made.display()))?;
    Ok(Some(python))
}

/// All Bicep files, as paths from the project's root, in order.
fn bicep_files() -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in ["infra", "infra/modules"] {
        for entry in std::fs::read_dir(stage::project().join(folder))? {
            let name = PathBuf::from(entry?.file_name());
            if name.extension().is_some_and(|extension| extension == "bicep") {
                files.push(Path::new(folder).join(name));
            }
        }
    }
    files.sort();
    Ok(files)
}
