//! `LiteLLM`'s proxy, as its own instructions start it: one worker, one model, a master key.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::plan::MODEL;
use crate::venv;

/// It refuses to start without a key.
const KEY: &str = "sk-0123456789abcdef0123456789abcdef";

fn requirements() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("litellm/requirements.txt")
}

/// Makes its environment if it is not there, and gives the interpreter.
///
/// # Errors
/// Why it cannot be had.
pub(crate) fn install(folder: &Path) -> Result<PathBuf, String> {
    venv::install(folder, &requirements())
}

/// Its version, and the interpreter's.
pub(crate) fn version(python: &Path) -> String {
    let pinned = fs::read_to_string(requirements()).unwrap_or_default();
    let own = pinned.lines().find_map(|line| line.strip_prefix("litellm==")).unwrap_or_default();
    format!("LiteLLM {own} on {}", venv::version(python))
}

/// What a caller has to send besides.
pub(crate) fn headers() -> String {
    format!("authorization: Bearer {KEY}\r\n")
}

/// One worker. Prices of models come with the package: it asks nobody.
pub(crate) fn command(python: &Path, folder: &Path, port: u16, upstream: SocketAddr) -> Result<Command, String> {
    let configuration = format!(
        "model_list:
  - model_name: {MODEL}
    litellm_params:
      model: openai/{MODEL}
      api_base: http://{upstream}/v1
      api_key: none
"
    );
    let file = folder.join("litellm.yaml");
    fs::write(&file, configuration).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut command = Command::new(python.with_file_name("litellm"));
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", crate::peer::PATH)
        .env("HOME", folder)
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_LOG", "ERROR")
        .env("LITELLM_MASTER_KEY", KEY)
        .arg("--config")
        .arg(file)
        .args(["--host", "127.0.0.1", "--num_workers", "1", "--telemetry", "False", "--port", &port.to_string()]);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned_and_none_is_known_to_be_malicious() {
        let text = fs::read_to_string(requirements()).unwrap();
        let packages: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(packages.iter().all(|line| line.split("==").count() == 2 && !line.contains("://")), "{packages:?}");
        let own = packages.iter().find_map(|line| line.strip_prefix("litellm==")).unwrap();
        assert!(!["1.82.7", "1.82.8"].contains(&own));
    }
}
