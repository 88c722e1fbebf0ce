//! `cargo xtask swa`: the whole on this machine as it stands in Azure: the page behind the Static Web Apps emulator, the
//! API behind the Functions host, the program on its demo model or on what the environment says.

use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::deploy::page;
use crate::steps::{self, Outcome};
use crate::together::Together;
use crate::tool::tool;
use crate::{stage, web};

const USAGE: &str = "cargo xtask swa [--port 4280] [--api-port 7071] [--stand-in]";
/// Time for host and program, and then for the emulator, to answer. The real host takes some seconds, more on its first day.
const START_WAIT: Duration = Duration::from_mins(2);

#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// The emulator's, which is the page's.
    port: u16,
    /// The Functions host's.
    api_port: u16,
    /// The project's stand-in for the host, even where there is `func`.
    stand_in: bool,
}

/// `cargo xtask swa`
pub(crate) fn swa(arguments: &[String]) -> Outcome {
    let options = parse(arguments).ok_or(USAGE)?;
    free(options.port, "--port")?;
    free(options.api_port, "--api-port")?;
    let func = if options.stand_in { None } else { tool("func") };
    if func.is_none() && cfg!(windows) {
        return Err(
            "the Azure Functions Core Tools (func) are missing, and the stand-in for them needs Linux or macOS"
                .to_owned(),
        );
    }
    let emulator = web::emulator()?;
    let (app, executable) = steps::build_local_app(func.is_none())?;

    let mut host = host(func.as_deref(), &app, options.api_port)?;
    host.current_dir(&app).env(executable, stage::BINARY).env("FUNCTIONS_WORKER_RUNTIME", "custom");

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the runtime: {error}"))?;
    runtime.block_on(async {
        let mut together = Together::new().map_err(|error| format!("signals: {error}"))?;
        let outcome = run(&mut together, &options, &mut host, &emulator).await;
        together.stop().await;
        println!("\nAll has ended.");
        outcome
    })
}

/// The command of the Functions host: `func`, or the stand-in for it.
fn host(func: Option<&Path>, app: &Path, port: u16) -> Result<Command, String> {
    let port = port.to_string();
    let Some(func) = func else {
        let mut stand_in = Command::new(stage::built("functions-host"));
        stand_in.args(["--port", &port, "."]);
        return Ok(stand_in);
    };
    // It wants this file. Where the person has none, the sample is one that says nothing.
    let settings = app.join("local.settings.json");
    if !settings.exists() {
        let sample = stage::project().join("local.settings.sample.json");
        std::fs::copy(sample, settings).map_err(|error| format!("local.settings.json: {error}"))?;
    }
    let mut host = Command::new(func);
    host.args(["start", "--port", &port]);
    Ok(host)
}

async fn run(together: &mut Together, options: &Options, host: &mut Command, emulator: &Path) -> Outcome {
    let Options { port, api_port, .. } = options;
    together.start("api", host).map_err(|error| format!("the Functions host: {error}"))?;
    together.answers(*api_port, START_WAIT).await?;
    only_loopback(*api_port).await?;

    // It looks for settings of its own where it stands, and asks nothing where there is nobody.
    let folder = stage::project().join("target/swa");
    std::fs::create_dir_all(&folder).map_err(|error| format!("target/swa: {error}"))?;
    let page = folder.join("page");
    page::stage(&stage::project().join("web"), &page)?;
    // A thumb that nobody takes is not shown.
    page::tell(&page, [("feedback", is_feedback_taken().into())])?;
    let mut command = Command::new("node");
    command.arg(emulator).arg("start").arg(page);
    command.args(["--api-devserver-url", &format!("http://127.0.0.1:{api_port}")]);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    command.current_dir(folder).env("CI", "true");
    together.start("page", &mut command).map_err(|error| format!("node: {error}"))?;
    together.answers(*port, START_WAIT).await?;

    println!("\nThe chat is at http://127.0.0.1:{port} (Ctrl-C ends everything)\n");
    together.end().await.map_or(Ok(()), Err)
}

/// Whether the program takes what readers think of an answer: it inherits this environment, and reads it like this.
#[expect(clippy::disallowed_methods, reason = "the program's own setting, for its page")]
fn is_feedback_taken() -> bool {
    std::env::var("FEEDBACK").is_ok_and(|value| ["true", "1", "yes"].contains(&value.to_ascii_lowercase().as_str()))
}

/// Whether a port can be had, before minutes are spent on building.
fn free(port: u16, option: &str) -> Outcome {
    let taken = |error| {
        format!("port {port} of 127.0.0.1 cannot be had ({error}): end what uses it, or choose another with {option}")
    };
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop).map_err(taken)
}

/// Refuses a host that this machine's neighbours can reach: `func` listened on every address until summer 2026.
async fn only_loopback(port: u16) -> Outcome {
    let Some(address) = outward_address() else { return Ok(()) };
    match timeout(Duration::from_secs(1), TcpStream::connect((address, port))).await {
        Ok(Ok(_)) => Err(format!(
            "the Functions host answers on {address}:{port}, beyond this machine. Newer Core Tools listen on 127.0.0.1 \
             alone: update them, or use --stand-in"
        )),
        _ => Ok(()),
    }
}

/// This machine's address towards others, if it has one. Nothing is sent: the socket only asks for a route.
fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address that is reserved for documentation.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback() && !address.is_unspecified())
}

fn parse(arguments: &[String]) -> Option<Options> {
    let mut options = Options { port: 4280, api_port: 7071, stand_in: false };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--port" => options.port = words.next()?.parse().ok()?,
            "--api-port" => options.api_port = words.next()?.parse().ok()?,
            "--stand-in" => options.stand_in = true,
            _ => return None,
        }
    }
    (options.port != options.api_port && options.port != 0 && options.api_port != 0).then_some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<Options> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn ports_are_numbers_and_two() {
        assert_eq!(parsed(""), Some(Options { port: 4280, api_port: 7071, stand_in: false }));
        assert_eq!(parsed("--api-port 2 --stand-in --port 1"), Some(Options { port: 1, api_port: 2, stand_in: true }));
        for bad in ["--port", "--port x", "--port 70000", "--port 0", "--port 7071", "4280", "--api-port 4280"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_taken_port_is_named_with_the_option_that_changes_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = free(port, "--api-port").unwrap_err();
        assert!(told.contains(&port.to_string()) && told.contains("--api-port"), "{told}");
        drop(listener);
        free(port, "--api-port").unwrap();
    }

    #[tokio::test]
    async fn a_host_that_neighbours_reach_is_refused() {
        if outward_address().is_none() {
            return; // a machine without a network has no neighbours
        }
        let everywhere = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        assert!(only_loopback(everywhere.local_addr().unwrap().port()).await.unwrap_err().contains("beyond"));
        let here = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        only_loopback(here.local_addr().unwrap().port()).await.unwrap();
    }
}
