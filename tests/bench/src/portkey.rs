//! Portkey's gateway under Node, with the packages of its lock file.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What npm needs of it, by name.
const FILES: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];
const PROGRAM: &str = "node_modules/@portkey-ai/gateway/build/start-server.js";

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("portkey")
}

/// Installs what the lock names, no script of a package run, and gives the program.
///
/// # Errors
/// Why it cannot be had.
pub(crate) fn install(folder: &Path) -> Result<PathBuf, String> {
    let program = folder.join(PROGRAM);
    let installed = folder.join("installed.json");
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    if program.is_file() && read(&installed) == read(&source().join("package-lock.json")) {
        return Ok(program);
    }
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in FILES {
        fs::copy(source().join(name), folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts"]).current_dir(folder).stdout(Stdio::null());
    let status = npm.status().map_err(|error| format!("npm: {error}"))?;
    if !status.success() {
        return Err("npm could not install tests/bench/portkey".to_owned());
    }
    fs::copy(folder.join("package-lock.json"), &installed).map_err(|error| error.to_string())?;
    Ok(program)
}

/// Its version, and Node's.
pub(crate) fn version() -> String {
    let package = fs::read_to_string(source().join("package.json")).unwrap_or_default();
    let package: serde_json::Value = serde_json::from_str(&package).unwrap_or_default();
    let pinned = |at: &str| package.pointer(at).and_then(|version| version.as_str()).unwrap_or_default().to_owned();
    let node = Command::new("node").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    format!(
        "Portkey {} with @hono/node-server {}, Node {}",
        pinned("/dependencies/@portkey-ai~1gateway"),
        pinned("/overrides/@hono~1node-server"),
        String::from_utf8_lossy(&node).trim()
    )
}

/// What a caller has to send besides: where the model is.
pub(crate) fn headers(upstream: SocketAddr) -> String {
    format!(
        "authorization: Bearer none\r\nx-portkey-provider: openai\r\nx-portkey-custom-host: http://{upstream}/v1\r\n"
    )
}

/// Without its page.
pub(crate) fn command(program: &Path, port: u16) -> Command {
    let mut command = Command::new("node");
    command.env("NODE_ENV", "production").arg(program).arg(format!("--port={port}")).arg("--headless");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_has_checksums_and_no_addresses() {
        let [package, lock] = ["package.json", "package-lock.json"].map(|name| {
            let text = fs::read_to_string(source().join(name)).unwrap();
            serde_json::from_str::<serde_json::Value>(&text).unwrap()
        });
        let packages = lock["packages"].as_object().unwrap();
        for (at, one) in packages.iter().filter(|(at, _)| !at.is_empty()) {
            assert!(one["integrity"].is_string() && one.get("resolved").is_none(), "{at}");
        }
        let locked = |name: &str| packages[&format!("node_modules/{name}")]["version"].clone();
        assert_eq!(locked("@portkey-ai/gateway"), package["dependencies"]["@portkey-ai/gateway"]);
        assert_eq!(locked("@hono/node-server"), package["overrides"]["@hono/node-server"]);
    }
}
