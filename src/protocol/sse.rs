//! Server-sent events: bytes in, events out. Pure, synchronous and bounded.
//!
//! The rules are those of the WHATWG HTML standard, section 9.2.6: CR, LF or CRLF end a line wherever the bytes are
//! split, one leading byte order mark is dropped, comments are ignored, the last event counts only when its blank line
//! came. `id` and `retry` are ignored too: they serve reconnection, and a `POST` is not sent twice. Invalid UTF-8
//! becomes U+FFFD.
//!
//! It is written here because the crates of the field do not hold what this program promises: a bound, no panic on a
//! byte order mark, the same events for every split of the bytes. An event that lies within one piece of input is
//! handed out where it lies; only what a split cuts apart is copied.
//!
//! A protocol that repeats whole answers in single events gives the decoder [`Keys`]: of an event that is larger than it
//! wants to hold, a `sieve` lets those members pass and drops the rest as it comes.

mod event;
mod sieve;

use memchr::memchr2;

use self::event::text;
pub use self::event::{Data, Event};
pub use self::sieve::Keys;
use self::sieve::{Full, Sieve};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A line, or an event's joined data, passed the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLarge {
    /// The bound, in bytes.
    pub max_bytes: usize,
}

/// Keeps what lies between two pieces of input: at most one unfinished line and one unfinished event.
#[derive(Debug)]
pub struct Decoder {
    /// No line (its field name counted, comments not) and no event's data may be longer. Bytes.
    max_bytes: usize,
    /// How much of a byte order mark has been seen; `None` once the stream's first bytes are behind us.
    mark: Option<usize>,
    /// The last line ended in CR at the very end of a piece: an LF that follows belongs to it.
    after_cr: bool,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    /// The data lines of the current event that had to be copied, joined.
    data: Vec<u8>,
    /// Whether the current event has a data line, copied or not.
    has_data: bool,
    /// The current event's name.
    name: String,
    /// `name` and `data` belong to an event that was handed out: clear them before going on.
    handed_out: bool,
    /// For events that are too large to be held.
    sifting: Option<Sifting>,
}

/// Where an event is sifted, and into what.
#[derive(Debug)]
struct Sifting {
    keys: &'static Keys,
    /// An event of more than so many bytes is sifted.
    above: usize,
    /// The current event is sifted; what passes is in the decoder's `data`.
    sieve: Option<Sieve>,
    /// Its unfinished line goes straight into the sieve; of the line only the field's name is kept.
    line: bool,
}

/// No event is sifted before so much has come.
const MIN_SIFTED: usize = 16;
/// How a line of data begins, the space included.
const DATA: &[u8] = b"data: ";

impl Decoder {
    /// A decoder at the start of a stream. No line and no event's data may be longer than `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            mark: Some(0),
            after_cr: false,
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            name: String::new(),
            handed_out: false,
            sifting: None,
        }
    }

    /// The same decoder, but an event that is too large is no fault: it is one JSON object, and of its members only `keys`
    /// pass. The bound is that of what passes.
    #[must_use]
    pub fn sifting(self, keys: &'static Keys) -> Self {
        let above = self.max_bytes;
        Self { sifting: Some(Sifting { keys, above, sieve: None, line: false }), ..self }
    }

    /// Takes the next piece of the stream. The returned [`Events`] must be read until it answers `None` or an error;
    /// what is left in it when it is dropped is lost.
    pub fn feed<'d, 'p>(&'d mut self, piece: &'p [u8]) -> Events<'d, 'p> {
        Events { decoder: self, rest: piece, data: &[] }
    }
}

/// The events that one piece of input completes.
#[derive(Debug)]
pub struct Events<'d, 'p> {
    decoder: &'d mut Decoder,
    /// What has not been read yet.
    rest: &'p [u8],
    /// The current event's data while it is a single line of this very piece.
    data: &'p [u8],
}

