use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::answer::Thoughts;

/// What came of events.
#[derive(Debug, PartialEq)]
struct Relayed {
    lines: Vec<String>,
    /// Finish reason, usage, thoughts.
    end: Result<(String, String, Thoughts), Code>,
}

fn read(reader: &mut Reader, events: &[Value], sifted: bool) -> Relayed {
    let mut lines = Vec::new();
    let mut end = Ok(());
    for event in events {
        let event = Event { name: "", data: event.to_string().into(), sifted };
        match reader.event(&event, &mut lines) {
            Ok(Next::Event | Next::Failed) => {}
            Ok(Next::End) => break,
            Err(error) => {
                end = Err(error);
                break;
            }
        }
    }
    let end = end.and_then(|()| reader.end(&mut lines)).map_err(|error| error.code());
    let answer = reader.answer();
    Relayed {
        lines: String::from_utf8(lines).unwrap().lines().map(str::to_owned).collect(),
        end: end.map(|()| (answer.finish_reason().to_owned(), answer.usage().to_owned(), answer.thoughts())),
    }
}

fn relay(events: &[Value]) -> Relayed {
    read(&mut Reader::new(false), events, false)
}

/// The texts of all lines: thoughts and content.
fn texts(events: &[Value]) -> [String; 2] {
    let lines: Vec<Value> = relay(events).lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    ["reasoning_content", "content"]
        .map(|key| lines.iter().map(|line| line["delta"][key].as_str().unwrap_or_default()).collect())
}

fn code(events: &[Value]) -> Code {
    relay(events).end.unwrap_err()
}

fn reason(events: &[Value]) -> String {
    relay(events).end.unwrap().0
}

fn piece(kind: &str, item: u32, index: u32, delta: &str) -> Value {
    json!({
        "type": format!("response.{kind}.delta"), "output_index": item, "content_index": index, "summary_index": index,
        "delta": delta, "item_id": "x", "obfuscation": "abc"
    })
}

fn text(item: u32, delta: &str) -> Value {
    piece("output_text", item, 0, delta)
}

fn summary(item: u32, index: u32, delta: &str) -> Value {
    piece("reasoning_summary_text", item, index, delta)
}

fn thought(item: u32, delta: &str) -> Value {
    piece("reasoning_text", item, 0, delta)
}

fn whole(kind: &str, item: u32, text: &str) -> Value {
    json!({ "type": format!("response.{kind}.done"), "output_index": item, "text": text })
}

fn added(item: u32, kind: &str) -> Value {
    json!({ "type": "response.output_item.added", "output_index": item, "item": { "type": kind } })
}

fn done(item: u32, value: &Value) -> Value {
    json!({ "type": "response.output_item.done", "output_index": item, "item": value })
}

fn completed() -> Value {
    json!({ "type": "response.completed", "response": { "status": "completed" } })
}

#[test]
fn lines_have_chats_shape_and_nothing_else_passes() {
    let relayed = relay(&[
        json!({ "type": "response.created", "response": { "instructions": "secret", "status": "in_progress" } }),
        added(0, "reasoning"),
        summary(0, 0, "a\n"),
        added(1, "message"),
        text(1, ""),
        text(1, "b\""),
        json!({
            "type": "response.completed", "response": {
                "status": "completed", "instructions": "secret", "output": ["b"],
                "usage": {
                    "input_tokens": 1, "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 9 },
                    "output_tokens": 3, "output_tokens_details": { "reasoning_tokens": 2 }, "total_tokens": 4, "cost": 1
                },
                "content_filters": [{
                    "blocked": false, "source_type": "completion",
                    "content_filter_results": { "hate": { "filtered": false } }, "content_filter_offsets": { "end_offset": 2 }
                }]
            }
        }),
    ]);
    assert_eq!(
        relayed.lines,
        [
            r#"{"index":0,"delta":{"reasoning_content":"a\n"},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"content":"b\""},"finish_reason":null}"#,
            r#"{"index":0,"delta":{},"finish_reason":"stop","content_filter_results":{"hate":{"filtered":false}},"content_filter_offsets":{"end_offset":2}}"#,
        ]
    );
    let usage = r#"{"prompt_tokens":1,"completion_tokens":3,"total_tokens":4,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":2}}"#;
    assert_eq!(relayed.end, Ok(("\"stop\"".to_owned(), usage.to_owned(), Thoughts::Summary)));
}

