//! Measures the program beside other relays, on one machine and in one run. `cargo xtask bench` builds and starts it.
//!
//! Upstream and load generator are this process, on one thread and one CPU; the relays have the other CPU. Every answer
//! is compared to the last byte while it is timed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to the person who called it")]

#[cfg(target_os = "linux")]
mod allocations;
#[cfg(target_os = "linux")]
mod answer;
#[cfg(target_os = "linux")]
mod arguments;
#[cfg(target_os = "linux")]
mod bench;
#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod cancel;
#[cfg(target_os = "linux")]
mod certificate;
#[cfg(target_os = "linux")]
mod check;
#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod cold;
#[cfg(target_os = "linux")]
mod connections;
#[cfg(target_os = "linux")]
mod dechunk;
#[cfg(target_os = "linux")]
mod gateways;
#[cfg(target_os = "linux")]
mod given_back;
#[cfg(target_os = "linux")]
mod growth;
#[cfg(target_os = "linux")]
mod guard;
#[cfg(target_os = "linux")]
mod held;
#[cfg(target_os = "linux")]
mod instructions;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod litellm;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod nginx;
#[cfg(target_os = "linux")]
mod paced;
#[cfg(target_os = "linux")]
mod pacer;
#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod portkey;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod protocols;
#[cfg(target_os = "linux")]
mod quart;
#[cfg(target_os = "linux")]
mod quota;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod results;
#[cfg(target_os = "linux")]
mod rewritten;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod sample;
#[cfg(target_os = "linux")]
mod socket;
#[cfg(target_os = "linux")]
mod start;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod targets;
#[cfg(target_os = "linux")]
mod threads;
#[cfg(target_os = "linux")]
mod throughput;
#[cfg(target_os = "linux")]
mod tls;
#[cfg(target_os = "linux")]
mod turn_over;
#[cfg(target_os = "linux")]
mod upstream;
#[cfg(target_os = "linux")]
mod venv;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    bench::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    println!("skipped: the benchmark reads Linux's /proc");
    ExitCode::SUCCESS
}
