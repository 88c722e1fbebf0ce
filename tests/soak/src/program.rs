//! The program under test: the real binary, on a port of its own or behind the stand-in host.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::host::{Host, HostOptions, Stream};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::client::MAX_REQUEST_BYTES;
use crate::identity::Identity;
use crate::kind::{HEARTBEAT, WRITE_TIMEOUT};
use crate::script::MAX_EVENT_BYTES;
use crate::way::{ALONE, FIRST, SECOND};

/// Time for the program to start, and to stop when nothing is open.
const PATIENCE: Duration = Duration::from_secs(10);
/// The program's `REQUEST_TIMEOUT` and `IDLE_TIMEOUT` here.
const SHORT: &str = "5s";

/// The running program.
#[derive(Debug)]
pub(crate) enum Program {
    Direct { child: Box<Child>, port: u16, logs: PathBuf },
    BehindHost(Box<Host>),
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; `None` when it had to be killed, or was.
    pub(crate) code: Option<i32>,
    /// Its standard output.
    pub(crate) log: String,
    /// Its standard error.
    pub(crate) errors: String,
}

/// What is around the program.
#[derive(Debug)]
pub(crate) struct Around<'a> {
    /// Where all first deployments are, and the second ones.
    pub(crate) upstreams: (&'a str, &'a str),
    pub(crate) identity: &'a Identity,
    /// A connection string.
    pub(crate) telemetry: &'a str,
}

/// The program's settings. Limits are short so that a soak meets them often.
fn settings(around: &Around<'_>) -> Vec<(String, String)> {
    let (identity, first) = (around.identity, around.upstreams.0);
    let at = |name: &str, address: &str| format!("{name}@{address}/openai/v1");
    let pair = [at(FIRST, first), at(SECOND, around.upstreams.1)].join(", ");
    let text = |text: &str| text.to_owned();
    [
        ("RUNNING_IN_PRODUCTION", text("true")),
        ("ALLOW_ANONYMOUS", text("true")),
        ("AZURE_CLIENT_ID", text("soak")),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", around.telemetry.to_owned()),
        ("OPENAI_API", text("true")),
        ("FEEDBACK", text("true")),
        ("MODELS", text("chat, chat-pair, responses, responses-pair")),
        ("MODEL_CHAT", at(ALONE, first)),
        ("MODEL_CHAT_PAIR", pair.clone()),
        ("MODEL_RESPONSES", at(ALONE, first)),
        ("MODEL_RESPONSES_API", text("responses")),
        ("MODEL_RESPONSES_PAIR", pair),
        ("MODEL_RESPONSES_PAIR_API", text("responses")),
        ("IDENTITY_ENDPOINT", identity.endpoint.endpoint_url()),
        ("IDENTITY_HEADER", text(identity.endpoint.secret())),
        ("HEARTBEAT_INTERVAL", format!("{}s", HEARTBEAT.as_secs())),
        ("WRITE_TIMEOUT", format!("{}s", WRITE_TIMEOUT.as_secs())),
        ("REQUEST_TIMEOUT", text(SHORT)),
        ("IDLE_TIMEOUT", text(SHORT)),
        ("FIRST_EVENT_TIMEOUT", text("10s")),
        ("MAX_EVENT_BYTES", MAX_EVENT_BYTES.to_string()),
        ("MAX_REQUEST_BYTES", MAX_REQUEST_BYTES.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

impl Program {
    /// Starts the binary on a free port and waits until it answers. Its output goes to files beside it.
    pub(crate) async fn start(binary: &Path, around: &Around<'_>) -> Result<Self, String> {
        let fault = |what: &str, error: std::io::Error| format!("{what}: {error}");
        let binary = fs::canonicalize(binary).map_err(|error| fault("the program", error))?;
        let logs = binary.with_file_name("soak-logs");
        fs::create_dir_all(&logs).map_err(|error| fault("the folder for logs", error))?;
        let file = |name: &str| File::create(logs.join(name)).map_err(|error| fault("a log", error));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = listener.map_err(|error| fault("a free port", error))?.port();
        let child = Command::new(&binary)
            .env_clear()
            .envs(settings(around))
            .env("PORT", port.to_string())
            .current_dir(&logs)
            .stdin(std::process::Stdio::null())
            .stdout(file("stdout")?)
            .stderr(file("stderr")?)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| fault("starting the program", error))?;
        let begun = Instant::now();
        while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            if begun.elapsed() > PATIENCE {
                return Err("the program does not listen".to_owned());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self::Direct { child: Box::new(child), port, logs })
    }

    /// Starts a staged app behind the stand-in host.
    pub(crate) async fn start_behind_host(app: &Path, around: &Around<'_>) -> Result<Self, String> {
        let options = HostOptions { inherit_env: false, env: settings(around), ..HostOptions::default() };
        Host::start(app, options).await.map(|host| Self::BehindHost(Box::new(host))).map_err(|error| error.to_string())
    }

    /// Where it is.
    pub(crate) fn base(&self) -> String {
        match self {
            Self::Direct { port, .. } => format!("http://127.0.0.1:{port}"),
            Self::BehindHost(host) => host.url("").trim_end_matches('/').to_owned(),
        }
    }

    /// The process; 0 when it is gone.
    pub(crate) fn pid(&self) -> u32 {
        match self {
            Self::Direct { child, .. } => child.id(),
            Self::BehindHost(host) => host.handler_pid(),
        }
        .unwrap_or_default()
    }

    /// SIGTERM, or what the host does after Ctrl-C: SIGINT.
    pub(crate) async fn stop(self) -> Ended {
        match self {
            Self::Direct { mut child, logs, .. } => {
                if let Some(pid) = child.id() {
                    let _ = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
                }
                let status = timeout(PATIENCE, child.wait()).await;
                let code = status.ok().and_then(Result::ok).and_then(|status| status.code());
                let text = |name: &str| fs::read_to_string(logs.join(name)).unwrap_or_default();
                Ended { code, log: text("stdout"), errors: text("stderr") }
            }
            Self::BehindHost(host) => {
                let text = |stream: Stream| {
                    let lines = host.log().into_iter().filter(|line| line.stream == stream);
                    lines.map(|line| line.text + "\n").collect::<String>()
                };
                let (log, errors) = (text(Stream::Stdout), text(Stream::Stderr));
                let status = host.interrupt().await;
                Ended { code: status.and_then(|status| status.code()), log, errors }
            }
        }
    }
}