#[test]
fn paragraphs_have_a_blank_line_between_them() {
    let events = [
        summary(0, 0, "a"),
        summary(0, 0, "b"),
        summary(0, 1, ""),
        summary(0, 1, "c"),
        text(1, "x"),
        piece("output_text", 1, 1, "y"),
        summary(2, 0, "d"),
        text(3, "z"),
        text(1, "!"),
        completed(),
    ];
    assert_eq!(texts(&events), ["ab\n\nc\n\nd", "xy\n\nz!"]);
}

#[test]
fn of_thoughts_in_two_forms_the_first_is_told() {
    assert_eq!(texts(&[thought(0, "a"), summary(0, 0, "s"), thought(0, "b"), completed()])[0], "ab");
    assert_eq!(texts(&[summary(0, 0, "s"), thought(0, "a"), thought(1, "b"), completed()])[0], "s\n\nb");
    let item = json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "s" }],
        "content": [{ "type": "reasoning_text", "text": "a" }] });
    assert_eq!(texts(&[done(0, &item), completed()])[0], "s");
    assert_eq!(relay(&[thought(0, "a"), completed()]).end.unwrap().2, Thoughts::Shown);
}

#[test]
fn a_text_that_comes_again_is_told_once_and_what_is_new_in_it_is_told() {
    for (events, content) in [
        (vec![whole("output_text", 0, "abc")], "abc"),
        (vec![text(0, "ab"), whole("output_text", 0, "abc")], "abc"),
        (vec![text(0, "abc"), whole("output_text", 0, "abc")], "abc"),
        (vec![text(0, "abx"), whole("output_text", 0, "abc")], "abx"),
        (vec![text(0, "é"), whole("output_text", 0, "")], "é"),
        (vec![json!({ "type": "response.content_part.done", "part": { "type": "output_text", "text": "a" } })], "a"),
        (vec![done(0, &json!({ "type": "message", "content": [{ "type": "output_text", "text": "a" }] }))], "a"),
        (
            vec![
                text(0, "a"),
                done(0, &json!({ "type": "message", "content": [{ "type": "output_text", "text": "z" }] })),
            ],
            "a",
        ),
    ] {
        let events = [events, vec![completed()]].concat();
        assert_eq!(texts(&events)[1], content, "{events:?}");
    }
    let output = json!({ "type": "response.completed", "response": { "status": "completed", "output": [
        { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "s" }] },
        { "type": "message", "content": [{ "type": "output_text", "text": "a" }] },
    ] } });
    assert_eq!(texts(std::slice::from_ref(&output)), ["s", "a"], "all that came");
    assert_eq!(texts(&[text(0, "b"), output]), ["", "b"]);
}

