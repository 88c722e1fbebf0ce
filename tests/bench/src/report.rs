//! What a run printed and saved: Markdown to paste, and JSON with every measurement.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::run::Run;
use crate::table::{metric, table};
use crate::{cold, gateways, targets, threads};

/// Who is set against whom.
const RATIOS: [(&str, &str); 6] = [
    ("ours", "floor"),
    ("ours", "nginx"),
    ("quart", "ours"),
    (threads::COLUMNS[1], threads::COLUMNS[0]),
    (gateways::PORTKEY, gateways::OPENAI),
    (gateways::LITELLM, gateways::OPENAI),
];

/// The tables, in order.
const METRICS: [&str; 20] = [
    metric::RATE,
    metric::CPU,
    metric::BUSY,
    metric::HARNESS,
    metric::P50,
    metric::P99,
    metric::START,
    metric::COLD,
    metric::CANCEL,
    metric::RESIDENT,
    metric::PROPORTIONAL,
    metric::WHOLE,
    metric::EACH,
    metric::BY_PROTOCOL,
    metric::BY_LENGTH,
    metric::BY_SIZE,
    metric::PER_BYTE,
    metric::BY_STREAMS,
    metric::HANDSHAKES,
    metric::THROTTLED,
];

/// The run's circumstances, in words.
fn circumstances(run: &Run) -> Vec<String> {
    let (all, noisy) = run.results.noise();
    let cpus = run.cpus.map_or("unpinned".to_owned(), |cpus| {
        format!("relay on CPU {}, upstream and load generator on CPU {}", cpus.relay, cpus.harness)
    });
    let mut words = vec![
        output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        format!("{}, {} CPUs; {cpus}", cpu_model(), cpus_of_machine()),
        format!("Linux {}", output("uname", &["-r"])),
        output("rustc", &["--version"]),
    ];
    words.extend(run.versions.iter().cloned());
    words.push(format!(
        "{} rounds, interleaved; medians of the measurements during which others used at most {} CPU",
        run.rounds,
        crate::sample::NOISY
    ));
    words.push(format!("{noisy} of {all} measurements were noisier (`~`: too few quiet ones, so all count)"));
    words.push(format!("{} answers compared to the last byte, none wrong", run.answers));
    words
}

fn output(program: &str, arguments: &[&str]) -> String {
    let said = Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&said).trim().to_owned()
}

/// More than this thread may use: it is pinned.
fn cpus_of_machine() -> usize {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    info.lines().filter(|line| line.starts_with("processor")).count()
}

fn cpu_model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("unknown CPU".to_owned(), |(_, name)| name.trim().to_owned())
}

/// The whole run as Markdown.
pub(crate) fn markdown(run: &Run) -> String {
    let mut text = String::new();
    for word in circumstances(run) {
        let _ = writeln!(text, "- {word}");
    }
    for note in &run.notes {
        let _ = writeln!(text, "- {note}");
    }
    text.push('\n');
    let mut peers: Vec<String> = run.peers.iter().map(|peer| peer.name.clone()).collect();
    for other in [gateways::OPENAI, cold::FLOOR, gateways::PORTKEY, gateways::LITELLM] {
        if !peers.iter().any(|peer| peer == other) {
            peers.push(other.to_owned());
        }
    }
    peers.extend(threads::COLUMNS.map(str::to_owned));
    text.push_str(&targets::table(run));
    for metric in METRICS {
        text.push_str(&table(&run.results, metric, &peers, &RATIOS));
    }
    text.push_str(&run.told);
    if !run.micro.is_empty() {
        let _ = writeln!(text, "{}", run.micro);
    }
    text
}

/// The whole run as JSON.
pub(crate) fn to_json(run: &Run) -> Value {
    json!({ "circumstances": circumstances(run), "notes": run.notes, "micro": run.micro, "told": run.told, "results": run.results.to_json() })
}
