//! From the command line to the saved tables.

use std::fs;
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::arguments::{Arguments, HELP};
use crate::guard;
use crate::process::Cpus;
use crate::report;
use crate::run::Run;

/// Reads the command line, measures, prints and saves.
pub(crate) fn main() -> ExitCode {
    let Some(mut arguments) = Arguments::read(std::env::args().skip(1)) else {
        eprint!("{HELP}");
        return ExitCode::from(2);
    };
    match bench(&mut arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &mut Arguments) -> Result<(), String> {
    let made = fs::create_dir_all(&arguments.folder).and_then(|()| arguments.folder.canonicalize());
    arguments.folder = made.map_err(|error| format!("{}: {error}", arguments.folder.display()))?;
    // Five thousand streams are twice as many connections, here as in the relay, which inherits this.
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
    let cpus = Cpus::two();
    if let Some(cpus) = cpus {
        cpus.pin()?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the runtime: {error}"))?;
    if arguments.guard {
        return runtime.block_on(guard::guard(arguments, cpus));
    }
    runtime.block_on(async {
        let mut run = Run::prepare(arguments, cpus)?;
        tokio::select! {
            measured = run.measure(arguments) => measured?,
            // The relays are stopped when the run is dropped.
            _ = tokio::signal::ctrl_c() => return Err("interrupted".to_owned()),
            () = terminated() => return Err("asked to stop".to_owned()),
        }
        let markdown = report::markdown(&run);
        let json = format!("{:#}\n", report::to_json(&run));
        for (name, text) in [("bench.md", &markdown), ("bench.json", &json)] {
            let file = arguments.folder.join(name);
            fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        println!("\n{markdown}");
        println!("Saved as bench.md and bench.json in {}.", arguments.folder.display());
        if run.failed { Err("the program failed; see the notes above".to_owned()) } else { Ok(()) }
    })
}

async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut asked) => {
            asked.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}
