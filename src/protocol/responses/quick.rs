//! Nearly all events of an answer are deltas of one part that differ in three values only: the piece of text, the random
//! padding that hides its length, and the event's number. So the last delta is remembered around these. One that is equal
//! around others of their kind needs no parsing: JSON with another string in a string's place, or another number in a
//! number's, is the same JSON otherwise, and a delta of the same part.
//!
//! In: an event's data. Out: its part and its piece of text, or nothing, and then it is read as any other. A property test
//! compares the two.

use serde_json::value::RawValue;

use super::fields::EventFields;
use super::teller::Part;
use crate::protocol::whole_string::is_whole_string;

/// What is remembered of an event, at most; all bytes but the text's. Deltas have about two hundred.
const MAX_BYTES: usize = 4096;

/// The last delta, in the pieces between its changing values. Empty until there is one.
#[derive(Debug, Default)]
pub(super) struct Quick {
    part: Option<Part>,
    /// What stands before each changing value, and which that is.
    before: Vec<(Vec<u8>, Value)>,
    after: Vec<u8>,
}

/// A value that changes from event to event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Text,
    Padding,
    Number,
}

impl Quick {
    /// The part of an event that is like the remembered one, and its piece of text, a JSON string of whole characters.
    pub(super) fn delta<'a>(&self, data: &'a str) -> Option<(Part, &'a str)> {
        let part = self.part?;
        let mut rest = data;
        let mut text = None;
        for (before, value) in &self.before {
            rest = strip(rest, before)?;
            let length = match value {
                Value::Text | Value::Padding => string_length(rest)?,
                Value::Number => number_length(rest)?,
            };
            let (taken, after) = rest.split_at_checked(length)?;
            if *value != Value::Number && !is_whole_string(taken.as_bytes()) {
                return None;
            }
            if *value == Value::Text {
                text = Some(taken);
            }
            rest = after;
        }
        if rest.as_bytes() == self.after { Some((part, text?)) } else { None }
    }

    /// Nothing is remembered from here on, until a delta is again.
    pub(super) fn forget(&mut self) {
        self.part = None;
    }

    /// Remembers a delta of `part`, whose data this is.
    pub(super) fn remember(&mut self, data: &str, part: Part, fields: &EventFields<'_>) {
        self.part = None;
        let text = fields.delta.map_or(0, |text| text.get().len());
        if data.len() > MAX_BYTES + text {
            return;
        }
        let mut changing: Vec<(usize, &RawValue, Value)> = [
            (fields.delta, Value::Text),
            (fields.obfuscation.filter(|raw| raw.get().starts_with('"')), Value::Padding),
            (fields.sequence_number.filter(|raw| number_length(raw.get()) == Some(raw.get().len())), Value::Number),
        ]
        .into_iter()
        .filter_map(|(raw, value)| {
            raw.map(|raw| (raw.get().as_ptr().addr().wrapping_sub(data.as_ptr().addr()), raw, value))
        })
        .collect();
        changing.sort_unstable_by_key(|(at, ..)| *at);
        self.before.clear();
        let mut from = 0;
        for (at, raw, value) in changing {
            let Some(before) = data.as_bytes().get(from..at) else { return };
            self.before.push((before.to_vec(), value));
            from = at + raw.get().len();
        }
        let Some(after) = data.as_bytes().get(from..) else { return };
        self.after = after.to_vec();
        self.part = Some(part);
    }
}

fn strip<'a>(text: &'a str, prefix: &[u8]) -> Option<&'a str> {
    if text.as_bytes().starts_with(prefix) { text.get(prefix.len()..) } else { None }
}

/// How long the JSON string is with which a text begins, its quotes included.
fn string_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// How long the whole number is with which a text begins.
fn number_length(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let is_one = digits == 1 || digits > 1 && !text.starts_with('0');
    is_one.then_some(digits)
}
