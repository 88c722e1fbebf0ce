//! What a client makes of every kind of answer, in the words of the matrix.

use crate::client::{Client, Tools, Way};
use crate::program::Program;
use crate::script::{
    AFTER_TOOL, BROKEN, CUT, GOOD, LATE, LIMITED, MISSING, REJECTED, SILENT, SLOW, Script, TEXT, THOUGHT, TOKENS,
    TOOLS, UNKNOWN,
};

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Models,
    Stream,
    Whole,
    Thoughts,
    Usage,
    Tools,
    Silence,
    Cut,
    Broken,
    Late,
    Limited,
    Refused,
    Unknown,
    Leaves,
}

impl Column {
    pub(crate) const ALL: [Self; 14] = [
        Self::Models,
        Self::Stream,
        Self::Whole,
        Self::Thoughts,
        Self::Usage,
        Self::Tools,
        Self::Silence,
        Self::Cut,
        Self::Broken,
        Self::Late,
        Self::Limited,
        Self::Refused,
        Self::Unknown,
        Self::Leaves,
    ];

    /// Its title on the page.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Stream => "stream",
            Self::Whole => "whole",
            Self::Thoughts => "thoughts",
            Self::Usage => "usage",
            Self::Tools => "tools",
            Self::Silence => "silence",
            Self::Cut => "cut",
            Self::Broken => "broken",
            Self::Late => "late verdict",
            Self::Limited => "429",
            Self::Refused => "refused",
            Self::Unknown => "unknown model",
            Self::Leaves => "leaves",
        }
    }

    /// What a client does that is told nothing else of.
    fn usual(self) -> &'static str {
        match self {
            Self::Models | Self::Stream | Self::Whole | Self::Silence | Self::Leaves | Self::Tools => "yes",
            Self::Thoughts => "shown",
            Self::Usage => "counted",
            Self::Cut | Self::Broken | Self::Unknown => "raised, with the text",
            Self::Late => "seen",
            Self::Limited => "waits, asks again",
            Self::Refused => "asks once",
        }
    }
}

/// A cell: what was seen in short, and what the client said.
#[derive(Debug)]
struct Cell {
    column: Column,
    seen: String,
    said: String,
}

/// A client's row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) client: &'static Client,
    cells: Vec<Cell>,
    fault: Option<String>,
    /// What was found besides.
    more: Vec<String>,
}

impl Row {
    /// What was found besides the cells.
    pub(crate) fn add_faults(&mut self, faults: Vec<String>) {
        self.more.extend(faults);
    }

    pub(crate) fn failed(client: &'static Client, fault: String) -> Self {
        Self { client, cells: Vec::new(), fault: Some(fault), more: Vec::new() }
    }

    /// What was seen in a column; a dash where the client, or its driver, has no way to show it.
    pub(crate) fn seen(&self, column: Column) -> &str {
        self.cells.iter().find(|cell| cell.column == column).map_or("–", |cell| cell.seen.as_str())
    }

    /// The row for people.
    pub(crate) fn line(&self) -> String {
        let cells = Column::ALL.map(|column| format!("{} {}", column.title(), self.seen(column)));
        format!("{}: {}", self.client.name, cells.join(", "))
    }

    /// Where it did otherwise than this project says.
    pub(crate) fn faults(&self) -> Vec<String> {
        let name = self.client.name;
        let mut faults: Vec<String> = self.fault.iter().map(|fault| format!("{name}: {fault}")).collect();
        faults.extend(self.more.iter().cloned());
        for cell in &self.cells {
            let known = self.client.otherwise.iter().find(|(column, _)| *column == cell.column);
            let expected = known.map_or(cell.column.usual(), |(_, seen)| *seen);
            if cell.seen != expected {
                let (column, said) = (cell.column.title(), cell.said.chars().take(600).collect::<String>());
                faults.push(format!("{name}, {column}: {} in place of {expected}; it said: {said}", cell.seen));
            }
        }
        faults
    }
}

