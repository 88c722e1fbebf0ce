//! The soak: the real binary under steady load for a long time, with a tenth of the requests faulty, and the proof that
//! nothing is lost, doubled, mixed up or left open. `docs/soak.md` says what it found; `cargo xtask soak` runs it.
//!
//! # Layout, in reading order
//! - `arguments`, `run`, `stage`, `samples`, `memory`, `progress`, `report`, `verdict`: one soak from its beginning to its end
//! - `kind`, `way`, `plan`: what may happen to a turn, by which way, and what must come of it; a function of a seed
//! - `text`, `script`, `chat_script`, `responses_script`, `fault`, `framing`: what upstream sends, byte for byte
//! - `model`, `upstreams`, `identity`: the upstreams and the identity endpoint, with their faults
//! - `recorder`, `book`: where telemetry goes, and what it is held against
//! - `program`, `process`: the binary, and its figures
//! - `load`, `client`, `answer`, `judge`, `tally`: the clients, what they see, and what is made of it
//! - `bulk`, `bulk_turn`, `bulk_reader`: many small events beside that

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to the person who called it")]

mod answer;
mod arguments;
mod book;
mod bulk;
mod bulk_reader;
mod bulk_turn;
mod chat_script;
mod client;
mod fault;
mod framing;
mod identity;
mod judge;
mod kind;
mod load;
mod memory;
mod model;
mod plan;
mod process;
mod program;
mod progress;
mod recorder;
mod report;
mod responses_script;
mod run;
mod samples;
mod script;
mod stage;
mod tally;
mod text;
mod upstreams;
mod verdict;
mod way;

use std::process::ExitCode;

use crate::arguments::{Arguments, HELP};
use crate::plan::Plan;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(arguments) = Arguments::read(std::env::args().skip(1)) else {
        eprint!("{HELP}");
        return ExitCode::from(2);
    };
    if let Some(number) = arguments.turn {
        println!("{}", Plan::new(arguments.seed, number, arguments.host.is_some()));
        return ExitCode::SUCCESS;
    }
    println!("soak: {} s, {} streams, seed {}", arguments.duration.as_secs(), arguments.streams, arguments.seed);
    let report = match run::run(&arguments, |line| println!("{line}")).await {
        Ok(report) => report,
        Err(error) => {
            eprintln!("soak: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("\n{}", report.text());
    let faults = report.faults();
    for fault in &faults {
        println!("FAULT: {fault}");
    }
    if faults.is_empty() {
        println!("All is well.");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}
