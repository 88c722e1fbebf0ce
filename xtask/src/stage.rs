//! Puts the function app together as it is deployed: `host.json`, the function's folder and the binary, side by side.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fs, io};

/// The project's root: the checkout in which the command was called. A released command was built in another.
pub(crate) fn project() -> &'static Path {
    static PROJECT: LazyLock<PathBuf> = LazyLock::new(|| {
        let here = std::env::current_dir().unwrap_or_default();
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
        checkout(&here).unwrap_or(built).to_owned()
    });
    &PROJECT
}

/// The checkout that a folder is in.
fn checkout(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|above| above.join("azure.yaml").is_file() && above.join("xtask/run.mjs").is_file())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_works_on_the_checkout_that_it_is_called_in_wherever_it_was_built() {
        let folder = std::env::temp_dir().join(format!("checkout-{}", std::process::id()));
        fs::create_dir_all(folder.join("web/src")).unwrap();
        fs::create_dir_all(folder.join("xtask")).unwrap();
        for file in ["azure.yaml", "xtask/run.mjs"] {
            assert_eq!(checkout(&folder.join("web/src")), None, "another project, without {file}");
            fs::write(folder.join(file), "").unwrap();
        }
        assert_eq!(checkout(&folder.join("web/src")), Some(folder.as_path()));
        fs::remove_dir_all(folder).unwrap();
    }
}
