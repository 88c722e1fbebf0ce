//! System calls for an event, counted by strace: one receive and one send a wake-up.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::guard::Findings;
use crate::limits::{MAX_CALLS, MAX_OTHER_CALLS};
use crate::paced::paced;
use crate::peer::{Kind, Peer};
use crate::process::Cpus;
use crate::upstream::Upstream;

/// So few and slow that nearly every event comes alone, under strace too.
const STREAMS: u32 = 10;
const INTERVAL: Duration = Duration::from_millis(40);
/// A short and a long run; starting, connecting and ending drop out of the difference.
const WINDOWS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Calls by name, and events, of one run.
type Run = (Vec<(String, f64)>, f64);

/// Compares with the limits.
pub(crate) async fn check(
    findings: &mut Findings,
    program: &Path,
    folder: &Path,
    cpus: Option<Cpus>,
) -> Result<(), String> {
    let may = Command::new("strace").args(["-f", "-c", "-o", "/dev/null", "true"]).output();
    if !may.is_ok_and(|said| said.status.success()) {
        findings.skipped("system calls: there is no strace, or it may not trace");
        return Ok(());
    }
    let counts = folder.join("strace.txt");
    let [short, long] = WINDOWS;
    let (short, short_events) = run(program, folder, &counts, cpus, short).await?;
    let (long, long_events) = run(program, folder, &counts, cpus, long).await?;
    let events = long_events - short_events;
    let mut other = 0.0;
    let mut groups = MAX_CALLS.map(|_| 0.0);
    for (name, count) in &long {
        let before = short.iter().find(|(known, _)| known == name).map_or(0.0, |(_, count)| *count);
        let each = (count - before) / events;
        let group = MAX_CALLS.iter().zip(&mut groups).find(|((_, calls, _), _)| calls.contains(&name.as_str()));
        match group {
            Some((_, sum)) => *sum += each,
            None => other += each,
        }
    }
    for ((group, _, limit), sum) in MAX_CALLS.iter().zip(groups) {
        findings.at_most(&format!("system calls an event, {group}"), sum, *limit);
    }
    findings.at_most("system calls an event, all others", other, MAX_OTHER_CALLS);
    Ok(())
}

async fn run(
    program: &Path,
    folder: &Path,
    counts: &PathBuf,
    cpus: Option<Cpus>,
    window: Duration,
) -> Result<Run, String> {
    let upstream = Upstream::start(None)?;
    let kind = Kind::Traced { program: program.to_owned(), counts: counts.clone() };
    let name = "traced".to_owned();
    let peer = Peer { name, kind, folder: folder.to_owned(), cpus, upstream: upstream.address(), trusted: None };
    let running = peer.start().await?;
    let got = paced(&peer, &running, &upstream, STREAMS, INTERVAL, window).await?;
    if let Some(process) = running.process {
        process.finish();
    }
    let text = std::fs::read_to_string(counts).map_err(|error| format!("{}: {error}", counts.display()))?;
    #[expect(clippy::cast_precision_loss, reason = "events of some seconds")]
    Ok((read(&text), got.all as f64))
}

/// strace's table: `% time, seconds, usecs/call, calls, [errors,] name`.
fn read(text: &str) -> Vec<(String, f64)> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, calls) = (*words.last()?, words.get(3)?.parse().ok()?);
        (name != "total").then(|| (name.to_owned(), calls))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_calls_is_read() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.001000           5       200         3 recvfrom
 40.00    0.000700           7       100           writev
------ ----------- ----------- --------- --------- ----------------
100.00    0.001700                   300         3 total
";
        assert_eq!(read(table), [("recvfrom".to_owned(), 200.0), ("writev".to_owned(), 100.0)]);
    }
}
