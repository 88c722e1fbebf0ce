//! What is asked of the program, and whether the run met it.

use std::fmt::Write as _;

use crate::cold;
use crate::limits::MAX_BINARY;
use crate::protocols::WAYS;
use crate::run::{OURS, Run};
use crate::table::{metric, number};
use crate::throughput::{LOADS, PACES, load_name, pace_name};

/// Which side of a limit is good.
#[derive(Clone, Copy)]
enum Good {
    AtMost(f64),
    AtLeast(f64),
}

struct Target {
    what: String,
    good: Good,
    /// `None`: not measured in this run.
    measured: Option<f64>,
    /// On a machine that was not quiet.
    noisy: bool,
}

/// All targets as Markdown; those that were not measured are left out.
pub(crate) fn table(run: &Run) -> String {
    let targets: Vec<Target> = targets(run).into_iter().filter(|target| target.measured.is_some()).collect();
    if targets.is_empty() {
        return String::new();
    }
    let mut text = "| target | limit | measured | met |\n|---|---:|---:|---|\n".to_owned();
    for Target { what, good, measured, noisy } in targets {
        let measured = measured.unwrap_or_default();
        let (limit, met) = match good {
            Good::AtMost(limit) => (format!("≤ {}", number(limit)), measured <= limit),
            Good::AtLeast(limit) => (format!("≥ {}", number(limit)), measured >= limit),
        };
        let (mark, met) = (if noisy { "~" } else { "" }, if met { "yes" } else { "**no**" });
        let _ = writeln!(text, "| {what} | {limit} | {mark}{} | {met} |", number(measured));
    }
    text.push('\n');
    text
}

fn targets(run: &Run) -> Vec<Target> {
    let ratio = |what: &str, scenario: &str, metric: &str, above: &str, below: &str, good: Good| {
        let both = run.results.get(scenario, metric, above).zip(run.results.get(scenario, metric, below));
        Target {
            what: format!("{what}, {scenario}"),
            good,
            measured: both.map(|(above, below)| above.median / below.median),
            noisy: both.is_some_and(|(above, below)| above.noisy || below.noisy),
        }
    };
    let way = |what: &str, above: usize, below: usize, limit: f64| {
        let of = |way: usize| run.results.get(WAYS.get(way)?.0, metric::BY_PROTOCOL, OURS);
        let both = of(above).zip(of(below));
        Target {
            what: what.to_owned(),
            good: Good::AtMost(limit),
            measured: both.map(|(above, below)| above.median / below.median),
            noisy: both.is_some_and(|(above, below)| above.noisy || below.noisy),
        }
    };
    let plain = |what: &str, scenario: &str, metric: &str, limit: f64| {
        let found = run.results.get(scenario, metric, OURS);
        Target {
            what: what.to_owned(),
            good: Good::AtMost(limit),
            measured: found.map(|found| found.median),
            noisy: found.is_some_and(|found| found.noisy),
        }
    };
    let mut targets = Vec::new();
    for load in LOADS {
        let scenario = load_name(load);
        let (of_quart, of_nginx) = if load.1 == 1 { (35.0, 1.8) } else { (90.0, 2.5) };
        let good = Good::AtLeast(of_quart);
        targets.push(ratio("events a second and core, of Quart's", &scenario, metric::CPU, "quart", OURS, good));
        let good = Good::AtMost(of_nginx);
        targets.push(ratio("CPU an event, of nginx's", &scenario, metric::CPU, OURS, "nginx", good));
    }
    // "Paced" was set for the first; the second's delays may be twice as far from nginx's.
    for (pace, cpu, p50, p99) in [(PACES[0], Some(1.4), 1.2, 1.5), (PACES[1], None, 2.4, 3.0)] {
        let scenario = pace_name(pace);
        let mut target = |what: &str, metric, limit| {
            targets.push(ratio(what, &scenario, metric, OURS, "nginx", Good::AtMost(limit)));
        };
        if let Some(limit) = cpu {
            target("CPU an event, of nginx's", metric::CPU, limit);
        }
        target("delay p50, of nginx's", metric::P50, p50);
        target("delay p99, of nginx's", metric::P99, p99);
    }
    targets.push(way("CPU an event, padded chat, of chat's", 1, 0, 1.15));
    targets.push(way("CPU an event, Responses API, of chat's", 2, 0, 1.3));
    targets.push(way("CPU an event, Responses API padded, of chat's", 3, 0, 1.3));
    targets.push(way("CPU an event, for an OpenAI client, of our lines'", 4, 0, 1.15));
    targets.push(plain("idle, MiB resident", "idle, after an answer", metric::RESIDENT, 6.0));
    targets.push(plain("each of 1,000 open streams, KiB", "1,000 open streams", metric::EACH, 32.0));
    targets.push(plain("each of 5,000 open streams, KiB", "5,000 open streams", metric::EACH, 32.0));
    targets.push(Target {
        good: Good::AtLeast(5000.0),
        ..plain("open streams that ended whole", "5,000 open streams", metric::WHOLE, 0.0)
    });
    targets.push(plain("spawn to first answered ping, ms", "spawn to first answered ping", metric::START, 10.0));
    for held in cold::HELD {
        targets.push(ratio("cold start, of its floor", held, metric::COLD, OURS, cold::FLOOR, Good::AtMost(1.1)));
    }
    #[expect(clippy::cast_precision_loss, reason = "the size of a file")]
    targets.push(Target {
        what: "stripped binary, MB".to_owned(),
        good: Good::AtMost(MAX_BINARY as f64 / 1e6),
        measured: run.binary.map(|bytes| bytes as f64 / 1e6),
        noisy: false,
    });
    targets
}
