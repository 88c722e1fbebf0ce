//! The project's commands, the same on every system: `cargo xtask COMMAND`; without one it lists them. Without cargo
//! `node xtask/run.mjs COMMAND` does for those that deploy.
//!
//! Each prints the commands it runs, so that none of them is needed to do the same by hand.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to the person who called it")]

mod ask;
mod azd;
mod bench;
mod checks;
mod deploy;
mod elf;
mod fuzz;
mod package;
mod python;
mod skips;
mod smoke;
mod stage;
mod steps;
mod swa;
mod together;
mod tool;
mod web;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  run     the program and its page on 127.0.0.1:7071; on the built-in demo model unless AZURE_INFERENCE_ENDPOINT is set
  test    everything that must hold: format, lints, docs, tests, dependencies, the page
  host    the program behind the stand-in Functions host on port 7071, as `func start` would run it
  swa     [--port 4280] [--api-port 7071] [--stand-in]
          the page behind the Static Web Apps emulator, and the program behind func, or its stand-in where there is none
  package [BINARY|PACKAGE]
          the function app for Azure in dist/func and dist/func.zip, built for x86-64 Linux with glibc 2.28 or newer;
          with a released package: its program, and nothing is built
  deploy STEP [PACKAGE]
          what azd's hooks call: before-up, before-provision, api, page-build, page-config, addresses, before-down,
          after-down; api-by-blob; and purge, which frees the name and quota of a deleted model account
          (docs/deploying.md)
  deployments
          writes tests/deployments anew: what every choice of docs/deploying.md makes, as the Bicep compiler evaluates it
  azd     a scripted Azure on this machine, for azd's commands without an account (docs/rehearsal.md)
  smoke   [--api URL] [--page URL] [--only ROW,…] [--probe-thinking] …
          after `azd up`: asks what was deployed, and says what passed, what failed and what to do (docs/rehearsal.md)
  soak    [DURATION] [--host] [--streams N] [--bulk N] [--seed N] [--turn N]
          the release binary under load and faults, 20m unless given
  bench   [PART…] [--quick] …
          the program as packaged beside nginx and a Python relay, measured (tests/bench/src/arguments.rs has all options);
          gateways: beside LiteLLM's proxy and Portkey's gateway, and what a client of each is told
  guard   [--bless]
          what must not grow and does not depend on the machine: binary, allocations, instructions, system calls,
          connections, handshakes, what many streams leave behind
  clients [--write]
          real clients of OpenAI's API against the program; --write makes the matrix of docs/clients.md
  advisories
          known faults of what is depended on: of the program and its commands, the fuzz targets, the page
  fuzz    [SECONDS] [TARGET…]
          the fuzz targets, 60 s each unless told otherwise (docs/fuzzing.md)
  page-bench
          measures the page beside one in the style of the original (docs/performance-page.md)
  screenshots
          makes the README's pictures under docs/images
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let arguments: Vec<String> = arguments.collect();
    let result = match (command.as_deref(), arguments.as_slice()) {
        (Some("run"), []) => steps::run(),
        (Some("test"), []) => steps::test(),
        (Some("host"), []) => steps::host(),
        (Some("swa"), arguments) => swa::swa(arguments),
        (Some("package"), []) => package::package(None),
        (Some("package"), [program]) => package::package(Some(program)),
        (Some("deploy"), [step]) => deploy::deploy(step, None),
        (Some("deploy"), [step, released]) => deploy::deploy(step, Some(released)),
        (Some("azd"), []) => azd::azd(),
        (Some("smoke"), arguments) => smoke::smoke(arguments),
        (Some("deployments"), []) => steps::deployments(),
        (Some("clients"), []) => checks::clients(false),
        (Some("clients"), [write]) if write == "--write" => checks::clients(true),
        (Some("advisories"), []) => checks::advisories(),
        (Some("fuzz"), arguments) => fuzz::fuzz(arguments),
        (Some("page-bench"), []) => web::bench(),
        (Some("screenshots"), []) => steps::screenshots(),
        (Some("bench"), arguments) => bench::bench(arguments),
        (Some("guard"), arguments) => bench::guard(arguments),
        (Some("soak"), arguments) => steps::soak(arguments),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    skips::list();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
