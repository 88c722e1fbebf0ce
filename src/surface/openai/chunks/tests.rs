use serde_json::{Value, json};

use super::*;
use crate::error::Code;

fn chunks(include_usage: bool) -> Chunks {
    Chunks::new("r-1", "demo", include_usage)
}

/// What goes out for these choice lines, all at once and line by line, without what is the same in all chunks.
fn events(lines: &[&str], include_usage: bool, end: impl Fn(&mut Chunks, &mut Vec<u8>)) -> Vec<Value> {
    let run = |pieces: &[String]| {
        let mut chunks = chunks(include_usage);
        let mut out = Vec::new();
        chunks.start(&mut out);
        for piece in pieces {
            let from = out.len();
            out.extend_from_slice(piece.as_bytes());
            chunks.frame(&mut out, from);
        }
        end(&mut chunks, &mut out);
        String::from_utf8(out).unwrap()
    };
    let each: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    let out = run(&each);
    let created = |out: &str| out.split("\"created\":").nth(1).unwrap()[..10].to_owned();
    let all = run(&[each.concat()]);
    assert_eq!(out.replace(&created(&out), ""), all.replace(&created(&all), ""), "any split");
    let mut events = Vec::new();
    for event in out.split_terminator("\n\n") {
        let data = event.strip_prefix("data: ").unwrap_or_else(|| panic!("{event:?}"));
        if data == "[DONE]" {
            events.push(json!("[DONE]"));
            continue;
        }
        let mut event: Value = serde_json::from_str(data).unwrap_or_else(|_| panic!("{data}"));
        let members = event.as_object_mut().unwrap();
        if members.len() > 1 {
            assert_eq!(members.remove("id"), Some(json!("chatcmpl-r-1")));
            assert_eq!(members.remove("object"), Some(json!("chat.completion.chunk")));
            assert!(members.remove("created").unwrap().as_u64().unwrap() > 1_700_000_000);
            assert_eq!(members.remove("model"), Some(json!("demo")));
        }
        events.push(event);
    }
    events
}

fn choice(index: u32, delta: &Value, reason: &Value) -> Value {
    json!({ "choices": [{ "index": index, "delta": delta, "finish_reason": reason, "logprobs": null }] })
}

fn piece(delta: &Value) -> Value {
    choice(0, delta, &Value::Null)
}

fn role() -> Value {
    piece(&json!({ "role": "assistant", "content": "" }))
}

fn answer(reason: &str, filtered: bool, usage: Option<&str>) -> Answer {
    let mut answer = Answer::default();
    answer.finishes(reason);
    answer.filters(filtered);
    if let Some(usage) = usage {
        answer.uses(usage);
    }
    answer
}

const FILTER: &str = r#""content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}"#;

