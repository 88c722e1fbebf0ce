//! A copy of the project for azd to work in: a person's own `.azure` and what is built in the checkout stay untouched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// Made by tools, or of this machine only.
const LEFT_OUT: [&str; 9] =
    [".azure", ".git", "artifacts", "corpus", "dist", "dist-azure", "local.settings.json", "node_modules", "target"];

/// The checkout.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent).unwrap()
}

/// Brings the copy up to date. What is as it was keeps its time, so nothing is built twice.
pub(crate) fn copy() -> PathBuf {
    let to = project().join("target/rehearsal/project");
    bring(project(), &to).unwrap();
    for made in [".azure", "dist", "web/dist", "web/dist-azure", "target/azd-down"] {
        let _ = fs::remove_dir_all(to.join(made));
    }
    to
}

fn bring(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut wanted = BTreeSet::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left_out| name == **left_out) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        wanted.insert(name);
        if fs::metadata(&source)?.is_dir() {
            bring(&source, &target)?;
        } else if fs::read(&target).ok() != Some(fs::read(&source)?) {
            fs::copy(&source, &target)?;
        }
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        let name = entry.file_name();
        if wanted.contains(&name) || LEFT_OUT.iter().any(|left_out| name == **left_out) {
            continue;
        }
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}

/// Notes what the copy is now, so that [`changes`] can tell.
pub(crate) fn commit(copy: &Path) {
    let _ = fs::remove_dir_all(copy.join(".git"));
    git(copy, &["init", "--quiet"]);
    git(copy, &["add", "--all"]);
    let who = ["-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost"];
    git(copy, &[&who[..], &["commit", "--quiet", "--no-verify", "--message", "as it is"]].concat());
}

/// What git sees changed since; empty where there is no git.
pub(crate) fn changes(copy: &Path) -> String {
    git(copy, &["status", "--porcelain"])
}

fn git(copy: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git").current_dir(copy).args(arguments).output();
    done.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default()
}
