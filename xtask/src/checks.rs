//! Checks of what is not Rust: Bicep against Azure's type data, and the tools' files against the tools' schemas, both of
//! which stand in `../shared`, outside the project; queries against KQL's own language service, from npm. What is absent
//! is said to be skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::steps::{Outcome, step};
use crate::{stage, web};

/// What the checks are written with, from Python's package index, pinned as a lock file would.
const PACKAGES: [&str; 4] = ["tree-sitter==0.26.1", "tree-sitter-bicep==1.1.0", "jsonschema==4.26.0", "pyyaml==6.0.3"];

/// KQL's parser and analyser, by Microsoft; of no use to the program itself.
const LANGUAGE: &str = "@kusto/language-service-next@12.4.1";

/// Part of `cargo xtask test`.
pub(crate) fn infrastructure() -> Outcome {
    queries()?;
    let shared = stage::project().join("../shared");
    let (tool, schemas) = (shared.join("tools/bicep_check.py"), shared.join("schemas"));
    if !tool.is_file() || !schemas.is_dir() {
        println!(
            "\nskipped: Bicep against Azure's types, and the tools' files against their schemas (there is no ../shared)"
        );
        return Ok(());
    }
    let Some(python) = python()? else {
        println!(
            "\nskipped: Bicep against Azure's types, and the tools' files against their schemas (there is no Python)"
        );
        return Ok(());
    };
    bicep(&python, &tool)?;
    step(Command::new(&python).arg("-B").arg("xtask/src/checks/schemas.py").arg(schemas))
}

/// The queries for operators.
fn queries() -> Outcome {
    const HOME: &str = "target/tools/kql";
    if let Some(reason) = web::no_node() {
        println!("\nskipped: the queries' language ({reason})");
        return Ok(());
    }
    let home = stage::project().join(HOME);
    // Written last, so that a broken-off installation is made again.
    let made = home.join(LANGUAGE.replace('/', " "));
    if !made.is_file() {
        std::fs::create_dir_all(&home).map_err(|error| format!("{HOME}: {error}"))?;
        web::npm(HOME, &["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", LANGUAGE])?;
        std::fs::write(&made, "").map_err(|error| format!("{}: {error}", made.display()))?;
    }
    let mut files = Vec::new();
    for folder in ["infra/queries", "infra/alerts"] {
        files.extend(files_in(folder, "kql").map_err(|error| format!("{folder}: {error}"))?);
    }
    files.sort();
    step(Command::new("node").arg("xtask/src/checks/kql.cjs").arg(HOME).args(files))
}

/// Resource types that the type data lacks: of these only the syntax is checked. Their property names were compared with
/// the published data by hand, see docs/verified.md.
const WITHOUT_DATA: [&str; 3] = [
    "Microsoft.Insights/actionGroups@2023-01-01",
    "Microsoft.Insights/scheduledQueryRules@2023-12-01",
    "Microsoft.Insights/workbooks@2023-06-01",
];

/// Bicep against Azure's types.
fn bicep(python: &Path, tool: &Path) -> Outcome {
    let files = bicep_files().map_err(|error| format!("infra: {error}"))?;
    println!("\n> python -B {} infra/**/*.bicep", tool.display());
    let mut check = Command::new(python);
    check.arg("-B").arg(tool).args(files).current_dir(stage::project()).stderr(Stdio::inherit());
    let output = check.output().map_err(|error| format!("{}: {error}", python.display()))?.stdout;
    let (unchecked, findings) = sort(&String::from_utf8_lossy(&output))?;
    for kind in unchecked {
        println!("no type data, so only the syntax was checked: {kind}");
    }
    if findings.is_empty() { Ok(()) } else { Err(format!("Bicep:\n{}", findings.join("\n"))) }
}

/// The check's output: the types of [`WITHOUT_DATA`] that it did not know, and what else it found. An error where it did
/// not get to its last line, which counts the others.
fn sort(output: &str) -> Result<(Vec<&'static str>, Vec<String>), String> {
    let mut lines: Vec<&str> = output.lines().collect();
    if lines.pop().is_none_or(|last| last != format!("{} findings", lines.len())) {
        return Err(format!("the check of the Bicep files broke off:\n{output}"));
    }
    let mut unchecked = Vec::new();
    let mut findings = Vec::new();
    for line in lines {
        let lacks = |kind: &&&str| line.contains(&format!(": {kind}: ")) && line.contains("not in data");
        match WITHOUT_DATA.iter().find(lacks) {
            Some(kind) => unchecked.push(*kind),
            None => findings.push(line.to_owned()),
        }
    }
    Ok((unchecked, findings))
}

/// A Python that has the packages, in a place of its own under `target`; none where there is no Python.
fn python() -> Result<Option<PathBuf>, String> {
    let home = stage::project().join("target/tools/checks");
    let python = home.join(if cfg!(windows) { "Scripts/python" } else { "bin/python" });
    // Written last, so that a broken-off installation is made again.
    let made = home.join(PACKAGES.join(" "));
    if made.is_file() {
        return Ok(Some(python));
    }
    let works = |name: &&str| {
        let probe = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        probe.is_ok_and(|status| status.success())
    };
    let Some(system) = ["python3", "python"].into_iter().find(works) else {
        return Ok(None);
    };
    step(Command::new(system).args(["-m", "venv"]).arg(&home))?;
    step(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    std::fs::write(&made, "").map_err(|error| format!("{}: {error}", made.display()))?;
    Ok(Some(python))
}

/// All Bicep files, as paths from the project's root, in order.
fn bicep_files() -> std::io::Result<Vec<PathBuf>> {
    let mut files = files_in("infra", "bicep")?;
    files.extend(files_in("infra/modules", "bicep")?);
    files.sort();
    Ok(files)
}

/// The files of a folder with this ending, as paths from the project's root.
fn files_in(folder: &str, ending: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(stage::project().join(folder))? {
        let name = PathBuf::from(entry?.file_name());
        if name.extension().is_some_and(|extension| extension == ending) {
            files.push(Path::new(folder).join(name));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::sort;

    #[test]
    fn only_the_named_types_may_be_unknown() {
        let named = "infra/a.bicep:5: Microsoft.Insights/workbooks@2023-06-01: api-version not in data (have [])";
        for finding in [
            "infra/a.bicep:5: Microsoft.Insights/workbooks@2023-06-02: api-version not in data (have [])",
            "infra/a.bicep:5: Microsoft.Insights/workbook@2023-06-01: resource type not in data",
            "infra/a.bicep:5: Microsoft.Insights/workbooks@2023-06-01: missing required 'location'",
            "infra/a.bicep:5: syntax: b'{'",
        ] {
            let output = format!("{named}\n{finding}\n2 findings\n");
            let sorted = (vec!["Microsoft.Insights/workbooks@2023-06-01"], vec![finding.to_owned()]);
            assert_eq!(sort(&output), Ok(sorted));
        }
        assert_eq!(sort("0 findings\n"), Ok((vec![], vec![])));
    }

    #[test]
    fn a_check_that_breaks_off_is_no_check() {
        for output in ["", "infra/a.bicep:5: no\n", "infra/a.bicep:5: no\n2 findings\n"] {
            assert!(sort(output).is_err(), "{output}");
        }
    }
}
