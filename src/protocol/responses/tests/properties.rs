//! Whatever comes: nothing is lost or told twice, every line is JSON, and events that are not read make the lines that they
//! would.

use proptest::prelude::*;

use super::*;
use crate::protocol::sse::Data;

proptest! {
    /// Whatever texts come in whatever pieces, and again, whole, in any of the places where they are repeated: they arrive
    /// once, each line is JSON.
    #[test]
    fn texts_arrive_whole_and_once(
        parts in prop::collection::vec((0..2_usize, prop::collection::vec("(\\PC|\n|\"|😄){0,4}", 0..4), any::<[bool; 4]>()), 0..5),
    ) {
        let (mut events, mut expected, mut output) = (vec![added(99, "reasoning")], [String::new(), String::new()], Vec::new());
        for (at, (role, pieces, repeated)) in (0..).zip(&parts) {
            let joined = pieces.concat();
            if !joined.is_empty() {
                let paragraph = if expected[*role].is_empty() { "" } else { "\n\n" };
                expected[*role].extend([paragraph, &joined]);
            }
            let [kind, whole_kind, list, item] = [
                ["reasoning_summary_text", "reasoning_summary_part", "summary", "reasoning"],
                ["output_text", "content_part", "content", "message"],
            ][*role];
            events.push(added(at, item));
            // Without pieces one of the repetitions has to bring the text.
            let comes_in_pieces = repeated[3] || !repeated[..3].iter().any(|repeated| *repeated);
            if comes_in_pieces {
                events.extend(pieces.iter().map(|delta| piece(kind, at, 0, delta)));
            }
            let part = json!({ "type": (["summary_text", "output_text"][*role]), "text": joined });
            if repeated[0] {
                events.push(whole(kind, at, &joined));
            }
            if repeated[1] {
                events.push(json!({ "type": format!("response.{whole_kind}.done"), "output_index": at, "part": part }));
            }
            let value = json!({ "type": item, list: [part] });
            if repeated[2] {
                events.push(done(at, &value));
            }
            output.push(value);
        }
        events.push(json!({ "type": "response.completed", "response": { "output": output } }));
        prop_assert_eq!(texts(&events), expected, "{:?}", events);
    }

    /// No event, however odd, makes a line that is not one JSON object.
    #[test]
    fn every_line_is_json(
        events in prop::collection::vec("(\\{|\\}|\\[|\\]|:|,|\"|type|response|\\.|delta|done|output_text|item|null|7|\n| ){0,30}", 1..4),
    ) {
        let (mut reader, mut lines) = (Reader::new(false), Vec::new());
        for event in events {
            let _ = reader.event(&Event { name: "response.output_item.done", data: event.into(), sifted: false }, &mut lines);
        }
        let _ = reader.end(&mut lines);
        for line in String::from_utf8(lines).unwrap().lines() {
            prop_assert!(serde_json::from_str::<Value>(line).unwrap().is_object());
        }
    }

    /// Deltas that are like the last one make the lines that they make when each is read by itself: whatever changes in
    /// them, wherever it stands, and with a letter changed anywhere.
    #[test]
    fn quick_deltas_make_the_lines_that_they_make_when_each_is_read(
        raw in prop::collection::vec(("(\\\\\"|\\\\u00e9|\\\\ud83d|\\\\ude04|\\\\|\"|[a-zé \n]){0,4}", "[a-z]{0,3}", 0..120_u32), 1..8),
        order in Just(["type", "delta", "obfuscation", "sequence_number", "output_index"]).prop_shuffle(),
        kinds in prop::collection::vec(prop::sample::select(vec!["output_text", "reasoning_text", "function_call_arguments"]), 1..3),
        change in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[\"{}\\\\,:a0 \n]?")),
    ) {
        let mut events: Vec<String> = raw.iter().enumerate().map(|(at, (delta, padding, number))| {
            let members = order.iter().map(|name| match *name {
                "type" => format!(r#""type":"response.{}.delta""#, kinds[at * kinds.len() / raw.len()]),
                "delta" => format!(r#""delta":"{delta}""#),
                "obfuscation" => format!(r#""obfuscation":"{padding}""#),
                "sequence_number" => format!(r#""sequence_number":{number}"#),
                _ => r#""output_index":1"#.to_owned(),
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }).collect();
        if let Some((event, place, letter)) = change {
            let event = event.index(events.len());
            let text: Vec<char> = events[event].chars().collect();
            let place = place.index(text.len());
            events[event] = [&text[..place], &letter.chars().collect::<Vec<_>>(), &text[place + 1..]].concat().into_iter().collect();
        }
        let relay = |is_quick: bool| {
            let (mut reader, mut lines) = (Reader::new(false), Vec::new());
            let mut end = None;
            for event in &events {
                if !is_quick {
                    reader.quick.forget();
                }
                let before = lines.len();
                if let Err(error) = reader.event(&Event { name: "", data: event.as_str().into(), sifted: false }, &mut lines) {
                    lines.truncate(before);
                    end = Some(error.code());
                    break;
                }
            }
            let _ = reader.end(&mut lines);
            (String::from_utf8(lines).unwrap(), end)
        };
        prop_assert_eq!(relay(true), relay(false), "{:?}", events);
    }
}

#[test]
fn a_delta_like_the_last_one_is_not_read() {
    let mut reader = Reader::new(false);
    let delta = |text: &str, padding: &str, number: u32| {
        format!(
            r#"{{"type":"response.output_text.delta","delta":"{text}","obfuscation":"{padding}","logprobs":[],"sequence_number":{number}}}"#
        )
    };
    let first = delta("a", "xyz", 9);
    reader.event(&Event { name: "", data: first.as_str().into(), sifted: false }, &mut Vec::new()).unwrap();
    let next = delta("b\\n", "", 10);
    assert_eq!(reader.quick.delta(next.as_bytes()).map(|(_, text)| text), Some("\"b\\n\""));
    for other in [
        delta("a", "x", 10).replace("output_text", "refusal"),
        delta("\\ud83d", "x", 1),
        delta("a", "x", 1).replace(":1}", ":01}"),
    ] {
        assert_eq!(reader.quick.delta(other.as_bytes()), None, "{other}");
    }
}

/// Bytes that are no character, wherever they stand.
#[test]
fn broken_characters_are_replaced_in_a_delta_like_the_last_one_too() {
    let delta = |text: &str, padding: &str| {
        format!(
            r#"{{"type":"response.output_text.delta","delta":"{text}","obfuscation":"{padding}","sequence_number":7}}"#
        )
    };
    let (first, second) = (delta("a", "b"), delta("é and more", "ü"));
    for (place, byte) in (0..=second.len()).flat_map(|place| [(place, 0xFF), (place, 0xC3), (place, 0x80)]) {
        let broken = [&second.as_bytes()[..place], &[byte], &second.as_bytes()[place..]].concat();
        let replaced = String::from_utf8_lossy(&broken);
        let read = |second: Data<'_>| {
            let (mut reader, mut lines) = (Reader::new(false), Vec::new());
            let ends = [first.as_str().into(), second]
                .map(|data| reader.event(&Event { name: "", data, sifted: false }, &mut lines).is_ok());
            (ends, String::from_utf8(lines).unwrap())
        };
        assert_eq!(read(broken.as_slice().into()), read((*replaced).into()), "{replaced}");
    }
}
