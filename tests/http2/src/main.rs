//! An experiment: what HTTP/2 to upstream would bring, and cost, beside HTTP/1.1, by the same relay and on one machine.
//!
//! `http2` measures and prints tables; `http2 calm` leaves the closed loops out, for a machine that others use; `http2 relay PORT URL h1|h2` is the relay, which it starts for itself.
//! Without TLS: HTTP/2 with prior knowledge. Linux with two CPUs: the relay has the first, all else the second.

mod load;
mod measure;
mod process;
mod relay;
mod stalls;
mod upstream;

use std::process::ExitCode;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a relay speaks to upstream.
const PROTOCOLS: [&str; 2] = ["h1", "h2"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ran = match words.as_slice() {
        ["relay", port, url, protocol] => relay::run(port, url, protocol),
        [] => measure::run(3, false),
        ["calm"] => measure::run(3, true),
        _ => Err("http2 [calm] | http2 relay PORT URL h1|h2".into()),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("http2: {failure}");
            ExitCode::FAILURE
        }
    }
}
