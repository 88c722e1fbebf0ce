//! One process of the handler: its environment, its output, and the question whether it answers yet.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::Ipv4Addr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::app::App;
use super::log::{Stream, classify};
use super::state::Shared;
use crate::lock::locked;

/// Pause between two readiness pings.
const PING_EVERY: Duration = Duration::from_millis(25);
/// Lines of stderr that are quoted when the handler ends in an error.
const QUOTED_LINES: usize = 3;
/// Time for the last output of a dead process to be read; a grandchild may hold the pipes open for ever.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// How long a killed process may take to disappear.
const KILL_WAIT: Duration = Duration::from_secs(1);

/// The process. Dropping it kills it.
pub(super) struct Process {
    child: Child,
    readers: Vec<JoinHandle<()>>,
    tail: Arc<Mutex<VecDeque<String>>>,
}

/// A signal that can be sent to the handler.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    Interrupt,
    Terminate,
    Kill,
}

impl Process {
    /// Executes the handler directly, without a shell, and begins to drain its output.
    pub(super) fn spawn(app: &App, env: &Environment, shared: &Arc<Shared>) -> io::Result<Self> {
        let mut command = Command::new(&app.program);
        if !env.inherit {
            command.env_clear();
        }
        let id = Uuid::new_v4().to_string();
        let port = shared.port.to_string();
        command
            .args(&app.arguments)
            .current_dir(&app.working_directory)
            .envs(&env.own)
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", &port)
            .env("FUNCTIONS_HTTPWORKER_PORT", &port)
            .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", &id)
            .env("FUNCTIONS_HTTPWORKER_ID", &id)
            .env("FUNCTIONS_APP_ROOT_PATH", &app.root)
            .env("AzureWebJobsScriptRoot", &app.root)
            .stdin(Stdio::inherit())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let tail = Arc::default();
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(tokio::spawn(drain(
                stdout,
                Stream::Stdout,
                app.strict_stderr,
                Arc::clone(shared),
                Arc::clone(&tail),
            )));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(tokio::spawn(drain(
                stderr,
                Stream::Stderr,
                app.strict_stderr,
                Arc::clone(shared),
                Arc::clone(&tail),
            )));
        }
        Ok(Self { child, readers, tail })
    }

    /// The pid while the process has not been waited for.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the end. May be dropped and called again.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends a signal to this one process; nothing happens when it is gone.
    pub(super) async fn signal(&mut self, signal: Signal) {
        let Some(pid) = self.id() else { return };
        let name = match signal {
            Signal::Kill => return drop(self.child.start_kill()),
            Signal::Interrupt => "-INT",
            Signal::Terminate => "-TERM",
        };
        let _ = Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status().await;
    }

    /// SIGKILL to this one process, and up to a second for it to go.
    pub(super) async fn kill(&mut self) -> Option<ExitStatus> {
        self.signal(Signal::Kill).await;
        timeout(KILL_WAIT, self.wait()).await.ok()?.ok()
    }

    /// The last lines of stderr, once the output has been read to its end.
    pub(super) async fn last_words(&mut self) -> String {
        let readers = std::mem::take(&mut self.readers);
        let _ = timeout(LAST_WORDS, futures::future::join_all(readers)).await;
        let lines: Vec<String> = locked(&self.tail).iter().cloned().collect();
        let text = lines.join(" | ");
        let lower = text.to_lowercase();
        if lower.contains("address already in use") || lower.contains("eaddrinuse") {
            return "the handler's port is in use".to_owned();
        }
        text
    }
}

/// The handler's environment, as far as it does not change from start to start.
#[derive(Debug)]
pub(super) struct Environment {
    /// Whether this process's whole environment is handed on.
    inherit: bool,
    /// What is added to it.
    own: BTreeMap<String, String>,
    /// Both together, for look-ups.
    pub(super) all: BTreeMap<String, String>,
}

impl Environment {
    /// `added` wins over what is inherited, and both win over the host's defaults.
    pub(super) fn new(inherit: bool, added: &[(String, String)]) -> Self {
        let inherited: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| inherit || matches!(name.as_str(), "PATH" | "HOME"))
            .collect();
        let mut own = BTreeMap::from([
            ("FUNCTIONS_WORKER_RUNTIME".to_owned(), "custom".to_owned()),
            ("AZURE_FUNCTIONS_ENVIRONMENT".to_owned(), "Development".to_owned()),
        ]);
        own.extend(inherited);
        own.extend(added.iter().cloned());
        Self { inherit, all: own.clone(), own }
    }
}

async fn drain(
    output: impl AsyncRead + Unpin,
    stream: Stream,
    strict: bool,
    shared: Arc<Shared>,
    tail: Arc<Mutex<VecDeque<String>>>,
) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while let Ok(1..) = output.read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if stream == Stream::Stderr {
            let mut tail = locked(&tail);
            tail.push_back(text.to_owned());
            if tail.len() > QUOTED_LINES {
                tail.pop_front();
            }
        }
        shared.log(classify(stream, text, strict));
        line.clear();
    }
}

/// Asks `GET /` again and again; ends with the first answer, whatever it says.
pub(super) async fn answers(port: u16) {
    while ping(port).await.is_err() {
        sleep(PING_EVERY).await;
    }
}

/// One `GET /` on a connection of its own, up to the answer's first bytes. A refused or broken connection is an error, every
/// answer is none.
pub(super) async fn ping(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; 512];
    if stream.read(&mut answer).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
