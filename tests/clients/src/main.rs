//! Real clients of OpenAI's API against the program: each asks the real binary, behind which stands a scripted upstream,
//! and what it makes of every kind of answer becomes a row of the matrix in `docs/clients.md`.
//!
//! In reading order: `client` is who asks and how, `script` what upstream says, `program` the binary between them, `seen`
//! what came of it, `demo` the same of the demo model, `errors` every failure as OpenAI's own SDKs raise it, `matrix` the page. A run fails where a client does otherwise than this project says it does.
//!
//! Use: `clients PROGRAM PYTHON|- MODULES|- BINARIES|- [--write]`, where a folder that is absent is `-`; or
//! `clients --fuzz PROGRAM SCHEMATHESIS`, which holds the program to its schema.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to the person who called it")]
#![expect(clippy::indexing_slicing, reason = "a JSON value answers null for what it does not have")]

mod client;
mod demo;
mod errors;
mod fuzz;
mod matrix;
mod program;
mod script;
mod seen;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use futures::StreamExt as _;

use crate::client::{CLIENTS, Client, Tools};
use crate::program::Program;
use crate::script::Script;
use crate::seen::Row;

/// Clients that ask at the same time: more than the machine has cores, since most of the time is waiting.
const AT_ONCE: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, program, schemathesis] = arguments.as_slice()
        && command == "--fuzz"
    {
        return ending(fuzz::run(Path::new(program), Path::new(schemathesis)).await);
    }
    let (paths, write) = match arguments.split_last() {
        Some((last, paths)) if last == "--write" => (paths, true),
        _ => (arguments.as_slice(), false),
    };
    let [program, python, modules, binaries] = paths else {
        eprintln!("clients PROGRAM PYTHON|- MODULES|- BINARIES|- [--write], or --fuzz PROGRAM SCHEMATHESIS");
        return ExitCode::from(2);
    };
    let path = |text: &String| (text != "-").then(|| PathBuf::from(text));
    let tools = Tools { python: path(python), modules: path(modules), binaries: path(binaries) };
    let program = Path::new(program);
    let rows = futures::stream::iter(CLIENTS).map(|client| row(client, &tools, program)).buffered(AT_ONCE);
    let rows: Vec<Row> = rows.filter_map(async |row| row).collect().await;
    let faults: Vec<String> = rows.iter().flat_map(Row::faults).collect();
    for fault in &faults {
        eprintln!("{fault}");
    }
    if !faults.is_empty() {
        return ExitCode::FAILURE;
    }
    ending(matrix::compare(&rows, write))
}

fn ending(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// What a client makes of all there is; `None` where it is not on this machine.
async fn row(client: &'static Client, tools: &Tools, binary: &Path) -> Option<Row> {
    if !client.is_there(tools) {
        println!("skipped: {} is not there", client.name);
        return None;
    }
    let script = Script::start().await;
    let program = match Program::start(binary, script.address()).await {
        Ok(program) => program,
        Err(fault) => return Some(Row::failed(client, fault)),
    };
    let begun = Instant::now();
    let mut row = seen::all(client, tools, &program, &script).await;
    row.add_faults(demo::faults(client, tools, binary).await);
    row.add_faults(errors::faults(client, tools, binary, &script).await.unwrap_or_default());
    println!("{} ({} s)", row.line(), begun.elapsed().as_secs());
    Some(row)
}
