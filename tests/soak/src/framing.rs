//! How upstream frames its events: line ends, comments, fields nobody asked for, data over several lines, a byte order
//! mark; and where its bytes are cut.

use std::fmt::Write as _;

use bytes::Bytes;
use fastrand::Rng;
use harness::upstream::Split;

/// How far a cut may lie from the end of an event, before it and behind it.
const CUT_OFFSET: usize = 25;

/// Frames events, one after the other.
#[derive(Debug)]
pub(crate) struct Framing {
    line_end: &'static str,
    /// Characters beyond ASCII, and `<`, are written as escapes.
    escapes: bool,
    /// Now and then there is a comment, a field or a broken line of data.
    ornate: bool,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The event that is the first output, by its place.
    begun: usize,
}

impl Framing {
    /// A manner of framing, which an upstream keeps.
    pub(crate) fn draw(random: &mut Rng) -> Self {
        let line_end = random.choice(["\n", "\n", "\n", "\r\n", "\r"]).unwrap_or("\n");
        let ornate = random.u8(..3) == 0;
        let bytes = if ornate && random.bool() { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        Self { line_end, escapes: random.u8(..4) == 0, ornate, bytes, ends: Vec::new(), begun: 0 }
    }

    /// A JSON string of this text.
    pub(crate) fn string(&self, random: &mut Rng, text: &str) -> String {
        // A string always serialises.
        let plain = serde_json::to_string(text).unwrap_or_default();
        if !self.escapes || random.u8(..) < 32 {
            return plain;
        }
        let mut escaped = String::with_capacity(plain.len() * 2);
        for letter in plain.chars() {
            if letter.is_ascii() && letter != '<' {
                escaped.push(letter);
            } else {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing into memory does not fail.
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
        }
        escaped
    }

    /// Adds an event with this data.
    pub(crate) fn event(&mut self, random: &mut Rng, data: &str) {
        let mut data = data.to_owned();
        if self.ornate {
            match random.u8(..24) {
                0 => self.line(": keep-alive"),
                1 => {
                    self.line(": keep-alive");
                    self.line("");
                }
                2 => self.line("id: 7"),
                3 => self.line("event: message"),
                4 => self.line("retry: 1000"),
                // Between two of JSON's tokens; the reader must not get a line break of it.
                5 => {
                    data = data.replacen(",\"choices\"", ",\n\"choices\"", 1);
                    data = data.replacen(",\"delta\"", ",\n\"delta\"", 1);
                }
                _ => {}
            }
        }
        for line in data.split('\n') {
            self.line(&format!("data: {line}"));
        }
        self.line("");
        self.ends.push(self.bytes.len());
    }

    /// The same with the event's name before it.
    pub(crate) fn named(&mut self, random: &mut Rng, name: &str, data: &str) {
        self.line(&format!("event: {name}"));
        self.event(random, data);
    }

    /// Adds bytes that are no event.
    pub(crate) fn raw(&mut self, byte: u8, count: usize) {
        self.bytes.resize(self.bytes.len() + count, byte);
    }

    /// The next event is the first output.
    pub(crate) fn output_begins(&mut self) {
        self.begun = self.ends.len();
    }

    /// Cuts near the events' ends: most events come alone, some together, some in pieces. After the first output there is
    /// always one, so that a break comes later than the answer's beginning.
    pub(crate) fn cuts(&self, random: &mut Rng) -> Split {
        let mut cuts: Vec<usize> = self.ends.get(self.begun).copied().into_iter().collect();
        for (_, end) in self.ends.iter().enumerate().filter(|(at, _)| *at != self.begun) {
            let times = match random.u8(..10) {
                0 => 0,
                1 | 2 => 2,
                _ => 1,
            };
            for _ in 0..times {
                let near = if random.bool() {
                    *end
                } else {
                    (end + random.usize(..2 * CUT_OFFSET)).saturating_sub(CUT_OFFSET)
                };
                cuts.push(near);
            }
        }
        cuts.sort_unstable();
        Split::At(cuts)
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }

    fn line(&mut self, line: &str) {
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.extend_from_slice(self.line_end.as_bytes());
    }
}
