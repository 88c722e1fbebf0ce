//! The reader of the Responses API against recorded streams and the faults made from them: the same lines for every
//! split, and all of what a plain reader gets.

use reasoning_chat::answer::Thoughts;
use reasoning_chat::error::ChatError;
use reasoning_chat::protocol::sse::Decoder;
use reasoning_chat::protocol::{Next, Reader};
use reasoning_chat::settings::Api;
use serde_json::{Value, json};

use crate::support::shared;

/// Larger than the largest event.
const MAX_BYTES: usize = 1 << 20;

/// What came of a stream.
#[derive(Debug, PartialEq)]
struct Relayed {
    lines: String,
    /// The whole answer's finish reason, usage and thoughts; or the code it broke with, and whether output came before.
    end: Result<(String, String, Thoughts), (&'static str, bool)>,
}

/// `sifted`: as if nothing above so many bytes could be held once it has come in pieces.
fn relay<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, sifted: Option<usize>) -> Relayed {
    let mut reader = Reader::new(Api::Responses, false);
    let mut decoder = reader.decoder(MAX_BYTES);
    let mut lines = Vec::new();
    let end = read(pieces, sifted, &mut reader, &mut decoder, &mut lines).and_then(|()| reader.end(&mut lines));
    let answer = reader.answer();
    let end = end
        .map(|()| (answer.finish_reason().to_owned(), answer.usage().to_owned(), answer.thoughts()))
        .map_err(|error| (error.code().as_str(), answer.has_output()));
    Relayed { lines: String::from_utf8(lines).unwrap(), end }
}

fn read<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    sifted: Option<usize>,
    reader: &mut Reader,
    decoder: &mut Decoder,
    lines: &mut Vec<u8>,
) -> Result<(), ChatError> {
    for piece in pieces {
        let mut events = decoder.feed(piece);
        loop {
            events.sift_above(reader.sifts_above().map(|above| sifted.unwrap_or(above)));
            let Some(event) = events.next().unwrap() else { break };
            match reader.event(&event, lines)? {
                Next::Event | Next::Failed => {}
                Next::End => return Ok(()),
            }
        }
    }
    Ok(())
}

/// An event's name and data, and whether it was sifted.
type Told = (String, String, bool);

fn sifting(above: Option<usize>) -> (Decoder, Option<usize>) {
    (Reader::new(Api::Responses, false).decoder(MAX_BYTES), above)
}

fn events<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, above: Option<usize>) -> Vec<Told> {
    let (mut decoder, above) = sifting(above);
    let mut all = Vec::new();
    for piece in pieces {
        let mut events = decoder.feed(piece);
        events.sift_above(above);
        while let Some(event) = events.next().unwrap() {
            all.push((event.name.to_owned(), event.data.text().into_owned(), event.sifted));
        }
    }
    all
}

/// The same comparison without keeping the events, for the many splits.
fn gives(pieces: [&[u8]; 2], above: Option<usize>, expected: &[Told]) -> bool {
    let (mut decoder, above) = sifting(above);
    let mut expected = expected.iter();
    for piece in pieces {
        let mut events = decoder.feed(piece);
        events.sift_above(above);
        while let Some(event) = events.next().unwrap() {
            let same = |(name, data, sifted): &Told| {
                name == event.name && *data == *event.data.text() && *sifted == event.sifted
            };
            if !expected.next().is_some_and(same) {
                return false;
            }
        }
    }
    expected.next().is_none()
}

/// The texts of all lines, joined: thoughts, content, refusal; and the calls.
fn texts(lines: &str) -> (String, String, String, Vec<(String, String)>) {
    let (mut thoughts, mut content, mut refusal, mut calls) = (String::new(), String::new(), String::new(), Vec::new());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let known = ["index", "delta", "finish_reason", "content_filter_results", "content_filter_offsets"];
        assert!(keys.iter().all(|key| known.contains(key)), "{line}");
        assert_eq!(line["index"], 0);
        let text = |key: &str| line["delta"][key].as_str().unwrap_or_default();
        thoughts.push_str(text("reasoning_content"));
        content.push_str(text("content"));
        refusal.push_str(text("refusal"));
        for call in line["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            if let Some(name) = function["name"].as_str() {
                assert_eq!(call["index"], calls.len());
                assert!(call["id"].as_str().is_some_and(|id| id.starts_with("call_")), "{call}");
                calls.push((name.to_owned(), String::new()));
            }
            let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            calls[index].1.push_str(function["arguments"].as_str().unwrap());
        }
    }
    (thoughts, content, refusal, calls)
}

