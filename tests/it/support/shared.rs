//! Test data that lies beside the project and not in it.

use std::path::PathBuf;

/// A folder under `../shared`; `None` where that is absent, of which `cargo xtask test` says a word.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    Some(super::app::project().join("../shared").join(name)).filter(|folder| folder.is_dir())
}
