//! The decoder against the public suites and recorded streams: the same events for every split.

use reasoning_chat::protocol::sse::Decoder;
use serde_json::Value;

use crate::support::shared;

type Events = Vec<(String, String)>;

/// Larger than the largest case.
const MAX_BYTES: usize = 4 << 20;

fn decode<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Events {
    let mut decoder = Decoder::new(MAX_BYTES);
    let mut events = Events::new();
    for piece in pieces {
        let mut read = decoder.feed(piece);
        while let Some(event) = read.next().unwrap() {
            let name = if event.name.is_empty() { "message" } else { event.name };
            events.push((name.to_owned(), event.data.text().into_owned()));
        }
    }
    events
}

/// The same comparison without keeping the events, for the many splits.
fn gives(pieces: [&[u8]; 2], expected: &Events) -> bool {
    let mut decoder = Decoder::new(MAX_BYTES);
    let mut expected = expected.iter();
    for piece in pieces {
        let mut read = decoder.feed(piece);
        while let Some(event) = read.next().unwrap() {
            let name = if event.name.is_empty() { "message" } else { event.name };
            if expected.next().is_none_or(|(n, data)| n != name || *data != *event.data.text()) {
                return false;
            }
        }
    }
    expected.next().is_none()
}

/// The digest that the cases with many events carry. The third field is the event's id, empty in all of those.
fn digest(events: &Events) -> String {
    let text = events.iter().map(|(name, data)| format!("{name}\x1f{data}\x1f")).collect::<Vec<_>>().join("\x1e");
    super::streaming::sha256(&text)
}

#[test]
fn every_case_gives_its_events_in_every_split() {
    let Some(folder) = shared::folder("sse-vectors") else { return };
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let mut cases = 0;
    for case in index["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let file = case["file"].as_str().unwrap();
        if case["http"]["content-encoding"] == "gzip" {
            continue; // for the client, which refuses it; see `errors`
        }
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let whole = decode(std::iter::once(&bytes[..]));
        if let Some(expected) = case["expected_events"].as_array() {
            let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
            let expected: Events = expected.iter().map(|event| (text(event, "event"), text(event, "data"))).collect();
            assert_eq!(whole, expected, "{id}");
        } else {
            assert_eq!(digest(&whole), case["expected_events_sha256"], "{id}");
        }
        for stride in [1, 2, 3, 7] {
            assert_eq!(decode(bytes.chunks(stride)), whole, "{id}: stride {stride}");
        }
        // Every split into two. Of the two cases that repeat themselves, one line of 2 MiB and ten thousand lines that
        // are the same, those near the ends and a sample.
        let (length, near) = (bytes.len(), 4096);
        let lines = bytes.split(|byte| *byte == b'\n').count();
        let all = length < 128 * 1024 && lines < 5000;
        for at in (0..=length).filter(|at| all || *at < near || *at > length - near || at % 4099 == 0) {
            let (head, tail) = bytes.split_at(at);
            assert!(gives([head, tail], &whole), "{id}: split at {at}");
        }
        cases += 1;
    }
    assert!(cases >= 50, "only {cases} cases");
}