#[test]
fn halves_of_characters_wait_for_each_other() {
    let event = |kind: &str, item: u32, json: &str| {
        let raw = format!(r#"{{"type":"response.{kind}.delta","output_index":{item},"delta":{json}}}"#);
        Event { name: "", data: raw.into(), sifted: false }
    };
    let told = |events: Vec<Event<'_>>| {
        let (mut reader, mut lines) = (Reader::new(false), Vec::new());
        for event in &events {
            assert_eq!(reader.event(event, &mut lines).unwrap(), Next::Event);
        }
        assert!(reader.end(&mut lines).is_err());
        let lines: Vec<Value> =
            String::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter().map(|line| line["delta"].to_string()).collect::<Vec<_>>()
    };
    let (first, second) = (r#""a\ud83d""#, r#""\ude04""#);
    assert_eq!(
        told(vec![event("output_text", 0, first), event("output_text", 0, second)]),
        [r#"{"content":"a"}"#, r#"{"content":"😄"}"#]
    );
    assert_eq!(
        told(vec![event("reasoning_text", 0, first), event("output_text", 1, r#""b""#)]),
        [r#"{"reasoning_content":"a"}"#, "{\"reasoning_content\":\"\u{FFFD}\"}", r#"{"content":"b"}"#]
    );
    assert_eq!(told(vec![event("output_text", 0, first)]), [r#"{"content":"a"}"#, "{\"content\":\"\u{FFFD}\"}"]);
    let whole =
        Event { name: "", data: r#"{"type":"response.output_text.done","text":"a😄b"}"#.into(), sifted: false };
    assert_eq!(told(vec![event("output_text", 0, first), whole]), [r#"{"content":"a"}"#, r#"{"content":"😄b"}"#]);
}

#[test]
fn calls_are_told_with_chats_indices() {
    let begin = |item: u32, name: &str| {
        json!({ "type": "response.output_item.added", "output_index": item,
            "item": { "arguments": "", "call_id": format!("call_{item}"), "id": "fc", "name": name, "type": "function_call" } })
    };
    let relayed = relay(&[
        added(0, "reasoning"),
        begin(1, "f"),
        piece("function_call_arguments", 1, 0, "{\""),
        piece("function_call_arguments", 1, 0, "}"),
        json!({ "type": "response.function_call_arguments.done", "output_index": 1, "arguments": "{\"}" }),
        done(3, &json!({ "type": "function_call", "call_id": "c", "name": "g", "arguments": "{}" })),
        completed(),
    ]);
    assert_eq!(
        relayed.lines[..5],
        [
            r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\""}}]},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c","type":"function","function":{"name":"g","arguments":""}}]},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]},"finish_reason":null}"#,
        ]
    );
    assert_eq!(relayed.end.unwrap().0, "\"tool_calls\"");
}

#[test]
fn each_end_has_its_reason() {
    let ending = |kind: &str, response: Value| json!({ "type": format!("response.{kind}"), "response": response });
    for (event, expected) in [
        (completed(), "stop"),
        (ending("completed", json!({})), "stop"),
        (ending("completed", json!({ "status": "in_progress" })), "stop"),
        (ending("completed", json!({ "status": "incomplete" })), "length"),
        (ending("incomplete", json!({ "incomplete_details": { "reason": "max_output_tokens" } })), "length"),
        (ending("incomplete", json!({ "incomplete_details": { "reason": "something new" } })), "length"),
        (ending("incomplete", Value::Null), "length"),
        (ending("incomplete", json!({ "incomplete_details": { "reason": "content_filter" } })), "content_filter"),
        (
            ending("completed", json!({ "content_filters": [{ "blocked": true, "source_type": "prompt" }] })),
            "content_filter",
        ),
        (
            ending(
                "completed",
                json!({ "content_filters": [{ "content_filter_results": { "hate": { "filtered": true } } }] }),
            ),
            "content_filter",
        ),
        (
            ending(
                "completed",
                json!({ "content_filters": [{ "content_filter_results": { "jailbreak": { "detected": true } } }] }),
            ),
            "stop",
        ),
    ] {
        let told = reason(&[text(0, "a"), event.clone(), json!({ "type": "error", "message": "too late" })]);
        assert_eq!(told, format!("\"{expected}\""), "{event}");
    }
    for usage in [Value::Null, json!({}), json!([]), json!({ "input_tokens": "1" })] {
        let end = relay(&[ending("completed", json!({ "usage": usage }))]).end;
        assert_eq!(end.unwrap().1, "null", "{usage}");
    }
}

#[test]
fn failures_are_told_in_either_order_and_without_a_reason() {
    let failed =
        |error: Value| json!({ "type": "response.failed", "response": { "status": "failed", "error": error } });
    let limit = json!({ "code": "rate_limit_exceeded", "message": "m" });
    let error = |error: &Value| json!({ "type": "error", "error": error });
    assert_eq!(code(&[error(&limit), failed(limit.clone())]), Code::RateLimited);
    assert_eq!(code(&[failed(Value::Null), error(&limit)]), Code::RateLimited);
    assert_eq!(code(&[failed(Value::Null), text(0, "a"), json!({ "type": "x" }), error(&limit)]), Code::RateLimited);
    assert_eq!(code(&[failed(Value::Null), failed(limit.clone())]), Code::RateLimited);
    assert_eq!(code(&[failed(limit.clone())]), Code::RateLimited);
    assert_eq!(code(&[failed(Value::Null)]), Code::UpstreamError);
    assert_eq!(code(&[failed(Value::Null), completed()]), Code::UpstreamError);
    assert_eq!(code(&[json!({ "type": "error", "code": "content_filter", "message": "m" })]), Code::ContentFilter);
    assert_eq!(code(&[json!({ "error": { "code": "429" } })]), Code::RateLimited, "an error without a type");
    let filtered = json!({ "type": "response.failed", "response": { "error": null, "content_filters": [
        { "blocked": true, "source_type": "prompt", "content_filter_results": { "hate": { "filtered": true } } }] } });
    assert_eq!(code(&[filtered]), Code::ContentFilter);
    let mut reader = Reader::new(false);
    let event = Event { name: "", data: failed(Value::Null).to_string().into(), sifted: false };
    assert_eq!(reader.event(&event, &mut Vec::new()).unwrap(), Next::Failed);
    assert!(!reader.answer().is_finished());
}

#[test]
fn an_end_is_only_what_says_that_it_is_one() {
    assert_eq!(
        code(&[text(0, "a"), whole("output_text", 0, "a"), done(0, &json!({ "type": "message" }))]),
        Code::UpstreamTruncated
    );
    assert_eq!(code(&[]), Code::UpstreamTruncated);
    let mut reader = Reader::new(false);
    let event = Event { name: "", data: "[DONE]".into(), sifted: false };
    assert_eq!(reader.event(&event, &mut Vec::new()).unwrap(), Next::End);
    assert_eq!(reader.end(&mut Vec::new()).unwrap_err().code(), Code::UpstreamTruncated);
}

#[test]
fn what_is_unknown_is_skipped_and_what_is_another_protocol_is_a_fault() {
    let unknown = [
        json!({ "type": "response.web_search_call.in_progress", "delta": 7 }),
        json!({ "type": "response.custom_tool_call_input.delta", "delta": "x" }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 9, "delta": "x" }),
        json!({ "type": "keepalive" }),
        json!({ "type": 7 }),
        json!({}),
        done(0, &json!({ "type": "image_generation_call", "result": "abc" })),
        done(1, &json!([])),
        json!({ "type": "response.content_part.done", "part": { "type": "new_text", "text": "x" } }),
    ];
    assert_eq!(relay(&[&unknown[..], &[completed()]].concat()).lines.len(), 1);
    assert_eq!(code(&[json!({ "choices": [], "object": "chat.completion.chunk" })]), Code::UpstreamProtocol);
    assert_eq!(code(&[json!([1])]), Code::UpstreamProtocol);
    assert_eq!(code(&[json!({ "type": "response.output_text.delta", "delta": 7 })]), Code::UpstreamProtocol);
    let mut reader = Reader::new(false);
    let named = Event { name: "response.output_text.delta", data: r#"{"delta":"a"}"#.into(), sifted: false };
    assert_eq!(reader.event(&named, &mut Vec::new()).unwrap(), Next::Event);
    assert!(reader.answer().has_output(), "the name tells the type where the data does not");
    let junk = Event { name: "", data: "{".into(), sifted: false };
    assert_eq!(reader.event(&junk, &mut Vec::new()).unwrap_err().code(), Code::UpstreamProtocol);
}

#[test]
fn only_output_is_output_and_an_open_thought_is_silent_until_it_speaks() {
    let mut reader = Reader::new(false);
    let mut after = |event: Value| {
        reader.event(&Event { name: "", data: event.to_string().into(), sifted: false }, &mut Vec::new()).unwrap();
        (reader.answer().has_output(), reader.is_silently_thinking())
    };
    assert_eq!(after(json!({ "type": "response.created", "response": {} })), (false, false));
    assert_eq!(after(json!({ "type": "response.in_progress", "response": {} })), (false, false));
    assert_eq!(after(added(0, "reasoning")), (false, true));
    assert_eq!(after(summary(0, 0, "a")), (true, false));
    assert_eq!(after(whole("reasoning_summary_text", 0, "a")), (true, true), "there may be minutes between two parts");
    assert_eq!(after(summary(0, 1, "b")), (true, false));
    assert_eq!(after(done(0, &json!({ "type": "reasoning" }))), (true, false));
    assert_eq!(after(added(1, "message")), (true, false));
    assert_eq!(after(added(2, "reasoning")), (true, true));
    assert_eq!(after(done(2, &json!({ "type": "reasoning" }))), (true, false));
}

#[test]
fn tags_are_looked_for_unless_the_service_tells_thoughts_apart() {
    let tagged = [text(1, "<think>a"), text(1, "</think>b"), completed()];
    assert_eq!(texts(&tagged), ["a", "b"]);
    assert_eq!(texts(&[&[added(0, "reasoning")], &tagged[..]].concat()), ["", "<think>a</think>b"]);
    assert_eq!(texts(&[&[thought(0, "t")], &tagged[..]].concat()), ["t", "<think>a</think>b"]);
    assert_eq!(
        read(&mut Reader::new(true), &[text(0, "a</think>b"), completed()], false).end.unwrap().2,
        Thoughts::Shown
    );
}

#[test]
fn thoughts_that_were_counted_and_not_told_are_hidden() {
    let with = |tokens: u64| json!({ "type": "response.completed", "response": { "usage": { "output_tokens_details": { "reasoning_tokens": tokens } } } });
    assert_eq!(relay(&[added(0, "reasoning"), text(1, "a"), with(7)]).end.unwrap().2, Thoughts::Hidden);
    assert_eq!(relay(&[text(1, "a"), with(0)]).end.unwrap().2, Thoughts::None);
}

#[test]
fn what_the_sieve_leaves_is_enough_if_the_text_came_before() {
    let left = [
        json!({ "type": "response.output_text.done", "output_index": 0 }),
        json!({ "type": "response.content_part.done", "output_index": 0 }),
        done(0, &json!({ "type": "message" })),
        completed(),
    ];
    for event in &left {
        let mut reader = Reader::new(false);
        assert!(read(&mut reader, &[text(0, "a")], false).end.is_err());
        let relayed = read(&mut reader, &[event.clone(), completed()], true);
        assert!(relayed.end.is_ok() && relayed.lines.len() == 1, "{event}");
        if event["type"] != "response.content_part.done" {
            let lost = read(&mut Reader::new(false), &[event.clone(), completed()], true);
            assert_eq!(lost.end, Err(Code::UpstreamProtocol), "{event}");
        }
    }
    assert_eq!(read(&mut Reader::new(false), &[text(0, "a")], true).lines.len(), 1);
    let piece = json!({ "type": "response.output_text.delta", "output_index": 0 });
    assert_eq!(read(&mut Reader::new(false), &[piece], true).end, Err(Code::UpstreamProtocol));
    let summary = done(0, &json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "s" }] }));
    let relayed = read(&mut Reader::new(false), &[summary, text(1, "a")], true);
    assert!(relayed.lines[0].contains(r#""reasoning_content":"s""#));
}

#[test]
fn repetitions_are_sifted_and_nothing_else() {
    let mut reader = Reader::new(false);
    let mut after = |event: Value| {
        reader.event(&Event { name: "", data: event.to_string().into(), sifted: false }, &mut Vec::new()).unwrap();
        reader.sifts_above()
    };
    assert_eq!(after(added(0, "message")), None);
    assert_eq!(after(text(0, "a")), Some(MAX_REPEATED_BYTES));
    assert_eq!(after(whole("output_text", 0, "a")), Some(MAX_REPEATED_BYTES));
    assert_eq!(after(json!({ "type": "response.content_part.added", "content_index": 1 })), None);
    assert_eq!(after(done(0, &json!({ "type": "message" }))), Some(MAX_REPEATED_BYTES));
    assert_eq!(after(added(1, "reasoning")), None, "its summary may come with its end");
}

#[test]
fn the_number_of_parts_has_a_bound() {
    let mut reader = Reader::new(false);
    let fits = reader.teller_is_full_after();
    assert_eq!(fits, 4096);
}

impl Reader {
    fn teller_is_full_after(&mut self) -> usize {
        (0..10_000)
            .position(|index| {
                let event = Event { name: "", data: summary(0, index, "a").to_string().into(), sifted: false };
                self.event(&event, &mut Vec::new()).is_err()
            })
            .unwrap()
    }
}

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
    assert_eq!(reader.quick.delta(&next).map(|(_, text)| text), Some("\"b\\n\""));
    for other in [
        delta("a", "x", 10).replace("output_text", "refusal"),
        delta("\\ud83d", "x", 1),
        delta("a", "x", 1).replace(":1}", ":01}"),
    ] {
        assert_eq!(reader.quick.delta(&other), None, "{other}");
    }
}
