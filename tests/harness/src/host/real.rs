//! The real proxy in the front door's place: Kestrel and YARP's forwarder, as one program that forwards everything to the
//! handler ([`HostOptions::real_proxy`](super::HostOptions::real_proxy)).

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::CLOSING_WAIT;
use super::log::Level;
use super::state::Shared;

/// Time for the program to say that it listens; it takes some 50 ms.
const START_WAIT: Duration = Duration::from_secs(20);
/// How often it is started, and the pause in between: somebody may have taken the port for a moment.
const STARTS: u32 = 5;
const START_PAUSE: Duration = Duration::from_millis(200);
/// What it says then.
const LISTENS: &str = "listening on ";

/// The running program. Dropping it kills it, which cuts every connection.
#[derive(Debug)]
pub(super) struct RealProxy(Child);

impl RealProxy {
    /// Starts it on `port`, in front of `target`; it listens when this returns. What it says goes into the host's log.
    pub(super) async fn start(
        program: &Path,
        target: u16,
        port: u16,
        idle: Duration,
        shared: &Arc<Shared>,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg("--to").arg(target.to_string()).arg(port.to_string()).arg(idle.as_secs_f64().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut started = Self::once(&mut command, shared).await;
        for _ in 1..STARTS {
            if started.is_ok() {
                break;
            }
            sleep(START_PAUSE).await;
            started = Self::once(&mut command, shared).await;
        }
        started
    }

    async fn once(command: &mut Command, shared: &Arc<Shared>) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut lines = BufReader::new(output).lines();
        let listens = async {
            while let Some(line) = lines.next_line().await? {
                if line.contains(LISTENS) {
                    return Ok(());
                }
            }
            Err(io::Error::other("it ended before it listened"))
        };
        timeout(START_WAIT, listens).await.map_err(|_| io::ErrorKind::TimedOut)??;
        tokio::spawn(relay(lines, Arc::clone(shared)));
        Ok(Self(child))
    }

    /// Ends it, and waits until it is gone; `gently`, open answers may end before, within [`CLOSING_WAIT`].
    pub(super) async fn stop(mut self, gently: bool) {
        if let (true, Some(pid)) = (gently, self.0.id()) {
            let _ = Command::new("kill").args(["-TERM", &pid.to_string()]).stderr(Stdio::null()).status().await;
            let _ = timeout(CLOSING_WAIT, self.0.wait()).await;
        }
        let _ = self.0.kill().await;
    }
}

async fn relay(mut lines: Lines<BufReader<ChildStdout>>, shared: Arc<Shared>) {
    while let Ok(Some(line)) = lines.next_line().await {
        shared.say(Level::Information, line);
    }
}
