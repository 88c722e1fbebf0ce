//! Runs the fuzz targets of `fuzz/` for a while each. They need a nightly compiler; where there is none, that is said.

use std::fs;
use std::process::{Command, Stdio};

use crate::steps::Outcome;
use crate::{skips, stage};

/// How long each target runs when nobody says. Seconds.
const DEFAULT_SECONDS: u32 = 60;

/// A fuzz target, and how it is run.
struct Target {
    name: &'static str,
    /// Words of the format, in `fuzz/dict/`.
    dictionary: &'static str,
    /// Longest input. Bytes; enough for every rule to meet every other.
    max_len: u32,
}

const TARGETS: [Target; 7] = [
    Target { name: "decoder", dictionary: "sse.dict", max_len: 4096 },
    Target { name: "normaliser", dictionary: "sse.dict", max_len: 2048 },
    Target { name: "refusal", dictionary: "refusal.dict", max_len: 2048 },
    Target { name: "request", dictionary: "request.dict", max_len: 1024 },
    Target { name: "responses", dictionary: "responses.dict", max_len: 2048 },
    Target { name: "settings", dictionary: "settings.dict", max_len: 2048 },
    Target { name: "token", dictionary: "token.dict", max_len: 1024 },
];

/// `cargo xtask fuzz [SECONDS] [TARGET…]`: the named targets, or all, for that long each. A finding is a failure.
pub(crate) fn fuzz(arguments: &[String]) -> Outcome {
    let (seconds, names) = match arguments {
        [first, rest @ ..] if first.bytes().all(|byte| byte.is_ascii_digit()) => {
            (first.parse().map_err(|_| format!("fuzz: {first} is too long"))?, rest)
        }
        names => (DEFAULT_SECONDS, names),
    };
    if let Some(unknown) = names.iter().find(|name| TARGETS.iter().all(|target| target.name != name.as_str())) {
        let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        return Err(format!("fuzz: no target {unknown}; there are {}", known.join(", ")));
    }
    let probe = nightly_fuzz().arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        return skips::promised(
            "fuzzing (to have it: rustup toolchain install nightly, cargo install cargo-fuzz --locked)",
        );
    }
    TARGETS
        .iter()
        .filter(|target| names.is_empty() || names.iter().any(|name| name == target.name))
        .try_for_each(|target| run(target, seconds))
}

fn run(target: &Target, seconds: u32) -> Outcome {
    let name = target.name;
    // What the fuzzer learns stays here from run to run; the seeds are only read.
    let corpus = format!("fuzz/corpus/{name}");
    fs::create_dir_all(stage::project().join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
    let mut command = nightly_fuzz();
    // The program has no unsafe code: the address sanitizer would double the time and find what others have to.
    command.args(["run", "--sanitizer", "none", name, &corpus, &format!("fuzz/seeds/{name}"), "--"]);
    command.arg(format!("-dict=fuzz/dict/{}", target.dictionary));
    command.arg(format!("-max_len={}", target.max_len));
    command.arg(format!("-max_total_time={seconds}"));
    command.args(["-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1", "-verbosity=0"]);
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    println!("\n> rustup {}", words.join(" "));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("fuzz {name}: {status}; the input is in fuzz/artifacts/{name}, see docs/fuzzing.md")),
        Err(error) => Err(format!("fuzz {name}: {error}")),
    }
}

/// `cargo fuzz` of the nightly toolchain, by rustup: the cargo that runs this program is another toolchain's.
fn nightly_fuzz() -> Command {
    let mut command = Command::new("rustup");
    command.current_dir(stage::project()).args(["run", "nightly", "cargo", "fuzz"]);
    for (name, _) in std::env::vars_os() {
        // What cargo told this program of itself is not true of the other toolchain.
        let text = name.to_string_lossy();
        if text == "CARGO" || text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}
