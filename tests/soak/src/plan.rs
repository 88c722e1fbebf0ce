//! One turn, planned: a function of the run's seed and the turn's number, so that any turn can be had again.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::kind::{Expected, Kind};
use crate::script::Script;
use crate::text;
use crate::way::{Protocol, Surface, Way};

/// Pieces of text of a paced answer; with the pace, an answer takes from one to some twenty seconds.
const PIECES: std::ops::Range<usize> = 30..500;
/// Characters of a piece are 1 to this many.
pub(crate) const PIECE_CHARS: usize = 12;
/// Characters of a flood: more than all socket buffers between upstream and the client hold.
const FLOOD_CHARS: usize = 1_500_000;

/// How upstream sends thoughts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// In `reasoning_content`.
    ReasoningContent,
    /// In `reasoning`.
    Reasoning,
    /// In the content, between tags that are cut anywhere.
    Inline,
    /// None.
    Silent,
}

/// A planned turn.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    pub(crate) way: Way,
    /// What upstream sends, and what must arrive of it.
    pub(crate) script: Script,
    /// Between two of upstream's writes.
    pub(crate) pace: Duration,
    /// A wait of the kind's own: before upstream's body, or while the client does not read.
    pub(crate) wait: Duration,
    /// Lines after which a leaving client leaves.
    pub(crate) leaves_after: usize,
    /// Earlier messages, which upstream must get as they were sent.
    pub(crate) messages: Vec<Value>,
}

impl Plan {
    /// Turn `number` of the run with this seed.
    pub(crate) fn new(seed: u64, number: u64, behind_host: bool) -> Self {
        let mut random = random(seed, number);
        let kind = Kind::draw(&mut random, behind_host);
        Self::of_kind(number, kind, random)
    }

    /// The same with a kind of the caller's choice.
    pub(crate) fn with_kind(seed: u64, number: u64, kind: Kind) -> Self {
        Self::of_kind(number, kind, random(seed, number))
    }

    fn of_kind(number: u64, kind: Kind, mut random: Rng) -> Self {
        let way = Way::draw(&mut random, kind);
        let dialects = [Dialect::ReasoningContent, Dialect::Reasoning, Dialect::Inline, Dialect::Silent];
        let dialect = random.choice(dialects).unwrap_or(Dialect::Silent);
        // Who has events for thoughts puts them into no tags.
        let inline = dialect == Dialect::Inline && way.protocol == Protocol::Responses;
        let dialect = if inline { Dialect::ReasoningContent } else { dialect };
        let chars = if kind.is_flood() { FLOOD_CHARS } else { random.usize(PIECES) * PIECE_CHARS / 2 };
        let thought_chars = if dialect == Dialect::Silent { 0 } else { random.usize(1..=chars) };
        let thoughts = text::text(&mut random, thought_chars);
        let content = text::text(&mut random, (chars - thought_chars).max(1));
        let script = Script::new(&mut random, kind, way.protocol, dialect, &thoughts, &content);
        let milliseconds = match kind {
            Kind::SlowStart => random.u64(500..7000),
            Kind::LeavesUnread => random.u64(500..4000),
            // Well under WRITE_TIMEOUT and well over it.
            Kind::PausingReader => random.u64(500..3000),
            Kind::NeverReads => 8000,
            Kind::LeavesEarly => random.u64(0..1000),
            _ => 0,
        };
        let earlier = random.usize(..3);
        let mut messages: Vec<Value> = (0..earlier * 2)
            .map(|at| {
                let role = if at % 2 == 0 { "user" } else { "assistant" };
                json!({ "role": role, "content": text::text(&mut random, 80) })
            })
            .collect();
        messages.push(json!({ "role": "user", "content": format!("{QUESTION} {number}") }));
        Self {
            number,
            kind,
            way,
            pace: if kind.is_flood() { Duration::ZERO } else { Duration::from_millis(random.u64(20..=50)) },
            wait: Duration::from_millis(milliseconds),
            leaves_after: random.usize(1..=script.pieces.max(1)),
            script,
            messages,
        }
    }
}

impl Plan {
    /// What must come of it. An answer in one piece that breaks is a refusal, for nothing of it is out.
    pub(crate) fn expected(&self) -> Expected {
        match self.kind.expected() {
            Expected::Line(code) | Expected::LineAfterPart(code) if self.way.surface == Surface::Whole => {
                Expected::Status(code)
            }
            expected => expected,
        }
    }

    /// Lines without text of a whole answer: whose message it is, where that is told, and why it ends.
    pub(crate) fn empties(&self) -> usize {
        let tells_role = self.way.surface == Surface::Chunks || self.way.protocol == Protocol::Responses;
        1 + usize::from(tells_role)
    }
}

/// For `--turn`: what the turn is, and its wire.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (script, pace) = (&self.script, self.pace.as_millis());
        writeln!(f, "{:?} {:?}, {} pieces, {pace} ms between writes", self.kind, self.way, script.pieces)?;
        f.write_str(&String::from_utf8_lossy(&script.body))
    }
}

/// The question's words; the number after them leads upstream to the plan. They must not be in the program's log.
pub(crate) const QUESTION: &str = "soak question number";

/// The odd factor spreads consecutive numbers over all seeds.
fn random(seed: u64, number: u64) -> Rng {
    Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_repeat_and_about_a_tenth_is_faulty() {
        let faulty = |plan: &Plan| plan.kind.expected() != crate::kind::Expected::Whole;
        let plans: Vec<Plan> = (0..300).map(|number| Plan::new(7, number, false)).collect();
        let count = plans.iter().filter(|plan| faulty(plan)).count();
        assert!((12..50).contains(&count), "{count}");
        for (number, plan) in (0..).zip(&plans).take(20) {
            let again = Plan::new(7, number, false);
            assert_eq!((again.kind, again.script.body), (plan.kind, plan.script.body.clone()));
        }
    }
}
