//! Nearly all events of an answer are deltas of one part that differ in their text, their padding and their number only:
//! see [`Frame`]. Who is like the last one is a delta of the same part.
//!
//! In: an event's data. Out: its part and its piece of text, or nothing, and then it is read as any other. A property test
//! compares the two.

use serde_json::value::RawValue;

use super::fields::EventFields;
use super::teller::Part;
use crate::protocol::frame::{Frame, Value};

/// The last delta. Empty until there is one.
#[derive(Debug, Default)]
pub(super) struct Quick {
    part: Option<Part>,
    frame: Frame,
}

impl Quick {
    /// The part of an event that is like the remembered one, and its piece of text, a JSON string of whole characters.
    pub(super) fn delta<'a>(&self, data: &'a [u8]) -> Option<(Part, &'a str)> {
        Some((self.part?, self.frame.text(data)?))
    }

    /// Nothing is remembered from here on, until a delta is again.
    pub(super) fn forget(&mut self) {
        self.part = None;
    }

    /// Remembers a delta of `part`, whose data this is.
    pub(super) fn remember(&mut self, data: &str, part: Part, fields: &EventFields<'_>) {
        let values = [
            (fields.delta, Value::Text),
            (fields.obfuscation, Value::Padding),
            (fields.sequence_number, Value::Number),
        ];
        let is_remembered = self.frame.remember(data, values.map(|(raw, value)| (raw.map(RawValue::get), value)));
        self.part = is_remembered.then_some(part);
    }
}
