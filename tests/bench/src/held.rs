//! What an open answer holds, counted by the micro-benchmarks' allocator: this program's own part of the memory of an open
//! stream. The connections' buffers on either side are the libraries', and are not in it.

use std::path::Path;
use std::process::Command;

use crate::guard::Findings;
use crate::limits::MAX_HELD;

/// Compares with the limits.
pub(crate) fn check(findings: &mut Findings, micro: &Path) -> Result<(), String> {
    let said = Command::new(micro).arg("held").output().map_err(|error| format!("{}: {error}", micro.display()))?;
    if !said.status.success() {
        return Err(format!("micro: {}", String::from_utf8_lossy(&said.stderr)));
    }
    let said = String::from_utf8_lossy(&said.stdout);
    for (input, limit) in MAX_HELD {
        let held = of(&said, input).ok_or_else(|| format!("micro tells not what an open answer holds, {input}"))?;
        findings.at_most(&format!("bytes that an open answer holds, {input}"), held, limit);
    }
    Ok(())
}

/// Of `input bytes`, one a line.
fn of(said: &str, input: &str) -> Option<f64> {
    said.lines().find_map(|line| line.strip_prefix(input)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_or_refused() {
        let said = "responses-padded 3\none 17\nresponses 4\n";
        assert_eq!(["one", "responses", "two"].map(|input| of(said, input)), [Some(17.0), Some(4.0), None]);
        assert_eq!(of("one x\n", "one"), None);
    }
}
