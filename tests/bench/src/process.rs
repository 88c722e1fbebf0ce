//! A relay's processes: started on one CPU, watched through /proc, stopped.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Time to stop when asked nicely.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which CPU the relays have, and which the upstream and the load generator share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpus {
    pub(crate) relay: usize,
    pub(crate) harness: usize,
    /// The relay may have the other one as well.
    pub(crate) shared: bool,
}

impl Cpus {
    /// The first two that this process may use.
    pub(crate) fn two() -> Option<Self> {
        let allowed = sched_getaffinity(Pid::from_raw(0)).ok()?;
        let mut allowed = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or_default());
        Some(Self { relay: allowed.next()?, harness: allowed.next()?, shared: false })
    }

    /// Puts this thread, and what it starts from now on, on the harness's CPU.
    pub(crate) fn pin(self) -> Result<(), String> {
        pin(&[self.harness])
    }
}

fn pin(cpus: &[usize]) -> Result<(), String> {
    let mut set = CpuSet::new();
    cpus.iter()
        .try_for_each(|cpu| set.set(*cpu))
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .map_err(|error| format!("CPUs {cpus:?}: {error}"))
}

/// A running relay, whatever number of processes it is. Stopped when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts it on the relays' CPU, or on both.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn start(command: &mut Command, cpus: Option<Cpus>) -> Result<Self, String> {
        if let Some(cpus) = cpus {
            let both = [cpus.relay, cpus.harness];
            pin(if cpus.shared { &both } else { &both[..1] })?;
        }
        let child = command.spawn().map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()));
        if let Some(cpus) = cpus {
            cpus.pin()?;
        }
        Ok(Self { child: child? })
    }

    /// The processes it is now.
    pub(crate) fn tree(&self) -> Vec<u32> {
        let parents: Vec<(u32, u32)> = processes().collect();
        let mut tree = vec![self.child.id()];
        let mut at = 0;
        while let Some(parent) = tree.get(at).copied() {
            tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process));
            at += 1;
        }
        tree
    }

    /// Asks those that it has started to stop, and waits for it to end because of that.
    pub(crate) fn finish(mut self) {
        for process in self.tree().into_iter().skip(1) {
            signal(process, Signal::SIGTERM);
        }
        let asked = Instant::now();
        while self.ended().is_none() && asked.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it has ended by itself, and how.
    pub(crate) fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let tree = self.tree();
        signal(self.child.id(), Signal::SIGTERM);
        let asked = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if asked.elapsed() > PATIENCE {
                for process in &tree {
                    signal(*process, Signal::SIGKILL);
                }
                let _ = self.child.wait();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn signal(process: u32, signal: Signal) {
    if let Ok(process) = i32::try_from(process) {
        let _ = kill(Pid::from_raw(process), signal);
    }
}

/// All processes, each with its parent.
fn processes() -> impl Iterator<Item = (u32, u32)> {
    fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
        let process = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // Behind the name, which may hold anything: state, parent.
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        Some((process, parent))
    })
}

/// Time on a CPU so far, in seconds: user and system, to the nanosecond where the kernel has it, which is of threads that
/// live. What those had that have ended is in the ticks alone: who lost some is counted by these.
pub(crate) fn cpu_seconds(processes: &[u32]) -> f64 {
    processes.iter().map(|process| threads(*process).unwrap_or_default().max(ticks(*process))).sum()
}

fn threads(process: u32) -> Option<f64> {
    let mut all = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let times = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        all += times.split(' ').next()?.parse::<f64>().ok()? / 1e9;
    }
    Some(all)
}

/// The same in the kernel's ticks, a hundredth of a second each.
fn ticks(process: u32) -> f64 {
    let (user, system) = user_system(process).unwrap_or_default();
    user + system
}

/// User and system time of a process in seconds, in steps of a hundredth.
pub(crate) fn user_system(process: u32) -> Option<(f64, f64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / 100.0);
    Some((seconds()?, seconds()?))
}

/// Time that all CPUs together have been busy, in seconds; with what a hypervisor took.
pub(crate) fn machine_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let fields: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    [0, 1, 2, 5, 6, 7].iter().filter_map(|at| fields.get(*at)).sum::<f64>() / 100.0
}

/// Resident and proportional memory of processes, in bytes.
pub(crate) fn memory(processes: &[u32]) -> (u64, u64) {
    let field = |process: u32, file: &str, name: &str| {
        let text = fs::read_to_string(Path::new("/proc").join(process.to_string()).join(file)).unwrap_or_default();
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<u64>().ok());
        line.unwrap_or_default() * 1024
    };
    processes.iter().fold((0, 0), |(resident, proportional), process| {
        (resident + field(*process, "status", "VmRSS:"), proportional + field(*process, "smaps_rollup", "Pss:"))
    })
}
