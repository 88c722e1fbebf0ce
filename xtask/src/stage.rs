//! Puts the function app together as it is deployed: `host.json`, the function's folder and the binary, side by side.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The project's root.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Stages the app with the binary of a build (`debug`, `release`) under `target/app`, and answers the folder. A
/// `local.settings.json` comes along.
pub(crate) fn app(build: &Path) -> io::Result<PathBuf> {
    let project = project();
    let app = project.join("target/app");
    if app.exists() {
        fs::remove_dir_all(&app)?;
    }
    fs::create_dir_all(app.join("chat_stream"))?;
    for file in ["host.json", "chat_stream/function.json"] {
        fs::copy(project.join(file), app.join(file))?;
    }
    let settings = project.join("local.settings.json");
    if settings.exists() {
        fs::copy(settings, app.join("local.settings.json"))?;
    }
    // The name in host.json has no suffix, which suits Linux, where it is deployed, and macOS.
    let binary = project.join("target").join(build).join(format!("reasoning-chat{}", std::env::consts::EXE_SUFFIX));
    fs::copy(binary, app.join(format!("reasoning-chat{}", std::env::consts::EXE_SUFFIX)))?;
    Ok(app)
}
