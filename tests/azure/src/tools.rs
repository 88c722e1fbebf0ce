//! Where azd and the compiler are: on the search path, where the Azure CLI and azd keep theirs, or beside the checkout in
//! `../shared/tools`.

use std::path::{Path, PathBuf};

/// The Azure Developer CLI.
pub fn azd(project: &Path) -> Option<PathBuf> {
    on_path("azd").or_else(|| existing(project.join("../shared/tools/azd/azd")))
}

/// The Bicep compiler.
pub fn bicep(project: &Path) -> Option<PathBuf> {
    let home = std::env::home_dir().unwrap_or_default();
    on_path("bicep")
        .or_else(|| existing(home.join(".azure/bin/bicep")))
        .or_else(|| existing(home.join(".azd/bin/bicep")))
        .or_else(|| existing(project.join("../shared/tools/bicep/bicep")))
}

/// The Graph extension's types, for a machine that cannot fetch them.
pub fn graph_types(project: &Path) -> Option<PathBuf> {
    existing(project.join("../shared/tools/bicep/microsoftgraph-v1.0-1.0.0.tgz"))
}

/// A program on the search path.
pub fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path()).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// `PATH`.
pub(crate) fn search_path() -> std::ffi::OsString {
    #[expect(clippy::disallowed_methods, reason = "the search path of programs is no setting")]
    std::env::var_os("PATH").unwrap_or_default()
}

fn existing(file: PathBuf) -> Option<PathBuf> {
    std::fs::canonicalize(file).ok().filter(|file| file.is_file())
}
