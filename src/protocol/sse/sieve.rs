//! Keeps a few members of a JSON object while its bytes pass, and holds nothing else of it.
//!
//! In: the bytes, in pieces of any size. Out: the same object without the members that [`Keys`] does not name, whatever
//! size they had. It is for the events that are too large to be held and of which little matters: a whole answer that is
//! repeated at its end, a picture in an event that nobody reads.
//!
//! What is dropped is not validated beyond its brackets and strings; what is kept comes out as it went in, for a real
//! reader to judge. Bytes that are no object come out as something that no reader takes for JSON.

use memchr::memchr2;

/// The members that matter, by their names wherever an object is looked into.
#[derive(Debug, PartialEq, Eq)]
pub struct Keys {
    /// Their values pass.
    pub kept: &'static [&'static str],
    /// Their values pass where they fit; `false` stands for one that does not.
    pub fitting: &'static [&'static str],
    /// Their values are objects that are looked into in their turn; the outermost object is.
    pub entered: &'static [&'static str],
}

/// A longer name is none that is looked for.
const MAX_NAME: usize = 64;
/// Objects that are entered one inside the other; what lies deeper is dropped.
const MAX_DEPTH: u8 = 8;
/// What no JSON text has where a value is over.
const BROKEN: u8 = b'!';
/// What stands for a value that does not fit.
const DROPPED: &[u8] = b"false";

/// The state between two pieces.
#[derive(Debug)]
pub(super) struct Sieve {
    keys: &'static Keys,
    place: Place,
    /// Entered objects that are open.
    depth: u8,
    /// The current member's name as it was written, without quotes, as far as it may matter.
    name: Vec<u8>,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The outermost object's `{`.
    Start,
    /// A member's name, or, if there is none yet, the object's `}`.
    Member { first: bool },
    /// Inside a name.
    Name { escaped: bool },
    /// The colon after it.
    Colon,
    /// A value's first byte.
    Value,
    /// Inside a value.
    Inside { fate: Fate, scan: Scan },
    /// The comma after a value, or the object's `}`.
    After,
    /// The outermost object is over.
    End,
    /// It was no object; nothing more is read.
    Broken,
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Dropped,
    Kept,
    /// It passes where it fits; what passed before it ends here.
    Fitting(usize),
}

/// Where in a value we are: enough to find its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scan {
    /// Open brackets of both kinds.
    open: usize,
    text: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// Inside a string.
    Inside,
    /// Inside a string, after a backslash.
    Escaped,
    /// Inside brackets.
    Outside,
    /// A number, `true`, `false` or `null`.
    Bare,
}

