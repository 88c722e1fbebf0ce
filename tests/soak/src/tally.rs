//! What has come of all turns so far.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::client::Seen;
use crate::judge::{MISMATCH, Outcome};
use crate::kind::{Expected, Kind};
use crate::plan::Plan;

/// Unexpected turns of which the details are kept.
const MAX_DETAILS: usize = 20;

/// The sums.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    /// By kind: as planned, and unexpected.
    pub(crate) kinds: BTreeMap<Kind, (u64, u64)>,
    /// Turns that were told, rightly, that there is no token.
    pub(crate) no_token: u64,
    pub(crate) unexpected: u64,
    /// Of the unexpected: those whose text is not what was sent.
    pub(crate) mismatches: u64,
    /// Turns whose texts were compared by hash.
    pub(crate) compared: u64,
    pub(crate) bytes: u64,
    pub(crate) chars: u64,
    pub(crate) choices: u64,
    pub(crate) heartbeats: u64,
    /// The first unexpected turns, each in words.
    pub(crate) details: Vec<String>,
}

impl Sums {
    /// All turns that came to an end.
    pub(crate) fn turns(&self) -> u64 {
        self.no_token + self.kinds.values().map(|(good, bad)| good + bad).sum::<u64>()
    }

    /// Whole answers as planned.
    pub(crate) fn whole(&self) -> u64 {
        let whole = self.kinds.iter().filter(|(kind, _)| kind.expected() == Expected::Whole);
        whole.map(|(_, (good, _))| good).sum()
    }
}

/// Where turns are counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sums: Mutex<Sums>,
}

impl Tally {
    /// A snapshot.
    pub(crate) fn sums(&self) -> Sums {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts a turn.
    pub(crate) fn add(&self, plan: &Plan, seen: &Seen, verdict: &Result<Outcome, String>) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = &seen.answer;
        sums.choices += count(answer.choices);
        sums.heartbeats += count(answer.heartbeats);
        let (good, bad) = sums.kinds.entry(plan.kind).or_default();
        match verdict {
            Ok(Outcome::Planned) => {
                *good += 1;
                if matches!(plan.kind.expected(), Expected::Whole | Expected::Line(_)) && plan.kind != Kind::Silent {
                    sums.compared += 1;
                    sums.bytes += count(answer.thoughts.len() + answer.content.len());
                    sums.chars += count(answer.thoughts.chars().count() + answer.content.chars().count());
                }
            }
            Ok(Outcome::NoToken) => sums.no_token += 1,
            Err(what) => {
                *bad += 1;
                sums.unexpected += 1;
                sums.mismatches += u64::from(what == MISMATCH);
                if sums.details.len() < MAX_DETAILS {
                    sums.details.push(format!(
                        "turn {} {:?}: {what}; status {:?}, {:?} after {} ms, {} choices of {}, last {:?}, request {}",
                        plan.number,
                        plan.kind,
                        seen.status,
                        seen.stop,
                        (seen.ended - seen.started).as_millis(),
                        answer.choices,
                        plan.script.choices,
                        answer.last,
                        answer.request_id,
                    ));
                }
            }
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
