use serde_json::{Value, json};

use super::*;

fn answer(reason: &str, filtered: bool, usage: Option<&str>) -> Answer {
    let mut answer = Answer::default();
    answer.finishes(reason);
    answer.filters(filtered);
    if let Some(usage) = usage {
        answer.uses(usage);
    }
    answer
}

/// The completion of these lines, without what is the same in all.
fn whole(lines: &[&str], answer: &Answer) -> Value {
    let mut whole = Whole::default();
    for line in lines {
        whole.take(format!("{line}\n").as_bytes()).unwrap();
    }
    let json = whole.finish("r-1", "demo", answer);
    let mut completion: Value = serde_json::from_slice(&json).unwrap();
    let members = completion.as_object_mut().unwrap();
    assert_eq!(members.remove("id"), Some(json!("chatcmpl-r-1")));
    assert_eq!(members.remove("object"), Some(json!("chat.completion")));
    assert_eq!(members.remove("model"), Some(json!("demo")));
    assert!(members.remove("created").unwrap().as_u64().unwrap() > 1_700_000_000);
    completion
}

#[test]
fn pieces_are_put_together() {
    let lines = [
        r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,"content_filter_results":{}}"#,
        r#"{"index":0,"delta":{"reasoning_content":"H"},"finish_reason":null}"#,
        r#"{"index":0,"delta":{"reasoning_content":"m"},"finish_reason":null}"#,
        r#"{"index":0,"delta":{"content":"a\n"},"finish_reason":null,"logprobs":{"content":[{"token":"a"}],"refusal":null}}"#,
        r#"{"index":0,"delta":{"content":"\ud83d\ude04"},"finish_reason":null,"logprobs":{"content":[{"token":"b"}]}}"#,
        r#"{"index":0,"delta":{},"finish_reason":"stop"}"#,
        r#"{"index":0,"finish_reason":null,"content_filter_results":{}}"#,
    ];
    let usage = r#"{"total_tokens":3}"#;
    assert_eq!(
        whole(&lines, &answer("\"stop\"", false, Some(usage))),
        json!({
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": "a\n😄", "reasoning_content": "Hm", "refusal": null },
                "finish_reason": "stop",
                "logprobs": { "content": [{ "token": "a" }, { "token": "b" }], "refusal": null },
            }],
            "usage": { "total_tokens": 3 },
        })
    );
}

#[test]
fn calls_are_put_together_by_their_number_or_by_their_id() {
    let lines = [
        r#"{"index":0,"delta":{"content":null,"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":null}"#,
        r#"{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}]},"finish_reason":null}"#,
        r#"{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"x\":"}},{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":null}"#,
        r#"{"index":0,"delta":{},"finish_reason":"tool_calls"}"#,
    ];
    let call = |id: &str, name: &str, arguments: &str| json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } });
    let completion = whole(&lines, &answer("\"tool_calls\"", false, None));
    let message = &completion["choices"][0]["message"];
    assert_eq!(message["content"], Value::Null);
    assert_eq!(message["tool_calls"], json!([call("a", "f", "{\"x\":1}"), call("b", "g", "{}")]));
    assert_eq!(completion["choices"][0]["finish_reason"], "tool_calls");
    assert!(completion.get("usage").is_none());

    let uncounted = [
        r#"{"index":0,"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}}"#,
        r#"{"index":0,"delta":{"tool_calls":[{"function":{"arguments":"}"}},{"id":"b","function":{"name":"f","arguments":"{}"}}]}}"#,
    ];
    let completion = whole(&uncounted, &answer("\"tool_calls\"", false, None));
    assert_eq!(completion["choices"][0]["message"]["tool_calls"], json!([call("a", "f", "{}"), call("b", "f", "{}")]));
}

#[test]
fn several_choices_stand_in_order() {
    let lines = [
        r#"{"index":2,"delta":{"content":"c"},"finish_reason":"length"}"#,
        r#"{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}"#,
    ];
    let completion = whole(&lines, &answer("\"stop\"", false, None));
    let told: Vec<_> = completion["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| {
            (choice["index"].as_u64(), choice["message"]["content"].as_str(), choice["finish_reason"].as_str())
        })
        .collect();
    assert_eq!(told, [(Some(0), Some("a"), Some("stop")), (Some(2), Some("c"), Some("length"))]);
}

#[test]
fn what_the_filter_took_away_is_not_told() {
    let lines = [r#"{"index":0,"delta":{"content":"bad","reasoning_content":"bad"},"finish_reason":"stop"}"#];
    let completion = whole(&lines, &answer("\"stop\"", true, None));
    assert_eq!(completion["choices"][0]["finish_reason"], "content_filter");
    assert!(!completion.to_string().contains("bad"));
}

#[test]
fn an_answer_without_a_word_is_still_one() {
    let completion = whole(&[], &answer("\"length\"", false, None));
    assert_eq!(
        completion["choices"],
        json!([{ "index": 0, "message": { "role": "assistant", "content": "", "refusal": null }, "finish_reason": "length", "logprobs": null }])
    );
    let refused = whole(&[r#"{"index":0,"delta":{"refusal":"No."}}"#], &answer("\"stop\"", false, None));
    assert_eq!(refused["choices"][0]["message"], json!({ "role": "assistant", "content": null, "refusal": "No." }));
}

#[test]
fn there_is_a_bound_on_bytes_and_on_calls() {
    let line = |text: &str| format!("{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}\n");
    let mut whole = Whole::default();
    let mebibyte = line(&"x".repeat(1 << 20));
    for _ in 0..4 {
        whole.take(mebibyte.as_bytes()).unwrap();
    }
    assert_eq!(whole.take(line("x").as_bytes()).unwrap_err().code(), Code::UpstreamProtocol);

    let mut whole = Whole::default();
    let call =
        |index: usize| format!("{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"id\":\"c\"}}]}}}}\n");
    for index in 0..MAX_CALLS {
        whole.take(call(index).as_bytes()).unwrap();
    }
    assert_eq!(whole.take(call(MAX_CALLS).as_bytes()).unwrap_err().code(), Code::UpstreamProtocol);
}
