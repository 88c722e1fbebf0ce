//! Stand-ins for what the program meets outside itself, for tests and for local use.
//!
//! # Layout, in reading order
//! - [`host`]: the Azure Functions host, as far as a custom handler can tell: it starts the handler's process, watches
//!   it, and carries HTTP calls to it with the real host's buffering, header and failure rules.
//! - [`upstream`]: an OpenAI-style server that plays a script, byte for byte, and tells what became of each answer.
//! - [`identity`]: an App Service style identity endpoint that hands out numbered tokens.
//! - [`ingestion`]: Application Insights' endpoint for telemetry, which keeps what it gets.
//!
//! Each is an object with real sockets on 127.0.0.1; dropping it closes them and ends what it started.

pub mod host;
pub mod identity;
pub mod ingestion;
mod lock;
pub mod upstream;