impl<'p> Events<'_, 'p> {
    /// Sifts the events to come from so many bytes on, where the decoder sifts at all: they hold nothing new but the
    /// members that pass. `None`: only those that are larger than they may be.
    pub fn sift_above(&mut self, bytes: Option<usize>) {
        let max_bytes = self.decoder.max_bytes;
        if let Some(sifting) = &mut self.decoder.sifting {
            sifting.above = bytes.unwrap_or(max_bytes).max(MIN_SIFTED).min(max_bytes);
        }
    }

    /// The next event, or `None` when the piece is used up.
    ///
    /// # Errors
    /// [`EventTooLarge`]; the stream cannot be read on after it.
    #[expect(clippy::should_implement_trait, reason = "the event borrows from the decoder: no Iterator can lend")]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, EventTooLarge> {
        if self.decoder.handed_out {
            self.decoder.handed_out = false;
            self.decoder.has_data = false;
            self.decoder.name.clear();
            self.decoder.data.clear();
            self.decoder.end_sifting();
            self.data = &[];
        }
        self.skip_mark();
        loop {
            let Some((line, rest)) = self.split_line() else {
                self.keep_for_later()?;
                return Ok(None);
            };
            self.rest = rest;
            let dispatch = if self.decoder.line.is_empty() {
                self.field(line)?
            } else {
                // The line began in an earlier piece.
                self.decoder.grow_line(line)?;
                let line = std::mem::take(&mut self.decoder.line);
                let dispatch = self.copied_field(&line)?;
                self.decoder.line = line;
                self.decoder.line.clear();
                dispatch
            };
            if dispatch {
                if self.decoder.has_data {
                    self.decoder.handed_out = true;
                    let data = if self.data.is_empty() { self.decoder.data.as_slice() } else { self.data };
                    let sifted = self.decoder.is_sifting();
                    return Ok(Some(Event { name: &self.decoder.name, data: data.into(), sifted }));
                }
                self.decoder.name.clear();
            }
        }
    }

    /// Drops the byte order mark at the start of the stream, however it is split.
    fn skip_mark(&mut self) {
        while let Some(seen) = self.decoder.mark {
            let Some(expected) = BYTE_ORDER_MARK.get(seen) else {
                self.decoder.mark = None;
                return;
            };
            let Some((byte, rest)) = self.rest.split_first() else { return };
            if byte == expected {
                self.rest = rest;
                self.decoder.mark = Some(seen + 1);
            } else {
                // Not a mark after all: what looked like one begins the first line.
                self.decoder.line.extend_from_slice(BYTE_ORDER_MARK.get(..seen).unwrap_or_default());
                self.decoder.mark = None;
            }
        }
    }

    /// The next line without its end, and what follows it; `None` when the piece holds no further line end.
    fn split_line(&mut self) -> Option<(&'p [u8], &'p [u8])> {
        if self.decoder.after_cr && !self.rest.is_empty() {
            self.decoder.after_cr = false;
            self.rest = self.rest.strip_prefix(b"\n").unwrap_or(self.rest);
        }
        let end = memchr2(b'\n', b'\r', self.rest)?;
        let (line, rest) = self.rest.split_at_checked(end)?;
        match rest {
            [b'\r'] => {
                self.decoder.after_cr = true;
                Some((line, &[]))
            }
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => Some((line, rest)),
            [] => None,
        }
    }

    /// Reads one whole line of this piece; an event's only line of data stays where it lies. Answers whether it was the blank line that ends an event.
    fn field(&mut self, line: &'p [u8]) -> Result<bool, EventTooLarge> {
        if line.len() > self.decoder.line_bound() && line.first() != Some(&b':') {
            if self.decoder.sifting.is_some()
                && let Field::Data(value) = split_field(line)
            {
                self.copy_data();
                self.decoder.begin_sifting()?;
                self.decoder.sift(value)?;
                return Ok(false);
            }
            if line.len() > self.decoder.max_bytes {
                return Err(self.decoder.too_large());
            }
        }
        if let Field::Data(value) = split_field(line)
            && !self.decoder.has_data
            && !value.is_empty()
        {
            self.decoder.has_data = true;
            self.data = value;
            return Ok(false);
        }
        self.copied_field(line)
    }

    /// Reads one line whose data, if it has any, is copied. Answers whether it was the blank line that ends an event.
    fn copied_field(&mut self, line: &[u8]) -> Result<bool, EventTooLarge> {
        match split_field(line) {
            Field::Blank => return Ok(true),
            Field::Data(value) => {
                self.copy_data();
                self.decoder.add_data(value)?;
            }
            Field::Name(value) => self.decoder.set_name(value),
            Field::Ignored => {}
        }
        Ok(false)
    }

    /// Copies the data that still lies in this piece: another line joins it, or the piece ends.
    fn copy_data(&mut self) {
        if !self.data.is_empty() {
            self.decoder.data.extend_from_slice(self.data);
            self.data = &[];
        }
    }

    /// Keeps the unfinished end of the piece.
    fn keep_for_later(&mut self) -> Result<(), EventTooLarge> {
        self.copy_data();
        let rest = std::mem::take(&mut self.rest);
        self.decoder.grow_line(rest)
    }
}