/// Asks for everything, one after the other.
pub(crate) async fn all(client: &'static Client, tools: &Tools, program: &Program, script: &Script) -> Row {
    let base = program.base();
    let mut cells = Vec::new();
    let mut put = |column, seen: &str, said: &str| {
        cells.push(Cell { column, seen: seen.to_owned(), said: said.to_owned() });
    };
    if let Some(said) = client.ask(tools, &base, Way::Models, &[GOOD]).await {
        let said = said.join(" ");
        put(Column::Models, yes(said.contains(GOOD) && said.contains(SILENT) && !raises(&said)), &said);
    }
    let models = [GOOD, SILENT, CUT, BROKEN, LATE, LIMITED, REJECTED, MISSING, UNKNOWN];
    if let Some(said) = client.ask(tools, &base, Way::Stream, &models).await
        && let [good, silent, cut, broken, late, limited, rejected, missing, unknown] = said.as_slice()
    {
        put(Column::Stream, yes(is_good(good)), good);
        put(Column::Thoughts, if good.contains(THOUGHT) { "shown" } else { "lost" }, good);
        put(Column::Usage, if good.contains(TOKENS) { "counted" } else { "not shown" }, good);
        put(Column::Silence, yes(is_good(silent)), silent);
        for (column, model, said, text) in
            [(Column::Cut, CUT, cut, "broke off"), (Column::Broken, BROKEN, broken, "failed while it answered")]
        {
            let again = said.contains("HANGS") && script.requests(model) > 1;
            put(column, if again { "asks again" } else { raised(said, text) }, said);
        }
        let verdict = late.to_lowercase().replace(['_', '-', ' '], "");
        put(Column::Late, if verdict.contains("contentfilter") { "seen" } else { "not shown" }, late);
        let again = match (script.requests(LIMITED), is_good(limited)) {
            (2, true) => "waits, asks again",
            (1, false) => "raises at once",
            _ => "otherwise",
        };
        put(Column::Limited, again, limited);
        let once = [REJECTED, MISSING].iter().all(|model| script.requests(model) == 1);
        let refused = format!("{rejected} {missing}");
        let asked = if once && raises(rejected) && raises(missing) { "asks once" } else { "otherwise" };
        put(Column::Refused, asked, &refused);
        put(Column::Unknown, raised(unknown, "no such model"), unknown);
    }
    if let Some(said) = client.ask(tools, &base, Way::Whole, &[GOOD]).await {
        let said = said.join(" ");
        put(Column::Whole, yes(is_good(&said)), &said);
    }
    if let Some(said) = client.ask(tools, &base, Way::Tools, &[TOOLS]).await {
        let said = said.join(" ");
        let seen = if said.contains(AFTER_TOOL) && !raises(&said) {
            "yes"
        } else if said.contains("weather") && said.contains("Rome") && !raises(&said) {
            "call seen"
        } else {
            "no"
        };
        put(Column::Tools, seen, &said);
    }
    if let Some(said) = client.ask(tools, &base, Way::Cancel, &[SLOW]).await {
        let said = said.join(" ");
        put(Column::Leaves, yes(script.is_left().await && !raises(&said)), &said);
    }
    Row { client, cells, fault: None, more: Vec::new() }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// Whether an error was raised, in the drivers' and the binaries' word for it.
pub(crate) fn raises(said: &str) -> bool {
    ["RAISES", "BREAKS OFF", "HANGS", "DOES NOT RUN"].iter().any(|word| said.contains(word))
}

fn is_good(said: &str) -> bool {
    said.contains(TEXT) && !raises(said)
}

fn raised(said: &str, text: &str) -> &'static str {
    match (said.contains("RAISES"), said.contains(text)) {
        (true, true) => "raised, with the text",
        (true, false) => "raised",
        (false, true) => "text only",
        (false, false) => "no",
    }
}
