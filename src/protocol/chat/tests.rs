use proptest::prelude::*;

use super::*;
use crate::protocol::sse::Data;

/// The lines of some events, and how the answer ends: finish reason and usage, or the code.
type Relayed = (Vec<String>, Result<(String, String), Code>);

fn relay(events: &[&str]) -> Relayed {
    relay_with(events, |_| {})
}

/// The same, with something done to the answer before each event.
fn relay_with(events: &[&str], before: impl Fn(&mut Reader)) -> Relayed {
    let mut answer = Reader::default();
    let mut lines = Vec::new();
    let mut end = None;
    for data in events {
        before(&mut answer);
        match answer.event(&Event { name: "", data: (*data).into(), sifted: false }, &mut lines) {
            Ok(Next::Event | Next::Failed) => {}
            Ok(Next::End) => break,
            Err(error) => {
                end = Some(Err(error.code()));
                break;
            }
        }
    }
    let end = end.unwrap_or_else(|| answer.end(&mut lines).map_err(|error| error.code()));
    let end = end.map(|()| (answer.answer().finish_reason().to_owned(), answer.answer().usage().to_owned()));
    let lines = String::from_utf8(lines).unwrap();
    assert!(lines.is_empty() || lines.ends_with('\n'));
    (lines.lines().map(str::to_owned).collect(), end)
}

fn lines(events: &[&str]) -> Vec<String> {
    relay(events).0
}

fn code(event: &str) -> Code {
    relay(&[event]).1.unwrap_err()
}

const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

fn content(text: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{}}}}}]}}"#, serde_json::to_string(text).unwrap())
}

#[test]
fn what_passes_is_as_upstream_wrote_it_and_nothing_else_passes() {
    let event = r#"{"id":"x","system_fingerprint":"fp","obfuscation":"o","routing":{"a":1},"choices":[{"index":0,"delta":{"role":"assistant","content":"a\u00e9\n","function_call":null,"refusal":null,"tool_calls":[{"index":0, "id":"t"}],"reasoning_details":[]},"finish_reason":null,"logprobs":null,"content_filter_results":{"hate":{"filtered":false}},"matched_stop":7}],"usage":null}"#;
    assert_eq!(
        lines(&[event]),
        [
            r#"{"index":0,"delta":{"role":"assistant","content":"a\u00e9\n","refusal":null,"tool_calls":[{"index":0, "id":"t"}]},"finish_reason":null,"logprobs":null,"content_filter_results":{"hate":{"filtered":false}}}"#
        ]
    );
}

