//! Whole answers as bytes, built once and used often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::plan::{HELD_AFTER, Plan};
use bench_events::dialect::Shape;
use bench_events::event::{self, Field};

/// An answer's head, as upstream sends it.
pub(crate) const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";

/// An answer that does not depend on time.
#[derive(Debug)]
pub(crate) struct Answer {
    plan: Plan,
    wire: OnceLock<(Vec<u8>, Vec<usize>)>,
    body: OnceLock<Vec<u8>>,
    lines: OnceLock<Vec<u8>>,
    chunks: OnceLock<Vec<String>>,
}

impl Answer {
    fn new(plan: Plan) -> Self {
        Self { plan, wire: OnceLock::new(), body: OnceLock::new(), lines: OnceLock::new(), chunks: OnceLock::new() }
    }

    /// The events' number.
    pub(crate) fn events(&self) -> u32 {
        self.plan.events
    }

    /// Where the `number`-th event's text goes, and the text as JSON has it.
    pub(crate) fn text(&self, number: u32) -> (Field, String) {
        (Field::of(number, self.plan.events), event::text(self.plan.variant, number, self.plan.text))
    }

    /// What upstream writes, and where each write ends. Of a held answer the first write is what comes at once.
    pub(crate) fn wire(&self) -> &(Vec<u8>, Vec<usize>) {
        self.wire.get_or_init(|| {
            let mut wire = HEAD.as_bytes().to_vec();
            let mut ends = Vec::new();
            let mut chunk = Vec::new();
            let held = if self.plan.mode == crate::plan::Mode::Held { HELD_AFTER.min(self.plan.events) } else { 0 };
            for number in 0..self.plan.events {
                self.event(number, &mut chunk);
                let at = number + 1;
                let whole = if at <= held { at == held } else { (at - held).is_multiple_of(self.plan.batch) };
                if whole || at == self.plan.events {
                    http_chunk(&chunk, &mut wire);
                    ends.push(wire.len());
                    chunk.clear();
                }
            }
            http_chunk(self.shape().end().as_bytes(), &mut wire);
            wire.extend_from_slice(b"0\r\n\r\n");
            ends.push(wire.len());
            (wire, ends)
        })
    }

    /// The body, as a relay that changes nothing passes it.
    pub(crate) fn body(&self) -> &[u8] {
        self.body.get_or_init(|| {
            let mut body = Vec::new();
            for number in 0..self.plan.events {
                self.event(number, &mut body);
            }
            body.extend_from_slice(self.shape().end().as_bytes());
            body
        })
    }

    /// The choice lines, as this program writes them.
    pub(crate) fn lines(&self) -> &[u8] {
        self.lines.get_or_init(|| {
            let mut lines = Vec::new();
            for number in 0..self.plan.events {
                lines.extend_from_slice(self.shape().lines(number).as_bytes());
            }
            lines.extend_from_slice(self.shape().last_line().as_bytes());
            lines
        })
    }

    /// The chunks, as this program writes them for an OpenAI client, without what all begin with.
    pub(crate) fn chunks(&self) -> &[String] {
        self.chunks.get_or_init(|| (0..self.plan.events).map(|number| self.shape().chunk(number)).collect())
    }

    /// How it goes over the wire.
    pub(crate) fn shape(&self) -> Shape {
        let Plan { dialect, variant, events, text, .. } = self.plan;
        Shape { dialect, variant, events, text }
    }

    fn event(&self, number: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(self.shape().event(number).as_bytes());
    }
}

/// Appends `body` as one chunk of HTTP/1.1.
pub(crate) fn http_chunk(body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(b"\r\n");
}

/// Answers that have been built.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    built: Mutex<HashMap<Plan, Arc<Answer>>>,
}

impl Answers {
    /// The answer that `plan` calls for.
    pub(crate) fn get(&self, plan: Plan) -> Arc<Answer> {
        let plan = Plan { id: 0, ..plan };
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(built.entry(plan).or_insert_with(|| Arc::new(Answer::new(plan))))
    }

    /// Forgets them all; long ones are large.
    pub(crate) fn clear(&self) {
        self.built.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
