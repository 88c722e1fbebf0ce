//! What the libraries cost alone: a relay of axum and reqwest, as their own examples have it, that reads nothing of what it
//! passes on. The benchmark measures it beside the program, on the same features and optimisation.
//!
//! `floor PORT http[s]://HOST:PORT` listens on 127.0.0.1. With a third word, `reads`, it reads each event and writes its line.

mod reading;
mod relay;

use std::process::ExitCode;

fn main() -> ExitCode {
    relay::main(|| Ok(()))
}
