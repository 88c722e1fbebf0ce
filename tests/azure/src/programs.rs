//! What `func`, `npx`, `az` and the compiler's driver do to the world, as far as the project calls them.

use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::{fs, io};

use serde_json::{Value, json};

use crate::fault::Outcome;
use crate::log::{Program, What};
use crate::state::State;
use crate::world::World;

/// Where the driver of the compiler would leave the program.
const COMPILED: &str = "target/x86_64-unknown-linux-gnu/release/reasoning-chat";

/// A call of one of them; answers how it ends.
pub(crate) fn run(call: &Value, world: &World) -> Outcome {
    let text = |name: &str| call[name].as_str().unwrap_or_default();
    let (name, folder) = (text("program").to_owned(), PathBuf::from(text("folder")));
    let given = call["arguments"].as_array().into_iter().flatten();
    let arguments: Vec<String> = given.filter_map(|word| word.as_str().map(str::to_owned)).collect();
    let fault = world.state().faults.program(&name, &arguments);
    let outcome = fault.unwrap_or_else(|| {
        let called =
            Called { name: &name, arguments: &arguments, folder: &folder, stdin: call["stdin"].as_str(), world };
        called.run().unwrap_or_else(|why| {
            world.log.unknown(format!("{name} {}: {why}", arguments.join(" ")));
            Outcome { exit: 97, stdout: String::new(), stderr: format!("{why}\n") }
        })
    });
    let files = if name == "func" { files(&folder).unwrap_or_default() } else { Vec::new() };
    let token = call["stdin"].as_str().and_then(|token| world.mint.said(token));
    let arguments = masked(arguments, "--deployment-token");
    world.log.note(What::Program(Program { name, arguments, folder, token, files, exit: outcome.exit }));
    outcome
}

fn masked(mut arguments: Vec<String>, option: &str) -> Vec<String> {
    let at = arguments.iter().position(|word| word == option);
    if let Some(secret) = at.and_then(|at| arguments.get_mut(at + 1)) {
        "***".clone_into(secret);
    }
    arguments
}

struct Called<'a> {
    name: &'a str,
    arguments: &'a [String],
    folder: &'a Path,
    stdin: Option<&'a str>,
    world: &'a World,
}

