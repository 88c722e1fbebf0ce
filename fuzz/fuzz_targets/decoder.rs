//! Any bytes, cut anywhere: the decoder gives the events that the standard's algorithm gives, and its bound holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reasoning_chat::protocol::sse::{Decoder, EventTooLarge};
use reasoning_chat_fuzz::cuts;

const WIDE: usize = 1 << 24;

fuzz_target!(|data: &[u8]| {
    let whole = read([data], WIDE);
    assert_eq!(whole, by_the_book(data, WIDE), "one piece, against the book");

    let cuts = cuts(data, data.len());
    let pieces = || cuts.windows(2).map(|cut| &data[cut[0]..cut[1]]);
    assert_eq!(read(pieces(), WIDE), whole, "cut at {cuts:?}");
    assert_eq!(read(data.chunks(1), WIDE), whole, "byte by byte");

    // A bound below three bytes would have to split the byte order mark.
    let max_bytes = 3 + usize::from(data.last().copied().unwrap_or_default()) % 64;
    let bounded = by_the_book(data, max_bytes);
    assert_eq!(read([data], max_bytes), bounded, "one piece within {max_bytes} bytes");
    assert_eq!(read(pieces(), max_bytes), bounded, "cut at {cuts:?} within {max_bytes} bytes");
    assert_eq!(read(data.chunks(1), max_bytes), bounded, "byte by byte within {max_bytes} bytes");
});

type Events = Vec<(String, String)>;

/// The events, and whether the bound was passed after them.
fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, max_bytes: usize) -> (Events, bool) {
    let mut decoder = Decoder::new(max_bytes);
    let mut events = Vec::new();
    for piece in pieces {
        let mut input = decoder.feed(piece);
        loop {
            match input.next() {
                Ok(Some(event)) => {
                    // One invalid byte becomes a character of three.
                    assert!(event.data.text().len() <= 3 * max_bytes, "an event over its bound");
                    events.push((event.name.to_owned(), event.data.text().into_owned()));
                }
                Ok(None) => break,
                Err(EventTooLarge { max_bytes: told }) => {
                    assert_eq!(told, max_bytes);
                    return (events, true);
                }
            }
        }
    }
    (events, false)
}

/// The standard's section 9.2.6, step by step and byte by byte; nothing shared with the decoder, nothing clever. The
/// bound is ours: no line but a comment, and no event's data, may be longer.
fn by_the_book(stream: &[u8], max_bytes: usize) -> (Events, bool) {
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let (mut events, mut event_type, mut data) = (Vec::new(), String::new(), Vec::new());
    let mut at = 0;
    while at < stream.len() {
        let start = at;
        while at < stream.len() && stream[at] != b'\r' && stream[at] != b'\n' {
            at += 1;
        }
        let line = &stream[start..at];
        if line.len() > max_bytes && line[0] != b':' {
            return (events, true);
        }
        if at == stream.len() {
            break; // the line never ended
        }
        at += if stream[at..].starts_with(b"\r\n") { 2 } else { 1 };

        if line.is_empty() {
            if data.is_empty() {
                event_type.clear();
            } else {
                data.pop();
                let text = String::from_utf8_lossy(&data).into_owned();
                events.push((std::mem::take(&mut event_type), text));
                data.clear();
            }
            continue;
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(0) => continue,
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], if value.first() == Some(&b' ') { &value[1..] } else { value })
            }
            None => (line, &b""[..]),
        };
        if field == b"event" {
            event_type = String::from_utf8_lossy(value).into_owned();
        } else if field == b"data" {
            data.extend_from_slice(value);
            data.push(b'\n');
            if data.len() - 1 > max_bytes {
                return (events, true);
            }
        }
    }
    (events, false)
}
