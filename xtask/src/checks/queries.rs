//! The queries for operators, read by KQL's own language service, from npm.

use std::process::Command;

use crate::steps::{Outcome, step};
use crate::{skips, web};

/// KQL's parser and analyser, by Microsoft; of no use to the program itself.
const LANGUAGE: &str = "@kusto/language-service-next@12.4.1";

pub(super) fn check() -> Outcome {
    if let Some(reason) = web::no_node() {
        return skips::promised(&format!("the queries' language ({reason})"));
    }
    let home = super::npm_tool("kql", LANGUAGE)?;
    let mut files = Vec::new();
    for folder in ["infra/queries", "infra/alerts"] {
        files.extend(super::files_in(folder, "kql")?);
    }
    files.sort();
    step(Command::new("node").arg("xtask/src/checks/kql.cjs").arg(home).args(files))
}
