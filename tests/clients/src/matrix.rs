//! The matrix in `docs/clients.md`: made by a run, and held by the next ones.

use std::path::Path;

use serde_json::Value;

use crate::client::{Client, Kind};
use crate::errors::{FAILURES, Failure, SDKS};
use crate::seen::{Column, Row};

const BEGIN: &str = "<!-- made by cargo xtask clients --write -->\n";
const END: &str = "<!-- end -->";
const FAILURES_BEGIN: &str = "<!-- failures, made by cargo xtask clients --write -->\n";

/// Writes the matrix, or compares its rows with those of this run. Clients that were not there keep their rows.
pub(crate) fn compare(rows: &[Row], write: bool) -> Result<(), String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = here.join("../../docs/clients.md");
    let text = std::fs::read_to_string(&page).map_err(|error| format!("docs/clients.md: {error}"))?;
    let versions = Versions::read(here)?;
    let made: Vec<String> = rows.iter().map(|row| line(row, &versions)).collect();
    let failures = FAILURES.iter().map(failure).collect::<Vec<_>>();
    if write {
        let titles = Column::ALL.map(Column::title).join(" | ");
        let rule = "---|".repeat(Column::ALL.len() + 1);
        let matrix = format!("| client | {titles} |\n|{rule}\n{}\n", made.join("\n"));
        let table = format!(
            "| code | status | {} | asked |\n|---|---|---|---|---|\n{}\n",
            SDKS.join(" | "),
            failures.join("\n")
        );
        let text = put(&put(&text, BEGIN, &matrix)?, FAILURES_BEGIN, &table)?;
        return std::fs::write(&page, text).map_err(|error| format!("docs/clients.md: {error}"));
    }
    match made.iter().chain(&failures).find(|row| !text.lines().any(|line| line == *row)) {
        Some(row) => Err(format!("docs/clients.md should hold this row (cargo xtask clients --write):\n{row}")),
        None => Ok(()),
    }
}

/// The page with another table in a place.
fn put(page: &str, begin: &str, table: &str) -> Result<String, String> {
    let (before, rest) = page.split_once(begin).ok_or("docs/clients.md lacks a place for a table")?;
    let (_, after) = rest.split_once(END).ok_or("a table in docs/clients.md has no end")?;
    Ok([before, begin, table, END, after].concat())
}

fn failure(failure: &Failure) -> String {
    let Failure { code, status, classes: [python, node], asked, .. } = failure;
    format!("| `{}` | {status} | `{python}` | `{node}` | {asked} |", code.as_str())
}

fn line(row: &Row, versions: &Versions) -> String {
    let cells = Column::ALL.map(|column| row.seen(column).to_owned()).join(" | ");
    format!("| {} {} | {cells} |", row.client.name, versions.of(row.client))
}

/// The pinned versions.
struct Versions {
    python: String,
    node: Value,
}

impl Versions {
    fn read(here: &Path) -> Result<Self, String> {
        let read = |name: &str| {
            std::fs::read_to_string(here.join("drivers").join(name)).map_err(|error| format!("{name}: {error}"))
        };
        let node = serde_json::from_str(&read("package.json")?).map_err(|error| format!("package.json: {error}"))?;
        Ok(Self { python: read("requirements.txt")?, node })
    }

    fn of(&self, client: &Client) -> String {
        let package = client.package;
        match client.kind {
            Kind::Python | Kind::Llm => {
                let pins = self.python.lines().filter_map(|line| line.split_once("=="));
                let pin = pins.into_iter().find(|(name, _)| name.split('[').next() == Some(package));
                pin.map_or(String::new(), |(_, version)| version.to_owned())
            }
            Kind::Node | Kind::Continue => self.node["dependencies"][package].as_str().unwrap_or_default().to_owned(),
            Kind::Binary { .. } => package.to_owned(),
        }
    }
}
