//! What judges the run, where the other judges are looked for; and what this machine's own programs are.

use std::path::PathBuf;

/// The Bicep compiler, or the one that the Azure CLI or azd keeps for itself.
pub fn bicep() -> Option<PathBuf> {
    let home = std::env::home_dir().unwrap_or_default();
    let kept = [".azure/bin/bicep", ".azd/bin/bicep"].map(|place| home.join(place));
    judges::BICEP.find().or_else(|| kept.into_iter().find(|file| file.is_file()))
}

/// The Graph extension's types, for a machine that cannot fetch them.
pub(crate) fn graph_types() -> Option<PathBuf> {
    let beside = judges::shared().join("tools/bicep/microsoftgraph-v1.0-1.0.0.tgz");
    std::fs::canonicalize(beside).ok()
}

/// `PATH`.
pub fn search_path() -> std::ffi::OsString {
    #[expect(clippy::disallowed_methods, reason = "the search path of programs is no setting")]
    std::env::var_os("PATH").unwrap_or_default()
}
