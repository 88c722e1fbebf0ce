//! azd in a copy of the project, and the Azure that it meets.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Once;
use std::time::{Duration, Instant};

use scripted_azure::log::{Entry, Program, Request, What};
use scripted_azure::place::{Materials, Place};
use scripted_azure::{ARM, Azure, Options, SUBSCRIPTION, tools};
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::copy;

/// Longest time of one command: a first one compiles the project's commands.
const COMMAND_WAIT: Duration = Duration::from_mins(10);

/// Beside what was published.
const RECORD: &str = "../record.txt";

/// One copy, so one life at a time.
static TURN: Mutex<()> = Mutex::const_new(());

/// What an earlier run has kept of the compiler's words is of no use, and would only grow.
static FRESH: Once = Once::new();

/// azd, its copy of the project, and its Azure.
pub(crate) struct Rehearsal {
    pub(crate) azure: Azure,
    pub(crate) project: PathBuf,
    pub(crate) place: Place,
    azd: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

/// What a command of azd printed and asked.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) succeeded: bool,
    /// stdout, then stderr.
    pub(crate) text: String,
    pub(crate) log: Vec<Entry>,
    pub(crate) took: Duration,
}

impl Rehearsal {
    /// A fresh Azure and a fresh copy; none where a tool is missing.
    pub(crate) async fn new(name: &str) -> Option<Self> {
        let project = copy::project();
        let azd = fs::canonicalize(judges::AZD.find()?).ok()?;
        let bicep = fs::canonicalize(tools::bicep()?).ok()?;
        let packaged = project.join("dist/func/reasoning-chat");
        if !has_node().await || !packaged.is_file() {
            return None;
        }
        let turn = TURN.lock().await;
        let copied = copy::copy();
        copy::commit(&copied);
        let folder = project.join("target/rehearsal").join(name);
        let options = Options {
            bicep: bicep.clone(),
            kept: folder.join("kept"),
            // Where the compiler fetches the Graph extension, if it does not have it.
            pass: vec!["mcr.microsoft.com".to_owned()],
            compiled: Some(packaged),
            pace: Duration::from_millis(100),
            port: 0,
        };
        let _ = fs::remove_dir_all(&folder);
        let compiled = project.join("target/rehearsal/compiled");
        FRESH.call_once(|| drop(fs::remove_dir_all(&compiled)));
        let azure = Azure::start(options).await.unwrap();
        let materials = Materials {
            url: &azure.url(),
            certificate: azure.certificate(),
            stand_in: Path::new(env!("CARGO_BIN_EXE_stand-in")),
            azd: &azd,
            bicep: &bicep,
            compiled: Some(&compiled),
            alone: true,
        };
        let place = Place::new(&folder.join("place"), &materials).unwrap();
        Some(Self { azure, project: copied, place, azd, _turn: turn })
    }

