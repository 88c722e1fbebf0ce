use serde_json::{Value, json};

use super::*;
use crate::answer::Thoughts;

mod properties;
mod repeated;

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
fn the_number_of_parts_has_a_bound() {
    let mut reader = Reader::new(false);
    let mut takes = |index: u32| {
        let event = summary(0, index, "a").to_string();
        reader.event(&Event { name: "", data: event.into(), sifted: false }, &mut Vec::new()).is_ok()
    };
    assert_eq!((0..10_000).position(|index| !takes(index)), Some(4096));
}
