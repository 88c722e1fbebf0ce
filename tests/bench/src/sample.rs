//! One measurement of one relay, and what stands for several.

use std::time::Instant;

use crate::process::{cpu_seconds, machine_seconds};

/// Above this much of other CPU use (in CPUs) a measurement is noisy.
pub(crate) const NOISY: f64 = 0.15;

/// Counters at the start of a measurement.
#[derive(Debug)]
pub(crate) struct Window {
    tree: Vec<u32>,
    started: Instant,
    relay: f64,
    harness: f64,
    machine: f64,
}

/// What a window saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    pub(crate) seconds: f64,
    /// CPU seconds of the relay.
    pub(crate) relay: f64,
    /// Of the upstream and the load generator.
    pub(crate) harness: f64,
    /// CPUs that others used meanwhile.
    pub(crate) other: f64,
}

impl Window {
    /// Opens it over a relay's processes.
    pub(crate) fn open(tree: Vec<u32>) -> Self {
        let (relay, harness) = (cpu_seconds(&tree), cpu_seconds(&[std::process::id()]));
        Self { tree, started: Instant::now(), relay, harness, machine: machine_seconds() }
    }

    /// Closes it.
    pub(crate) fn close(self) -> Use {
        let seconds = self.started.elapsed().as_secs_f64();
        let relay = cpu_seconds(&self.tree) - self.relay;
        let harness = cpu_seconds(&[std::process::id()]) - self.harness;
        let other = (machine_seconds() - self.machine - relay - harness).max(0.0) / seconds;
        Use { seconds, relay, harness, other }
    }
}

/// A measured value, and how quiet the machine was meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    pub(crate) value: f64,
    pub(crate) other: f64,
}

/// What stands for several measurements of one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Measurements that count.
    pub(crate) count: usize,
    /// None of them was quiet: all count, and none can be trusted.
    pub(crate) noisy: bool,
}

/// The median of the quiet ones; of all, and marked, when fewer than two are quiet.
pub(crate) fn summary(values: &[Value]) -> Option<Summary> {
    let mut quiet: Vec<f64> = values.iter().filter(|value| value.other <= NOISY).map(|value| value.value).collect();
    let noisy = quiet.len() < values.len().min(2);
    if noisy {
        quiet = values.iter().map(|value| value.value).collect();
    }
    quiet.sort_by(f64::total_cmp);
    let (min, max) = (*quiet.first()?, *quiet.last()?);
    let middle = quiet.len() / 2;
    let upper = *quiet.get(middle)?;
    let median = if quiet.len().is_multiple_of(2) { f64::midpoint(upper, *quiet.get(middle - 1)?) } else { upper };
    Some(Summary { median, min, max, count: quiet.len(), noisy })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(f64, f64)]) -> Option<Summary> {
        summary(&values.iter().map(|(value, other)| Value { value: *value, other: *other }).collect::<Vec<_>>())
    }

    #[test]
    fn quiet_measurements_count() {
        let quiet = of(&[(1.0, 0.0), (9.0, 1.0), (3.0, 0.1), (2.0, 0.0)]).unwrap();
        assert_eq!((quiet.median, quiet.min, quiet.max, quiet.count, quiet.noisy), (2.0, 1.0, 3.0, 3, false));
        let noisy = of(&[(1.0, 0.0), (9.0, 1.0), (4.0, 0.5)]).unwrap();
        assert_eq!((noisy.median, noisy.count, noisy.noisy), (4.0, 3, true));
        assert!((of(&[(1.0, 0.0), (2.0, 0.0)]).unwrap().median - 1.5).abs() < 1e-9);
        assert!(of(&[]).is_none());
        assert!(!of(&[(1.0, 0.0)]).unwrap().noisy);
    }
}