/// More passed than the bound allows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Sieve {
    pub(super) fn new(keys: &'static Keys) -> Self {
        Self { keys, place: Place::Start, depth: 0, name: Vec::new() }
    }

    /// Takes the next piece and appends what passes to `out`, which grows to no more than `max_bytes`.
    pub(super) fn push(&mut self, mut piece: &[u8], out: &mut Vec<u8>, max_bytes: usize) -> Result<(), Full> {
        while let Some((&byte, rest)) = piece.split_first() {
            if let Place::Inside { mut fate, mut scan } = self.place {
                let (length, ends) = scan.advance(piece);
                let (inside, rest) = piece.split_at_checked(length).unwrap_or((piece, &[]));
                let passed = if fate == Fate::Dropped { Ok(()) } else { put(inside, out, max_bytes) };
                if let (Fate::Fitting(before), Err(Full)) = (fate, &passed) {
                    out.truncate(before);
                    put(DROPPED, out, max_bytes)?;
                    fate = Fate::Dropped;
                } else {
                    passed?;
                }
                self.place = if ends { Place::After } else { Place::Inside { fate, scan } };
                piece = rest;
            } else if let Place::Name { escaped: false } = self.place
                && let Some(plain) = plain_name(piece)
            {
                self.extend_name(plain);
                piece = piece.get(plain.len()..).unwrap_or_default();
            } else if self.place == Place::Value && !byte.is_ascii_whitespace() {
                // A value begins, and its first byte is read as part of it.
                if !self.value(byte, out, max_bytes)? {
                    continue;
                }
                piece = rest;
            } else {
                self.step(byte, out, max_bytes)?;
                piece = rest;
            }
        }
        Ok(())
    }

    /// A value's first byte. Answers whether that was all of what it says: an object was entered.
    fn value(&mut self, byte: u8, out: &mut Vec<u8>, max_bytes: usize) -> Result<bool, Full> {
        if matches!(byte, b',' | b':' | b'}' | b']') {
            self.place = Place::Broken;
            put(&[BROKEN], out, max_bytes)?;
            return Ok(true);
        }
        let is_named = |names: &[&str]| names.iter().any(|name| name.as_bytes() == self.name);
        let enters = byte == b'{' && self.depth < MAX_DEPTH && is_named(self.keys.entered);
        let (kept, fits) = (is_named(self.keys.kept), is_named(self.keys.fitting));
        if enters || kept || fits {
            let quote: &[u8] = if out.last() == Some(&b'{') { b"\"" } else { b",\"" };
            for part in [quote, &self.name, b"\":"] {
                put(part, out, max_bytes)?;
            }
        }
        if enters {
            put(b"{", out, max_bytes)?;
            self.depth += 1;
            self.place = Place::Member { first: true };
        } else {
            let fate = match (kept, fits) {
                (true, _) => Fate::Kept,
                (false, true) => Fate::Fitting(out.len()),
                (false, false) => Fate::Dropped,
            };
            self.place = Place::Inside { fate, scan: Scan::begin(byte) };
        }
        Ok(enters)
    }

    /// A byte between names and values.
    fn step(&mut self, byte: u8, out: &mut Vec<u8>, max_bytes: usize) -> Result<(), Full> {
        self.place = match (self.place, byte) {
            (Place::Name { escaped: true }, _) => {
                self.extend_name(&[byte]);
                Place::Name { escaped: false }
            }
            (Place::Name { escaped: false }, b'"') => Place::Colon,
            (Place::Name { escaped: false }, _) => {
                self.extend_name(&[byte]);
                Place::Name { escaped: true }
            }
            (Place::Broken, _) => Place::Broken,
            (place, b' ' | b'\t' | b'\r' | b'\n') => place,
            (Place::Start, b'{') => {
                put(b"{", out, max_bytes)?;
                self.depth = 1;
                Place::Member { first: true }
            }
            (Place::Member { .. }, b'"') => {
                self.name.clear();
                Place::Name { escaped: false }
            }
            (Place::Member { first: true } | Place::After, b'}') => {
                put(b"}", out, max_bytes)?;
                self.depth -= 1;
                if self.depth == 0 { Place::End } else { Place::After }
            }
            (Place::After, b',') => Place::Member { first: false },
            (Place::Colon, b':') => Place::Value,
            _ => {
                put(&[BROKEN], out, max_bytes)?;
                Place::Broken
            }
        };
        Ok(())
    }

    /// A name that is too long to matter is kept as just that.
    fn extend_name(&mut self, more: &[u8]) {
        let room = (MAX_NAME + 1).saturating_sub(self.name.len());
        self.name.extend_from_slice(more.get(..room).unwrap_or(more));
    }
}

/// What of a name comes before its closing quote or its next escape.
fn plain_name(piece: &[u8]) -> Option<&[u8]> {
    let end = memchr2(b'"', b'\\', piece).unwrap_or(piece.len());
    piece.get(..end).filter(|plain| !plain.is_empty())
}

fn put(bytes: &[u8], out: &mut Vec<u8>, max_bytes: usize) -> Result<(), Full> {
    if out.len() + bytes.len() > max_bytes {
        return Err(Full);
    }
    out.extend_from_slice(bytes);
    Ok(())
}

