//! Why a host could not be started.

use std::path::PathBuf;
use std::{error, fmt, io};

/// The app or the machine does not allow a start; the text says what to change.
#[derive(Debug)]
#[non_exhaustive]
pub enum HostError {
    /// A file or folder of the app cannot be read.
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the app is not JSON.
    Json {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A setting of `host.json` (or its override) that the real host would refuse or treat in a way not emulated here.
    Setting {
        /// Its path, `:` between levels.
        name: &'static str,
        /// What is wrong, and what the real host would do.
        problem: String,
    },
    /// A function that the real host would refuse, or would not proxy.
    Function {
        /// The folder's name.
        name: String,
        /// What is wrong, and what the real host would do.
        problem: String,
    },
    /// The app has no function, and the real host starts no handler without one.
    NoFunctions,
    /// The front door's port, or the handler's, is not to be had.
    Port {
        /// Which one; 0 stands for any free one.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The handler's executable cannot be started.
    Spawn {
        /// What was to be executed.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The handler never became ready, and the restart rules gave up.
    Handler {
        /// The host's last errors, with the handler's last stderr lines.
        reason: String,
    },
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "{} cannot be read: {source}", path.display()),
            Self::Json { path, source } => write!(f, "{} is not JSON: {source}", path.display()),
            Self::Setting { name, problem } => write!(f, "host.json, {name}: {problem}"),
            Self::Function { name, problem } => write!(f, "function {name}: {problem}"),
            Self::NoFunctions => {
                f.write_str("no folder of the app has a function.json, so no handler would be started")
            }
            Self::Port { port, source } => {
                write!(f, "port {port} of 127.0.0.1 is not to be had: {source}")
            }
            Self::Spawn { program, source } => {
                write!(f, "{} cannot be executed: {source}", program.display())
            }
            Self::Handler { reason } => write!(f, "the handler did not become ready: {reason}"),
        }
    }
}

impl error::Error for HostError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Read { source, .. } | Self::Port { source, .. } | Self::Spawn { source, .. } => Some(source),
            Self::Json { source, .. } => Some(source),
            Self::Setting { .. } | Self::Function { .. } | Self::NoFunctions | Self::Handler { .. } => None,
        }
    }
}
