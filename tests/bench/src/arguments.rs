//! What the benchmark is told on its command line.

use std::path::PathBuf;

use crate::cold::FLOOR;
use crate::gateways::{LITELLM, PORTKEY};
use crate::run::OURS;

/// How to call it.
pub(crate) const HELP: &str = "\
bench guard [--bless]
bench [PART…|--cold] [--quick] [--rounds N] [--only NAME[,NAME…]] [--env NAME=VALUE]… [--beside NAME=PATH[,NAME=VALUE…]]…

  guard     compares what does not depend on the machine with limits and a committed baseline
  --bless   writes that baseline anew
  PART      throughput, paced, protocols, tls, start, cold, cancel, memory, growth, micro; all
            unless given. And only if given: threads; gateways, what a user would pick instead, from
            PyPI and npm
  --cold    the part cold and no other: from spawn to the first thought as in Azure, beside its floor
  --quick   two short rounds: a smoke test
  --calm    of tls and threads the paced streams only, which leave a CPU room: for a machine that
            others use, with a priority above theirs
  --rounds  5 unless given
  --only    these relays and no other: direct, ours, floor, floor-reads, floor-linked, nginx, quart,
            portkey, litellm, or a name given by --beside
  --env     more environment for this program
  --beside  another binary of this program, with more environment, measured in the same run
";

/// The part that runs only if it is asked for, since it installs hundreds of megabytes.
pub(crate) const GATEWAYS: &str = "gateways";
/// Parts that run only if they are asked for; the other is about a choice that was made once.
const ASKED_FOR: [&str; 2] = ["threads", GATEWAYS];

/// The parts of a run.
pub(crate) const PARTS: [&str; 10] =
    ["throughput", "paced", "protocols", "tls", "start", "cold", "cancel", "memory", "growth", "micro"];

/// Which streams the parts have that have both kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Streams {
    All,
    /// No closed loops, which take all of a CPU.
    Paced,
}

/// Another binary of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beside {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) environment: Vec<(String, String)>,
}

/// The arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) program: PathBuf,
    /// Not a run but the guard; and whether it writes its baseline anew.
    pub(crate) guard: bool,
    pub(crate) bless: bool,
    /// The micro-benchmarks' binary; without it they are left out.
    pub(crate) micro: Option<PathBuf>,
    /// The libraries' own relay; without it that is left out.
    pub(crate) floor: Option<PathBuf>,
    /// Where files go.
    pub(crate) folder: PathBuf,
    pub(crate) parts: Vec<String>,
    pub(crate) quick: bool,
    pub(crate) streams: Streams,
    pub(crate) rounds: u32,
    pub(crate) only: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) beside: Vec<Beside>,
}

impl Arguments {
    /// Reads them; `None` when they cannot be understood.
    pub(crate) fn read(words: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut words = words.into_iter();
        let (mut program, mut micro, mut floor, mut folder, mut rounds) = (None, None, None, None, None);
        let (mut parts, mut only, mut environment, mut beside) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut quick, mut guard, mut bless) = (false, false, false);
        let mut streams = Streams::All;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--program" => program = Some(words.next()?.into()),
                "--micro" => micro = Some(words.next()?.into()),
                "--floor" => floor = Some(words.next()?.into()),
                "--folder" => folder = Some(words.next()?.into()),
                "--quick" => quick = true,
                "--calm" => streams = Streams::Paced,
                "--cold" => parts.push("cold".to_owned()),
                "guard" => guard = true,
                "--bless" => bless = true,
                "--rounds" => rounds = Some(words.next()?.parse().ok().filter(|rounds| *rounds > 0)?),
                "--only" => only.extend(words.next()?.split(',').map(str::to_owned)),
                "--env" => environment.push(pair(&words.next()?)?),
                "--beside" => {
                    let word = words.next()?;
                    let mut fields = word.split(',');
                    let (name, program) = pair(fields.next()?)?;
                    let environment = fields.map(pair).collect::<Option<_>>()?;
                    beside.push(Beside { name, program: program.into(), environment });
                }
                part if PARTS.contains(&part) || ASKED_FOR.contains(&part) => parts.push(word),
                _ => return None,
            }
        }
        if parts.is_empty() {
            parts = PARTS.map(str::to_owned).to_vec();
        }
        if parts == ["cold"] && only.is_empty() {
            // No other relay has a place in it: none has to be installed.
            only.push(OURS.to_owned());
            only.extend(beside.iter().map(|beside: &Beside| beside.name.clone()));
        }
        if parts == [GATEWAYS] && only.is_empty() {
            only = ["direct", OURS, FLOOR, "nginx", PORTKEY, LITELLM].map(str::to_owned).to_vec();
        }
        let rounds = rounds.unwrap_or(if quick { 2 } else { 5 });
        Some(Self {
            program: program?,
            guard,
            bless,
            micro,
            floor,
            folder: folder?,
            parts,
            quick,
            streams,
            rounds,
            only,
            environment,
            beside,
        })
    }

    /// Whether a part is to run.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|asked| asked == part)
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Arguments> {
        Arguments::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_have_defaults() {
        let all = read("--program p --folder f").unwrap();
        assert_eq!((all.parts.len(), all.rounds, all.quick), (PARTS.len(), 5, false));
        let some =
            read("paced --quick --only ours,nginx --env A=b --beside old=q,C=d,E= --program p --folder f").unwrap();
        assert!(some.has("paced") && !some.has("memory"));
        assert_eq!((some.rounds, some.only.len()), (2, 2));
        assert_eq!(some.environment, [("A".to_owned(), "b".to_owned())]);
        let environment = vec![("C".to_owned(), "d".to_owned()), ("E".to_owned(), String::new())];
        assert_eq!(some.beside, [Beside { name: "old".to_owned(), program: "q".into(), environment }]);
        let cold = read("--cold --beside before=q --program p --folder f").unwrap();
        assert_eq!((cold.parts, cold.only), (vec!["cold".to_owned()], vec![OURS.to_owned(), "before".to_owned()]));
        let gateways = read("gateways --program p --folder f").unwrap();
        assert!(!all.has(GATEWAYS) && gateways.has(GATEWAYS) && !gateways.only.contains(&"quart".to_owned()));
        for wrong in [
            "",
            "--program p",
            "fast --program p --folder f",
            "--program p --folder f --rounds 0",
            "--program p --folder f --env A",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
