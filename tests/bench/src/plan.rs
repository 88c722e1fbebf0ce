//! What one answer is to be: the knobs, as they travel in the question from the load generator to the upstream.

use bench_events::dialect::Dialect;

/// How an answer comes in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// As fast as the relay takes it.
    Free,
    /// One event each so many microseconds, with a time stamp for its text, until upstream is told to end.
    Paced(u32),
    /// The first [`HELD_AFTER`] events, the rest when upstream is told to go on.
    Held,
}

/// Events of a held answer that come at once, so that every buffer on the way has been used.
pub(crate) const HELD_AFTER: u32 = 10;

/// One answer. All that is free to choose about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Plan {
    /// Under which upstream keeps its accounts of the answer.
    pub(crate) id: u64,
    /// Which text: answers side by side have different ones, so that a mix-up is seen.
    pub(crate) variant: u32,
    /// Events with text; half of them thoughts. Of a paced answer the number is open.
    pub(crate) events: u32,
    /// Bytes of text in an event, as JSON has it. At least [`MIN_TEXT`](bench_events::event::MIN_TEXT).
    pub(crate) text: u32,
    /// Events in a write, which is one HTTP chunk.
    pub(crate) batch: u32,
    pub(crate) mode: Mode,
    /// What upstream is to speak.
    pub(crate) dialect: Dialect,
}

/// The deployment that is asked.
pub(crate) const MODEL: &str = "DeepSeek-R1";

const MARK: &str = "bench ";

impl Plan {
    /// The question that calls for it. Plain words: the same in JSON as outside.
    pub(crate) fn question(&self) -> String {
        let (mode, interval) = match self.mode {
            Mode::Free => ("free", 0),
            Mode::Paced(interval) => ("paced", interval),
            Mode::Held => ("held", 0),
        };
        let Self { id, variant, events, text, batch, .. } = self;
        format!("{MARK}{id} {variant} {events} {text} {batch} {mode} {interval} {};", self.dialect.name())
    }

    /// Finds the question in a request's body, whatever stands around it.
    pub(crate) fn find(body: &[u8]) -> Option<Self> {
        let at = memchr::memmem::find(body, MARK.as_bytes())?;
        let rest = std::str::from_utf8(body.get(at + MARK.len()..)?).ok()?;
        let mut words = rest.split_once(';')?.0.split(' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let id = number()?;
        let mut small = || u32::try_from(number()?).ok();
        let (variant, events, text, batch) = (small()?, small()?, small()?, small()?);
        let mode = match (words.next()?, words.next()?.parse().ok()?) {
            ("free", 0) => Mode::Free,
            ("held", 0) => Mode::Held,
            ("paced", interval) => Mode::Paced(interval),
            _ => return None,
        };
        let dialect = Dialect::named(words.next()?)?;
        Some(Self { id, variant, events, text, batch: batch.max(1), mode, dialect })
    }

    /// The whole HTTP request, to be sent to a relay, with headers of its own.
    pub(crate) fn request(&self, path: &str, headers: &str) -> Vec<u8> {
        request(path, headers, &self.question())
    }
}

/// A question as a whole HTTP request, in plain words that JSON need not escape.
pub(crate) fn request(path: &str, headers: &str, question: &str) -> Vec<u8> {
    // A relay that knows no model's name and no other form of answer passes over the first two.
    let body = format!(
        "{{\"model\":\"{MODEL}\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"{question}\"}}]}}"
    );
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\naccept: */*\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_survives_the_way() {
        for mode in [Mode::Free, Mode::Held, Mode::Paced(20_000)] {
            for dialect in Dialect::ALL {
                let plan = Plan { id: 7, variant: 3, events: 500, text: 20, batch: 16, mode, dialect };
                assert_eq!(Plan::find(&plan.request("/x", "a: b\r\n")), Some(plan));
                assert_eq!(Plan::find(format!("{{\"a\":\"{}\"}}", plan.question()).as_bytes()), Some(plan));
            }
        }
        for wrong in [
            "",
            "bench ",
            "bench 1 2 3 4 5 free 0 chat",
            "bench 1 2 3 4 5 other 0 chat;",
            "bench 1 2 3 4 x free 0 chat;",
            "bench 1 2 3 4 5 free 0 other;",
        ] {
            assert_eq!(Plan::find(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
