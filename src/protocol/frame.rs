//! Nearly all events of an answer differ from the last one in few values only: the piece of text, random padding that
//! hides its length, the event's number. So an event is remembered around these. One that is equal around others of
//! their kind needs no parsing: JSON with another string in a string's place, or another number in a number's, is the
//! same JSON otherwise.

use super::whole_string;

/// What is remembered of an event, at most; all bytes but the changing values'. Azure's have less than a kilobyte.
pub(super) const MAX_BYTES: usize = 4096;

/// An event around its changing values. Empty until there is one.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// All bytes but those of the values, in one piece.
    fixed: Vec<u8>,
    /// The values, each with where in `fixed` it stood, in order.
    values: Vec<(usize, Value)>,
}

/// A value that changes from event to event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// The string that the event is about.
    Text,
    /// Another string, which says nothing.
    Padding,
    /// A whole number, which says nothing either.
    Number,
}

impl Value {
    /// How long the value of this kind is with which `bytes` begin.
    fn length(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Text | Self::Padding => whole_string::length(bytes),
            Self::Number => number_length(bytes),
        }
    }
}

impl Frame {
    /// The text of an event that is like the remembered one: a JSON string of whole characters, with its quotes.
    pub(super) fn text<'a>(&self, data: &'a [u8]) -> Option<&'a str> {
        let (mut at, mut fixed) = (0, 0);
        let mut text = None;
        for (until, value) in &self.values {
            let before = self.fixed.get(fixed..*until)?;
            let rest = data.get(at..)?.strip_prefix(before)?;
            at += before.len();
            let length = value.length(rest)?;
            if *value == Value::Text {
                text = data.get(at..at + length);
            }
            at += length;
            fixed = *until;
        }
        let is_like_it = data.get(at..) == self.fixed.get(fixed..);
        // All else is as it was, and was text then; or it says nothing.
        text.filter(|_| is_like_it).and_then(|text| str::from_utf8(text).ok())
    }

    /// How much is remembered. Bytes.
    pub(super) fn size(&self) -> usize {
        self.fixed.len()
    }

    /// Nothing is remembered from here on, until an event is again.
    pub(super) fn forget(&mut self) {
        self.values.clear();
    }

    /// Remembers an event around the values that are there, each a part of `data`. What is no value of its kind, or would
    /// not be taken for one again, is as fixed as the rest. Answers whether the event is short enough for it.
    pub(super) fn remember<const N: usize>(&mut self, data: &str, values: [(Option<&str>, Value); N]) -> bool {
        self.forget();
        self.fixed.clear();
        let mut found = values.map(|(raw, value)| {
            let raw = raw.filter(|raw| value.length(raw.as_bytes()) == Some(raw.len())).unwrap_or_default();
            (raw.as_ptr().addr().wrapping_sub(data.as_ptr().addr()), raw.len(), value)
        });
        found.sort_unstable_by_key(|(at, ..)| *at);
        let mut from = 0;
        for (at, length, value) in found.into_iter().filter(|(_, length, _)| *length > 0) {
            let Some(before) = data.as_bytes().get(from..at) else { return self.give_up() };
            if self.fixed.len() + before.len() > MAX_BYTES {
                return self.give_up();
            }
            self.fixed.extend_from_slice(before);
            self.values.push((self.fixed.len(), value));
            from = at + length;
        }
        let after = data.as_bytes().get(from..).unwrap_or_default();
        if self.fixed.len() + after.len() > MAX_BYTES {
            return self.give_up();
        }
        self.fixed.extend_from_slice(after);
        true
    }

    fn give_up(&mut self) -> bool {
        self.forget();
        false
    }
}

/// How long the whole number is with which `bytes` begin.
fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_one = digits == 1 || digits > 1 && bytes.first() != Some(&b'0');
    is_one.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = r#"{"n":12,"a":"x","p":"y"}"#;

    fn remembered(data: &str, values: [(&str, Value); 3]) -> Frame {
        let mut frame = Frame::default();
        let found = values.map(|(raw, value)| (data.find(raw).and_then(|at| data.get(at..at + raw.len())), value));
        assert!(frame.remember(data, found));
        frame
    }

    #[test]
    fn an_event_is_like_the_remembered_one_around_its_values() {
        let frame = remembered(DATA, [("\"x\"", Value::Text), ("\"y\"", Value::Padding), ("12", Value::Number)]);
        for (like, text) in [
            (DATA, "\"x\""),
            (r#"{"n":3,"a":"\"\u00e9\\","p":""}"#, r#""\"\u00e9\\""#),
            (r#"{"n":0,"a":"","p":"\n"}"#, "\"\""),
        ] {
            assert_eq!(frame.text(like.as_bytes()), Some(text), "{like}");
        }
        for unlike in [
            "",
            r#"{"n":012,"a":"x","p":"y"}"#,
            r#"{"n":1.5,"a":"x","p":"y"}"#,
            r#"{"n":,"a":"x","p":"y"}"#,
            r#"{"n":1,"a":null,"p":"y"}"#,
            r#"{"n":1,"a":"x","p":"y"} "#,
            r#"{"n":1,"a":"x","p":"y""#,
            r#"{"n":1,"a":"x" ,"p":"y"}"#,
            r#"{"n":1,"a":"\ud83d","p":"y"}"#,
            r#"{"n":1,"a":"x","p":"\ud83d"}"#,
        ] {
            assert_eq!(frame.text(unlike.as_bytes()), None, "{unlike}");
        }
        let mut frame = frame;
        frame.forget();
        assert_eq!(frame.text(DATA.as_bytes()), None);
    }

    #[test]
    fn what_is_no_value_of_its_kind_is_fixed() {
        let data = r#"{"n":01,"a":"x","p":null}"#;
        let frame = remembered(data, [("\"x\"", Value::Text), ("null", Value::Padding), ("01", Value::Number)]);
        assert_eq!(frame.text(data.replace('x', "y").as_bytes()), Some("\"y\""));
        assert_eq!(frame.text(data.replace("01", "2").as_bytes()), None);
        assert_eq!(frame.text(data.replace("null", "\"a\"").as_bytes()), None);
    }

    #[test]
    fn what_is_too_long_is_not_remembered_and_forgets_what_was() {
        let mut frame = remembered(DATA, [("\"x\"", Value::Text), ("\"y\"", Value::Padding), ("12", Value::Number)]);
        let text = format!("\"{}\"", "x".repeat(2 * MAX_BYTES));
        let wide = format!("{{\"a\":{text}}}");
        assert!(frame.remember(&wide, [(wide.get(5..5 + text.len()), Value::Text)]), "a text is not remembered");
        assert_eq!(frame.text(br#"{"a":"b"}"#), Some("\"b\""));
        for long in ["b".repeat(MAX_BYTES) + "\"a\"", "\"a\"".to_owned() + &"b".repeat(MAX_BYTES + 1)] {
            let at = long.find('"').unwrap_or_default();
            assert_eq!(frame.remember(&long, [(long.get(at..at + 3), Value::Text)]), long.starts_with('b'));
            assert_eq!(frame.text(long.as_bytes()).is_some(), long.starts_with('b'));
            assert_eq!(frame.text(br#"{"a":"b"}"#), None);
        }
    }
}
