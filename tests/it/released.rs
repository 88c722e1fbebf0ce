//! `xtask/run.mjs`, which azd's hooks call: cargo where there is cargo, else what was released, if it is what `released.json`
//! of the checkout says. Skipped where there is no Node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::upstream::{Reply, Upstream};
use serde_json::json;

use crate::support::app::project;

/// What was released.
const COMMAND: &str = "#!/bin/sh\necho released \"$@\"\n";
const PROGRAM: &str = "a package";

/// A checkout on a machine with Node and nothing else.
struct Checkout {
    folder: PathBuf,
    server: Upstream,
}

impl Checkout {
    async fn new(name: &str) -> Option<Self> {
        let node = judges::tool("node")?;
        let folder = std::env::temp_dir().join(format!("released-{name}-{}", std::process::id()));
        for inside in ["xtask", "programs"] {
            fs::create_dir_all(folder.join(inside)).unwrap();
        }
        fs::copy(project().join("xtask/run.mjs"), folder.join("xtask/run.mjs")).unwrap();
        fs::write(folder.join("Cargo.toml"), "[workspace.package]\nversion = \"1.2.3\"\n").unwrap();
        std::os::unix::fs::symlink(node, folder.join("programs/node")).unwrap();
        std::os::unix::fs::symlink("/bin/sh", folder.join("programs/sh")).unwrap();
        let server = Upstream::start().await;
        server.respond(|request| match request.path() {
            "/v1.2.3/func.zip" => Reply::status(200).body(PROGRAM),
            path if path.starts_with("/v1.2.3/xtask-") => Reply::status(200).body(COMMAND),
            _ => Reply::status(404),
        });
        let checkout = Self { folder, server };
        checkout.names("1.2.3", &digest(COMMAND));
        Some(checkout)
    }

    /// Writes `released.json`.
    fn names(&self, version: &str, command: &str) {
        let from = format!("{}/v{version}/", self.server.url());
        let files = json!({ "func.zip": digest(PROGRAM), name(): command });
        let said = json!({ "version": version, "from": from, "sha256": files });
        fs::write(self.folder.join("released.json"), said.to_string()).unwrap();
    }

    /// Where a file of the release is kept.
    fn kept(&self, name: &str) -> PathBuf {
        self.folder.join("target/released/1.2.3").join(name)
    }

    /// Runs the script as a hook does; answers whether it succeeded, and all that it said.
    async fn run(&self, words: &[&str]) -> (bool, String) {
        let mut command = Command::new(self.folder.join("programs/node"));
        command.arg(self.folder.join("xtask/run.mjs")).args(words).current_dir(std::env::temp_dir());
        command.env_clear().env("PATH", self.folder.join("programs"));
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (done.status.success(), String::from_utf8([done.stdout, done.stderr].concat()).unwrap())
    }

    fn fetched(&self) -> usize {
        self.server.requests().len()
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// This system's command.
fn name() -> &'static str {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "xtask-darwin-arm64",
        ("macos", _) => "xtask-darwin-x64",
        (_, "aarch64") => "xtask-linux-arm64",
        _ => "xtask-linux-x64",
    }
}

fn digest(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_program(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_cargo_the_released_command_runs_and_publishes_the_released_program() {
    let Some(checkout) = Checkout::new("runs").await else { return };
    let (ok, said) = checkout.run(&["deploy", "before-up"]).await;
    assert!(ok && said.ends_with("released deploy before-up\n"), "{said}");
    let package = checkout.kept("func.zip");
    assert_eq!(fs::read_to_string(&package).unwrap(), PROGRAM, "what is missing is seen at the beginning");
    let (ok, said) = checkout.run(&["deploy", "api"]).await;
    let last = format!("released deploy api {}\n", fs::canonicalize(&package).unwrap().display());
    assert!(ok && said.ends_with(&last) && said.contains("that of release 1.2.3"), "{said}");
    assert_eq!(checkout.fetched(), 2, "both files are fetched once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_the_checkout_says_is_neither_run_nor_kept() {
    let Some(checkout) = Checkout::new("refused").await else { return };
    checkout.names("1.2.3", &digest("another command"));
    let (ok, said) = checkout.run(&["deploy", "before-up"]).await;
    assert!(!ok && said.contains("is not the file of the release") && !said.contains("released deploy"), "{said}");
    assert!(!checkout.kept(name()).exists());

    // What was good yesterday may have been changed since.
    checkout.names("1.2.3", &digest(COMMAND));
    assert!(checkout.run(&["deploy", "before-up"]).await.0);
    write_program(&checkout.kept(name()), "#!/bin/sh\necho something else\n");
    let (ok, said) = checkout.run(&["deploy", "before-up"]).await;
    assert!(ok && said.ends_with("released deploy before-up\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_neither_cargo_nor_a_release_is_told_what_to_do() {
    let Some(checkout) = Checkout::new("nothing").await else { return };
    checkout.names("1.2.2", &digest(COMMAND));
    let (ok, said) = checkout.run(&["deploy", "before-up"]).await;
    assert!(!ok && said.contains("this checkout is version 1.2.3") && said.contains("rustup.rs"), "{said}");
    fs::remove_file(checkout.folder.join("released.json")).unwrap();
    let (ok, said) = checkout.run(&["deploy", "before-up"]).await;
    assert!(!ok && said.contains("no release of this checkout") && said.contains("rustup.rs"), "{said}");
    assert_eq!(checkout.fetched(), 0);

    checkout.names("1.2.3", &digest(COMMAND));
    checkout.server.respond(|_| Reply::status(503));
    let (ok, said) = checkout.run(&["deploy", "before-up"]).await;
    assert!(!ok && said.contains("status 503") && said.contains(checkout.kept("").to_str().unwrap()), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_cargo_nothing_is_fetched_and_its_end_is_the_hooks_end() {
    let Some(checkout) = Checkout::new("cargo").await else { return };
    let cargo = "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\necho cargo \"$@\"\nexit 3\n";
    write_program(&checkout.folder.join("programs/cargo"), cargo);
    let (ok, said) = checkout.run(&["deploy", "api"]).await;
    assert!(!ok && said == "cargo xtask deploy api\n", "{said}");
    assert_eq!(checkout.fetched(), 0);
}
