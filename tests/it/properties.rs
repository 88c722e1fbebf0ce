//! The pure path as a whole, decoder and answer together: what is sent depends on what upstream said, and not on how it
//! was framed or cut.

use proptest::prelude::*;
use reasoning_chat::error::Code;
use reasoning_chat::protocol::Next;
use reasoning_chat::protocol::chat::Reader;
use reasoning_chat::protocol::sse::Decoder;
use serde_json::{Value, json};

/// The lines of a stream that comes in these pieces, and the code it ends with; `None` is a whole answer.
fn relay<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (String, Option<Code>) {
    let mut decoder = Decoder::new(1 << 20);
    let mut answer = Reader::default();
    let mut lines = Vec::new();
    let mut end = None;
    'stream: for piece in pieces {
        let mut events = decoder.feed(piece);
        while let Some(event) = events.next().unwrap() {
            let before = lines.len();
            match answer.event(&event, &mut lines) {
                Ok(Next::Event | Next::Failed) => {}
                Ok(Next::End) => break 'stream,
                Err(error) => {
                    lines.truncate(before);
                    end = Some(error.code());
                    break 'stream;
                }
            }
        }
    }
    let end = end.or_else(|| answer.end(&mut lines).err().map(|error| error.code()));
    (String::from_utf8(lines).unwrap(), end)
}

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// Chunks as upstreams send them, and things that are none.
fn any_event() -> impl Strategy<Value = String> {
    let text = "(<think>|</think>|<|\\PC|\n|\"){0,5}";
    let delta = (text, text, any_json()).prop_map(|(content, thought, other)| {
        json!({ "choices": [{ "index": 0, "delta": { "content": content, "reasoning_content": thought, "other": other }, "logprobs": null }] })
    });
    prop_oneof![
        6 => text.prop_map(|content| json!({ "choices": [{ "index": 0, "delta": { "content": content } }] })),
        3 => delta,
        2 => text.prop_map(|thought| json!({ "choices": [{ "index": 1, "delta": { "reasoning": thought } }] })),
        1 => any_json(),
        1 => any_json().prop_map(|value| json!({ "choices": [{ "index": 0, "content_filter_results": value }] })),
        1 => any_json().prop_map(|value| json!({ "choices": value })),
        1 => Just(json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] })),
        1 => any_json().prop_map(|usage| json!({ "choices": [], "usage": { "u": usage } })),
    ]
    .prop_map(|value| value.to_string())
}

/// The same events in a framing of its own: line ends, spaces, comments and fields that do not count.
fn framed(events: &[String], ends: &[&str], noise: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let end = ends[at % ends.len()];
        let noise = noise[at % noise.len()];
        for part in [noise, end, "data:", if at % 2 == 0 { " " } else { "" }, event, end, end] {
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    bytes
}

fn pieces<'p>(bytes: &'p [u8], cuts: &[prop::sample::Index]) -> Vec<&'p [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
    at.sort_unstable();
    at.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_json_in_any_framing_and_any_split_gives_the_same_lines(
        events in prop::collection::vec(any_event(), 0..8),
        ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", "\r"]), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        // Data that begins with a space would lose it to a framing without one.
        prop_assume!(events.iter().all(|event| !event.starts_with(' ')));
        let plain = framed(&events, &["\n"], &[": plain"]);
        let other = framed(&events, &ends, &[": keep-alive", "id: 7", "retry: 1", "event: message", "x"]);
        let expected = relay([&plain[..]]);
        prop_assert_eq!(&relay(pieces(&plain, &cuts)), &expected);
        prop_assert_eq!(&relay(pieces(&other, &cuts)), &expected);
        for line in expected.0.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            prop_assert!(line.is_object() && line.get("index").is_some());
        }
        prop_assert!(expected.0.is_empty() || expected.0.ends_with('\n'));
    }

    #[test]
    fn truncation_at_any_byte_is_never_a_whole_answer(
        events in prop::collection::vec("(<think>|</think>|<|\\PC){0,5}", 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut chunks: Vec<String> = events
            .iter()
            .map(|text| json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }).to_string())
            .collect();
        let before_finish = framed(&chunks, &["\n"], &[":"]).len();
        chunks.push(json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }).to_string());
        let whole = framed(&chunks, &["\n"], &[":"]);
        let cut = cut.index(whole.len());
        let (_, end) = relay([&whole[..cut]]);
        prop_assert_eq!(end, Some(Code::UpstreamTruncated), "cut at {} of {}, finish after {}", cut, whole.len(), before_finish);
        prop_assert_eq!(relay([&whole[..]]).1, None);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut stream = b"data: ".to_vec();
        stream.extend_from_slice(&bytes);
        stream.extend_from_slice(b"\n\n");
        relay([&stream[..]]);
        relay([&bytes[..]]);
    }
}
