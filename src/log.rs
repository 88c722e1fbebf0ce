//! The log: to standard output, one line an event.
//!
//! The Functions host reads both standard streams line by line and takes every line of standard error for an error, so
//! all goes to standard output. Lines are JSON, whose escapes keep user text from forging lines, but for a terminal,
//! which gets text for people. Writing happens on a thread of its own with a bounded queue: a blocked standard output
//! loses log lines, never an answer.

use std::io::IsTerminal as _;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that may wait to be written; more are lost.
const MAX_WAITING_LINES: usize = 8192;
/// Libraries speak up only when something is wrong, unless the filter names them.
const QUIET: [&str; 5] =
    ["azure_core=warn", "azure_identity=warn", "hyper_util=warn", "reqwest=warn", "typespec_client_core=warn"];

/// Starts the log, and tells panics to it. Dropping the guard writes what waits.
pub fn start(filter: &str) -> WorkerGuard {
    // The filter was checked with the settings.
    let mut filter = self::filter(&format!("{},{filter}", QUIET.join(","))).unwrap_or_default();
    if let Ok(directive) = "rustls=warn".parse() {
        filter = filter.add_directive(directive);
    }
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MAX_WAITING_LINES).finish(std::io::stdout());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if std::io::stdout().is_terminal() {
        log.compact().with_target(false).init();
    } else {
        log.json().flatten_event(true).with_target(false).with_span_list(false).init();
    }
    std::panic::set_hook(Box::new(|panic| {
        // The place only: a panic's message may quote what it was working on.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a panic; this is a fault of the program");
    }));
    guard
}

/// Reads a filter in the syntax of [`EnvFilter`], without values of fields: those are regular expressions, and one of
/// 200 letters can take minutes and gigabytes to build. White space around a directive does not count; `EnvFilter`
/// would misread the directive, or panic where a letter is beyond ASCII. `None`: it cannot be read.
pub(crate) fn filter(text: &str) -> Option<EnvFilter> {
    if text.contains('{') {
        return None;
    }
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    EnvFilter::try_new(directives.join(",")).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn white_space_between_directives_does_not_count() {
        for (spaced, meant) in
            [("info, a=debug", "info,a=debug"), (" é=trace ,\u{a0}aé[b]=debug", "é=trace,aé[b]=debug")]
        {
            assert_eq!(super::filter(spaced).unwrap().to_string(), super::filter(meant).unwrap().to_string());
        }
    }

    #[test]
    fn values_of_fields_are_refused() {
        assert!(super::filter("info,a[b]=debug").is_some());
        assert!(super::filter("info,a[b{c=d}]=debug").is_none());
    }
}
