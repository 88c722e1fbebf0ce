//! The program under test, as it runs at home, with a model for each thing that upstream can do.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::script::MODELS;

/// Time for the program to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// The running program; it ends with this value.
#[derive(Debug)]
pub(crate) struct Program {
    _child: Child,
    port: u16,
}

impl Program {
    /// Starts the binary with the upstream at `upstream`.
    pub(crate) async fn start(binary: &Path, upstream: SocketAddr) -> Result<Self, String> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = port.map_err(|error| format!("a free port: {error}"))?.port();
        let models = MODELS
            .iter()
            .map(|model| (format!("MODEL_{}", model.to_uppercase()), format!("{model}@http://{upstream}/v1")));
        let child = Command::new(binary)
            .env_clear()
            .envs(models)
            .env("MODELS", MODELS.join(","))
            .env("PORT", port.to_string())
            .env("HEARTBEAT_INTERVAL", "5s")
            // A request that comes upstream is one that the client sent.
            .env("MAX_RETRIES", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let listens = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, listens).await.map_err(|_| "the program does not listen".to_owned())?;
        Ok(Self { _child: child, port })
    }

    /// The base URL that clients are given.
    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}/api/v1", self.port)
    }
}
