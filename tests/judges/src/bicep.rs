//! Runs Microsoft's Bicep compiler on a copy of a folder, so that nothing of the compiler's lands beside the sources.
//!
//! Where the types of the Graph extension lie beside the compiler they stand in for the registry's, and no network is
//! needed; a compiler from elsewhere fetches them itself.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The Graph extension's types, as a file beside the compiler.
const GRAPH: &str = "microsoftgraph-v1.0-1.0.0.tgz";
/// The same in the registry, as `bicepconfig.json` names it.
const GRAPH_IN_REGISTRY: &str = "br:mcr.microsoft.com/bicep/extensions/microsoftgraph/v1.0:1.0.0";

/// The compiler's own home, in the copy.
const HOME: &str = ".home";

/// The oldest version whose evaluation of a deployment was seen: its major and minor number.
pub const EVALUATES: (u32, u32) = (0, 49);

/// The compiler, and its copy of a folder.
#[derive(Debug)]
pub struct Compiler {
    program: PathBuf,
    copy: PathBuf,
}

impl Compiler {
    /// The compiler of this machine on a copy of `folder` at `copy`, which is made anew; `None` where there is no compiler.
    ///
    /// # Errors
    /// The copy could not be made.
    pub fn on(folder: &Path, copy: &Path) -> io::Result<Option<Self>> {
        let Some(program) = super::BICEP.find() else { return Ok(None) };
        if copy.exists() {
            std::fs::remove_dir_all(copy)?;
        }
        copy_folder(folder, copy)?;
        let graph = program.with_file_name(GRAPH);
        if graph.is_file() {
            std::fs::copy(&graph, copy.join(GRAPH))?;
            let settings = copy.join("bicepconfig.json");
            let text = std::fs::read_to_string(&settings)?;
            std::fs::write(&settings, text.replace(GRAPH_IN_REGISTRY, &format!("./{GRAPH}")))?;
        }
        std::fs::create_dir(copy.join(HOME))?;
        Ok(Some(Self { program, copy: copy.canonicalize()? }))
    }

    /// Where the copy is.
    pub fn folder(&self) -> &Path {
        &self.copy
    }

    /// Whether it evaluates a deployment (`snapshot`) as [`EVALUATES`] does, so that what it says can be compared.
    ///
    /// # Errors
    /// The compiler could not be started.
    pub fn evaluates(&self) -> io::Result<bool> {
        let said = self.run(&["--version"])?.stdout;
        Ok(version(&String::from_utf8_lossy(&said)).is_some_and(|version| version >= EVALUATES))
    }

    /// `bicep ARGUMENTS` in the copy, to its end.
    ///
    /// # Errors
    /// The compiler could not be started.
    pub fn run(&self, arguments: &[&str]) -> io::Result<Output> {
        let mut command = Command::new(&self.program);
        // ICU need not be there, and what the compiler caches is thrown away with the copy.
        command.env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1").env("HOME", self.copy.join(HOME));
        command.args(arguments).current_dir(&self.copy).output()
    }
}

/// The first two numbers of the first word that begins with a digit.
fn version(said: &str) -> Option<(u32, u32)> {
    let word = said.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut numbers = word.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::write(target, std::fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_as_numbers() {
        assert_eq!(version("Bicep CLI version 0.49.2 (b34271ac51)\n"), Some((0, 49)));
        assert_eq!(version("Bicep CLI version 0.100.1"), Some((0, 100)));
        assert!((0, 100) >= EVALUATES && (0, 9) < EVALUATES);
        assert_eq!(version("no number"), None);
    }
}
