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
    let filter = self::filter(&format!("{},{filter}", QUIET.join(","))).unwrap_or_default();
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

/// Reads a filter: `LEVEL` and `TARGET=LEVEL`, between commas; the longest target that fits decides. Nothing of spans and
/// fields: their patterns are regular expressions, which took a twentieth of the binary and, for one of 200 letters,
/// minutes. `None`: it cannot be read.
pub(crate) fn filter(text: &str) -> Option<Targets> {
    let directives: Vec<&str> = text.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    if directives.is_empty() || text.contains(['[', '{']) {
        return None;
    }
    directives.join(",").parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn white_space_and_empty_directives_do_not_count() {
        for (spaced, meant) in [("info, a=debug", "info,a=debug"), (" é=trace ,,\u{a0}aé=debug,", "é=trace,aé=debug")]
        {
            assert_eq!(super::filter(spaced), super::filter(meant));
            assert!(super::filter(meant).is_some());
        }
    }

    #[test]
    fn what_is_no_level_and_what_asks_for_spans_is_refused() {
        for wrong in ["a=loud", "a[b]=debug", "info,a[b{c=d}]=debug", ",", "a=b=c"] {
            assert!(super::filter(wrong).is_none(), "{wrong}");
        }
    }
}
