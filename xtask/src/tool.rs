//! Finds the programs that the commands need.

use std::path::PathBuf;

/// The program's path. On Windows the tools that come with npm or an installer are `.cmd` files, which are not found without
/// their ending.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the search path of programs is no setting")]
    let path = std::env::var_os("PATH")?;
    let endings: &[&str] = if cfg!(windows) { &[".exe", ".cmd"] } else { &[""] };
    std::env::split_paths(&path)
        .flat_map(|folder| endings.iter().map(move |ending| folder.join(format!("{name}{ending}"))))
        .find(|file| file.is_file())
}
