//! The table: for a person as it grows, and as Markdown with every name of the deployment taken out.

use super::target::Target;

/// What a row found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// As it should be.
    Passed(String),
    /// What is wrong, and what to do.
    Failed(String, String),
    /// Nothing could be said, and why.
    Skipped(String),
}

impl Row {
    pub(super) fn passed(what: impl Into<String>) -> Self {
        Self::Passed(what.into())
    }

    pub(super) fn failed(what: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self::Failed(what.into(), to_do.into())
    }

    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Self::Skipped(why.into())
    }
}

/// All rows so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<(String, Row)>,
}

impl Report {
    /// Adds a row and shows it.
    pub(super) fn add(&mut self, name: &str, row: Row) {
        match &row {
            Row::Passed(what) => println!("passed   {name:<14} {what}"),
            Row::Failed(what, to_do) => println!("FAILED   {name:<14} {what}\n         {:<14} → {to_do}", ""),
            Row::Skipped(why) => println!("skipped  {name:<14} {why}"),
        }
        self.rows.push((name.to_owned(), row));
    }

    pub(super) fn has_failed(&self) -> bool {
        self.rows.iter().any(|(_, row)| matches!(row, Row::Failed(..)))
    }

    pub(super) fn has_passed(&self) -> bool {
        self.rows.iter().any(|(_, row)| matches!(row, Row::Passed(_)))
    }

    pub(super) fn summary(&self) -> String {
        let count = |is: fn(&Row) -> bool| self.rows.iter().filter(|(_, row)| is(row)).count();
        let passed = count(|row| matches!(row, Row::Passed(_)));
        let failed = count(|row| matches!(row, Row::Failed(..)));
        let skipped = count(|row| matches!(row, Row::Skipped(_)));
        format!("{passed} passed, {failed} failed, {skipped} skipped")
    }

    /// For an issue.
    pub(super) fn markdown(&self, target: &Target) -> String {
        let mut text = format!(
            "`cargo xtask smoke` of version {}: {}\n\n| row | result | what was seen | what to do |\n|---|---|---|---|\n",
            env!("CARGO_PKG_VERSION"),
            self.summary()
        );
        for (name, row) in &self.rows {
            let (result, what, to_do) = match row {
                Row::Passed(what) => ("passed", what.as_str(), ""),
                Row::Failed(what, to_do) => ("**failed**", what.as_str(), to_do.as_str()),
                Row::Skipped(why) => ("skipped", why.as_str(), ""),
            };
            let cell = |text: &str| target.masked(text).replace('|', "\\|").replace(['\n', '\r'], " ");
            let line = [cell(name), cell(result), cell(what), cell(to_do)].join(" | ");
            text.push_str("| ");
            text.push_str(&line);
            text.push_str(" |\n");
        }
        text
    }
}
