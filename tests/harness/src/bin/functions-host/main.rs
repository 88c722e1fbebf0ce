//! The stand-in host on the command line, in place of `func start`; `--help` says how.

mod arguments;

use std::process::ExitCode;

use arguments::{Command, HELP, parse};
use harness::host::{Host, LocalSettings};
use tokio::select;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program talks on its terminal")]
async fn main() -> ExitCode {
    let (root, mut options, port) = match parse(std::env::args().skip(1)) {
        Ok(Command::Run { root, options, port }) => (root, *options, port),
        Ok(Command::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(Command::Version) => {
            println!("functions-host {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("functions-host: {why}; --help lists what there is");
            return ExitCode::from(64);
        }
    };
    options.echo_logs = true;
    options.port = port.unwrap_or_default();
    match LocalSettings::read(&root) {
        Ok(settings) => settings.unwrap_or_default().apply(&mut options),
        Err(error) => {
            eprintln!("local.settings.json: {error}");
            return ExitCode::FAILURE;
        }
    }
    match port {
        Some(port) => options.port = port,
        None if options.port == 0 => options.port = 7071,
        None => {}
    }
    let authorize = options.authorize;
    // Taken before the handler exists: a host that dies of the signal would leave it behind.
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return ExitCode::FAILURE;
    };
    let starting = Host::start(&root, options);
    let host = select! {
        started = starting => match started {
            Ok(host) => host,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        },
        _ = ctrl_c() => return ExitCode::from(130),
        _ = terminate.recv() => return ExitCode::from(143),
    };
    println!("\nFunctions:\n");
    for function in host.functions() {
        let methods = if function.methods.is_empty() { "any method".to_owned() } else { function.methods.join(", ") };
        println!("    {}: [{methods}] {}", function.name, function.url);
    }
    if authorize {
        println!("\n    key, for x-functions-key or ?code=: {}", host.function_key());
    }
    println!("\nThis stands in for the Azure Functions host. Ctrl-C stops it.\n");
    run(host, terminate).await
}

async fn run(host: Host, mut terminate: Signal) -> ExitCode {
    select! {
        _ = ctrl_c() => {}
        _ = terminate.recv() => {
            host.stop().await;
            return ExitCode::SUCCESS;
        }
        () = stopped(&host) => return ExitCode::FAILURE,
    }
    select! {
        _ = host.wait_for_interrupted() => {}
        _ = ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    ExitCode::SUCCESS
}

/// Ends when the host has given the handler up.
async fn stopped(host: &Host) {
    while !host.wait_until(Host::is_stopped, std::time::Duration::from_hours(1)).await {}
}
