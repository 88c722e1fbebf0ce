use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::error::Code;
use crate::inbound::conversation::{Message, Role};

const LIMITS: RequestLimits = RequestLimits {
    max_bytes: 4096,
    max_messages: 1,
    max_chars: 60,
    max_images: 1,
    max_image_bytes: 100,
    timeout: Duration::from_secs(1),
};

const MAX_MESSAGES: usize = 6;

fn read(body: &Value) -> Result<Conversation, ChatError> {
    CompletionRequest::read(body.to_string().as_bytes())?.conversation(&LIMITS, MAX_MESSAGES, true, Some("hash"))
}

/// A request of one question with these members besides.
fn with(members: &Value) -> Value {
    let mut body = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

/// What goes upstream besides the messages.
fn wishes(members: &Value) -> Value {
    let wishes = read(&with(members)).unwrap_or_else(|error| panic!("{members}: {}", error.text())).wishes;
    let mut all = serde_json::Map::new();
    for (name, raw) in &wishes.parameters {
        let known = all.insert((*name).to_owned(), serde_json::from_str(raw.get()).unwrap());
        assert!(known.is_none(), "{name} comes twice");
    }
    Value::Object(all)
}

fn refusal(body: &Value) -> (String, String) {
    let error = read(body).unwrap_err();
    assert_eq!(error.code(), Code::InvalidRequest, "{body}");
    (error.param().unwrap_or_default().to_owned(), error.text().to_owned())
}

fn messages(messages: &Value) -> Vec<Message> {
    read(&json!({ "messages": messages })).unwrap().messages().to_vec()
}

#[test]
fn the_body_says_how_the_answer_is_to_come() {
    let body = with(
        &json!({ "model": "fast", "stream": true, "stream_options": { "include_usage": true, "include_obfuscation": false }, "reasoning_effort": "low" }),
    );
    let body = body.to_string();
    let request = CompletionRequest::read(body.as_bytes()).unwrap();
    assert_eq!((request.model.as_deref(), request.stream, request.include_usage), (Some("fast"), true, true));
    assert_eq!(request.reasoning_effort.as_deref(), Some("low"));
    let body = with(&json!({ "model": null, "stream": null, "stream_options": null })).to_string();
    let request = CompletionRequest::read(body.as_bytes()).unwrap();
    assert_eq!((request.model, request.stream, request.include_usage), (None, false, false));
}

#[test]
fn parameters_pass_as_they_came() {
    let members = json!({
        "temperature": 0.5, "top_p": 0.9, "presence_penalty": 0.1, "frequency_penalty": -1, "verbosity": "low",
        "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": {} } },
        "tools": [{ "type": "function", "function": { "name": "f" } }], "tool_choice": "auto", "parallel_tool_calls": true,
        "stop": ["a", "b"], "seed": 7, "logit_bias": { "1": 2 }, "logprobs": true, "top_logprobs": 3, "n": 2,
        "prediction": { "type": "content", "content": "x" },
    });
    assert_eq!(wishes(&members), members);
}

