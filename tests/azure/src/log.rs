//! What was asked, in order: requests, programs, and what nobody knew how to answer. No token and no key is in it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Since the scripted Azure was started.
    pub at: Duration,
    /// What it was.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// A request to Entra, Resource Manager, or a deployed site.
    Request(Request),
    /// A program that a hook or azd called.
    Program(Program),
    /// A host outside this world, which was not let through.
    Refused(String),
    /// A route, a function or a program's arguments that are not known: the run has failed.
    Unknown(String),
}

/// One request and the status of its answer.
#[derive(Clone, Debug)]
pub struct Request {
    /// The host that was meant.
    pub host: String,
    /// `GET`, and so on.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// One for each command of azd.
    pub correlation: Option<String>,
    /// Who asked, where a token of this world said so: the object id.
    pub caller: Option<String>,
    /// The body of a PUT.
    pub body: Option<Value>,
}

/// One call of a program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its arguments; a deployment token is masked.
    pub arguments: Vec<String>,
    /// Where it stood.
    pub folder: PathBuf,
    /// What it was given on stdin, if that was a token of this world: whose, and for what.
    pub token: Option<Said>,
    /// The files below its folder, for the programs that publish one: path, bytes, whether it may run.
    pub files: Vec<(String, u64, bool)>,
    /// Its exit status.
    pub exit: i32,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// `aud`
    pub audience: String,
    /// `oid`
    pub object: String,
    /// `tid`
    pub tenant: String,
}

/// The log, which only grows. A run is short; who watches for hours empties it.
#[derive(Debug)]
pub(crate) struct Log {
    start: Instant,
    entries: Mutex<Vec<Entry>>,
    grown: watch::Sender<usize>,
}

/// Entries that are kept; the oldest go first.
const KEPT: usize = 20_000;

impl Log {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), entries: Mutex::default(), grown: watch::Sender::new(0) }
    }

    pub(crate) fn note(&self, what: What) {
        let entry = Entry { at: self.start.elapsed(), what };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= KEPT {
            entries.drain(..KEPT / 2);
        }
        entries.push(entry);
        self.grown.send_modify(|grown| *grown += 1);
    }

    pub(crate) fn unknown(&self, what: impl Into<String>) {
        self.note(What::Unknown(what.into()));
    }

    pub(crate) fn all(&self) -> Vec<Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells of each new entry.
    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.grown.subscribe()
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:7.2} ", self.at.as_secs_f64())?;
        match &self.what {
            What::Request(Request { host, method, path, status, .. }) => write!(f, "{status} {method} {host}{path}"),
            What::Program(Program { name, arguments, exit, .. }) => {
                write!(f, "{name} {} (exit status {exit})", arguments.join(" "))
            }
            What::Refused(host) => write!(f, "refused: {host}"),
            What::Unknown(what) => write!(f, "NOT KNOWN: {what}"),
        }
    }
}
