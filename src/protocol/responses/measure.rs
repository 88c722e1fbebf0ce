//! How much of a text has been told, and which text that was: enough to know it again at the beginning of the whole one,
//! and to tell what that has beyond it, without keeping any of it.

/// What has been told of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    /// Of the text, in UTF-8.
    bytes: usize,
    /// FNV-1a of these bytes. It tells texts of one answer apart, and guards nothing.
    hash: u64,
}

impl Default for Measure {
    fn default() -> Self {
        Self { bytes: 0, hash: 0xCBF2_9CE4_8422_2325 }
    }
}

impl Measure {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// A piece was told; the inside of a JSON string.
    pub(super) fn add(&mut self, inside: &str) {
        for step in Steps(inside) {
            self.step(&step);
        }
    }

    /// What the inside of `whole` has beyond the text that was told; nothing if it begins otherwise.
    pub(super) fn rest_of<'a>(&self, whole: &'a str) -> &'a str {
        let mut so_far = Self::default();
        let mut steps = Steps(whole);
        while so_far.bytes < self.bytes {
            match steps.next() {
                None => return "",
                Some(Step::Plain(text)) => {
                    let missing = self.bytes - so_far.bytes;
                    let beyond = text.len().saturating_sub(missing);
                    so_far.step(&Step::Plain(text.get(..text.len() - beyond).unwrap_or_default()));
                    // Walked over, and not told.
                    steps.0 = whole.get(whole.len() - steps.0.len() - beyond..).unwrap_or_default();
                }
                Some(step) => so_far.step(&step),
            }
        }
        if so_far == *self { steps.0 } else { "" }
    }

    fn step(&mut self, step: &Step<'_>) {
        let mut buffer = [0; 4];
        let text = match step {
            Step::Plain(text) => text,
            Step::Escaped(char) => &*char.encode_utf8(&mut buffer),
        };
        self.bytes += text.len();
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}

/// Goes through the inside of a JSON string.
struct Steps<'a>(&'a str);

enum Step<'a> {
    /// What has no escapes.
    Plain(&'a str),
    /// A character that was escaped. Half of one is U+FFFD.
    Escaped(char),
}

impl<'a> Iterator for Steps<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        let end = memchr::memchr(b'\\', self.0.as_bytes()).unwrap_or(self.0.len());
        if end > 0 {
            return Some(Step::Plain(self.take(end)));
        }
        let char = match self.0.as_bytes().get(1)? {
            b'u' => self.unicode(),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            other => char::from(*other),
        };
        self.take(2);
        Some(Step::Escaped(char))
    }
}

impl<'a> Steps<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.0.split_at_checked(length).unwrap_or((self.0, ""));
        self.0 = rest;
        taken
    }

    /// The character of `\uXXXX`, or of two that are halves; all but two bytes of it are taken.
    fn unicode(&mut self) -> char {
        let first = unit(self.0);
        let second = unit(self.0.get(6..).unwrap_or_default());
        self.take(4);
        if let (0xD800..=0xDBFF, 0xDC00..=0xDFFF) = (first, second) {
            self.take(6);
            let char = 0x1_0000 + ((first & 0x3FF) << 10) + (second & 0x3FF);
            return char::from_u32(char).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

/// The UTF-16 unit that `\uXXXX` at the beginning of a text says; 0 if there is none.
fn unit(text: &str) -> u32 {
    text.strip_prefix("\\u").and_then(|text| text.get(..4)).map_or(0, |hex| u32::from_str_radix(hex, 16).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measure(pieces: &[String]) -> Measure {
        let mut measure = Measure::default();
        for piece in pieces {
            measure.add(piece);
        }
        measure
    }

    #[test]
    fn the_rest_of_a_text_is_what_was_not_told() {
        let rest = |told: &str, whole: &'static str| measure(&[told.to_owned()]).rest_of(whole);
        assert_eq!(rest("", "ab"), "ab");
        assert_eq!(rest("a", "ab"), "b");
        assert_eq!(rest("ab", "ab"), "");
        assert_eq!(rest("abc", "ab"), "");
        assert_eq!(rest("x", "ab"), "");
        assert_eq!(rest(r"é\n", r"\u00e9\u000a\"), r"\");
        assert_eq!(rest("😄", r"\ud83d\ude04b"), "b");
        assert_eq!(rest("é", "ü"), "", "no cut inside a character");
        assert_eq!(rest("a", "ü"), "");
    }

    proptest! {
        #[test]
        fn however_it_was_escaped_the_rest_is_found(
            characters in prop::collection::vec(prop::sample::select(vec!['a', 'b', '\n', '"', '\\', '\t', 'é', '€', '😄']), 0..12),
            escaped in prop::collection::vec(any::<bool>(), 12),
            told in 0..12_usize,
        ) {
            let escape = |char: &char| {
                let mut units = [0; 2];
                char.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat()
            };
            let write = |char: &char| {
                let quoted = serde_json::to_string(&char.to_string()).unwrap();
                quoted[1..quoted.len() - 1].to_owned()
            };
            let one: Vec<String> = characters.iter().map(write).collect();
            let other: Vec<String> =
                characters.iter().zip(&escaped).map(|(char, escaped)| if *escaped { escape(char) } else { write(char) }).collect();
            let told = told.min(one.len());
            let whole = other.concat();
            prop_assert_eq!(measure(&one[..told]).rest_of(&whole), other[told..].concat());
            prop_assert_eq!(measure(&other[..told]), measure(&[one[..told].concat()]));
            prop_assert_eq!(measure(&[one.concat(), "x".to_owned()]).rest_of(&whole), "");
        }
    }
}