#[test]
fn what_asks_for_nothing_is_left_out() {
    let librechat = json!({ "temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0.0 });
    for nothing in [
        librechat,
        json!({ "n": 1, "logprobs": false, "top_logprobs": 0, "logit_bias": {}, "stop": [], "response_format": { "type": "text" } }),
        json!({ "tools": [], "tool_choice": "auto", "parallel_tool_calls": true }),
        json!({ "store": true, "metadata": { "a": "b" }, "service_tier": "auto", "prompt_cache_key": "k", "web_search_options": {}, "modalities": ["text"], "audio": {} }),
        json!({ "no_such_field": [1, { "a": 2 }], "temperature": null, "tools": null }),
    ] {
        assert_eq!(wishes(&nothing), json!({}), "{nothing}");
    }
}

#[test]
fn who_asks_is_not_told_upstream_by_the_clients_own_name() {
    for name in ["user", "safety_identifier"] {
        assert_eq!(wishes(&json!({ name: "someone@example.com" })), json!({ "user": "hash" }));
    }
    let body = with(&json!({ "user": "someone" })).to_string();
    let request = CompletionRequest::read(body.as_bytes()).unwrap();
    assert!(request.conversation(&LIMITS, 9, false, None).unwrap().wishes.parameters.is_empty());
}

#[test]
fn the_bound_on_tokens_has_two_names() {
    let tokens = |members: &Value| read(&with(members)).unwrap().wishes.max_tokens;
    assert_eq!(tokens(&json!({ "max_tokens": 5 })), Some(5));
    assert_eq!(tokens(&json!({ "max_tokens": 5, "max_completion_tokens": 7 })), Some(7));
    assert_eq!(tokens(&json!({ "max_tokens": 99_999_999_999_u64 })), Some(u32::MAX));
    assert_eq!(tokens(&json!({})), None);
    assert_eq!(tokens(&json!({ "max_tokens": -1 })), None, "none, to local tools");
    assert_eq!(tokens(&json!({ "max_tokens": 100.0 })), Some(100));
}

#[test]
fn an_agents_conversation_is_read() {
    let call = json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let read = messages(&json!([
        { "role": "developer", "content": [{ "type": "text", "text": "Be" }, { "type": "text", "text": " brief." }] },
        { "role": "user", "content": "a", "name": "n" },
        { "role": "assistant", "content": null, "tool_calls": [call], "reasoning_content": "hm" },
        { "role": "tool", "tool_call_id": "c1", "content": "" },
        { "role": "system", "content": " " },
        { "role": "assistant", "content": "", "refusal": null },
        { "role": "assistant", "content": null, "refusal": "No." },
    ]));
    let told: Vec<_> = read.iter().map(|message| (message.role, message.as_text().unwrap())).collect();
    assert_eq!(
        told,
        [
            (Role::System, "Be brief."),
            (Role::User, "a"),
            (Role::Assistant, ""),
            (Role::Tool, ""),
            (Role::Assistant, "No.")
        ]
    );
    let [call] = read[2].tool_calls.as_slice() else { panic!("one call") };
    assert_eq!((call.id.as_str(), call.name.as_str(), call.arguments.as_str()), ("c1", "f", "{}"));
    assert_eq!(read[3].tool_call_id.as_deref(), Some("c1"));
}

/// Public reports of agents that could not go on: freellmapi#165, ninfer#56, vercel/ai#17779, github/app#2903.
#[test]
fn what_says_nothing_ends_no_conversation() {
    let call = json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "" } });
    let read = messages(&json!([
        { "role": "system", "content": null },
        { "role": "user", "content": "a" },
        { "role": "assistant", "content": null, "reasoning_content": "hm" },
        { "role": "assistant" },
        { "role": "assistant", "content": [], "refusal": null, "annotations": null, "audio": null, "tool_calls": null },
        { "role": "assistant", "content": [{ "type": "thinking", "thinking": "hm" }, { "type": "text", "text": "b" }, { "type": "refusal", "refusal": "!" }] },
        { "role": "assistant", "content": [{ "type": "reasoning", "text": "hm" }], "tool_calls": [call] },
        { "role": "tool", "tool_call_id": "c1", "content": null },
    ]));
    let told: Vec<_> = read.iter().map(|message| (message.role, message.as_text().unwrap())).collect();
    assert_eq!(told, [(Role::User, "a"), (Role::Assistant, "b!"), (Role::Assistant, ""), (Role::Tool, "")]);
}

#[test]
fn a_model_without_a_name_is_the_default_one() {
    let body = with(&json!({ "model": "" })).to_string();
    assert_eq!(CompletionRequest::read(body.as_bytes()).unwrap().model, None);
}

#[test]
fn tools_go_upstream_without_what_is_left_open() {
    let tool =
        |strict: Value| json!({ "tools": [{ "type": "function", "function": { "name": "f", "strict": strict } }] });
    assert_eq!(wishes(&tool(Value::Null)), json!({ "tools": [{ "type": "function", "function": { "name": "f" } }] }));
    assert_eq!(wishes(&tool(json!(true))), tool(json!(true)));
}

#[test]
fn calls_of_the_old_form_become_calls_of_today() {
    let read = messages(&json!([
        { "role": "user", "content": "a" },
        { "role": "assistant", "content": null, "function_call": { "name": "f", "arguments": "{}" } },
        { "role": "function", "name": "f", "content": "b" },
    ]));
    assert_eq!(read[1].tool_calls.first().map(|call| call.id.as_str()), Some("call_1"));
    assert_eq!((read[2].role, read[2].tool_call_id.as_deref()), (Role::Tool, Some("call_1")));
}

#[test]
fn images_are_the_users_alone() {
    let image = json!({ "type": "image_url", "image_url": { "url": "data:image/gif;base64,R0lGODlhAQABAAAA" } });
    let by = |role: &str| json!({ "messages": [{ "role": role, "content": [image], "tool_call_id": "c" }] });
    assert_eq!(read(&by("user")).unwrap().messages()[0].images().count(), 1);
    for role in ["system", "assistant", "tool"] {
        assert_eq!(refusal(&by(role)).0, "messages[0].content[0]");
    }
}

