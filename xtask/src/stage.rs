//! Puts the function app together as it is deployed: `host.json`, the function's folder and the binary, side by side.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The project's root.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The binary's name in the app, which `host.json` says and which the host makes executable.
pub(crate) const BINARY: &str = "reasoning-chat";

/// Makes `folder` hold the app with this binary and nothing else.
pub(crate) fn app(folder: &Path, binary: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder.join("chat_stream"))?;
    for file in ["host.json", "chat_stream/function.json"] {
        fs::copy(project().join(file), folder.join(file))?;
    }
    fs::copy(binary, folder.join(BINARY))?;
    Ok(())
}

/// The app for this machine, with the binary of the debug build, under `target/app`; answers the folder. A
/// `local.settings.json` comes along.
pub(crate) fn local_app() -> io::Result<PathBuf> {
    let folder = project().join("target/app");
    app(&folder, &project().join("target/debug").join(format!("{BINARY}{}", std::env::consts::EXE_SUFFIX)))?;
    let settings = project().join("local.settings.json");
    if settings.exists() {
        fs::copy(settings, folder.join("local.settings.json"))?;
    }
    Ok(folder)
}