#[test]
fn an_answer_of_azures_becomes_openais() {
    let line = |delta: &str, rest: &str| format!(r#"{{"index":0,"delta":{delta},{rest}}}"#);
    let plain = format!(r#""finish_reason":null,"logprobs":null,{FILTER}"#);
    let lines = [
        line(r#"{"role":"assistant","content":""}"#, &plain),
        line(r#"{"reasoning_content":"Hm"}"#, &plain),
        line(r#"{"reasoning_content":" \"so\" \\"}"#, &plain),
        line(r#"{"content":"A"}"#, &plain),
        line(r#"{"content":"\u00e9}],\"x\":{"}"#, &plain),
        line(r#"{"content":"C","refusal":"no"}"#, &plain),
        line("{}", &format!(r#""finish_reason":"stop","logprobs":null,{FILTER}"#)),
        r#"{"index":0,"finish_reason":null,"content_filter_results":{"hate":{"filtered":false}},"content_filter_offsets":{"check_offset":1}}"#
            .to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let usage = r#"{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}"#;
    let whole = answer("\"stop\"", false, Some(usage));
    let mut expected = vec![
        role(),
        piece(&json!({ "reasoning_content": "Hm" })),
        piece(&json!({ "reasoning_content": " \"so\" \\" })),
        piece(&json!({ "content": "A" })),
        piece(&json!({ "content": "é}],\"x\":{" })),
        piece(&json!({ "content": "C", "refusal": "no" })),
        choice(0, &json!({}), &json!("stop")),
        json!("[DONE]"),
    ];
    assert_eq!(events(&lines, false, |chunks, out| chunks.done(out, &whole)), expected);
    let at = expected.len() - 1;
    expected.insert(at, json!({ "choices": [], "usage": serde_json::from_str::<Value>(usage).unwrap() }));
    assert_eq!(events(&lines, true, |chunks, out| chunks.done(out, &whole)), expected, "usage when it is asked for");
}

#[test]
fn what_is_remembered_of_a_line_is_not_believed_of_another() {
    let lines = [
        r#"{"index":0,"delta":{"content":"a"},"finish_reason":null}"#,
        r#"{"index":0,"delta":{"content":"b","tool_calls":[{"x":"c"}]},"finish_reason":null}"#,
        r#"{"index":0,"delta":{"content":"d"},"finish_reason":null,"logprobs":{"content":[{"token":"d"}]}}"#,
        r#"{"index":0,"delta":{"content":null,"reasoning_content":"e"},"finish_reason":null}"#,
        r#"{"index":0,"delta":{"content":null,"reasoning_content":"f"},"finish_reason":null}"#,
        r#"{"index":0,"delta":{"role":"assistant","content":"assistant"},"finish_reason":""}"#,
        r#"{"index":0,"delta":{"role":"assistant","content":"g"},"finish_reason":""}"#,
        r#"{"index":0,"delta":{"content":"h"},"finish_reason":"null"}"#,
        r#"{"index":0,"delta":{"content":"i"},"finish_reason":"stop"}"#,
    ];
    let whole = answer("\"stop\"", false, None);
    let mut with_logprobs = piece(&json!({ "content": "d" }));
    with_logprobs["choices"][0]["logprobs"] = json!({ "content": [{ "token": "d" }] });
    assert_eq!(
        events(&lines, true, |chunks, out| chunks.done(out, &whole)),
        [
            role(),
            piece(&json!({ "content": "a" })),
            piece(&json!({ "content": "b", "tool_calls": [{ "x": "c" }] })),
            with_logprobs,
            piece(&json!({ "reasoning_content": "e" })),
            piece(&json!({ "reasoning_content": "f" })),
            piece(&json!({ "content": "assistant" })),
            piece(&json!({ "content": "g" })),
            piece(&json!({ "content": "h" })),
            piece(&json!({ "content": "i" })),
            choice(0, &json!({}), &json!("stop")),
            json!("[DONE]"),
        ]
    );
}

#[test]
fn a_late_verdict_is_in_the_finish_reason() {
    let lines = [
        r#"{"index":0,"delta":{"content":"a"},"finish_reason":null}"#,
        r#"{"index":0,"delta":{},"finish_reason":"stop"}"#,
        r#"{"index":0,"finish_reason":null,"content_filter_results":{"violence":{"filtered":true}}}"#,
    ];
    let filtered = answer("\"stop\"", true, None);
    let events = events(&lines, false, |chunks, out| chunks.done(out, &filtered));
    assert_eq!(
        events[2..],
        [choice(0, &json!({}), &json!("content_filter")), json!("[DONE]")],
        "and it is the only one"
    );
}

#[test]
fn each_of_several_choices_has_its_role_and_its_end() {
    let lines = [
        r#"{"index":1,"delta":{"content":"b"},"finish_reason":null}"#,
        r#"{"index":0,"delta":{"content":"a"},"finish_reason":null}"#,
        r#"{"index":1,"delta":{},"finish_reason":"length"}"#,
        r#"{"index":0,"delta":{},"finish_reason":"stop"}"#,
    ];
    let whole = answer("\"stop\"", false, None);
    let events = events(&lines, false, |chunks, out| chunks.done(out, &whole));
    assert_eq!(events[1], choice(1, &json!({ "role": "assistant", "content": "" }), &Value::Null));
    assert_eq!(events[4..6], [choice(0, &json!({}), &json!("stop")), choice(1, &json!({}), &json!("length"))]);
}

#[test]
fn a_broken_answer_is_told_in_two_ways_and_no_end_is_made_up() {
    let lines = [
        r#"{"index":0,"delta":{"content":"a"},"finish_reason":null}"#,
        r#"{"index":0,"delta":{},"finish_reason":"stop"}"#,
    ];
    let error = ChatError::new(Code::UpstreamError, "It broke.");
    let mut chunks = chunks(true);
    let mut out = Vec::new();
    chunks.start(&mut out);
    let from = out.len();
    chunks.error(&mut out, &error);
    let text = std::str::from_utf8(&out[from..]).unwrap();
    assert!(text.starts_with("data: {\"error\":{\"message\":"), "{text}");
    assert!(text.contains("\n\ndata: {\"error\":{\"message\":"), "the key comes first in both: {text}");
    let events = events(&lines, true, |chunks, out| chunks.error(out, &error));
    let object = json!({ "message": "It broke.", "type": "server_error", "param": null, "code": "upstream_error" });
    let mut second = choice(0, &json!({ "content": "" }), &json!("error"));
    second["error"] = object.clone();
    assert_eq!(events[2..], [json!({ "error": object }), second, json!("[DONE]")]);
}

#[test]
fn an_answer_that_began_before_it_was_sent_has_one_beginning() {
    let mut chunks = chunks(false);
    let mut first =
        b"{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}\n".to_vec();
    chunks.frame(&mut first, 0);
    let mut out = Vec::new();
    chunks.start(&mut out);
    out.extend_from_slice(&first);
    assert_eq!(String::from_utf8(out).unwrap().matches("\"role\"").count(), 1);
}

#[test]
fn silence_is_an_empty_line() {
    let chunks = chunks(false);
    let mut out = Vec::new();
    chunks.heartbeat(&mut out);
    assert_eq!(out, b"\n");
}

#[test]
fn what_is_kept_does_not_grow_with_what_comes() {
    let mut chunks = chunks(false);
    let mut out = Vec::new();
    chunks.start(&mut out);
    let long = "x".repeat(MAX_KEPT_BYTES);
    for line in [
        format!(r#"{{"index":0,"delta":{{"content":"a"}},"finish_reason":null,"content_filter_results":"{long}"}}"#),
        format!(r#"{{"index":0,"delta":{{"content":"{long}"}},"finish_reason":"{long}"}}"#),
    ] {
        let from = out.len();
        out.extend_from_slice(format!("{line}\n").as_bytes());
        chunks.frame(&mut out, from);
        assert!(chunks.lines.capacity() <= MAX_KEPT_BYTES);
        assert!(chunks.known.is_none());
    }
    assert_eq!(chunks.choices, [(0, None)]);
}

#[test]
fn where_a_string_ends() {
    for good in [r#""""#, r#""a""#, r#""\"""#, r#""\\""#, r#""\\\"x""#] {
        assert!(is_one_string(good.as_bytes()), "{good}");
    }
    for bad in ["", "\"", "a", r#""a"b""#, r#""a","b":"c""#, r#""\""#, r#""a"]"#, r#""a\"#] {
        assert!(!is_one_string(bad.as_bytes()), "{bad}");
    }
}
