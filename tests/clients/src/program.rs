//! The program under test, as it runs at home, with a model for each thing that upstream can do.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::script::MODELS;

/// Time for the program to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// The running program; it ends with this value, and its log with it.
#[derive(Debug)]
pub(crate) struct Program {
    _child: Child,
    port: u16,
    log: PathBuf,
}

impl Program {
    /// Starts the binary with the upstream at `upstream`.
    pub(crate) async fn start(binary: &Path, upstream: SocketAddr) -> Result<Self, String> {
        Self::start_with(binary, upstream, &MODELS, &[]).await
    }

    /// The same with these models, and with settings besides.
    pub(crate) async fn start_with(
        binary: &Path,
        upstream: SocketAddr,
        models: &[&str],
        settings: &[(&str, &str)],
    ) -> Result<Self, String> {
        let variable = |model: &str| format!("MODEL_{}", model.to_uppercase().replace('-', "_"));
        let places = models.iter().map(|model| (variable(model), format!("{model}@http://{upstream}/v1")));
        let places: Vec<(String, String)> = places.chain([("MODELS".to_owned(), models.join(","))]).collect();
        Self::run(
            binary,
            places.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(settings.iter().copied()),
        )
        .await
    }

    /// Starts the binary on its own demo model.
    pub(crate) async fn demo(binary: &Path) -> Result<Self, String> {
        Self::run(binary, []).await
    }

    async fn run<'a>(binary: &Path, settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = port.map_err(|error| format!("a free port: {error}"))?.port();
        let log = std::env::temp_dir().join(format!("reasoning-chat-clients-{port}.log"));
        let lines = std::fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let child = Command::new(binary)
            .env_clear()
            .env("PORT", port.to_string())
            .env("HEARTBEAT_INTERVAL", "5s")
            // A request that comes upstream is one that the client sent.
            .env("MAX_RETRIES", "0")
            .envs(settings)
            .stdin(Stdio::null())
            .stdout(lines)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let this = Self { _child: child, port, log };
        let listens = async {
            while TcpStream::connect(this.address()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, listens).await.map_err(|_| "the program does not listen".to_owned())?;
        Ok(this)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The base URL that clients are given.
    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}/api/v1", self.port)
    }

    /// The lines of its log that hold this text, once there are so many, or as many as there are after this time.
    pub(crate) async fn log_lines(&self, text: &str, count: usize, time: Duration) -> Vec<String> {
        let end = Instant::now() + time;
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<String> = log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect();
            if lines.len() >= count || Instant::now() > end {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.log);
    }
}
