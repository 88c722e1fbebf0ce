//! Puts the function app together as it is deployed: `host.json`, the function's folder and the binary, side by side.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The project's root.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The binary's name in the app, which `host.json` says and which the host makes executable.
pub(crate) const BINARY: &str = "reasoning-chat";

/// The app's files beside the binary, as they stand in the project: `host.json`, and the folder of each function.
pub(crate) fn files() -> io::Result<Vec<String>> {
    let mut files = vec!["host.json".to_owned()];
    for entry in fs::read_dir(project())? {
        let entry = entry?;
        if entry.path().join("function.json").is_file() {
            files.push(format!("{}/function.json", entry.file_name().to_string_lossy()));
        }
    }
    files.sort();
    Ok(files)
}

/// Makes `folder` hold the app with this binary and nothing else.
pub(crate) fn app(folder: &Path, binary: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    for file in files()? {
        let target = folder.join(&file);
        fs::create_dir_all(target.parent().unwrap_or(folder))?;
        fs::copy(project().join(&file), target)?;
    }
    fs::copy(binary, folder.join(BINARY))?;
    Ok(())
}

/// A program of the debug build.
pub(crate) fn built(name: &str) -> PathBuf {
    project().join("target/debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The app for this machine, with the binary of the debug build, under `target/app`; answers the folder. A
/// `local.settings.json` comes along.
pub(crate) fn local_app() -> io::Result<PathBuf> {
    let folder = project().join("target/app");
    app(&folder, &built(BINARY))?;
    let settings = project().join("local.settings.json");
    if settings.exists() {
        fs::copy(settings, folder.join("local.settings.json"))?;
    }
    Ok(folder)
}
