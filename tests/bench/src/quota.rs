//! A quota of CPU time, as a small instance has it: the kernel's own, by a control group of this run's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Microseconds in which the quota is given anew, and the quota.
const PERIOD: u32 = 100_000;
const QUOTA: u32 = 25_000;

/// A control group. Its processes go back to the group above when it is dropped.
#[derive(Debug)]
pub(crate) struct Quota {
    above: PathBuf,
    group: PathBuf,
}

impl Quota {
    /// A quarter of a CPU, for nobody yet. It comes before what others on the machine want: the quota is to be what holds a
    /// relay up.
    ///
    /// # Errors
    /// In words, where no such group can be made.
    pub(crate) fn quarter(name: &str) -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut why = "no control groups".to_owned();
        for (above, settings) in [
            (
                within("/sys/fs/cgroup", &own, "0:", ""),
                vec![("cpu.max", format!("{QUOTA} {PERIOD}")), ("cpu.weight", "10000".to_owned())],
            ),
            (
                within("/sys/fs/cgroup/cpu", &own, "", "cpu"),
                vec![
                    ("cpu.cfs_period_us", PERIOD.to_string()),
                    ("cpu.cfs_quota_us", QUOTA.to_string()),
                    ("cpu.shares", "100000".to_owned()),
                ],
            ),
        ] {
            let Some(above) = above else { continue };
            let group = above.join(format!("bench-{}-{name}", std::process::id()));
            match make(&group, &settings) {
                Ok(()) => return Ok(Self { above, group }),
                Err(error) => {
                    let _ = fs::remove_dir(&group);
                    why = format!("{}: {error}", group.display());
                }
            }
        }
        Err(why)
    }

    /// Puts processes under it.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn hold(&self, processes: &[u32]) -> Result<(), String> {
        for process in processes {
            // The kernel takes in none that has a real-time priority, which the benchmark may have been given.
            let words = ["--all-tasks", "--other", "--pid", "0", &process.to_string()];
            let _ = Command::new("chrt").args(words).output();
        }
        put(processes, &self.group).map_err(|error| format!("{}: {error}", self.group.display()))
    }

    /// Periods so far in which one of its processes wanted to run, and in which the quota was used up.
    pub(crate) fn periods(&self) -> [f64; 2] {
        let text = fs::read_to_string(self.group.join("cpu.stat")).unwrap_or_default();
        ["nr_periods ", "nr_throttled "].map(|name| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            line.unwrap_or_default()
        })
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let held = fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        let held: Vec<u32> = held.lines().filter_map(|line| line.parse().ok()).collect();
        let _ = put(&held, &self.above);
        let _ = fs::remove_dir(&self.group);
    }
}

/// This process's own group of a hierarchy, where that is mounted and can set quotas.
fn within(mounted: &str, own: &str, number: &str, controller: &str) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':').filter(|_| line.starts_with(number))?;
        let (controllers, path) = rest.split_once(':')?;
        (controllers.split(',').any(|one| one == controller)).then(|| path.trim_start_matches('/'))
    })?;
    let above = Path::new(mounted).join(path);
    above.join("cgroup.procs").is_file().then_some(above)
}

fn make(group: &Path, settings: &[(&str, String)]) -> std::io::Result<()> {
    fs::create_dir(group)?;
    settings.iter().try_for_each(|(file, value)| fs::write(group.join(file), value))
}

fn put(processes: &[u32], group: &Path) -> std::io::Result<()> {
    processes.iter().try_for_each(|process| fs::write(group.join("cgroup.procs"), process.to_string()))
}
