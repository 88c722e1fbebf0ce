//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use harness::host::HostOptions;

/// What `--help` says.
pub(crate) const HELP: &str = "\
Runs an Azure Functions app with a custom handler, as `func start` would: a stand-in for the Functions host.

functions-host [OPTION…] [APP_ROOT]

APP_ROOT is the folder with host.json, this one unless given. Its local.settings.json is read as `func` reads it.

  -p, --port PORT             the front door's port on 127.0.0.1; otherwise LocalHttpPort of the file, otherwise 7071;
                              0 takes any free one
      --cors ORIGIN           admits pages of this origin, * for all; may be given again
      --authorize             demands a key of functions that are not anonymous, and prints it
      --idle-timeout SECONDS  silence after which the proxy gives a call up; 240 unless given, as in the real host
      --front-idle-timeout SECONDS
                              silence towards the client after which a load balancer in front would cut; none unless given,
                              230 in Azure
      --function-timeout SECONDS
                              a whole call's time, in place of host.json's functionTimeout
      --hide-client-abort     keeps reading an answer whose client has left, as a front end does that does not tell
  -h, --help                  says this
  -V, --version               says the version

Ctrl-C lets the handler end by itself; a second one, or SIGTERM, kills it.
";

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Run the app.
    Run {
        /// Its folder.
        root: PathBuf,
        /// The options that were given; `None` for a port that was not.
        options: Box<HostOptions>,
        /// The port, if one was given.
        port: Option<u16>,
    },
    /// Say [`HELP`].
    Help,
    /// Say the version.
    Version,
}

/// Reads the words after the program's name; the error is one line for people.
pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut options = HostOptions::default();
    let (mut port, mut root) = (None, None);
    while let Some(word) = words.next() {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (word, None),
        };
        let mut value = || inline.clone().or_else(|| words.next()).ok_or(format!("{name} wants a value"));
        match name.as_str() {
            "-h" | "--help" => return Ok(Command::Help),
            "-V" | "--version" => return Ok(Command::Version),
            "-p" | "--port" => port = Some(number(&name, &value()?)?),
            "--cors" => options.cors.push(value()?),
            "--idle-timeout" => options.idle_timeout = seconds(&name, &value()?)?,
            "--front-idle-timeout" => options.front_idle_timeout = Some(seconds(&name, &value()?)?),
            "--function-timeout" => options.function_timeout = Some(seconds(&name, &value()?)?),
            "--authorize" if inline.is_none() => options.authorize = true,
            "--hide-client-abort" if inline.is_none() => options.hide_client_abort = true,
            _ if name.starts_with('-') => return Err(format!("there is no option {name}")),
            _ if root.is_some() => return Err(format!("one folder at a time, and {name} is another")),
            _ => root = Some(PathBuf::from(name)),
        }
    }
    Ok(Command::Run { root: root.unwrap_or_else(|| PathBuf::from(".")), options: Box::new(options), port })
}

fn number(name: &str, text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("{name}: {text} is no port"))
}

fn seconds(name: &str, text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| !time.is_zero()).ok_or_else(|| format!("{name}: {text} is no number of seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Command, String> {
        parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_option_is_read_and_told() {
        let words = "--port 7072 --cors http://a --cors=http://b --authorize --idle-timeout 2.5 --front-idle-timeout 1 \
                     --function-timeout 9 --hide-client-abort app";
        let Command::Run { root, options, port } = read(words).unwrap() else { panic!() };
        assert_eq!((root, port), (PathBuf::from("app"), Some(7072)));
        assert_eq!(options.cors, ["http://a", "http://b"]);
        assert!(options.authorize && options.hide_client_abort);
        assert_eq!(options.idle_timeout, Duration::from_millis(2500));
        assert_eq!(options.front_idle_timeout, Some(Duration::from_secs(1)));
        assert_eq!(options.function_timeout, Some(Duration::from_secs(9)));
        for option in words.split_whitespace().filter(|word| word.starts_with("--")) {
            assert!(HELP.contains(option.split('=').next().unwrap()), "{option}");
        }
        assert!(matches!(read("--help"), Ok(Command::Help)));
        assert!(matches!(read("-V"), Ok(Command::Version)));
    }

    #[test]
    fn a_word_that_means_nothing_is_told() {
        for words in ["--nope", "--port", "--port x", "--port 70000", "--idle-timeout 0", "--idle-timeout -1", "a b"] {
            assert!(read(words).is_err(), "{words}");
        }
        assert!(read("--authorize=yes").is_err());
    }
}
