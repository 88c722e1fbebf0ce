//! The soak: the real binary under steady load for a long time, with a tenth of the requests faulty, and the proof that
//! nothing is lost, doubled, mixed up or left open. `docs/soak.md` says what it found; `cargo xtask soak` runs it.
//!
//! # Layout, in reading order
//! - `arguments`, `run`, `report`: one soak from its beginning to its verdict
//! - `kind`, `plan`: what may happen to a turn and what must come of it; a function of a seed
//! - `text`, `script`, `framing`: what upstream sends, byte for byte
//! - `model`, `identity`: the upstream and the identity endpoint, with their faults
//! - `program`, `process`: the binary, and its figures
//! - `load`, `client`, `answer`, `judge`, `tally`: the clients, what they see, and what is made of it

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to the person who called it")]

mod answer;
mod arguments;
mod bulk;
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
mod recorder;
mod report;
mod responses_script;
mod run;
mod samples;
mod script;
mod tally;
mod text;
mod upstreams;
mod way;

use std::process::ExitCode;

use crate::arguments::{Arguments, HELP};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(arguments) = Arguments::read(std::env::args().skip(1)) else {
        eprint!("{HELP}");
        return ExitCode::from(2);
    };
    if let Some(number) = arguments.turn {
        let plan = plan::Plan::new(arguments.seed, number, arguments.host.is_some());
        println!(
            "{:?} {:?} {} pieces, {} ms between writes",
            plan.kind,
            plan.way,
            plan.script.pieces,
            plan.pace.as_millis()
        );
        println!("{}", String::from_utf8_lossy(&plan.script.body));
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