fn expected_thoughts(expect: &Value) -> Thoughts {
    let tokens = expect["usage_chat"]["completion_tokens_details"]["reasoning_tokens"].as_u64();
    match expect["reasoning_parts"].as_u64() {
        Some(0) | None if tokens.is_some_and(|tokens| tokens > 0) => Thoughts::Hidden,
        Some(0) | None => Thoughts::None,
        _ if expect["types"].get("response.reasoning_text.delta").is_some() => Thoughts::Shown,
        _ => Thoughts::Summary,
    }
}

/// What `index.json` says of a case, of what was relayed.
fn check(case: &Value, relayed: &Relayed) {
    let (expect, proposed) = (&case["expect"], &case["relay"]);
    let id = &case["id"];
    let text = |key: &str| proposed[key].as_str().or(expect[key].as_str()).unwrap_or_default().to_owned();
    let calls: Vec<(String, String)> = expect["tool_calls"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|call| (call["name"].as_str().unwrap().to_owned(), call["arguments"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(
        texts(&relayed.lines),
        (text("reasoning_text"), text("answer_text"), text("refusal_text"), calls),
        "{id}"
    );
    match (&relayed.end, proposed["line"].as_str()) {
        (Ok((reason, usage, thoughts)), Some("done")) => {
            assert_eq!(json!(reason), json!(proposed["finish_reason"].to_string()), "{id}");
            assert_eq!(serde_json::from_str::<Value>(usage).unwrap(), expect["usage_chat"], "{id}");
            assert_eq!(*thoughts, expected_thoughts(expect), "{id}");
            let last: Value = serde_json::from_str(relayed.lines.lines().last().unwrap()).unwrap();
            assert_eq!(last["finish_reason"], proposed["finish_reason"], "{id}");
        }
        (Err((code, had_output)), line) => {
            assert_eq!(*code, proposed["code"].as_str().unwrap(), "{id}");
            if proposed["status_or_line"].as_str().is_some_and(|when| when.starts_with("before any output")) {
                assert!(!had_output, "{id}: its status must still be possible");
            }
            assert_ne!(line, Some("done"), "{id}");
        }
        (end, line) => panic!("{id}: {end:?} where {line:?} was expected"),
    }
}

#[test]
fn every_stream_gives_what_a_plain_reader_gets_in_every_split() {
    let Some(folder) = shared::folder("responses-vectors") else { return };
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let cases = index["cases"].as_array().unwrap();
    for case in cases {
        let id = case["id"].as_str().unwrap();
        let bytes = std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        let whole = relay([&bytes[..]], None);
        check(case, &whole);
        for stride in [1, 2, 3, 7] {
            assert_eq!(relay(bytes.chunks(stride), None), whole, "{id}: stride {stride}");
        }
        // Every split into two gives the same events, sifted or not, and so the same lines; of the longest streams, whose
        // events are alike, a sample. Some are followed up to the lines.
        for (above, step) in [(None, 1), (Some(512), 7)] {
            let events = events([&bytes[..]], above);
            let step = if bytes.len() < 16_000 { step } else { 61 };
            for at in (0..=bytes.len()).step_by(step) {
                let (head, tail) = bytes.split_at(at);
                assert!(gives([head, tail], above, &events), "{id}: split at {at}");
            }
        }
        for at in (0..=bytes.len()).filter(|at| at % (bytes.len() / 24) == 0) {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(relay([head, tail], None), whole, "{id}: split at {at}");
        }
        // The same when nothing of the repetitions is held: deltas have less than 512 bytes, and no more is left of others.
        assert_eq!(relay([&bytes[..]], Some(512)), whole, "{id}: sifted");
        for stride in [1, 7, 500] {
            assert_eq!(relay(bytes.chunks(stride), Some(512)), whole, "{id}: sifted, stride {stride}");
        }
    }
    assert!(cases.len() >= 45, "only {} cases", cases.len());
}
