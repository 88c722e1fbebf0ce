//! The project's commands, the same on every system: `cargo xtask run`, `cargo xtask test`, `cargo xtask host`.
//!
//! Each prints the commands it runs, so that none of them is needed to do the same by hand.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to the person who called it")]

mod stage;
mod steps;
mod web;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  run          the program and its page on 127.0.0.1:7071; on the built-in demo model unless AZURE_INFERENCE_ENDPOINT is set
  test         everything that must hold: format, lints, docs, tests, dependencies, the page
  host         the program behind the stand-in Functions host on port 7071, as `func start` would run it
  screenshots  makes the README's pictures under docs/images
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let result = match (arguments.next().as_deref(), arguments.next()) {
        (Some("run"), None) => steps::run(),
        (Some("test"), None) => steps::test(),
        (Some("host"), None) => steps::host(),
        (Some("screenshots"), None) => steps::screenshots(),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
