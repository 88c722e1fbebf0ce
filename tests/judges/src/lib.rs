//! Real programs that judge this project where a machine has them: Microsoft's Bicep compiler, the proxy of the Functions
//! host on its real parts, azd. The project carries none of them; a check that finds none says that it was skipped.
//!
//! Each is looked for in a setting, then under `../shared` beside the checkout, then along `PATH`.

pub mod bicep;

use std::path::{Path, PathBuf};

/// A program that is not part of the project.
#[derive(Clone, Copy, Debug)]
pub struct Judge {
    /// What it is called along `PATH`, without an ending.
    pub name: &'static str,
    /// The environment variable that says where it is.
    pub setting: &'static str,
    /// Where it is under `../shared`.
    pub place: &'static str,
}

/// Microsoft's Bicep compiler, see [`bicep`].
pub const BICEP: Judge = Judge { name: "bicep", setting: "BICEP", place: "tools/bicep/bicep" };

/// Kestrel and YARP's forwarder, the two parts of the Functions host that every byte passes.
pub const REAL_PROXY: Judge = Judge { name: "real-proxy", setting: "REAL_PROXY", place: "tools/real-proxy/real-proxy" };

/// The Azure Developer CLI. A machine's own along `PATH` is the last that is looked for.
pub const AZD: Judge = Judge { name: "azd", setting: "AZD", place: "tools/azd/azd" };

impl Judge {
    /// The program's path. What the setting says is believed, so that a slip in it fails where it is run.
    pub fn find(&self) -> Option<PathBuf> {
        #[expect(clippy::disallowed_methods, reason = "where a tool is, is no setting of the program")]
        let said = std::env::var_os(self.setting).filter(|said| !said.is_empty()).map(PathBuf::from);
        said.or_else(|| Some(shared().join(self.place)).filter(|file| file.is_file())).or_else(|| tool(self.name))
    }

    /// Why there is nothing to run, for the word that says so.
    pub fn absent(&self) -> String {
        let Self { name, setting, .. } = self;
        format!("there is no {name}; to have it: put it on PATH, or say in {setting} where it is")
    }
}

/// Material that the project does not carry, beside the checkout. It may be absent.
pub fn shared() -> PathBuf {
    project().join("../shared")
}

/// The project's root.
pub fn project() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// A program along `PATH`. On Windows the tools that come with npm or an installer are `.cmd` files, which are not found
/// without their ending.
pub fn tool(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the search path of programs is no setting")]
    let path = std::env::var_os("PATH")?;
    let endings: &[&str] = if cfg!(windows) { &[".exe", ".cmd"] } else { &[""] };
    std::env::split_paths(&path)
        .flat_map(|folder| endings.iter().map(move |ending| folder.join(format!("{name}{ending}"))))
        .find(|file| file.is_file())
}
