//! The relays that are measured side by side.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::Connection;
use crate::plan::MODEL;
use crate::process::{Cpus, Process};
use crate::{litellm, nginx, portkey, quart};
use bench_events::event::Form;

/// Longest time from spawn to the first answered ping.
const STARTED_WITHIN: Duration = Duration::from_secs(120);
/// Streams that this program may hold at once here; its default is for one small instance.
const MAX_STREAMS: &str = "20000";
/// Thousands of streams on one CPU may be silent for longer than a reader should have to wait; a heartbeat would be a
/// line that nobody called for.
const HEARTBEAT: &str = "60s";

/// What kind of relay.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// None: the load generator talks to the upstream.
    Direct,
    /// This program, with its binary and more of its environment, and the form in which it is asked to answer.
    Ours {
        program: PathBuf,
        environment: Vec<(String, String)>,
        answers: Form,
    },
    /// This program under strace, which counts its system calls into a file.
    Traced {
        program: PathBuf,
        counts: PathBuf,
    },
    /// The libraries that this program is made of, alone. `reads`: with the usual crates for events and JSON, writing lines.
    Floor {
        program: PathBuf,
        reads: bool,
    },
    Nginx {
        program: PathBuf,
    },
    /// The Python interpreter of an environment that has what it needs.
    Quart {
        python: PathBuf,
    },
    /// The same of another environment.
    LiteLlm {
        python: PathBuf,
    },
    /// The script that Node runs.
    Portkey {
        program: PathBuf,
    },
}

/// A relay that can be started.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Where its files go.
    pub(crate) folder: PathBuf,
    pub(crate) cpus: Option<Cpus>,
    pub(crate) upstream: SocketAddr,
    /// What it has to trust, where upstream is behind TLS.
    pub(crate) trusted: Option<PathBuf>,
}

/// A relay that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    /// `None` where there is no relay.
    pub(crate) process: Option<Process>,
    /// From spawn to the first answered ping.
    pub(crate) ping: Duration,
    pub(crate) spawned: Instant,
}

impl Running {
    /// Its processes.
    pub(crate) fn tree(&self) -> Vec<u32> {
        self.process.as_ref().map(Process::tree).unwrap_or_default()
    }
}

impl Peer {
    /// This program as it is, for a check of the guard's.
    pub(crate) fn guarded(program: &Path, folder: &Path, cpus: Option<Cpus>, upstream: SocketAddr) -> Self {
        let kind = Kind::Ours { program: program.to_owned(), environment: Vec::new(), answers: Form::Lines };
        Self { name: "guarded".to_owned(), kind, folder: folder.to_owned(), cpus, upstream, trusted: None }
    }

    /// How its answers must look.
    pub(crate) fn form(&self) -> Form {
        match self.kind {
            Kind::Direct | Kind::Floor { reads: false, .. } | Kind::Nginx { .. } | Kind::Portkey { .. } => Form::Events,
            Kind::Ours { answers, .. } => answers,
            Kind::Traced { .. } | Kind::Floor { reads: true, .. } => Form::Lines,
            Kind::Quart { .. } => Form::Json,
            Kind::LiteLlm { .. } => Form::Rewritten,
        }
    }

