//! Allocations for an event, counted by the micro-benchmarks' allocator.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::guard::Findings;
use crate::limits::{MAX_ALLOCATIONS, MAX_GROWTH};

/// Events in a short, a middling and a long answer: the first to the second is what an event costs in an answer of
/// usual length, the second to the third in a long one. What an answer costs as such drops out.
const EVENTS: [u32; 3] = [64, 512, 8192];

/// Allocations and bytes of an answer, by level and input.
type Counts = BTreeMap<(String, String), (f64, f64)>;

/// Compares with the limits, and long answers with short ones.
pub(crate) fn check(findings: &mut Findings, micro: &Path) -> Result<(), String> {
    let [short, middle, long] = EVENTS;
    let counts = [counts(micro, short)?, counts(micro, middle)?, counts(micro, long)?];
    let each = |from: &Counts, to: &Counts, events: u32, key: &(String, String)| {
        let (from, to) = from.get(key).zip(to.get(key)).ok_or_else(|| format!("micro counts no {key:?}"))?;
        Ok::<_, String>(((to.0 - from.0) / f64::from(events), (to.1 - from.1) / f64::from(events)))
    };
    let [at_short, at_middle, at_long] = &counts;
    for (level, input, limit) in MAX_ALLOCATIONS {
        let key = (level.to_owned(), input.to_owned());
        let (usual, usual_bytes) = each(at_short, at_middle, middle - short, &key)?;
        findings.at_most(&format!("allocations an event, {level}, {input}"), usual, limit);
        let (far, far_bytes) = each(at_middle, at_long, long - middle, &key)?;
        let more = |usual: f64, far: f64| if usual < 0.01 { far } else { far / usual - 1.0 };
        // The count has the same limit: where the pieces of a short answer fall may save it one or two.
        findings.at_most(&format!("  in long answers, {level}, {input}"), far, limit);
        let bytes = more(usual_bytes, far_bytes);
        findings.at_most(&format!("  more bytes of them in long answers, {level}, {input}"), bytes, MAX_GROWTH);
    }
    Ok(())
}

fn counts(micro: &Path, events: u32) -> Result<Counts, String> {
    let said = Command::new(micro).args(["counts", &events.to_string()]).output();
    let said = said.map_err(|error| format!("{}: {error}", micro.display()))?;
    if !said.status.success() {
        return Err(format!("micro: {}", String::from_utf8_lossy(&said.stderr)));
    }
    read(&String::from_utf8_lossy(&said.stdout)).ok_or_else(|| "micro said what was not expected".to_owned())
}

/// `level input allocations bytes`, one a line.
fn read(text: &str) -> Option<Counts> {
    let line = |line: &str| {
        let mut words = line.split(' ');
        let key = (words.next()?.to_owned(), words.next()?.to_owned());
        Some((key, (words.next()?.parse().ok()?, words.next()?.parse().ok()?)))
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_or_refused() {
        let counts = read("decode one 3 40\nturn cut 1 2\n").unwrap();
        assert_eq!(counts.get(&("decode".to_owned(), "one".to_owned())), Some(&(3.0, 40.0)));
        assert!(read("decode one 3\n").is_none() && read("decode one x 3\n").is_none());
    }
}
