//! Instructions for an event, counted by callgrind, against a baseline that is committed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::guard::Findings;
use crate::limits::MAX_MORE_INSTRUCTIONS;

/// Levels and inputs of the micro-benchmarks, and events in an answer.
const PASSES: [(&str, &str, u32); 18] = [
    ("decode", "one", 512),
    ("decode", "sixteen", 512),
    ("decode", "cut", 512),
    ("answer", "one", 512),
    ("answer", "sixteen", 512),
    ("answer", "cut", 512),
    ("answer", "think", 512),
    ("answer", "text-4096", 128),
    ("answer", "chat-padded", 512),
    ("answer", "responses", 512),
    ("answer", "responses-padded", 512),
    ("turn", "one", 512),
    ("turn", "sixteen", 512),
    ("turn", "think", 512),
    ("turn", "chat-padded", 512),
    ("turn", "responses", 512),
    ("chunks", "one", 512),
    ("chunks", "responses", 512),
];
/// Answers in the two runs, whose difference is the answers' alone.
const TIMES: [u32; 2] = [2, 10];

/// Compares every pass with the baseline.
pub(crate) fn check(findings: &mut Findings, micro: &Path, folder: &Path) -> Result<(), String> {
    if !has_callgrind() {
        findings.skipped("instructions: there is no valgrind");
        return Ok(());
    }
    let baseline = std::fs::read_to_string(baseline_file()).unwrap_or_default();
    for (level, input, events) in PASSES {
        let counted = count(micro, folder, level, input, events)?;
        let what = format!("instructions an event, {level}, {input}");
        let Some(before) = find(&baseline, level, input) else {
            findings.wrong(&format!("{what}: {counted:.0}, and no baseline; cargo xtask guard --bless writes it"));
            continue;
        };
        findings.at_most(&what, counted, before * (1.0 + MAX_MORE_INSTRUCTIONS));
        if counted < before * (1.0 - MAX_MORE_INSTRUCTIONS) {
            println!("       fewer than the baseline's {before:.0}: cargo xtask guard --bless keeps that");
        }
    }
    Ok(())
}

/// Writes the baseline.
///
/// # Errors
/// There is no valgrind, or the file cannot be written.
pub(crate) fn bless(micro: &Path, folder: &Path) -> Result<(), String> {
    if !has_callgrind() {
        return Err("instructions: there is no valgrind".to_owned());
    }
    let mut text = "# Instructions an event, by callgrind. `cargo xtask guard --bless` writes this file.\n".to_owned();
    for (level, input, events) in PASSES {
        let counted = count(micro, folder, level, input, events)?;
        let _ = writeln!(text, "{level} {input} {counted:.0}");
        println!("{level} {input} {counted:.0}");
    }
    std::fs::write(baseline_file(), text).map_err(|error| format!("the baseline: {error}"))
}

fn baseline_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}

fn has_callgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|said| said.status.success())
}

fn count(micro: &Path, folder: &Path, level: &str, input: &str, events: u32) -> Result<f64, String> {
    let [few, many] = TIMES;
    let run = |times: u32| {
        let mut command = Command::new("valgrind");
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}/callgrind.out", folder.display()));
        command.arg(micro).args(["pass", level, input, &events.to_string(), &times.to_string()]);
        let said = command.output().map_err(|error| format!("valgrind: {error}"))?;
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        collected(&text).filter(|_| said.status.success()).ok_or_else(|| format!("valgrind: {text}"))
    };
    Ok((run(many)? - run(few)?) / f64::from(many - few) / f64::from(events))
}

/// `==PID== Collected : N`
fn collected(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

/// The number in a line `level input number`.
fn find(baseline: &str, level: &str, input: &str) -> Option<f64> {
    baseline.lines().find_map(|line| line.strip_prefix(level)?.trim_start().strip_prefix(input)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found() {
        assert_eq!(collected("==1== \n==1== Collected : 12345\n"), Some(12345.0));
        assert_eq!(collected("==1== \n"), None);
        assert_eq!(find("# x\nturn one 5\nturn onerous 6\n", "turn", "one"), Some(5.0));
        assert_eq!(find("turn one 5\n", "turn", "cut"), None);
    }

    #[test]
    fn every_pass_has_a_baseline() {
        let baseline = std::fs::read_to_string(baseline_file()).unwrap();
        for (level, input, _) in PASSES {
            assert!(find(&baseline, level, input).is_some_and(|count| count > 0.0), "{level} {input}");
        }
    }
}