#[test]
fn refusals_name_the_field() {
    for (members, param) in [
        (json!({ "model": 5 }), "model"),
        (json!({ "stream": "true" }), "stream"),
        (json!({ "stream_options": true }), "stream_options"),
        (json!({ "stream_options": { "include_usage": 1 } }), "stream_options"),
        (json!({ "max_tokens": 0 }), "max_tokens"),
        (json!({ "max_tokens": -2 }), "max_tokens"),
        (json!({ "max_tokens": "5" }), "max_tokens"),
        (json!({ "max_completion_tokens": 1.5 }), "max_completion_tokens"),
        (json!({ "temperature": "warm" }), "temperature"),
        (json!({ "seed": 1.5 }), "seed"),
        (json!({ "n": 0 }), "n"),
        (json!({ "n": 17 }), "n"),
        (json!({ "stop": [1] }), "stop"),
        (json!({ "logprobs": 1 }), "logprobs"),
        (json!({ "logit_bias": [] }), "logit_bias"),
        (json!({ "response_format": "json" }), "response_format"),
        (json!({ "verbosity": {} }), "verbosity"),
        (json!({ "tool_choice": [] }), "tool_choice"),
        (json!({ "tools": {} }), "tools"),
        (json!({ "tools": ["f"] }), "tools[0]"),
        (json!({ "tools": vec![json!({}); MAX_TOOLS + 1] }), "tools"),
        (json!({ "functions": [] }), "functions"),
        (json!({ "function_call": "auto" }), "function_call"),
        (json!({ "messages": "Hi" }), "messages"),
        (json!({ "messages": [] }), "messages"),
        (json!({ "messages": [{ "content": "a" }] }), "messages[0].role"),
        (json!({ "messages": [{ "role": "boss", "content": "a" }] }), "messages[0].role"),
        (json!({ "messages": [{ "role": "user", "content": " " }] }), "messages[0].content"),
        (json!({ "messages": [{ "role": "user", "content": null }] }), "messages[0].content"),
        (json!({ "messages": [{ "role": "assistant", "content": null }] }), "messages"),
        (
            json!({ "messages": [{ "role": "assistant", "content": [{ "type": "refusal" }] }] }),
            "messages[0].content[0]",
        ),
        (json!({ "messages": [{ "role": "system", "content": [{ "type": "thinking" }] }] }), "messages[0].content[0]"),
        (json!({ "messages": [{ "role": "tool", "content": "a" }] }), "messages[0].tool_call_id"),
        (json!({ "messages": [{ "role": "function", "content": "a" }] }), "messages[0].role"),
        (json!({ "messages": [{ "role": "user", "content": [{ "type": "input_audio" }] }] }), "messages[0].content[0]"),
        (
            json!({ "messages": [{ "role": "assistant", "tool_calls": [{ "function": {} }] }] }),
            "messages[0].tool_calls[0].id",
        ),
        (
            json!({ "messages": [{ "role": "assistant", "tool_calls": [{ "id": "c", "type": "custom" }] }] }),
            "messages[0].tool_calls[0].type",
        ),
        (
            json!({ "messages": [{ "role": "assistant", "tool_calls": [{ "id": "c", "function": { "name": "f", "arguments": {} } }] }] }),
            "messages[0].tool_calls[0].function.arguments",
        ),
    ] {
        let (told, text) = refusal(&with(&members));
        assert_eq!(told, param, "{members}");
        assert!(text.starts_with(&format!("{param}: ")), "{text}");
    }
    for body in ["", "[]", "{\"n\":2,\"n\":3,\"messages\":[]}", "{}", "5"] {
        assert_eq!(CompletionRequest::read(body.as_bytes()).unwrap_err().code(), Code::InvalidRequest, "{body}");
    }
}

#[test]
fn bounds_have_their_settings() {
    let message = |text: &str| json!({ "role": "user", "content": text });
    let said = |count: usize, text: &str| read(&json!({ "messages": vec![message(text); count] })).map(|_| ());
    assert!(said(MAX_MESSAGES, "0123456789").is_ok());
    let too_many = said(MAX_MESSAGES + 1, "a").unwrap_err();
    assert_eq!((too_many.code(), too_many.param()), (Code::RequestTooLarge, Some("messages")));
    assert!(too_many.text().contains("(OPENAI_MAX_MESSAGES)"), "{}", too_many.text());
    assert!(said(MAX_MESSAGES, "0123456789a").unwrap_err().text().contains("(MAX_CONVERSATION_CHARS)"));
}

#[test]
fn half_a_character_goes_nowhere() {
    let body =
        r#"{"messages":[{"role":"user","content":"a\ud83d"}],"stop":"\ud83d","tools":[{"d":"\ude04\ud83d\ude04"}]}"#;
    let request = CompletionRequest::read(body.as_bytes()).unwrap();
    let conversation = request.conversation(&LIMITS, 9, false, None).unwrap();
    assert_eq!(conversation.messages()[0].as_text(), Some("a\u{FFFD}"));
    assert_eq!(conversation.wishes.parameters.len(), 2);
    assert!(conversation.wishes.parameters.iter().all(|(_, raw)| serde_json::from_str::<Value>(raw.get()).is_ok()));
}
