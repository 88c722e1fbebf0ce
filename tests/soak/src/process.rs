//! Figures of the program's process, from `/proc`, so on Linux only.

use std::fs;

/// Ticks of a processor's time in a second; Linux has 100 on every system that runs this.
const TICKS: f64 = 100.0;

/// The figures at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) descriptors: usize,
    pub(crate) threads: u64,
    /// Resident memory, KiB.
    pub(crate) rss: u64,
    /// The most resident memory so far, KiB.
    pub(crate) peak: u64,
    /// Processor time so far, seconds.
    pub(crate) cpu: f64,
}

impl Figures {
    /// Reads them; `None` when there is no such process, or no `/proc`.
    pub(crate) fn read(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The program's name may hold spaces; the fields begin after its closing bracket, with the third.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Some(Self {
            descriptors: fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count(),
            threads: field("Threads:")?,
            rss: field("VmRSS:")?,
            peak: field("VmHWM:")?,
            cpu: ticks.sum::<Result<f64, _>>().ok()? / TICKS,
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_figures() {
        let figures = Figures::read(std::process::id()).unwrap();
        assert!(figures.descriptors > 2 && figures.threads > 0 && figures.rss > 500 && figures.peak >= figures.rss);
    }
}