    /// Where it takes questions.
    pub(crate) fn path(&self) -> &'static str {
        match self.kind {
            Kind::Quart { .. } => "/chat/stream",
            Kind::Ours { answers: Form::Chunks, .. } => "/api/v1/chat/completions",
            Kind::LiteLlm { .. } | Kind::Portkey { .. } => "/v1/chat/completions",
            _ => "/api/chat/stream",
        }
    }

    /// What a question to it needs besides.
    pub(crate) fn headers(&self) -> String {
        match self.kind {
            Kind::LiteLlm { .. } => litellm::headers(),
            Kind::Portkey { .. } => portkey::headers(self.upstream),
            _ => String::new(),
        }
    }

    /// Whether a thousand streams, or many starts, would take it minutes.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self.kind, Kind::Quart { .. } | Kind::LiteLlm { .. })
    }

    /// Starts it and waits for its first answered ping.
    ///
    /// # Errors
    /// In words.
    pub(crate) async fn start(&self) -> Result<Running, String> {
        let spawned = Instant::now();
        let (port, mut command) = match &self.kind {
            Kind::Direct => {
                return Ok(Running { address: self.upstream, process: None, ping: Duration::ZERO, spawned });
            }
            kind => {
                let port = free_port().map_err(|error| format!("a free port: {error}"))?;
                (port, self.command(kind, port)?)
            }
        };
        let said = self.folder.join(format!("{}.log", self.name));
        let said = File::create(&said).map_err(|error| format!("{}: {error}", said.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        let spawned = Instant::now();
        let mut process = Process::start(&mut command, self.cpus)?;
        let address = SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port));
        loop {
            if let Ok(mut connection) = Connection::open(address).await
                && connection.ping().await.is_ok()
            {
                return Ok(Running { address, process: Some(process), ping: spawned.elapsed(), spawned });
            }
            if let Some(status) = process.ended() {
                return Err(format!("{} ended at its start ({status}); see {}", self.name, self.folder.display()));
            }
            if spawned.elapsed() > STARTED_WITHIN {
                return Err(format!("{} answers no ping", self.name));
            }
            // A fifth of a millisecond is the grain of what is measured here.
            std::thread::sleep(Duration::from_micros(200));
            tokio::task::yield_now().await;
        }
    }

    fn command(&self, kind: &Kind, port: u16) -> Result<Command, String> {
        match kind {
            Kind::Direct => Err("there is nothing to start".to_owned()),
            Kind::Ours { program, environment, .. } => {
                let mut command = Command::new(program);
                self.settings(&mut command, port);
                command.envs(environment.iter().map(|(name, value)| (name, value)));
                Ok(command)
            }
            Kind::Traced { program, counts } => {
                let mut command = Command::new("strace");
                command.args(["-f", "-c", "-o"]).arg(counts).arg(program);
                self.settings(&mut command, port);
                Ok(command)
            }
            Kind::Floor { program, reads } => {
                let mut command = Command::new(program);
                command.env_clear().arg(port.to_string()).arg(self.service());
                command.args(reads.then_some("reads")).envs(self.trust());
                Ok(command)
            }
            Kind::Nginx { program } => {
                let folder = folder(&self.folder, "nginx")?;
                nginx::command(program, &folder, port, self.upstream, self.trusted.is_some())
            }
            Kind::Quart { python } => Ok(quart::command(python, port, self.upstream)),
            Kind::LiteLlm { python } => {
                let folder = folder(&self.folder, "litellm")?;
                litellm::command(python, &folder, port, self.upstream)
            }
            Kind::Portkey { program } => Ok(portkey::command(program, port)),
        }
    }

    /// Where its upstream is.
    fn service(&self) -> String {
        format!("{}://{}", if self.trusted.is_some() { "https" } else { "http" }, self.upstream)
    }

    /// What makes it trust the run's own certificate.
    fn trust(&self) -> Option<(&'static str, &Path)> {
        Some(("SSL_CERT_FILE", self.trusted.as_deref()?))
    }

    /// As the Functions host starts this program: the port, and the app's settings.
    fn settings(&self, command: &mut Command, port: u16) {
        command
            .env_clear()
            .env("PATH", PATH)
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .envs(self.trust())
            .env("AZURE_INFERENCE_ENDPOINT", self.service())
            .env("AZURE_DEEPSEEK_DEPLOYMENT", MODEL)
            .env("MAX_CONCURRENT_STREAMS", MAX_STREAMS)
            .env("HEARTBEAT_INTERVAL", HEARTBEAT);
    }
}

/// Where the programs of the system are, for those that are looked up.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Makes a folder within another.
pub(crate) fn folder(within: &Path, name: &str) -> Result<PathBuf, String> {
    let folder = within.join(name);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
