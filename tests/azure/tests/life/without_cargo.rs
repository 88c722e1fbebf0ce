//! `azd up` where there is no Rust: what was released is fetched, looked at, run and published.

use std::fs;
use std::path::{Path, PathBuf};

use harness::upstream::{Reply, Upstream};
use serde_json::json;

use crate::checks;
use crate::copy::{self, project};
use crate::rehearsal::{Done, Rehearsal};

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_cargo_deploys_what_was_released() {
    let Some(life) = Rehearsal::new("without-cargo").await else { return };
    life.sign_in().await;
    life.new_environment(&[]).await;
    let machine = Machine::new(&life).await;

    machine.release(&life, "a package that is damaged");
    let damaged = machine.azd(&life, &["up", "--no-prompt"]).await;
    assert!(!damaged.succeeded && damaged.text.contains("is not the file of the release"), "{}", damaged.text);
    assert!(!damaged.requests().iter().any(|request| request.starts_with("PUT")), "nothing is made of it");

    machine.release(&life, "");
    let up = machine.azd(&life, &["up", "--no-prompt"]).await.expect("azd up without cargo");
    checks::deployed(&life, &up, "chat", &[]);
    assert!(up.text.contains("There is no cargo here"), "{}", up.text);
    assert!(up.calls("cargo-zigbuild").is_empty(), "something was built");
    let published = up.calls("func").into_iter().find(|call| call.arguments.iter().any(|word| word == "publish"));
    let sizes =
        published.unwrap().files.iter().filter(|(name, _, _)| name == "reasoning-chat").map(|(_, size, _)| *size);
    let released = fs::metadata(project().join("dist/func/reasoning-chat")).unwrap().len();
    assert_eq!(sizes.collect::<Vec<_>>(), [released], "the program is the released one");

    machine.azd(&life, &["down", "--force", "--purge", "--no-prompt"]).await.expect("azd down without cargo");
    assert!(life.azure.state().is_empty(), "{:#?}", life.azure.state());
    checks::nothing_leaks(&life);
    checks::no_surprise(&life);
}

/// A machine that has all but Rust, and the server that has the release.
struct Machine {
    server: Upstream,
    path: String,
    command: Vec<u8>,
    package: Vec<u8>,
}

impl Machine {
    async fn new(life: &Rehearsal) -> Self {
        let mut build = life.command(Path::new("cargo"));
        build.args(["build", "--quiet", "--package", "xtask"]);
        life.run("cargo build --package xtask", build).await.expect("the command's build");
        let command = fs::read(life.project.join("target/debug/xtask")).unwrap();
        let package = fs::read(project().join("dist/func.zip")).unwrap();
        let _ = fs::remove_dir_all(life.project.join("target/released"));
        let server = Upstream::start().await;
        let (sent_command, sent_package) = (command.clone(), package.clone());
        server.respond(move |request| match request.path() {
            "/func.zip" => Reply::status(200).body(sent_package.clone()),
            path if path.starts_with("/xtask-") => Reply::status(200).body(sent_command.clone()),
            _ => Reply::status(404),
        });
        Self { server, path: search_path(life), command, package }
    }

    /// Makes the checkout name this release; `other` in place of the package's own bytes.
    fn release(&self, life: &Rehearsal, other: &str) {
        let text = fs::read_to_string(life.project.join("Cargo.toml")).unwrap();
        let version = text.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"')).unwrap();
        let package = if other.is_empty() { &self.package[..] } else { other.as_bytes() };
        let mut files = json!({ "func.zip": digest(package) });
        for system in ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"] {
            files[format!("xtask-{system}")] = json!(digest(&self.command));
        }
        let said = json!({ "version": version, "from": format!("{}/", self.server.url()), "sha256": files });
        fs::write(life.project.join("released.json"), said.to_string()).unwrap();
        copy::commit(&life.project);
    }

    async fn azd(&self, life: &Rehearsal, arguments: &[&str]) -> Done {
        life.azd_with(arguments, &[("PATH", &self.path)]).await
    }
}

/// The stand-ins, and all programs of this machine but Rust's.
fn search_path(life: &Rehearsal) -> String {
    let links = life.project.join("target/without-rust");
    let _ = fs::remove_dir_all(&links);
    fs::create_dir_all(&links).unwrap();
    let folders: Vec<PathBuf> = std::env::split_paths(&scripted_azure::tools::search_path()).collect();
    for entry in folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !["cargo", "rust"].iter().any(|start| name.starts_with(start)) {
            // Of two programs of one name the first is meant.
            let _ = std::os::unix::fs::symlink(entry.path(), links.join(name));
        }
    }
    format!("{}:{}", life.programs().display(), links.display())
}

fn digest(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
