//! `infra/`, read by Microsoft's Bicep compiler: types, names, the linter's rules, the format, and the template that azd would
//! send. A warning is a fault.

use std::path::Path;

use judges::bicep::Compiler;

use crate::steps::Outcome;
use crate::{skips, stage};

pub(super) fn check() -> Outcome {
    let copy = stage::project().join("target/judges/infra");
    judge(&stage::project().join("infra"), &copy).unwrap_or_else(|| {
        skips::beyond(&format!(
            "Bicep's compiler, linter and format on infra/, and tests/deployments against it ({})",
            judges::BICEP.absent()
        ));
        Ok(())
    })
}

/// The compiler's word on the folder `infra`, of which it reads a copy; none where there is no compiler.
fn judge(infra: &Path, copy: &Path) -> Option<Outcome> {
    match Compiler::on(infra, copy) {
        Ok(compiler) => compiler.map(|compiler| read(infra, &compiler)),
        Err(error) => Some(Err(format!("the Bicep compiler: {error}"))),
    }
}

fn read(infra: &Path, compiler: &Compiler) -> Outcome {
    if !compiler.evaluates().map_err(|error| format!("the Bicep compiler: {error}"))? {
        let (major, minor) = judges::bicep::EVALUATES;
        skips::beyond(&format!("tests/deployments against infra/ (bicep is older than {major}.{minor})"));
    }
    // Every file by itself as well, so that a module that nothing uses is read too.
    quiet(compiler, &["lint", "--pattern", "**/*.bicep"])?;
    quiet(compiler, &["build", "main.bicep", "--outfile", "main.json"])?;
    quiet(compiler, &["format", "--pattern", "**/*.bicep"])?;
    let misshapen = differing(infra, compiler.folder())?;
    if misshapen.is_empty() {
        return Ok(());
    }
    Err(format!("not in Bicep's format: {}; to mend it: bicep format FILE", misshapen.join(", ")))
}

/// Runs the compiler, which has to succeed and to find nothing worth a word.
fn quiet(compiler: &Compiler, arguments: &[&str]) -> Outcome {
    let shown = format!("bicep {}", arguments.join(" "));
    println!("\n> {shown}");
    let output = compiler.run(arguments).map_err(|error| format!("{shown}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().replace(&format!("{}/", compiler.folder().display()), "infra/");
    if output.status.success() && said.is_empty() {
        return Ok(());
    }
    Err(format!("{shown}: {}\n{said}", output.status))
}

/// The Bicep files below `sources` whose copy reads otherwise.
fn differing(sources: &Path, copy: &Path) -> Result<Vec<String>, String> {
    let mut differ = Vec::new();
    for entry in std::fs::read_dir(sources).map_err(|error| format!("{}: {error}", sources.display()))? {
        let source = entry.map_err(|error| format!("{}: {error}", sources.display()))?.path();
        let Some(name) = source.file_name() else { continue };
        let copied = copy.join(name);
        if source.is_dir() {
            differ.extend(differing(&source, &copied)?);
        } else if source.extension().is_some_and(|ending| ending == "bicep") {
            let read = |file: &Path| std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()));
            if read(&source)? != read(&copied)? {
                differ.push(source.strip_prefix(stage::project()).unwrap_or(&source).display().to_string());
            }
        }
    }
    differ.sort();
    Ok(differ)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the compiler says of the project's template with one file more.
    fn with(name: &str, file: &str, text: &str) -> Option<Outcome> {
        let folder = stage::project().join("target/judges").join(name);
        let (sources, copy) = (folder.join("sources"), folder.join("copy"));
        // The compiler's copy without its traces is the sources.
        Compiler::on(&stage::project().join("infra"), &sources).unwrap()?;
        std::fs::remove_dir_all(sources.join(".home")).unwrap();
        std::fs::write(sources.join(file), text).unwrap();
        let verdict = judge(&sources, &copy);
        std::fs::remove_dir_all(folder).unwrap();
        verdict
    }

    #[test]
    fn a_warning_is_a_fault_also_in_a_module_that_nothing_uses() {
        let unneeded = "param name string = 'x'\noutput said string = '${name}'\n";
        let Some(verdict) = with("warning", "modules/unused.bicep", unneeded) else { return };
        let said = verdict.unwrap_err();
        assert!(said.contains("infra/modules/unused.bicep(2,22)"), "{said}");
    }

    #[test]
    fn a_file_in_another_format_is_a_fault() {
        let Some(verdict) = with("format", "modules/unused.bicep", "output said   string = 'x'\n") else { return };
        let said = verdict.unwrap_err();
        assert!(said.contains("modules/unused.bicep; to mend it"), "{said}");
    }
}
