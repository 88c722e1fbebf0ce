//! Test data that lies beside the project and not in it.

use std::path::PathBuf;

/// A folder under `../shared`; `None`, with a word, where that is absent.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let folder = super::app::project().join("../shared").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    #[expect(clippy::print_stderr, reason = "whoever runs the tests is to know what was not tested")]
    {
        eprintln!("skipped: there is no ../shared/{name}");
    }
    None
}
