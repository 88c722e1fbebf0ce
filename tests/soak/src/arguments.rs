//! What the soak is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

/// How to call it.
pub(crate) const HELP: &str = "\
soak --program PATH [DURATION] [--host APP] [--streams N] [--seed N]

  DURATION   such as 30s, 20m, 2h; 20m unless given, at least 20s
  --program  the program's binary
  --host     a staged app: the program runs in it, behind the stand-in Functions host
  --streams  clients at once; 100 unless given
  --bulk     clients beside them whose answers are of thousands of small events; 0.56 of the others unless given
  --turn     no load: what upstream sends in the turn of this number
  --seed     of texts, faults and cuts; 1 unless given
";

/// The arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) program: PathBuf,
    pub(crate) host: Option<PathBuf>,
    pub(crate) duration: Duration,
    pub(crate) streams: u32,
    pub(crate) bulk: u32,
    pub(crate) turn: Option<u64>,
    pub(crate) seed: u64,
}

impl Arguments {
    /// Reads them; `None` when they cannot be understood.
    pub(crate) fn read(words: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut words = words.into_iter();
        let mut program = None;
        let mut arguments = Self {
            program: PathBuf::new(),
            host: None,
            duration: Duration::from_secs(20 * 60),
            streams: 100,
            bulk: 0,
            turn: None,
            seed: 1,
        };
        let mut bulk = None;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--program" => program = Some(words.next()?.into()),
                "--host" => arguments.host = Some(words.next()?.into()),
                "--streams" => arguments.streams = words.next()?.parse().ok().filter(|streams| *streams > 0)?,
                "--bulk" => bulk = Some(words.next()?.parse().ok()?),
                "--turn" => arguments.turn = Some(words.next()?.parse().ok()?),
                "--seed" => arguments.seed = words.next()?.parse().ok()?,
                _ => arguments.duration = duration(&word).filter(|time| time.as_secs() >= 20)?,
            }
        }
        arguments.program = program?;
        arguments.bulk = bulk.unwrap_or(arguments.streams * 14 / 25);
        Some(arguments)
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => None,
    };
    seconds.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Arguments> {
        Arguments::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_have_defaults_and_units() {
        let arguments = read("--program p").unwrap();
        assert_eq!((arguments.duration.as_secs(), arguments.streams, arguments.seed), (1200, 100, 1));
        let arguments = read("30s --program p --streams 5 --host a").unwrap();
        assert_eq!((arguments.duration.as_secs(), arguments.streams, arguments.host), (30, 5, Some("a".into())));
        for wrong in ["", "30s", "--program p 5s", "--program p 30", "--program p --streams 0", "--program p x"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
