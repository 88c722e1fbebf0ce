//! Reads the docs' tables.

/// The rows below this head, cell by cell.
pub(crate) fn rows(page: &str, head: &str) -> Vec<Vec<String>> {
    let below = page.lines().skip_while(|line| *line != head).skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = below.map(cells).collect();
    assert!(!rows.is_empty(), "no table {head}");
    rows
}

/// What stands between backticks.
pub(crate) fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