impl Scan {
    /// Before a value whose first byte is `byte`.
    fn begin(byte: u8) -> Self {
        let text = match byte {
            b'{' | b'[' | b'"' => Text::Outside,
            _ => Text::Bare,
        };
        Self { open: 0, text }
    }

    /// How much of `piece` belongs to the value, and whether it ends there.
    fn advance(&mut self, piece: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty()) {
            match self.text {
                Text::Inside => {
                    let Some(stop) = memchr2(b'"', b'\\', rest) else { return (piece.len(), false) };
                    at += stop + 1;
                    if rest.get(stop) == Some(&b'\\') {
                        self.text = Text::Escaped;
                    } else {
                        self.text = Text::Outside;
                        if self.open == 0 {
                            return (at, true);
                        }
                    }
                }
                Text::Escaped => {
                    self.text = Text::Inside;
                    at += 1;
                }
                Text::Outside => {
                    at += 1;
                    match rest.first() {
                        Some(b'"') => self.text = Text::Inside,
                        Some(b'{' | b'[') => self.open += 1,
                        Some(b'}' | b']') => {
                            self.open -= 1;
                            if self.open == 0 {
                                return (at, true);
                            }
                        }
                        _ => {}
                    }
                }
                Text::Bare => match rest.first() {
                    // What ends it is not part of it.
                    Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n') => return (at, true),
                    _ => at += 1,
                },
            }
        }
        (at, false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const KEYS: Keys = Keys { kept: &["type", "usage"], fitting: &["summary"], entered: &["response", "item"] };
    const MAX: usize = 1 << 20;

    fn sieve<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> String {
        let mut sieve = Sieve::new(&KEYS);
        let mut out = Vec::new();
        for piece in pieces {
            sieve.push(piece, &mut out, MAX).unwrap();
        }
        assert!(sieve.name.len() <= MAX_NAME + 1);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The same by way of a tree.
    fn by_tree(value: &Value, depth: u8) -> Value {
        let Value::Object(members) = value else { unreachable!("only objects are entered") };
        let mut passed = serde_json::Map::new();
        for (name, value) in members {
            if value.is_object() && depth < MAX_DEPTH && KEYS.entered.contains(&name.as_str()) {
                passed.insert(name.clone(), by_tree(value, depth + 1));
            } else if KEYS.kept.contains(&name.as_str()) {
                passed.insert(name.clone(), value.clone());
            }
        }
        passed.into()
    }

    #[test]
    fn what_is_named_passes_and_nothing_else() {
        for (all, left) in [
            ("{}", "{}"),
            (r#"{ "type" : "a\"}" , "x":{"type":1} }"#, r#"{"type":"a\"}"}"#),
            (
                r#"{"x":1,"response":{"output":[{"type":"b"}],"usage":{"n":[1,{"m":"]"}]}}}"#,
                r#"{"response":{"usage":{"n":[1,{"m":"]"}]}}}"#,
            ),
            (r#"{"response":null,"item":["type"],"usage":-1.5e3 ,"type":true}"#, r#"{"usage":-1.5e3,"type":true}"#),
            (r#"{"item":{},"a\"b":"","":1}"#, r#"{"item":{}}"#),
        ] {
            for cut in 0..=all.len() {
                let (head, tail) = all.as_bytes().split_at(cut);
                assert_eq!(sieve([head, tail]), left, "{all} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_object_is_no_json_afterwards() {
        for bad in [
            "",
            " ",
            "7",
            "null",
            "[]",
            "[{}]",
            "\"a\"",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{,}",
            "{\"a\":1,}",
            "{\"a\":1]",
            "{\"a\":,}",
            "{\"a\":}",
            "{\"a\" 1}",
            "{a:1}",
            "{}}",
            "{}{}",
            "{} x",
            "{\"type\":tru}",
            "{\"response\":{\"a\":1}",
            "{\"a\":1 2}",
            "{\"a\":\"x\"\"y\"}",
            "{\"a\"::1}",
        ] {
            let left = sieve([bad.as_bytes()]);
            assert!(serde_json::from_str::<Value>(&left).is_err(), "{bad} became {left}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_none_that_is_looked_for() {
        let all = format!(r#"{{"{}":[1],"type":2}}"#, "type".repeat(10_000));
        assert_eq!(sieve([all.as_bytes()]), r#"{"type":2}"#);
        assert_eq!(sieve(all.as_bytes().chunks(1)), r#"{"type":2}"#);
    }

    #[test]
    fn objects_are_entered_to_a_depth() {
        let deep = format!("{}1{}", "{\"response\":".repeat(20), "}".repeat(20));
        let value: Value = serde_json::from_str(&sieve([deep.as_bytes()])).unwrap();
        assert_eq!(value, by_tree(&serde_json::from_str(&deep).unwrap(), 1));
    }

    #[test]
    fn what_passes_has_a_bound_and_what_is_dropped_has_none() {
        let mut sieve = Sieve::new(&KEYS);
        let mut out = Vec::new();
        assert_eq!(sieve.push(br#"{"output":["#, &mut out, 64), Ok(()));
        for _ in 0..10_000 {
            assert_eq!(sieve.push(br#""a long text, of which nothing is kept","#, &mut out, 64), Ok(()));
        }
        assert_eq!(sieve.push(br#"0],"type":""#, &mut out, 64), Ok(()));
        assert_eq!(String::from_utf8_lossy(&out), r#"{"type":""#);
        assert_eq!((0..100).find_map(|_| sieve.push(b"xxxxxxx", &mut out, 64).err()), Some(Full));
        assert!(out.len() <= 64);
    }

    #[test]
    fn what_need_not_pass_is_left_out_where_it_does_not_fit_however_it_is_cut() {
        let long = format!(r#"{{"item":{{"summary":[{{"text":"{}"}}],"type":"a"}},"type":"b"}}"#, "x".repeat(100));
        for cut in 0..=long.len() {
            let (head, tail) = long.as_bytes().split_at(cut);
            for (max_bytes, left) in
                [(50, r#"{"item":{"summary":false,"type":"a"},"type":"b"}"#), (1000, long.as_str())]
            {
                let (mut sieve, mut out) = (Sieve::new(&KEYS), Vec::new());
                assert_eq!(sieve.push(head, &mut out, max_bytes), Ok(()));
                assert_eq!(sieve.push(tail, &mut out, max_bytes), Ok(()));
                assert_eq!(String::from_utf8_lossy(&out), left, "cut at {cut}");
            }
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "(\\PC|\"|\\\\|\n){0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 4, |inner| {
            let name = prop_oneof![
                prop::sample::select(vec!["type", "usage", "response", "item"]).prop_map(str::to_owned),
                "(\\PC|\"|\\\\){0,3}"
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..5).prop_map(|map| json!(map)),
            ]
        })
    }

    fn pieces<'p>(bytes: &'p [u8], cuts: &[prop::sample::Index]) -> Vec<&'p [u8]> {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        at.sort_unstable();
        at.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_object_in_any_pieces_is_what_a_tree_makes_of_it(
            members in prop::collection::btree_map("(type|usage|response|item|\\PC{1,3})", any_value(), 0..5),
            pretty in any::<bool>(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let value = json!(members);
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let left = sieve(pieces(text.as_bytes(), &cuts));
            prop_assert_eq!(serde_json::from_str::<Value>(&left).unwrap(), by_tree(&value, 1), "{}", left);
        }

        #[test]
        fn any_bytes_in_any_pieces_give_the_same(
            text in "(\\{|\\}|\\[|\\]|,|:|\"|\\\\|type|item|1| |\n){0,40}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            prop_assert_eq!(sieve(pieces(text.as_bytes(), &cuts)), sieve([text.as_bytes()]));
        }
    }
}
