//! What has come of all turns so far.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::bulk_turn;
use crate::client::Seen;
use crate::judge::{MISMATCH, Outcome};
use crate::kind::{Expected, Kind};
use crate::model::Asked;
use crate::plan::Plan;
use crate::way::Surface;

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
    /// Pieces of text of these turns.
    pub(crate) pieces: u64,
    /// Turns by surface, and with upstream's protocol and a second deployment.
    pub(crate) ways: BTreeMap<(Surface, &'static str), u64>,
    pub(crate) heartbeats: u64,
    pub(crate) bulk: BulkSums,
    /// The first unexpected turns, each in words.
    pub(crate) details: Vec<String>,
}

/// The sums of bulk turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct BulkSums {
    /// Whole answers whose hash was as promised.
    pub(crate) compared: u64,
    /// Their pieces, and the bytes of these.
    pub(crate) pieces: u64,
    pub(crate) bytes: u64,
    pub(crate) no_token: u64,
    pub(crate) unexpected: u64,
}

impl Sums {
    /// All turns that came to an end.
    pub(crate) fn turns(&self) -> u64 {
        self.no_token + self.kinds.values().map(|(good, bad)| good + bad).sum::<u64>()
    }

    /// Pieces of text that were compared by hash.
    pub(crate) fn hashed(&self) -> u64 {
        self.pieces + self.bulk.pieces
    }

    fn blame(&mut self, what: String) {
        self.unexpected += 1;
        if self.details.len() < MAX_DETAILS {
            self.details.push(what);
        }
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
    pub(crate) fn add(&self, plan: &Plan, seen: &Seen, asked: Asked, verdict: &Result<Outcome, String>) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = &seen.answer;
        *sums.ways.entry((plan.way.surface, plan.way.model())).or_default() += 1;
        sums.heartbeats += count(answer.heartbeats);
        let (good, bad) = sums.kinds.entry(plan.kind).or_default();
        match verdict {
            Ok(Outcome::Planned) => {
                *good += 1;
                if matches!(plan.expected(), Expected::Whole | Expected::Line(_)) && plan.kind != Kind::Silent {
                    sums.compared += 1;
                    sums.pieces += count(answer.pieces);
                    sums.bytes += count(answer.thoughts.len() + answer.content.len());
                    sums.chars += count(answer.thoughts.chars().count() + answer.content.chars().count());
                }
            }
            Ok(Outcome::NoToken) => sums.no_token += 1,
            Err(what) => {
                *bad += 1;
                sums.mismatches += u64::from(what == MISMATCH);
                sums.blame(described(plan, seen, asked, what));
            }
        }
    }

    /// Counts a bulk turn.
    pub(crate) fn add_bulk(&self, number: u64, verdict: &Result<bulk_turn::Outcome, String>) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        match verdict {
            Ok(bulk_turn::Outcome::Compared { pieces, bytes }) => {
                sums.bulk.compared += 1;
                sums.bulk.pieces += count(*pieces);
                sums.bulk.bytes += bytes;
            }
            Ok(bulk_turn::Outcome::NoToken) => sums.bulk.no_token += 1,
            Err(what) => {
                sums.bulk.unexpected += 1;
                sums.mismatches += u64::from(what == MISMATCH);
                sums.blame(format!("bulk turn {number}: {what}"));
            }
        }
    }

    /// Something beside a turn is not as it must be.
    pub(crate) fn fault(&self, what: String) {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).blame(what);
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// An unexpected turn, in words.
fn described(plan: &Plan, seen: &Seen, asked: Asked, what: &str) -> String {
    format!(
        "turn {} {:?} {} {}: {what}; status {:?}, {:?} after {} ms, {} pieces of {}, last {:?}, {asked:?}, request {}",
        plan.number,
        plan.kind,
        plan.way.path(),
        plan.way.model(),
        seen.status,
        seen.stop,
        (seen.ended - seen.started).as_millis(),
        seen.answer.pieces,
        plan.script.pieces,
        seen.answer.last,
        seen.request_id,
    )
}