#[test]
fn fields_that_were_not_sent_are_not_made_up() {
    assert_eq!(lines(&[r#"{"choices":[{"delta":{"content":"a"}}]}"#]), [r#"{"index":0,"delta":{"content":"a"}}"#]);
    assert_eq!(
        lines(&[r#"{"choices":[{"index":1,"delta":null,"finish_reason":null}]}"#]),
        [r#"{"index":1,"finish_reason":null}"#]
    );
}

#[test]
fn events_without_choices_make_no_line_and_several_choices_make_one_each() {
    for event in ["", "{}", r#"{"choices":[]}"#, r#"{"choices":null,"prompt_filter_results":[]}"#] {
        assert!(lines(&[event]).is_empty(), "{event}");
    }
    let two = r#"{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]}"#;
    assert_eq!(lines(&[two]), [r#"{"index":0,"delta":{"content":"a"}}"#, r#"{"index":1,"delta":{"content":"b"}}"#]);
}

#[test]
fn every_dialect_of_thoughts_is_reasoning_content() {
    let thought = r#"{"index":0,"delta":{"reasoning_content":"hmm"}}"#;
    for delta in [
        r#"{"reasoning_content":"hmm"}"#,
        r#"{"reasoning":"hmm"}"#,
        r#"{"reasoning":"hmm","reasoning_content":"hmm"}"#,
        r#"{"reasoning":null,"reasoning_content":"hmm"}"#,
        r#"{"reasoning":"hmm","reasoning_content":null}"#,
    ] {
        assert_eq!(lines(&[&format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#)]), [thought], "{delta}");
    }
    assert_eq!(
        lines(&[&content("<think>"), &content("hmm"), &content("</think>"), &content("Hi")]),
        [thought, r#"{"index":0,"delta":{"content":"Hi"}}"#]
    );
}

#[test]
fn a_piece_with_both_makes_two_lines_and_the_rest_rides_on_the_last() {
    let event = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"\u003cthink\u003ea\u003c/think\u003eb"},"finish_reason":"stop","logprobs":null}]}"#;
    assert_eq!(
        lines(&[event]),
        [
            r#"{"index":0,"delta":{"reasoning_content":"a"},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"role":"assistant","content":"b"},"finish_reason":"stop","logprobs":null}"#
        ]
    );
}

#[test]
fn thoughts_of_both_kinds_in_one_delta_are_both_told() {
    let both = r#"{"choices":[{"index":0,"delta":{"reasoning":"a","content":"b"}}]}"#;
    assert_eq!(
        lines(&[&content("<think>"), both]),
        [
            r#"{"index":0,"delta":{"reasoning_content":"a"},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"reasoning_content":"b"}}"#
        ]
    );
    let end = r#"{"choices":[{"index":0,"delta":{"reasoning":"a","content":"b</think>c"},"finish_reason":"stop"}]}"#;
    assert_eq!(
        lines(&[&content("<think>"), end]),
        [
            r#"{"index":0,"delta":{"reasoning_content":"a"},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"reasoning_content":"b"},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"content":"c"},"finish_reason":"stop"}"#
        ]
    );
}

#[test]
fn a_think_tag_later_in_the_answer_is_text() {
    let event = content("See <think>this</think>.");
    assert_eq!(lines(&[&event]), [r#"{"index":0,"delta":{"content":"See <think>this</think>."}}"#]);
    let after_reasoning = [r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hmm"}}]}"#, &content("<think>x")];
    assert_eq!(lines(&after_reasoning)[1], r#"{"index":0,"delta":{"content":"<think>x"}}"#);
}

#[test]
fn what_was_held_back_as_a_tag_comes_out_with_the_end() {
    assert_eq!(
        lines(&[&content("<thin"), STOP]),
        [r#"{"index":0,"delta":{"content":"<thin"},"finish_reason":"stop"}"#]
    );
    let (cut, end) = relay(&[&content("<think>a</th")]);
    assert_eq!(
        cut,
        [
            r#"{"index":0,"delta":{"reasoning_content":"a"}}"#,
            r#"{"index":0,"delta":{"reasoning_content":"</th"},"finish_reason":null}"#
        ]
    );
    assert_eq!(end, Err(Code::UpstreamTruncated));
}

#[test]
fn each_choice_has_thoughts_of_its_own() {
    let event =
        |index: u32, text: &str| format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"{text}"}}}}]}}"#);
    let told = lines(&[&event(1, "<think>"), &event(0, "a"), &event(1, "b")]);
    assert_eq!(told, [r#"{"index":0,"delta":{"content":"a"}}"#, r#"{"index":1,"delta":{"reasoning_content":"b"}}"#]);
}

#[test]
fn the_last_finish_reason_and_usage_count() {
    let usage = r#"{"choices":[],"usage":{"total_tokens":7}}"#;
    assert_eq!(
        relay(&[STOP, usage, "[DONE]", "junk"]).1,
        Ok(("\"stop\"".to_owned(), r#"{"total_tokens":7}"#.to_owned()))
    );
    assert_eq!(relay(&[STOP]).1, Ok(("\"stop\"".to_owned(), "null".to_owned())), "[DONE] is not needed");
    assert_eq!(relay(&["[DONE]"]).1, Err(Code::UpstreamTruncated), "[DONE] is not enough");
    assert_eq!(relay(&[usage]).1, Err(Code::UpstreamTruncated));
}

#[test]
fn a_filters_verdict_counts_whenever_it_comes() {
    let verdict = r#"{"choices":[{"index":0,"finish_reason":null,"content_filter_results":{"custom_blocklists":[{"filtered":true}]},"content_filter_offsets":{"check_offset":1}}]}"#;
    let (told, end) = relay(&[STOP, verdict, "[DONE]"]);
    assert_eq!(
        told[1],
        r#"{"index":0,"finish_reason":null,"content_filter_results":{"custom_blocklists":[{"filtered":true}]},"content_filter_offsets":{"check_offset":1}}"#
    );
    assert_eq!(end.unwrap().0, "\"content_filter\"");
}

#[test]
fn what_is_no_chunk_is_a_protocol_fault() {
    for event in [
        "not JSON",
        "[DONE]x",
        " [DONE]",
        "null",
        "7",
        r#"{"choices":{}}"#,
        r#"{"choices":[[1]]}"#,
        r#"{"choices":[{"index":"a"}]}"#,
        r#"{"choices":[{"index":-1}]}"#,
        r#"{"choices":[{"index":99,"delta":{}}]}"#,
        r#"{"choices":[{"delta":{"content":7}}]}"#,
        r#"{"choices":[{"delta":{"reasoning":7}}]}"#,
        r#"{"choices":[]}}"#,
    ] {
        assert_eq!(code(event), Code::UpstreamProtocol, "{event}");
    }
}

#[test]
fn what_is_odd_but_plain_is_read_for_what_it_means() {
    for (event, line) in [
        (r#"{"choices":[{"index":"0","delta":[]}]}"#, r#"{"index":0,"delta":{}}"#),
        (r#"{"choices":[{"index":null,"delta":{"content":"a"}}],"usage":7}"#, r#"{"index":0,"delta":{"content":"a"}}"#),
        (
            r#"{"choices":[{"delta":{"content":"a","content":"b"}}],"id":1,"id":2}"#,
            r#"{"index":0,"delta":{"content":"b"}}"#,
        ),
        (r#"{"choices":[{"message":{"content":"a"}}],"error":""}"#, r#"{"index":0,"delta":{"content":"a"}}"#),
        (r#"{"choices":[{"delta":{"reasoning":[{"text":"a"}]}}]}"#, r#"{"index":0,"delta":{"reasoning_content":"a"}}"#),
    ] {
        assert_eq!(lines(&[event]), [line], "{event}");
    }
}

#[test]
fn a_finish_reason_that_says_nothing_is_none() {
    for nothing in ["null", r#""""#, r#""null""#, "7", "{}"] {
        let chunk = |text: &str| {
            format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":{nothing}}}]}}"#)
        };
        let (told, end) = relay(&[&chunk("<th"), &chunk("ink>a"), &chunk("</think>"), &chunk("b")]);
        assert_eq!(end, Err(Code::UpstreamTruncated), "{nothing}");
        let said: Vec<serde_json::Value> = told.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let joined = |field: &str| said.iter().filter_map(|line| line["delta"][field].as_str()).collect::<String>();
        assert_eq!((joined("reasoning_content"), joined("content")), ("a".to_owned(), "b".to_owned()), "{nothing}");
    }
}

#[test]
fn thoughts_and_answer_in_a_list_of_parts_are_told_apart() {
    let list = r#"[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":"Yes"}]"#;
    let event = format!(r#"{{"choices":[{{"index":0,"delta":{{"role":"assistant","content":{list}}}}}]}}"#);
    assert_eq!(
        lines(&[&event, &content("!")]),
        [
            r#"{"index":0,"delta":{"reasoning_content":"Hm"},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"role":"assistant","content":"Yes"}}"#,
            r#"{"index":0,"delta":{"content":"!"}}"#
        ]
    );
    let deep = format!("{}1{}", r#"[{"thinking":"#.repeat(40), "}]".repeat(40));
    assert_eq!(lines(&[&format!(r#"{{"choices":[{{"delta":{{"content":{deep}}}}}]}}"#)]), [] as [&str; 0]);
}

#[test]
fn the_first_half_of_a_character_waits_for_the_second() {
    let half = |escape: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{escape}"}}}}]}}"#);
    let (a, b) = (half(r"x\ud83d"), half(r"\ude04y"));
    assert_eq!(
        lines(&[&content("a"), &a, &b, &content("b")])[1..],
        [
            r#"{"index":0,"delta":{"content":"x"}}"#,
            r#"{"index":0,"delta":{"content":"\ud83d\ude04y"}}"#,
            r#"{"index":0,"delta":{"content":"b"}}"#
        ]
    );
    assert_eq!(
        lines(&[&content("<think>"), &a, &b])[1],
        r#"{"index":0,"delta":{"reasoning_content":"\ud83d\ude04y"}}"#
    );
    assert_eq!(lines(&[&a, &content("b")])[1], r#"{"index":0,"delta":{"content":"\ufffdb"}}"#, "it stays alone");
    assert_eq!(lines(&[&a])[1], "{\"index\":0,\"delta\":{\"content\":\"\u{FFFD}\"},\"finish_reason\":null}");
}

#[test]
fn half_a_thoughts_character_does_not_wait_for_content() {
    let thought = r#"{"choices":[{"index":0,"delta":{"reasoning_content":"\ud83d"}}]}"#;
    assert_eq!(
        lines(&[thought, &content("a")]),
        [
            "{\"index\":0,\"delta\":{\"reasoning_content\":\"\u{FFFD}\"},\"finish_reason\":null}",
            r#"{"index":0,"delta":{"content":"a"}}"#
        ]
    );
}

#[test]
fn no_half_of_a_character_passes_anywhere() {
    let event = r#"{"choices":[{"index":0,"delta":{"refusal":"\ud83d","tool_calls":[{"function":{"arguments":"\ud83d"}}]},"logprobs":{"content":[{"token":"\ude04"}]}}]}"#;
    assert_eq!(
        lines(&[event]),
        [
            r#"{"index":0,"delta":{"refusal":"","tool_calls":[{"function":{"arguments":"\ufffd"}}]},"logprobs":{"content":[{"token":"\ufffd"}]}}"#
        ]
    );
}

#[test]
fn half_a_character_beside_what_may_be_a_tag_does_not_break_the_answer() {
    let event = r#"{"choices":[{"index":0,"delta":{"content":" \ud83d"}}]}"#;
    assert_eq!(lines(&[event])[0], "{\"index\":0,\"delta\":{\"content\":\" \u{FFFD}\"},\"finish_reason\":null}");
    let event = r#"{"choices":[{"index":0,"delta":{"content":"<think>a</think>\ud83d"}}]}"#;
    assert_eq!(lines(&[event])[1], "{\"index\":0,\"delta\":{\"content\":\"\u{FFFD}\"},\"finish_reason\":null}");
}

#[test]
fn content_that_begins_inside_its_thoughts() {
    let mut reader = Reader::new(true);
    let mut lines = Vec::new();
    for text in ["Hm", "</think>", "Yes"] {
        reader.event(&Event { name: "", data: content(text).into(), sifted: false }, &mut lines).unwrap();
    }
    let told = String::from_utf8(lines).unwrap();
    assert!(told.contains(r#"{"reasoning_content":"Hm"}"#) && told.contains(r#"{"content":"Yes"}"#), "{told}");
    assert!(!reader.answer().is_missing_thoughts());
}

#[test]
fn a_closing_tag_of_thoughts_that_were_never_told_is_noticed() {
    for (pieces, noticed) in [
        (&["Hm", "a", "</th", "ink>", "Yes"][..], true),
        (&["<think>", "Hm", "</think>", "The tag </think>"][..], false),
        (&["Hm", "Yes"][..], false),
    ] {
        let mut reader = Reader::default();
        for text in pieces {
            reader.event(&Event { name: "", data: content(text).into(), sifted: false }, &mut Vec::new()).unwrap();
        }
        assert_eq!(reader.answer().is_missing_thoughts(), noticed, "{pieces:?}");
    }
}

#[test]
fn a_failure_in_the_stream_is_told_by_field_or_by_name() {
    assert_eq!(code(r#"{"error":{"message":"m"},"choices":[]}"#), Code::UpstreamError);
    let mut answer = Reader::default();
    let event = Event { name: "error", data: r#"{"code":"429","message":"m"}"#.into(), sifted: false };
    assert_eq!(answer.event(&event, &mut Vec::new()).unwrap_err().code(), Code::RateLimited);
    for (plain, meant) in [
        (r#"{"choices":null,"error_type":"overloaded","error_message":"m"}"#, Code::UpstreamError),
        (r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#, Code::UpstreamRejected),
    ] {
        assert_eq!(code(plain), meant, "{plain}");
    }
    for none in [r#"{"error":null,"choices":[]}"#, r#"{"error":{},"choices":[]}"#, r#"{"type":"ping"}"#] {
        assert!(lines(&[none]).is_empty(), "{none} is no failure");
    }
}

#[test]
fn an_event_of_several_lines_is_one_line() {
    let event = "{\n\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":{\n\"a\":1}}],\n\"usage\":{\n\"b\":2}}";
    let (told, _) = relay(&[event]);
    assert_eq!(told, [r#"{"index":0,"delta":{"content":"a"},"logprobs":{ "a":1}}"#]);
    assert_eq!(code("{\"choices\":[{\"delta\":{\"content\":\"a\nb\"}}]}"), Code::UpstreamProtocol, "not inside text");
}

/// Events around a text.
const SHAPES: [&str; 11] = [
    r#"{"choices":[{"index":0,"delta":{"content":"§"}}]}"#,
    r#"{"id":"x","choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":null,"reasoning_content":"§","role":null,"tool_calls":null},"finish_reason":null,"index":0,"logprobs":null}],"usage":null}"#,
    r#"{"choices":[{"delta":{"reasoning":"§","content":""},"index":0,"finish_reason":null}],"created":1}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"a","reasoning_content":"§"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"§"}},{"index":1,"delta":{"content":"§"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"§"},"finish_reason":"stop"}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"§"},"content_filter_results":{"hate":{"filtered":true}}}],"usage":{"total_tokens":1}}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"<think>§"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"§</think>"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"§"}}],"usage":null,"obfuscation":"¶"}"#,
    r#"{"obfuscation":"¶","choices":[{"index":0,"delta":{"reasoning_content":"§"}}]}"#,
];

#[test]
fn an_event_like_the_last_one_is_not_read() {
    let mut answer = Reader::default();
    let mut lines = Vec::new();
    let event = |text: &str| SHAPES[1].replace('§', text);
    let mut read = |answer: &mut Reader, data: &str| {
        lines.clear();
        answer.event(&Event { name: "", data: data.into(), sifted: false }, &mut lines).unwrap();
        String::from_utf8(lines.clone()).unwrap()
    };
    assert!(answer.repeat.line(event("b").as_bytes(), &mut Vec::new()).is_none());
    let first = read(&mut answer, &event("safe"));
    let mut repeated = Vec::new();
    assert!(
        answer.repeat.line(event("\\u00e9").as_bytes(), &mut repeated).is_some(),
        "the text itself, though it stands elsewhere too"
    );
    assert_eq!(
        String::from_utf8(repeated).unwrap(),
        first.replace("\"reasoning_content\":\"safe\"", "\"reasoning_content\":\"\\u00e9\"")
    );
    for (shape, is_remembered) in [
        (0, true),
        (1, true),
        (2, true),
        (3, false),
        (4, false),
        (5, false),
        (6, false),
        (7, false),
        (8, true),
        (9, true),
        (10, true),
    ] {
        let mut answer = Reader::default();
        let data = SHAPES[shape].replace('§', "a");
        read(&mut answer, &data);
        let padded = data.replace('¶', "other letters");
        assert_eq!(answer.repeat.line(padded.as_bytes(), &mut Vec::new()).is_some(), is_remembered, "{data}");
    }
}

/// Bytes that are no character, wherever they stand.
#[test]
fn broken_characters_are_replaced_in_an_event_like_the_last_one_too() {
    for shape in [SHAPES[1], SHAPES[9]] {
        let first = shape.replace('§', "a").replace('¶', "b");
        let second = shape.replace('§', "é and more").replace('¶', "ü");
        for (place, byte) in (0..=second.len()).flat_map(|place| [(place, 0xFF), (place, 0xC3), (place, 0x80)]) {
            let broken = [&second.as_bytes()[..place], &[byte], &second.as_bytes()[place..]].concat();
            let replaced = String::from_utf8_lossy(&broken);
            let read = |second: Data<'_>| {
                let (mut reader, mut lines) = (Reader::default(), Vec::new());
                let ends = [first.as_str().into(), second]
                    .map(|data| reader.event(&Event { name: "", data, sifted: false }, &mut lines).is_ok());
                (ends, String::from_utf8(lines).unwrap())
            };
            assert_eq!(read(broken.as_slice().into()), read((*replaced).into()), "{replaced}");
        }
    }
}

proptest! {
    /// Whatever text a model says, in whatever pieces: it arrives whole, each line is JSON.
    #[test]
    fn text_arrives_whole(pieces in prop::collection::vec("(<think>|</think>|<|\\PC|\n){0,4}", 0..10)) {
        let events: Vec<String> = pieces.iter().map(|piece| content(piece)).chain([STOP.to_owned()]).collect();
        let (told, end) = relay(&events.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(end.is_ok());
        let (mut thoughts, mut text) = (String::new(), String::new());
        for line in told {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            thoughts.push_str(line["delta"]["reasoning_content"].as_str().unwrap_or_default());
            text.push_str(line["delta"]["content"].as_str().unwrap_or_default());
        }
        let whole: String = pieces.concat();
        let trimmed = whole.trim_ascii_start();
        if trimmed.starts_with("<think>") {
            let space = &whole[..whole.len() - trimmed.len()];
            let inside = trimmed.strip_prefix("<think>").unwrap();
            let (inside, after) = inside.split_once("</think>").unwrap_or((inside, ""));
            prop_assert_eq!(thoughts, inside);
            prop_assert_eq!(text, format!("{space}{after}"));
        } else {
            prop_assert_eq!((thoughts, text), (String::new(), whole));
        }
    }

    /// An event that repeats another around its text makes the line that it makes when it is read by itself: whatever
    /// shape they share, whatever the texts are, JSON or not, and with a byte changed anywhere.
    #[test]
    fn repeated_events_make_the_lines_that_they_make_when_each_is_read(
        (shape, raw) in (0..SHAPES.len(), prop::collection::vec(("(\\\\\"|\\\\u00e9|\\\\|\"|</?think>|<|[a-zé \n]){0,4}", "[a-z\\\\\"]{0,3}"), 1..8)),
        other in 0..SHAPES.len(),
        change in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[\"{}\\\\,:a \n]?")),
    ) {
        let mut events: Vec<String> = raw.iter().map(|(raw, padding)| SHAPES[shape].replace('§', raw).replace('¶', padding)).collect();
        events.push(SHAPES[other].replace('§', &raw[0].0));
        events.push(SHAPES[shape].replace('§', &raw[0].0));
        if let Some((event, place, letter)) = change {
            let event = event.index(events.len());
            let text: Vec<char> = events[event].chars().collect();
            let place = place.index(text.len());
            let changed = [&text[..place], &letter.chars().collect::<Vec<_>>(), &text[place + 1..]].concat();
            events[event] = changed.into_iter().collect();
        }
        events.push(STOP.to_owned());
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        prop_assert_eq!(relay(&events), relay_with(&events, |answer| answer.repeat = Repeat::default()));
    }

    /// No event, however odd, makes a line that is not one JSON object.
    #[test]
    fn every_line_is_json(event in "(\\{|\\}|\\[|\\]|:|,|\"|choices|delta|content|index|error|null|true|7|\n| ){0,30}") {
        let (told, _) = relay(&[&event]);
        for line in told {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&line).unwrap().is_object());
        }
    }
}
