//! `docs/errors.md` and `docs/operating.md` say what the program says and name tests that exist.

use std::path::Path;

use reasoning_chat::error::Code;

use crate::support::app::project;

fn text(file: &str) -> String {
    std::fs::read_to_string(project().join(file)).unwrap()
}

/// All Rust sources under a folder, as one text.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    all
}

/// What stands between “ and ”.
fn quoted(text: &str) -> Vec<&str> {
    text.split('“').skip(1).filter_map(|rest| rest.split_once('”')).map(|(inside, _)| inside).collect()
}

#[test]
fn every_code_is_explained_once_and_in_order() {
    let page = text("docs/errors.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(code, _)| code);
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(rows.collect::<Vec<_>>(), codes);
}

#[test]
fn texts_for_people_are_the_programs() {
    // A text in the source may go on over a line's end, and has holes for what it names.
    let source = sources(&project().join("src"));
    let continued: String = source.split("\\\n").map(str::trim_start).collect();
    let page = text("docs/errors.md");
    let texts = quoted(&page);
    assert!(texts.len() >= Code::ALL.len());
    for text in texts {
        for part in text.split('…').map(str::trim).filter(|part| part.len() > 3) {
            assert!(continued.contains(part), "docs/errors.md quotes “{text}”, which the program does not say");
        }
    }
}

#[test]
fn every_named_test_exists() {
    let all = sources(&project().join("src")) + &sources(&project().join("tests/it"));
    let page = text("docs/operating.md");
    let tables = page.split_once("## Faults").unwrap().1.split_once("### Not provoked").unwrap().0;
    let mut named = 0;
    for row in tables.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| test |")) {
        let tests: Vec<_> = row.rsplit_once(" | ").unwrap().1.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test for {row}");
        for test in tests {
            assert!(all.contains(&format!("fn {test}(")), "docs/operating.md names {test}, which is no test");
            named += 1;
        }
    }
    assert!(named > 60, "{named}");
}
