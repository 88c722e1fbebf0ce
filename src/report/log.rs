//! The log: to standard output, one line an event.
//!
//! The Functions host reads both standard streams line by line and takes every line of standard error for an error, so
//! all goes to standard output. Lines are JSON, whose escapes keep user text from forging lines, but for a terminal,
//! which gets text for people. Writing happens on a thread of its own with a bounded queue: a blocked standard output
//! loses log lines, never an answer.

use std::io::IsTerminal as _;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layered, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use crate::settings;

/// All events that the filter lets through.
pub type Filtered = Layered<Targets, Registry>;

/// Lines that may wait to be written; more are lost.
const MAX_WAITING_LINES: usize = 2048;
/// Libraries speak up only when something is wrong, unless the filter names them.
const QUIET: [&str; 7] = [
    "azure_core=warn",
    "azure_identity=warn",
    "hyper_util=warn",
    "opentelemetry=warn",
    "reqwest=warn",
    "rustls=warn",
    "typespec_client_core=warn",
];

/// Starts the log, and tells panics to it. `also` gets the same events. Dropping the guard writes what waits.
pub fn start(filter: &str, also: Option<impl Layer<Filtered> + Send + Sync>) -> WorkerGuard {
    // The filter was checked with the settings. What it says of a library comes later, and wins.
    let filter = settings::log_filter(&format!("{},{filter}", QUIET.join(","))).unwrap_or_default();
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MAX_WAITING_LINES).finish(std::io::stdout());
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false);
    let events = tracing_subscriber::registry().with(filter).with(also);
    if std::io::stdout().is_terminal() {
        events.with(lines.compact()).init();
    } else {
        events.with(lines.json().flatten_event(true).with_span_list(false)).init();
    }
    std::panic::set_hook(Box::new(|panic| {
        // The place only: a panic's message may quote what it was working on.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a panic; this is a fault of the program");
    }));
    guard
}
