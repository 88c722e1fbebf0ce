//! The matrix in `docs/clients.md`: made by a run, and held by the next ones.

use std::path::Path;

use serde_json::Value;

use crate::client::{Client, Kind};
use crate::seen::{Column, Row};

const BEGIN: &str = "<!-- made by cargo xtask clients --write -->\n";
const END: &str = "<!-- end -->";

/// Writes the matrix, or compares its rows with those of this run. Clients that were not there keep their rows.
pub(crate) fn compare(rows: &[Row], write: bool) -> Result<(), String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = here.join("../../docs/clients.md");
    let text = std::fs::read_to_string(&page).map_err(|error| format!("docs/clients.md: {error}"))?;
    let versions = Versions::read(here)?;
    let made: Vec<String> = rows.iter().map(|row| line(row, &versions)).collect();
    if write {
        let (before, rest) = text.split_once(BEGIN).ok_or("docs/clients.md has no place for the matrix")?;
        let (_, after) = rest.split_once(END).ok_or("the matrix in docs/clients.md has no end")?;
        let titles = Column::ALL.map(Column::title).join(" | ");
        let rule = "---|".repeat(Column::ALL.len() + 1);
        let matrix = format!("| client | {titles} |\n|{rule}\n{}\n", made.join("\n"));
        let text = [before, BEGIN, &matrix, END, after].concat();
        return std::fs::write(&page, text).map_err(|error| format!("docs/clients.md: {error}"));
    }
    match made.iter().find(|row| !text.lines().any(|line| line == *row)) {
        Some(row) => Err(format!("docs/clients.md should hold this row (cargo xtask clients --write):\n{row}")),
        None => Ok(()),
    }
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
