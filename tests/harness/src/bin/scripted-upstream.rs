//! Plays one recorded answer to every request: `scripted-upstream --port P FILE.sse [--pace 20ms] [--split events]`.
//!
//! `--split` takes `whole`, `events` (the default) or a number of bytes; `--pace` takes milliseconds (`20ms`) or seconds
//! (`1s`) and is the wait between two pieces.

use std::process::ExitCode;
use std::time::Duration;

use harness::upstream::{Reply, Split, Upstream};

const USAGE: &str = "usage: scripted-upstream --port P FILE.sse [--pace 20ms] [--split whole|events|BYTES]";

struct Arguments {
    port: u16,
    file: String,
    pace: Duration,
    split: Split,
}

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program talks on its terminal")]
async fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    let (script, upstream) = match (std::fs::read(&arguments.file), Upstream::start_on(arguments.port).await) {
        (Ok(script), Ok(upstream)) => (script, upstream),
        (Err(error), _) => {
            eprintln!("{} cannot be read: {error}", arguments.file);
            return ExitCode::FAILURE;
        }
        (_, Err(error)) => {
            eprintln!("port {} cannot be had: {error}", arguments.port);
            return ExitCode::FAILURE;
        }
    };
    upstream.always(Reply::sse(script).split(arguments.split).pace(arguments.pace));
    println!("{} answers every request with {}. Ctrl-C stops it.", upstream.url(), arguments.file);
    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let (mut port, mut file, mut pace, mut split) = (None, None, Duration::ZERO, Split::Events);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--port" => port = Some(words.next()?.parse().ok()?),
            "--pace" => pace = duration(&words.next()?)?,
            "--split" => split = division(&words.next()?)?,
            _ if word.starts_with('-') || file.is_some() => return None,
            _ => file = Some(word),
        }
    }
    Some(Arguments { port: port?, file: file?, pace, split })
}

fn duration(text: &str) -> Option<Duration> {
    if let Some(milliseconds) = text.strip_suffix("ms") {
        return milliseconds.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}

fn division(text: &str) -> Option<Split> {
    match text {
        "whole" => Some(Split::Whole),
        "events" => Some(Split::Events),
        bytes => bytes.parse().ok().map(Split::Every),
    }
}
