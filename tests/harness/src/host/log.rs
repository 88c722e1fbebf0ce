//! The handler's lines as the host logs them, and the host's own.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use crate::lock::locked;

/// Lines kept for [`Host::log`](super::Host::log); older ones are forgotten.
const MAX_LINES: usize = 20_000;

/// Prefix that moves a line of the handler to the host's system log.
const SYSTEM_PREFIX: &str = "languageworkerconsolelog";
/// Prefix that moves a line of the handler to the tooling channel.
const TOOLING_PREFIX: &str = "azfuncjsonlog:";

/// Severity, as an operator would see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Any line of stdout.
    Information,
    /// A line of stderr that contains "warn".
    Warning,
    /// Any other line of stderr.
    Error,
}

/// Who wrote the line, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The handler's stdout.
    Stdout,
    /// The handler's stderr.
    Stderr,
    /// The host itself.
    Host,
}

/// Where the line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// `Host.Function.Console`, the app's own log.
    Console,
    /// The host's system log.
    System,
    /// The channel for tools.
    Tooling,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Severity.
    pub level: Level,
    /// Origin.
    pub stream: Stream,
    /// Destination.
    pub channel: Channel,
    /// The line without its end, and without a prefix that only chooses the channel.
    pub text: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Information => "info",
            Level::Warning => "warn",
            Level::Error => "fail",
        };
        let origin = match self.stream {
            Stream::Stdout | Stream::Stderr => "handler",
            Stream::Host => "host",
        };
        write!(f, "{level} {origin}: {}", self.text)
    }
}

/// Gives a line of the handler its level and channel. `strict` is `useStdErrorStreamForErrorsOnly`.
pub(super) fn classify(stream: Stream, line: &str, strict: bool) -> LogLine {
    let lower = line.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let level = match stream {
        Stream::Stderr if strict && has(&["warn"]) => Level::Warning,
        Stream::Stderr if strict || has(&["error", "fail", "severe", "unhandled exception"]) => Level::Error,
        Stream::Stdout | Stream::Stderr | Stream::Host => Level::Information,
    };
    let (channel, prefix) = match lower {
        _ if lower.starts_with(SYSTEM_PREFIX) => (Channel::System, SYSTEM_PREFIX),
        _ if lower.starts_with(TOOLING_PREFIX) => (Channel::Tooling, TOOLING_PREFIX),
        _ => (Channel::Console, ""),
    };
    let text = line.get(prefix.len()..).unwrap_or(line);
    let text = if prefix.is_empty() { text } else { text.trim_start_matches(':').trim_start() };
    LogLine { level, stream, channel, text: text.to_owned() }
}

/// The lines so far.
#[derive(Debug)]
pub(super) struct Journal {
    lines: Mutex<VecDeque<LogLine>>,
    echo: bool,
}

impl Journal {
    pub(super) fn new(echo: bool) -> Self {
        Self { lines: Mutex::default(), echo }
    }

    pub(super) fn add(&self, line: LogLine) {
        if self.echo {
            #[expect(clippy::print_stdout, reason = "echoing is what the option asks for")]
            {
                println!("{line}");
            }
        }
        let mut lines = locked(&self.lines);
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn lines(&self) -> Vec<LogLine> {
        locked(&self.lines).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stdout_is_information_and_stderr_is_an_error_unless_it_warns() {
        let level = |stream, text| classify(stream, text, true).level;
        assert_eq!(level(Stream::Stdout, "ERROR is only a word here"), Level::Information);
        assert_eq!(level(Stream::Stderr, "all is well"), Level::Error);
        assert_eq!(level(Stream::Stderr, "WARNING: low"), Level::Warning);
    }

    #[test]
    fn without_the_strict_setting_stderr_is_read_for_words() {
        let level = |text| classify(Stream::Stderr, text, false).level;
        assert_eq!(level("all is well"), Level::Information);
        assert_eq!(level("a warning"), Level::Information);
        assert_eq!(level("it Failed"), Level::Error);
    }

    #[test]
    fn prefixes_choose_the_channel() {
        let line = classify(Stream::Stdout, "LanguageWorkerConsoleLog: hello", true);
        assert_eq!((line.channel, line.text.as_str()), (Channel::System, "hello"));
        let line = classify(Stream::Stdout, "azfuncjsonlog:{}", true);
        assert_eq!((line.channel, line.text.as_str()), (Channel::Tooling, "{}"));
        assert_eq!(classify(Stream::Stdout, "hello", true).channel, Channel::Console);
    }
}
