//! The page's commands, as commands of npm. Where Node or a browser is missing they say so and skip.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;
use std::{fs, io};

use crate::steps::{self, Outcome, step};
use crate::{skips, stage};

/// The oldest Node of a line that the page's tools run on, and of the next line; `web/package.json` says the same, and a test
/// of the page that no locked package wants more.
const NODE_FLOORS: [(u32, u32); 2] = [(20, 19), (22, 12)];

/// What is said of them.
const NODE_WANTED: &str = "Node 20.19, or of the 22 line 22.12, or newer";

/// What the page is built from, under `web/`.
const SOURCES: [&str; 7] =
    ["src", "public", "index.html", "worker.js", "package-lock.json", "vite.config.ts", "tsconfig.json"];

/// Builds the page for the program to serve, if something changed since it was built.
pub(crate) fn build() -> Outcome {
    if let Some(why) = no_node() {
        println!("\nskipped: the page ({why}); the program runs without it");
        return Ok(());
    }
    if is_built() {
        return Ok(());
    }
    install("web")?;
    npm("web", &["run", "build"])
}

/// Everything that must hold of the page.
pub(crate) fn test() -> Outcome {
    if let Some(why) = no_node() {
        return skips::promised(&format!("the page's checks ({why})"));
    }
    install("web")?;
    npm("web", &["run", "check"])?;
    npm("web", &["test"])?;
    npm("web", &["run", "build"])?;
    if let Some(why) = no_browser() {
        return skips::promised(&format!("the page's browser tests ({why})"));
    }
    install("web/emulator")?;
    // As `cargo xtask swa` builds them, so that its test waits for no compiler.
    steps::build_local_app(true)?;
    steps::cargo(&["build", "--package", "harness", "--bin", "telemetry-recorder"])?;
    npm("web", &["run", "test:browser"])
}

/// The page in the whole stack, with these variables besides. For after [`test()`], which has said what is missing.
pub(crate) fn stack_test(environment: &[(&str, PathBuf)]) -> Outcome {
    if no_node().or_else(no_browser).is_some() {
        return Ok(());
    }
    let mut command = npm_in("web", &["run", "test:browser", "--", "stack.test.ts"]);
    step(command.envs(environment.iter().map(|(name, value)| (name, value))))
}

/// Builds the page and installs the Static Web Apps emulator; answers the emulator's program.
pub(crate) fn emulator() -> Result<PathBuf, String> {
    if let Some(why) = no_node() {
        return Err(why);
    }
    build()?;
    install("web/emulator")?;
    Ok(web().join("emulator/node_modules/@azure/static-web-apps-cli/dist/cli/bin.js"))
}

/// The page's figures, in a browser of this machine.
pub(crate) fn bench() -> Outcome {
    if let Some(why) = no_node().or_else(no_browser) {
        return Err(why);
    }
    build()?;
    npm("web", &["run", "bench"])
}

/// The README's pictures, of the program on its demo model.
pub(crate) fn screenshots() -> Outcome {
    if let Some(why) = no_node().or_else(no_browser) {
        return Err(why);
    }
    build()?;
    npm("web", &["run", "screenshots"])
}

fn web() -> PathBuf {
    stage::project().join("web")
}

/// Whether the built page is newer than all that it is built from.
fn is_built() -> bool {
    let newest = SOURCES.iter().filter_map(|source| newest(&web().join(source)).ok()).max();
    let built = fs::metadata(web().join("dist/index.html")).and_then(|file| file.modified());
    matches!((built, newest), (Ok(built), Some(newest)) if built >= newest)
}

/// When anything in here was last changed.
fn newest(path: &Path) -> io::Result<SystemTime> {
    let this = fs::metadata(path)?;
    let mut latest = this.modified()?;
    if this.is_dir() {
        for entry in fs::read_dir(path)? {
            latest = latest.max(newest(&entry?.path())?);
        }
    }
    Ok(latest)
}

/// Installs what the lock file names, unless that is what is there.
pub(crate) fn install(folder: &str) -> Outcome {
    let folder_path = stage::project().join(folder);
    let wanted = fs::metadata(folder_path.join("package-lock.json")).and_then(|file| file.modified());
    // npm writes this file at the end of an installation.
    let there = fs::metadata(folder_path.join("node_modules/.package-lock.json")).and_then(|file| file.modified());
    if matches!((&wanted, &there), (Ok(wanted), Ok(there)) if there >= wanted) {
        return Ok(());
    }
    npm(folder, &["ci"])
}

/// Runs npm in a folder of the project.
pub(crate) fn npm(folder: &str, arguments: &[&str]) -> Outcome {
    step(&mut npm_in(folder, arguments))
}

fn npm_in(folder: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.arg("--prefix").arg(folder).args(arguments);
    command
}

/// Why there is no Node to use, if there is none.
pub(crate) fn no_node() -> Option<String> {
    let found = Command::new("node").arg("--version").stderr(Stdio::null()).output();
    let version = found.ok().filter(|output| output.status.success()).map(|output| output.stdout).unwrap_or_default();
    let version = String::from_utf8_lossy(&version).trim().to_owned();
    match node_version(&version) {
        Some(found) if is_new_enough(found) => None,
        Some(_) => Some(format!("Node {version} is too old; it needs {NODE_WANTED}")),
        None => Some("there is no Node".to_owned()),
    }
}

/// Major and minor of what `node --version` says.
fn node_version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Whether a Node is one that the page's tools run on: of the 20 line from its floor on, and whatever comes behind the 22
/// line's. The line between them is no longer kept, and lacks what both have.
fn is_new_enough((major, minor): (u32, u32)) -> bool {
    let [(old_line, old_floor), newest] = NODE_FLOORS;
    (major == old_line && minor >= old_floor) || (major, minor) >= newest
}

/// Why there is no browser to test with, if there is none. Debian's place, or where `CHROMIUM` says.
fn no_browser() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the tests' own variable, which the program never sees")]
    let place = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    (!Path::new(&place).exists())
        .then(|| "there is no Chromium; to have it: apt-get install chromium, or set CHROMIUM".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_is_compared_by_major_and_minor() {
        for (said, expected) in [
            ("v18.20.4", false),
            ("v20.18.3", false),
            ("v20.19.0", true),
            ("v20.20.2", true),
            ("v21.7.3", false),
            ("v22.11.0", false),
            ("v22.12.0", true),
            ("v23.0.0", true),
            ("v26.1.0", true),
        ] {
            assert_eq!(node_version(said).map(is_new_enough), Some(expected), "{said}");
        }
        assert_eq!(node_version(""), None);
        assert_eq!(node_version("v22"), None);
    }
}
