//! The stand-in host on the command line, in place of `func start`: `functions-host [--port 7071] [APP_ROOT]`.
//!
//! Reads `local.settings.json` of the app as `func` does. The port is that of the command line, else the file's, else
//! 7071. Ctrl-C lets the handler, which a terminal tells as well, end by itself; a second one, or SIGTERM, kills it.

use std::path::PathBuf;
use std::process::ExitCode;

use harness::host::{Host, HostOptions, LocalSettings};
use tokio::select;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{Signal, SignalKind, signal};

const USAGE: &str = "usage: functions-host [--port 7071] [APP_ROOT]";

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program talks on its terminal")]
async fn main() -> ExitCode {
    let Some((port, root)) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    let mut options = HostOptions { port: port.unwrap_or(0), echo_logs: true, ..HostOptions::default() };
    match LocalSettings::read(&root) {
        Ok(settings) => settings.unwrap_or_default().apply(&mut options),
        Err(error) => {
            eprintln!("local.settings.json: {error}");
            return ExitCode::FAILURE;
        }
    }
    if options.port == 0 {
        options.port = 7071;
    }
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

fn parse(mut words: impl Iterator<Item = String>) -> Option<(Option<u16>, PathBuf)> {
    let (mut port, mut root) = (None, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--port" | "-p" => port = Some(words.next()?.parse().ok()?),
            _ if word.starts_with('-') || root.is_some() => return None,
            _ => root = Some(PathBuf::from(word)),
        }
    }
    Some((port, root.unwrap_or_else(|| PathBuf::from("."))))
}
