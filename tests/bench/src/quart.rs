//! A small relay in Python, as the original sample is one: Quart, the openai SDK, gunicorn with one uvicorn worker.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::venv;

/// Where its source is.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("quart")
}

/// Makes the environment if it is not there, and gives its interpreter.
///
/// # Errors
/// Why it cannot be had.
pub(crate) fn install(folder: &Path) -> Result<PathBuf, String> {
    venv::install(folder, &source().join("requirements.txt"))
}

/// Under gunicorn, with one worker.
pub(crate) fn command(python: &Path, port: u16, upstream: SocketAddr) -> Command {
    let mut command = Command::new(python);
    command
        .current_dir(source())
        .args(["-m", "gunicorn", "--workers", "1", "--worker-class", "uvicorn.workers.UvicornWorker"])
        .args(["--timeout", "600", "--backlog", "4096", "--bind", &format!("127.0.0.1:{port}"), "app:app"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AZURE_INFERENCE_ENDPOINT", format!("http://{upstream}"))
        .env("AZURE_DEEPSEEK_DEPLOYMENT", "DeepSeek-R1");
    command
}