impl Called<'_> {
    fn run(&self) -> Result<Outcome, String> {
        match self.name {
            "npx" => self.upload(),
            "func" => self.publish(),
            "az" => self.azure_cli(),
            "cargo-zigbuild" => self.compile(),
            _ => Err("nobody stands in for this program".to_owned()),
        }
    }

    /// The Static Web Apps CLI, which azd calls.
    fn upload(&self) -> Result<Outcome, String> {
        let option = |name: &str| self.option(name).ok_or_else(|| format!("{name} is missing"));
        let (site, token) = (option("--app-name")?.to_lowercase(), option("--deployment-token")?);
        if token != format!("SWA-{}", self.world.mint.access_key(&site)) {
            return Ok(failed(1, "the deployment token is not this site's"));
        }
        let page = self.folder.join(option("--app-location")?).join(option("--output-location")?);
        if !page.join("index.html").is_file() {
            return Ok(failed(1, &format!("{} holds no index.html", page.display())));
        }
        let kept = self.world.options.kept.join("page").join(&site);
        replace(&page, &kept)?;
        self.world.state().pages.insert(site, kept);
        Ok(Outcome { stdout: "Project deployed\n".to_owned(), ..Outcome::default() })
    }

    /// Core Tools. They ask Azure with the token they are given; without one they would look for the Azure CLI's.
    fn publish(&self) -> Result<Outcome, String> {
        let words: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let name = match words.as_slice() {
            ["--version"] => return Ok(Outcome { stdout: "4.15.1\n".to_owned(), ..Outcome::default() }),
            ["azure", "functionapp", "publish", name, rest @ ..] if rest.contains(&"--custom") => (*name).to_owned(),
            _ => return Err("these arguments are not known".to_owned()),
        };
        if words.contains(&"--access-token-stdin") && self.stdin.and_then(|token| self.world.mint.said(token)).is_none()
        {
            return Ok(failed(1, "the access token is none of this world"));
        }
        if self.world.state().named("Microsoft.Web/sites", &name).is_none() {
            return Ok(failed(1, &format!("Can't find app with name \"{name}\"")));
        }
        if !self.folder.join("host.json").is_file() {
            return Ok(failed(1, "Unable to find project root. Expecting to find one of host.json"));
        }
        let kept = self.world.options.kept.join("package").join(name.to_lowercase());
        replace(self.folder, &kept)?;
        let mut state = self.world.state();
        state.packages.insert(name.to_lowercase(), kept);
        state.publications += 1;
        Ok(Outcome { stdout: "Deployment completed successfully.\n".to_owned(), ..Outcome::default() })
    }

    /// The Azure CLI: what azd does not see to.
    fn azure_cli(&self) -> Result<Outcome, String> {
        let words: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let state = self.world.state();
        match words.as_slice() {
            ["version" | "--version", ..] => Ok(said("azure-cli 2.80.0")),
            ["ad", "app", ..] => self.registrations(&words, state),
            ["rest", "--method", "delete", "--url", url] if url.contains("/deletedItems/") => Ok(purge(url, state)),
            ["group", "exists", ..] => {
                let name = self.option("--name").unwrap_or_default().to_lowercase();
                Ok(said(if state.groups.contains_key(&name) { "true" } else { "false" }))
            }
            ["cognitiveservices", "account", "list-deleted", ..] => {
                let all = state.deleted_accounts.iter().map(|(name, account)| account.shown(name));
                Ok(said(&json!(all.collect::<Vec<_>>()).to_string()))
            }
            ["cognitiveservices", "account", "purge", ..] => Ok(self.purge_account(state)),
            ["storage", "blob", "upload", ..] => self.upload_package(state),
            ["rest", "--method", "post", "--url", url] if url.contains("/syncfunctiontriggers") => {
                Ok(Outcome::default())
            }
            ["functionapp", "restart", ..] => Ok(Outcome::default()),
            _ => Err("these arguments are not known".to_owned()),
        }
    }

    fn purge_account(&self, mut state: MutexGuard<'_, State>) -> Outcome {
        let name = self.option("--name").unwrap_or_default();
        match state.deleted_accounts.remove(name) {
            Some(_) => Outcome::default(),
            None => failed(3, "ERROR: (ResourceNotFound) there is no such deleted account"),
        }
    }

    /// Publishing without Core Tools.
    fn upload_package(&self, mut state: MutexGuard<'_, State>) -> Result<Outcome, String> {
        let option = |name: &str| self.option(name).ok_or_else(|| format!("{name} is missing"));
        let (account, file) = (option("--account-name")?, option("--file")?);
        if state.named("Microsoft.Storage/storageAccounts", account).is_none() {
            return Ok(failed(1, "ERROR: the storage account is not there"));
        }
        if !self.folder.join(file).is_file() {
            return Ok(failed(1, &format!("ERROR: [Errno 2] No such file or directory: '{file}'")));
        }
        state.publications += 1;
        Ok(Outcome::default())
    }

    fn registrations(&self, words: &[&str], mut state: MutexGuard<'_, State>) -> Result<Outcome, String> {
        const GONE: &str =
            "ERROR: Resource does not exist or one of its queried reference-property objects are not present.";
        let id = self.option("--id").unwrap_or_default();
        let of = |application: &Value| application["appId"] == id || application["id"] == id;
        let found =
            state.applications.iter().find(|(_, found)| of(found)).map(|(name, found)| (name.clone(), found.clone()));
        let shown = |found: &Value| {
            let properties = &found["properties"];
            json!({
                "id": found["id"], "appId": found["appId"], "identifierUris": properties["identifierUris"],
                "displayName": properties["displayName"], "uniqueName": properties["uniqueName"],
                "tags": properties.get("tags").cloned().unwrap_or_else(|| json!([])),
            })
        };
        match words {
            ["ad", "app", "list", ..] => {
                let all: Vec<Value> = state.applications.values().map(shown).collect();
                let name = self.option("--display-name");
                let uri = self.option("--identifier-uri");
                let fits = |one: &&Value| {
                    name.is_none_or(|name| one["displayName"].as_str().is_some_and(|other| other.starts_with(name)))
                        && uri.is_none_or(|uri| {
                            one["identifierUris"].as_array().is_some_and(|all| all.contains(&json!(uri)))
                        })
                };
                Ok(said(&json!(all.iter().filter(fits).collect::<Vec<_>>()).to_string()))
            }
            ["ad", "app", "show", ..] => {
                Ok(found.map_or_else(|| failed(3, GONE), |(_, one)| said(&shown(&one).to_string())))
            }
            ["ad", "app", "delete", ..] => {
                let Some((name, application)) = found else { return Ok(failed(3, GONE)) };
                state.applications.remove(&name);
                state.deleted_applications.insert(name, application);
                Ok(Outcome::default())
            }
            _ => Err("these arguments are not known".to_owned()),
        }
    }

    /// The compiler's driver: the program is there already.
    fn compile(&self) -> Result<Outcome, String> {
        if self.arguments.iter().any(|word| word == "--version") {
            return Ok(said("cargo-zigbuild 0.24.0"));
        }
        let compiled =
            self.world.options.compiled.as_ref().ok_or("there is no program to put in the compiler's place")?;
        let place = self.folder.join(COMPILED);
        let told = |error: io::Error| format!("{}: {error}", place.display());
        fs::create_dir_all(place.parent().unwrap_or(&place)).map_err(told)?;
        fs::copy(compiled, &place).map_err(told)?;
        Ok(Outcome::default())
    }

    fn option(&self, name: &str) -> Option<&str> {
        let at = self.arguments.iter().position(|word| word == name)?;
        self.arguments.get(at + 1).map(String::as_str)
    }
}

/// Removes a registration from the deleted ones.
fn purge(url: &str, mut state: MutexGuard<'_, State>) -> Outcome {
    let wanted = url.rsplit('/').next().unwrap_or_default();
    let found = state.deleted_applications.iter().find(|(_, one)| one["id"] == wanted).map(|(name, _)| name.clone());
    match found.and_then(|name| state.deleted_applications.remove(&name)) {
        Some(_) => Outcome::default(),
        None => failed(1, "ERROR: Not Found"),
    }
}

fn said(text: &str) -> Outcome {
    Outcome { stdout: format!("{text}\n"), ..Outcome::default() }
}

fn failed(exit: i32, why: &str) -> Outcome {
    Outcome { exit, stdout: String::new(), stderr: format!("{why}\n") }
}

/// Makes `to` a copy of `from` and nothing else.
fn replace(from: &Path, to: &Path) -> Result<(), String> {
    let anew = if to.exists() { fs::remove_dir_all(to) } else { Ok(()) };
    anew.and_then(|()| copy(from, to)).map_err(|error| format!("{}: {error}", to.display()))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// All files below a folder: path, bytes, whether the owner may run it.
fn files(folder: &Path) -> io::Result<Vec<(String, u64, bool)>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside)? {
            let path = entry?.path();
            let about = fs::metadata(&path)?;
            if about.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            found.push((name, about.len(), may_run(&about)));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(unix)]
fn may_run(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    about.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn may_run(_about: &fs::Metadata) -> bool {
    false
}