    /// A command in azd's environment, in the copy.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = std::process::Command::new(program);
        self.place.apply(&mut command);
        // What cargo told this program of itself would make the hooks' cargo build anew.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_TARGET_DIR" {
                command.env_remove(&*name);
            }
        }
        command.env("CARGO_NET_OFFLINE", "true").current_dir(&self.project);
        let mut command = Command::from(command);
        command.kill_on_drop(true);
        command
    }

    /// The folder of the programs that stand in for others.
    pub(crate) fn programs(&self) -> PathBuf {
        self.place.programs()
    }

    /// Runs azd, which nobody can answer.
    pub(crate) async fn azd(&self, arguments: &[&str]) -> Done {
        self.azd_with(arguments, &[]).await
    }

    /// The same with variables.
    pub(crate) async fn azd_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Done {
        let mut command = self.command(&self.azd);
        command.args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
        self.run(&format!("azd {}", arguments.join(" ")), command).await
    }

    /// Sets a value of the environment.
    pub(crate) async fn set(&self, name: &str, value: &str) {
        self.azd(&["env", "set", name, value]).await.expect("azd env set");
    }

    /// A step of the project's own, typed by hand.
    pub(crate) async fn hook(&self, step: &str) -> Done {
        let mut command = self.command(Path::new("cargo"));
        command.args(["xtask", "deploy", step]);
        self.run(&format!("cargo xtask deploy {step}"), command).await
    }

    /// Runs a command and keeps what it printed beside the log, for a person to read.
    pub(crate) async fn run(&self, name: &str, mut command: Command) -> Done {
        let (before, start) = (self.azure.log().len(), Instant::now());
        let done = timeout(COMMAND_WAIT, command.output()).await.expect("the command has ended").unwrap();
        let text = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        let log = self.azure.log().split_off(before);
        let done = Done { succeeded: done.status.success(), text, log, took: start.elapsed() };
        self.keep(name, &done);
        done
    }

    /// All that was printed and asked so far.
    pub(crate) fn record(&self) -> String {
        fs::read_to_string(self.azure.kept().join(RECORD)).unwrap()
    }

    /// Adds a command to the record of this life.
    pub(crate) fn keep(&self, name: &str, done: &Done) {
        use std::io::Write as _;
        let lines: String = done.log.iter().map(|entry| format!("{entry}\n")).collect();
        let how = if done.succeeded { "succeeded" } else { "failed" };
        let file = self.azure.kept().join(RECORD);
        let mut file = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        let took = done.took.as_secs_f64();
        write!(file, "\n$ {name}\n{}\n--- {how} after {took:.1} s\n{lines}", done.text).unwrap();
    }

    /// Signs in by device code, as a person without a browser does.
    pub(crate) async fn sign_in(&self) {
        let done = self.azd(&["auth", "login", "--use-device-code", "--no-prompt"]).await;
        assert!(done.succeeded, "{}", done.text);
    }

    /// Signs in as on a laptop, by a browser.
    pub(crate) async fn sign_in_by_browser(&self) {
        let done = self.azd(&["auth", "login"]).await;
        assert!(done.succeeded, "{}", done.text);
        assert!(done.log.iter().any(|entry| entry.to_string().contains("/oauth2/v2.0/authorize?")), "{:?}", done.log);
    }

    /// Makes the environment `chat` with these choices.
    pub(crate) async fn new_environment(&self, choices: &[(&str, &str)]) {
        let _ = fs::remove_dir_all(self.project.join(".azure"));
        let place = ["--subscription", SUBSCRIPTION, "--location", "swedencentral", "--no-prompt"];
        let done = self.azd(&[&["env", "new", "chat"], &place[..]].concat()).await;
        assert!(done.succeeded, "{}", done.text);
        for (name, value) in choices {
            self.set(name, value).await;
        }
    }

    /// `.env` of an environment, as it stands there.
    pub(crate) fn environment_file(&self, name: &str) -> String {
        fs::read_to_string(self.project.join(".azure").join(name).join(".env")).unwrap_or_default()
    }

    /// Its values.
    pub(crate) fn values(&self, name: &str) -> BTreeMap<String, String> {
        let text = self.environment_file(name);
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
    }

    /// The names of the outputs of `infra/main.bicep`.
    pub(crate) fn outputs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.project.join("infra/main.bicep")).unwrap();
        let names = text.lines().filter_map(|line| line.strip_prefix("output ")?.split(' ').next());
        names.map(str::to_owned).collect()
    }
}

/// Whether there is a Node that the page can be built with.
async fn has_node() -> bool {
    let asked = Command::new("node").arg("--version").output().await;
    let said = asked.map(|asked| String::from_utf8_lossy(&asked.stdout).into_owned()).unwrap_or_default();
    let major = said.trim().strip_prefix('v').and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    major >= Some(20) && judges::tool("npm").is_some()
}

impl Done {
    /// Fails with all that was printed if the command failed.
    pub(crate) fn expect(self, what: &str) -> Self {
        assert!(self.succeeded, "{what} failed:\n{}", self.text);
        self
    }

    /// The requests to Resource Manager, as `GET /path` without queries.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.arm().map(|request| format!("{} {}", request.method, request.path.split('?').next().unwrap())).collect()
    }

    pub(crate) fn arm(&self) -> impl Iterator<Item = &Request> {
        self.log.iter().filter_map(|entry| match &entry.what {
            What::Request(request) if request.host == ARM => Some(request),
            _ => None,
        })
    }

    /// The calls of a program.
    pub(crate) fn calls(&self, name: &str) -> Vec<&Program> {
        let programs = self.log.iter().filter_map(|entry| match &entry.what {
            What::Program(program) if program.name == name => Some(program),
            _ => None,
        });
        programs.collect()
    }

    /// Where in the log something is that fits, the first of them.
    pub(crate) fn at(&self, what: &str, fits: impl Fn(&What) -> bool) -> usize {
        let found = self.log.iter().position(|entry| fits(&entry.what));
        found.unwrap_or_else(|| {
            panic!("no {what} in\n{}", self.log.iter().map(|e| format!("{e}\n")).collect::<String>())
        })
    }

    /// Where the first request of this kind is.
    pub(crate) fn at_request(&self, method: &str, part: &str) -> usize {
        self.at(&format!("{method} {part}"), |what| match what {
            What::Request(request) => request.method == method && request.path.to_lowercase().contains(part),
            _ => false,
        })
    }

    /// Where the first call of a program is that says this.
    pub(crate) fn at_call(&self, name: &str, part: &str) -> usize {
        self.at(&format!("{name} {part}"), |what| match what {
            What::Program(program) => program.name == name && program.arguments.join(" ").contains(part),
            _ => false,
        })
    }
}
