//! The stream held against the order and the shapes that recorded ones have.

mod recorded;

use std::collections::BTreeMap;

use super::*;
use crate::ask::Ask;
use crate::beats::{Beat, Beats};
use crate::script::Script;

/// The events of the answer to a request, as (type, data).
fn stream_of(body: &Value) -> Vec<(String, Value)> {
    let (ask, echo) = crate::ask::responses::parse(body.to_string().as_bytes()).unwrap();
    written(&ask, echo)
}

fn written(ask: &Ask, echo: Echo) -> Vec<(String, Value)> {
    let Script::Stream { steps, .. } = Script::write(ask) else { panic!("refused: {}", ask.question) };
    let mut events = Events::new(echo);
    let mut text = String::new();
    for beat in Beats::new(steps, ask.prompt_tokens) {
        if let Beat::Send(event) = beat {
            text.push_str(std::str::from_utf8(&events.event(&event)).unwrap());
        }
    }
    let read = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let name = name.strip_prefix("event: ").unwrap().to_owned();
        let data = data.strip_prefix("data: ").unwrap();
        assert!(data.starts_with(&format!("{{\"type\":\"{name}\",")), "{data}");
        (name, serde_json::from_str(data).unwrap())
    };
    assert!(text.ends_with("\n\n"));
    text.split_terminator("\n\n").map(read).collect()
}

fn asked(question: &str) -> Vec<(String, Value)> {
    stream_of(&json!({"input": question, "instructions": "Be kind.", "stream": true, "store": false,
        "reasoning": {"summary": "auto"}}))
}

/// What a plain reader gets, which also holds every event to its place.
#[derive(Debug, Default, PartialEq)]
struct Read {
    thoughts: Vec<String>,
    texts: Vec<String>,
    refusals: Vec<String>,
    calls: Vec<(String, String)>,
    terminal: Option<String>,
}

/// Reads a stream as strictly as the protocol allows: numbers without a gap, every part inside its item, every item and
/// part closed with exactly what its deltas said, nothing after the terminal event but a reason that comes late.
fn strict(events: &[(String, Value)]) -> Read {
    let mut read = Read::default();
    let (mut open_item, mut open_part): (Option<Value>, Option<String>) = (None, None);
    let mut items: Vec<Value> = Vec::new();
    for (number, (kind, data)) in events.iter().enumerate() {
        assert_eq!(data["sequence_number"], number, "{kind}");
        if !matches!(kind.as_str(), "error" | "response.failed") {
            assert_eq!(read.terminal, None, "{kind} after the end");
        }
        if data.get("output_index").is_some() {
            assert_eq!(data["output_index"], items.len(), "{kind}");
        }
        if let (Some(id), Some(item)) = (data.get("item_id"), &open_item) {
            assert_eq!(id, &item["id"], "{kind}");
        }
        match kind.strip_prefix("response.").unwrap_or(kind) {
            "created" => assert_eq!((number, &data["response"]["status"]), (0, &json!("in_progress"))),
            "in_progress" => assert_eq!((number, &data["response"]["output"]), (1, &json!([]))),
            "output_item.added" => {
                assert_eq!(open_item.replace(data["item"].clone()), None);
            }
            "reasoning_summary_part.added" => {
                assert_eq!(data["summary_index"], read.thoughts.len());
                assert_eq!(open_part.replace(String::new()), None);
            }
            "content_part.added" => {
                assert_eq!(data["content_index"], 0);
                assert_eq!(open_part.replace(String::new()), None);
            }
            "reasoning_summary_text.delta" | "output_text.delta" | "refusal.delta" => {
                let delta = data["delta"].as_str().unwrap();
                if let Some(padding) = data.get("obfuscation") {
                    assert_eq!((delta.len() + padding.as_str().unwrap().len()) % PADDED_TO, 0);
                }
                open_part.as_mut().expect("a part is open").push_str(delta);
            }
            "function_call_arguments.delta" => {
                open_part.get_or_insert_default().push_str(data["delta"].as_str().unwrap());
            }
            "reasoning_summary_text.done" | "output_text.done" => {
                assert_eq!(data["text"].as_str(), open_part.as_deref());
            }
            "refusal.done" => assert_eq!(data["refusal"].as_str(), open_part.as_deref()),
            "function_call_arguments.done" => {
                assert_eq!(data["arguments"].as_str(), open_part.as_deref());
                let item = open_item.as_ref().unwrap();
                read.calls.push((item["name"].as_str().unwrap().to_owned(), open_part.take().unwrap()));
            }
            "reasoning_summary_part.done" => {
                assert_eq!(data["part"]["text"].as_str(), open_part.as_deref());
                read.thoughts.extend(open_part.take());
            }
            "content_part.done" => {
                let text = open_part.take().unwrap();
                match data["part"]["type"].as_str() {
                    Some("output_text") => assert_eq!(data["part"]["text"], text),
                    Some("refusal") => assert_eq!(data["part"]["refusal"], text),
                    other => panic!("a part of type {other:?}"),
                }
                let list = if data["part"]["type"] == "refusal" { &mut read.refusals } else { &mut read.texts };
                list.push(text);
            }
            "output_item.done" => {
                assert_eq!(open_part, None, "a part is open");
                assert_eq!(data["item"]["id"], open_item.take().unwrap()["id"]);
                items.push(data["item"].clone());
            }
            end @ ("completed" | "incomplete" | "failed") => {
                assert_eq!((&data["response"]["status"], &data["response"]["output"]), (&json!(end), &json!(items)));
                assert_eq!(data["response"]["usage"].is_null(), end == "failed");
                assert_eq!(data["response"]["instructions"], "Be kind.");
                read.terminal = Some(end.to_owned());
            }
            "error" => {}
            other => panic!("an event {other}"),
        }
    }
    read
}

