//! Checks of what is not Rust. What is absent is said to be skipped.

mod advisories;
mod bicep;
mod clients;
mod forge;
mod host_probes;
mod page;
mod queries;
mod real_proxy;
mod schemas;

use std::path::{Path, PathBuf};

use crate::steps::Outcome;
use crate::{stage, web};

/// Part of `cargo xtask test`: everything beside the program and the page.
pub(crate) fn surroundings() -> Outcome {
    queries::check()?;
    bicep::check()?;
    schemas::check()?;
    forge::check()
}

pub(crate) use advisories::advisories;
pub(crate) use clients::{check as real_clients, clients};
pub(crate) use host_probes::check as host_probes;
pub(crate) use page::dead_code;
pub(crate) use real_proxy::behind_the_real_proxy;

/// A package of npm's registry, pinned as `NAME@VERSION`, in a place of its own: `target/tools/HOME`, which is answered as a
/// path from the project's root.
fn npm_tool(home: &str, package: &str) -> Result<String, String> {
    let home = format!("target/tools/{home}");
    let folder = stage::project().join(&home);
    // Written last, so that a broken-off installation is made again.
    let made = folder.join(package.replace('/', " "));
    if !made.is_file() {
        std::fs::create_dir_all(&folder).map_err(|error| format!("{home}: {error}"))?;
        web::npm(&home, &["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", package])?;
        std::fs::write(&made, "").map_err(|error| format!("{}: {error}", made.display()))?;
    }
    Ok(home)
}

/// The files of a folder with this ending, as paths from the project's root, in order.
fn files_in(folder: &str, ending: &str) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("{folder}: {error}");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(stage::project().join(folder)).map_err(failed)? {
        let name = PathBuf::from(entry.map_err(failed)?.file_name());
        if name.extension().is_some_and(|extension| extension == ending) {
            files.push(Path::new(folder).join(name));
        }
    }
    files.sort();
    Ok(files)
}