impl Decoder {
    fn too_large(&self) -> EventTooLarge {
        EventTooLarge { max_bytes: self.max_bytes }
    }

    /// How long a line may be without further question.
    fn line_bound(&self) -> usize {
        self.sifting.as_ref().map_or(self.max_bytes, |sifting| sifting.above)
    }

    /// Adds to the unfinished line. Of a comment only the colon is kept, so that it may be of any length.
    fn grow_line(&mut self, more: &[u8]) -> Result<(), EventTooLarge> {
        let is_comment = self.line.first().or(more.first()) == Some(&b':');
        if is_comment {
            self.line.clear();
            self.line.push(b':');
        } else if self.sifting.as_ref().is_some_and(|sifting| sifting.line) {
            self.sift(more)?;
        } else if self.line.len() + more.len() > self.line_bound() {
            self.grow_long_line(more)?;
        } else {
            self.line.extend_from_slice(more);
        }
        Ok(())
    }

    /// Adds to an unfinished line that grows too long to be held.
    fn grow_long_line(&mut self, more: &[u8]) -> Result<(), EventTooLarge> {
        let length = self.line.len() + more.len();
        // As much of it as tells its field.
        let (head, tail) = more.split_at_checked(DATA.len().saturating_sub(self.line.len())).unwrap_or((more, &[]));
        self.line.extend_from_slice(head);
        if self.sifting.is_some() && self.line.starts_with(b"data:") {
            let mut line = std::mem::take(&mut self.line);
            self.begin_sifting()?;
            if let Field::Data(value) = split_field(&line) {
                self.sift(value)?;
            }
            self.sift(tail)?;
            line.truncate(b"data:".len());
            self.line = line;
            if let Some(sifting) = &mut self.sifting {
                sifting.line = true;
            }
        } else if length > self.max_bytes {
            return Err(self.too_large());
        } else {
            self.line.extend_from_slice(tail);
        }
        Ok(())
    }

    /// Adds one line to the current event's data. The event's lines so far have been copied.
    fn add_data(&mut self, value: &[u8]) -> Result<(), EventTooLarge> {
        let length = self.data.len() + usize::from(self.has_data) + value.len();
        if let Some(sifting) = &mut self.sifting {
            if std::mem::take(&mut sifting.line) {
                // It is in the sieve.
                return Ok(());
            }
            if sifting.sieve.is_some() || length > sifting.above {
                self.begin_sifting()?;
                return self.sift(value);
            }
        }
        if length > self.max_bytes {
            return Err(self.too_large());
        }
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
        Ok(())
    }

    /// A line of data goes into the sieve; what the event has so far goes before it.
    fn begin_sifting(&mut self) -> Result<(), EventTooLarge> {
        if let Some(sifting) = &mut self.sifting
            && sifting.sieve.is_none()
        {
            sifting.sieve = Some(Sieve::new(sifting.keys));
            let held = std::mem::take(&mut self.data);
            self.sift(&held)?;
        }
        if std::mem::replace(&mut self.has_data, true) {
            self.sift(b"\n")?;
        }
        Ok(())
    }

    fn sift(&mut self, more: &[u8]) -> Result<(), EventTooLarge> {
        let sieve = self.sifting.as_mut().and_then(|sifting| sifting.sieve.as_mut());
        match sieve.map(|sieve| sieve.push(more, &mut self.data, self.max_bytes)) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(Full)) => Err(self.too_large()),
        }
    }

    fn is_sifting(&self) -> bool {
        self.sifting.as_ref().is_some_and(|sifting| sifting.sieve.is_some())
    }

    fn end_sifting(&mut self) {
        if let Some(sifting) = &mut self.sifting {
            sifting.sieve = None;
        }
    }

    fn set_name(&mut self, value: &[u8]) {
        self.name.clear();
        self.name.push_str(&text(value));
    }
}

enum Field<'a> {
    Blank,
    Data(&'a [u8]),
    Name(&'a [u8]),
    /// Comments, `id`, `retry` and whatever else may come.
    Ignored,
}

fn split_field(line: &[u8]) -> Field<'_> {
    if let Some(value) = line.strip_prefix(b"data:") {
        return Field::Data(value.strip_prefix(b" ").unwrap_or(value));
    }
    if let Some(value) = line.strip_prefix(b"event:") {
        return Field::Name(value.strip_prefix(b" ").unwrap_or(value));
    }
    match line {
        b"" => Field::Blank,
        // A line without a colon is a field with an empty value.
        b"data" => Field::Data(b""),
        b"event" => Field::Name(b""),
        _ => Field::Ignored,
    }
}

#[cfg(test)]
mod tests;