fn kinds(events: &[(String, Value)]) -> Vec<&str> {
    let mut kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.strip_prefix("response.").unwrap_or(kind)).collect();
    kinds.dedup();
    kinds
}

#[test]
fn an_answer_has_the_recorded_order() {
    let events = asked("What is 17*23+4?");
    let part = [
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
    ];
    let message = [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ];
    let expected = [
        &["created", "in_progress", "output_item.added"][..],
        &part,
        &part,
        &["output_item.done"],
        &message,
        &["completed"],
    ]
    .concat();
    assert_eq!(kinds(&events), expected);
    let read = strict(&events);
    assert_eq!(read.thoughts.len(), 2);
    assert!(read.thoughts[1].starts_with("**Computing exactly**\n\nI compute"), "{:?}", read.thoughts);
    assert!(read.texts[0].contains("is **395**"));
    let response = &events.last().unwrap().1["response"];
    assert_eq!(response["incomplete_details"], Value::Null);
    assert_eq!(response["content_filters"][1]["blocked"], false);
    let answer = u64::try_from(read.texts[0].chars().count()).unwrap();
    assert_eq!(response["content_filters"][1]["content_filter_offsets"]["end_offset"], answer);
    let usage = &response["usage"];
    assert!(usage["output_tokens_details"]["reasoning_tokens"].as_u64().unwrap() > 20);
    assert_eq!(
        usage["total_tokens"].as_u64(),
        Some(usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap())
    );
}

#[test]
fn hidden_thoughts_are_an_empty_item_and_no_thoughts_are_none() {
    for hidden in
        [asked("hide your thoughts"), stream_of(&json!({"input": "x", "instructions": "Be kind.", "stream": true}))]
    {
        assert_eq!(kinds(&hidden)[2..4], ["output_item.added", "output_item.done"]);
        assert_eq!(hidden[3].1["item"]["summary"], json!([]));
        let usage = &hidden.last().unwrap().1["response"]["usage"];
        assert!(usage["output_tokens_details"]["reasoning_tokens"].as_u64().unwrap() > 10);
        assert!(strict(&hidden).thoughts.is_empty());
    }
    let none = asked("no thoughts");
    assert_eq!(none[2].1["item"]["type"], "message");
    assert_eq!(none.last().unwrap().1["response"]["usage"]["output_tokens_details"]["reasoning_tokens"], 0);
    strict(&none);
}

#[test]
fn every_ending_has_its_terminal_event() {
    for (question, terminal, reason, blocked) in [
        ("x", "completed", None, Some(false)),
        ("refuse to answer", "completed", None, Some(false)),
        ("late filter verdict", "completed", None, Some(true)),
        ("cut by length", "incomplete", Some("max_output_tokens"), Some(false)),
        ("fail with content_filter midway", "incomplete", Some("content_filter"), Some(true)),
        ("fail with content_filter after the thoughts", "incomplete", Some("content_filter"), Some(true)),
    ] {
        let events = asked(question);
        let read = strict(&events);
        assert_eq!(read.terminal.as_deref(), Some(terminal), "{question}");
        let response = &events.last().unwrap().1["response"];
        assert_eq!(response["incomplete_details"]["reason"].as_str(), reason, "{question}");
        assert_eq!(response["content_filters"][1]["blocked"].as_bool(), blocked, "{question}");
    }
    assert_eq!(strict(&asked("refuse to answer")).refusals.len(), 1);
    assert!(strict(&asked("fail with content_filter midway")).texts.is_empty(), "what is filtered stays unfinished");
    let cut = asked("cut by length");
    assert_eq!(cut[cut.len() - 2].1["item"]["status"], "incomplete");
}

#[test]
fn failures_come_in_both_orders_alone_or_without_a_reason() {
    for place in ["in the stream", "midway"] {
        let failed = |words: &str| {
            let events = asked(&format!("no thoughts, fail with rate_limited {place} {words}"));
            strict(&events);
            events
                .into_iter()
                .filter(|(kind, _)| matches!(kind.as_str(), "error" | "response.failed"))
                .collect::<Vec<_>>()
        };
        let code = |event: &(String, Value)| {
            event.1.pointer("/response/error/code").or(event.1.pointer("/error/code")).cloned()
        };
        let told = Some(json!("rate_limit_exceeded"));
        let azure = failed("");
        assert_eq!((azure[0].0.as_str(), azure[1].0.as_str()), ("response.failed", "error"));
        assert_eq!((&azure[0].1["response"]["error"], code(&azure[1])), (&Value::Null, told.clone()));
        let openai = failed("reason first");
        assert_eq!((openai[0].0.as_str(), openai[1].0.as_str()), ("error", "response.failed"));
        assert_eq!((code(&openai[0]), code(&openai[1])), (told.clone(), told));
        let alone = failed("reason alone");
        assert_eq!((alone.len(), &alone[0].1["code"]), (1, &json!("rate_limit_exceeded")));
        let silent = failed("without a reason");
        assert_eq!((silent.len(), code(&silent[0])), (1, None));
    }
    let blocked = asked("fail with content_filter in the stream");
    assert_eq!(kinds(&blocked), ["created", "failed", "error"]);
    assert_eq!(blocked[2].1["error"]["code"], "content_policy_violation");
}

#[test]
fn an_answer_can_be_cut_with_its_text_open_or_whole() {
    let midway = asked("fail with upstream_truncated");
    assert_eq!(kinds(&midway).last(), Some(&"output_text.delta"));
    let at_end = asked("fail with upstream_truncated at the end");
    assert_eq!(
        kinds(&at_end)[kinds(&at_end).len() - 3..],
        ["output_text.done", "content_part.done", "output_item.done"]
    );
    assert_eq!((strict(&midway).terminal, strict(&at_end).terminal), (None, None));
    let silent = asked("fail with upstream_timeout");
    assert_eq!(kinds(&silent).last(), Some(&"reasoning_summary_text.delta"), "the item is open while it is silent");
    let hidden = asked("hide your thoughts, fail with upstream_timeout");
    assert_eq!(kinds(&hidden).last(), Some(&"output_item.added"));
}

#[test]
fn calls_are_items_of_their_own() {
    let tools = json!([{"type": "function", "name": "look_up", "parameters":
        {"type": "object", "properties": {"city": {"type": "string"}}}}, {"type": "function", "name": "now"}]);
    let events =
        stream_of(&json!({"input": "use the tools look_up and now", "instructions": "Be kind.", "stream": true,
        "tools": tools}));
    let read = strict(&events);
    let call = |name: &str, arguments: &str| (name.to_owned(), arguments.to_owned());
    assert_eq!(read.calls, [call("look_up", r#"{"city":"Berlin"}"#), call("now", "{}")]);
    assert_eq!(events.last().unwrap().1["response"]["tools"], tools);
    let ids: BTreeMap<String, usize> = events
        .iter()
        .filter(|(kind, data)| kind == "response.output_item.done" && data["item"]["type"] == "function_call")
        .map(|(_, data)| (data["item"]["call_id"].as_str().unwrap().to_owned(), 1))
        .collect();
    assert_eq!(ids.len(), 2, "each call has an id of its own");
}

#[test]
fn padding_is_left_out_when_it_is_not_wanted() {
    let padded =
        |(kind, data): &(String, Value)| kind != "response.output_text.delta" || data["obfuscation"].is_string();
    assert!(asked("fast").iter().all(padded));
    let events = stream_of(&json!({"input": "fast", "stream": true, "stream_options": {"include_obfuscation": false}}));
    assert!(events.iter().all(|(_, data)| data.get("obfuscation").is_none()));
}

/// Every mixture of wishes gives a stream that a strict reader takes.
#[test]
fn any_wishes_together_keep_the_order() {
    let wishes = [
        "",
        "short",
        "hide your thoughts",
        "no thoughts",
        "inline tags",
        "cut by length",
        "refuse to answer",
        "late filter verdict",
        "region down",
        "silence for 3 s midway",
        "help",
        "fail with upstream_error midway",
        "fail with content_filter at the end",
        "fail with upstream_timeout",
    ];
    for (number, one) in wishes.iter().enumerate() {
        for other in wishes.iter().skip(number) {
            strict(&asked(&format!("{one}, {other}, short")));
        }
    }
    for max in [1, 3, 40, 100, 400] {
        let events = stream_of(&json!({"input": "Why is the sky blue?", "instructions": "Be kind.", "stream": true,
            "reasoning": {"summary": "auto"}, "max_output_tokens": max}));
        assert_eq!(strict(&events).terminal.as_deref(), Some("incomplete"));
        assert_eq!(events.last().unwrap().1["response"]["usage"]["output_tokens"], max);
    }
}
