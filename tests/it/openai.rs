//! The OpenAI-compatible API, through the host: routes, streams, whole answers, what goes upstream, failures.

use std::time::Duration;

use harness::host::HostOptions;
use harness::upstream::{Ending, Reply, Split, chunk, finish, sse, thought};
use http::HeaderMap;
use reasoning_chat::error::Code;
use serde_json::{Value, json};

use crate::support::app::{SOON, TestApp};
use crate::support::client::{client, post};

const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;

/// An answer of this API's.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The events' data, `[DONE]` left out, of which there must be one, at the end.
    fn events(&self) -> Vec<Value> {
        assert_eq!(
            (self.status, &self.headers["content-type"]),
            (200, &"text/event-stream; charset=utf-8".parse().unwrap())
        );
        let events: Vec<&str> =
            self.body.split("\n\n").map(str::trim_start).filter(|event| !event.is_empty()).collect();
        let (last, events) = events.split_last().unwrap();
        assert_eq!(*last, "data: [DONE]");
        let data = |event: &&str| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
        events.iter().map(data).collect()
    }

    fn error(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        assert!(error["message"].as_str().is_some_and(|text| text.len() > 10), "{error}");
        assert_eq!(self.headers["content-type"], "application/json");
        assert!(self.headers.contains_key("x-request-id") && self.headers.contains_key("x-should-retry"));
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (self.status, text("type"), text("code"))
    }
}

async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = tokio::time::timeout(SOON, request.send()).await.expect("no answer").unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = tokio::time::timeout(SOON, response.text()).await.expect("the answer stands still").unwrap();
    Answer { status, headers, body }
}

fn completions(app: &TestApp) -> String {
    app.host.url("api/v1/chat/completions")
}

fn hello(members: &Value) -> Value {
    let mut body = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

async fn ask(app: &TestApp, members: &Value) -> Answer {
    read(post(&completions(app), &hello(members).to_string())).await
}

fn good() -> Reply {
    Reply::sse(sse(&[&thought("Hm"), &chunk("Hello"), &finish("stop"), USAGE]))
}

/// The body of the last request that went upstream.
fn sent(app: &TestApp) -> Value {
    app.upstream.requests().last().unwrap().json().unwrap()
}

#[tokio::test]
async fn every_route_answers_through_the_host_and_past_it() {
    let app = TestApp::start().await;
    app.upstream.always(good());
    let body = hello(&json!({})).to_string();
    let deployment = "openai/deployments/r1/chat/completions?api-version=2025-04-01-preview";
    let azure = "openai/v1/chat/completions";
    let mut asked =
        vec![completions(&app), app.host.url(&format!("api/{deployment}")), app.host.url(&format!("api/{azure}"))];
    for prefix in ["/api", "", "/api/", "/"] {
        asked.extend(
            ["v1/chat/completions", "v1//chat/completions", "v1/chat/completions/", deployment, azure]
                .map(|path| app.direct_url(&format!("{prefix}/{path}"))),
        );
    }
    for url in asked {
        let answer = read(post(&url, &body).header("api-key", "secret")).await;
        assert_eq!(
            (answer.status, &answer.json()["choices"][0]["message"]["content"]),
            (200, &json!("Hello")),
            "{url}"
        );
    }
    let mut lists = vec![
        app.host.url("api/v1/models"),
        app.host.url("api/openai/models?api-version=1"),
        app.host.url("api/openai/v1/models"),
    ];
    lists.extend(
        ["/api/v1/models", "/v1/models", "/v1//models", "/v1/models/", "/openai/models", "/openai/v1/models"]
            .map(|path| app.direct_url(path)),
    );
    for url in lists {
        let list = read(client().get(&url)).await.json();
        assert_eq!((&list["object"], &list["data"][0]["id"]), (&json!("list"), &json!("r1")), "{url}");
    }
    for path in ["api/v1/models/r1", "api/v1/models/r1/", "api/openai/v1/models/r1", "api/openai/models/r1"] {
        assert_eq!(read(client().get(app.host.url(path))).await.json()["id"], "r1", "{path}");
    }
    assert_eq!(read(client().get(app.host.url("api/v1/models/r2"))).await.error().2, "model_not_found");
    app.assert_quiet();
}

#[tokio::test]
async fn what_is_not_there_is_said_in_openais_shape() {
    let app = TestApp::start().await;
    for (path, get, status) in [
        ("/v1/embeddings", false, 404),
        ("/api/v1/responses", false, 404),
        ("/openai/v1/x", true, 404),
        ("/v1", true, 404),
        ("/api/v1/", true, 404),
        ("/chat/completions", false, 404),
        ("/v1/chat/completions", true, 405),
    ] {
        let url = app.direct_url(path);
        let answer = read(if get { client().get(&url) } else { post(&url, "{}") }).await;
        assert_eq!((answer.error().0, answer.error().1.as_str()), (status, "invalid_request_error"), "{path}");
        assert_eq!(answer.headers["x-should-retry"], "false");
    }
}

#[tokio::test]
async fn a_stream_is_chunks_and_its_count_of_tokens_comes_when_asked_for() {
    let app = TestApp::start().await;
    app.upstream.always(good());
    let answer = ask(&app, &json!({ "stream": true })).await;
    assert_eq!(answer.headers["cache-control"], "no-store, no-transform");
    let events = answer.events();
    let deltas: Vec<&Value> = events.iter().map(|event| &event["choices"][0]["delta"]).collect();
    assert_eq!(
        deltas,
        [
            &json!({ "role": "assistant", "content": "" }),
            &json!({ "reasoning_content": "Hm" }),
            &json!({ "content": "Hello" }),
            &json!({}),
        ]
    );
    assert_eq!(events[3]["choices"][0]["finish_reason"], "stop");
    let id = format!("chatcmpl-{}", answer.headers["x-request-id"].to_str().unwrap());
    for event in &events {
        assert_eq!(
            (&event["id"], &event["model"], &event["object"]),
            (&json!(id), &json!("r1"), &json!("chat.completion.chunk"))
        );
        assert!(event.get("usage").is_none() && event.get("error").is_none());
    }
    let with_usage = ask(&app, &json!({ "stream": true, "stream_options": { "include_usage": true } })).await.events();
    let last = with_usage.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(3)));
    assert_eq!(with_usage.iter().filter(|event| event.get("usage").is_some()).count(), 1);
}

#[tokio::test]
async fn a_whole_answer_is_one_object_and_a_broken_one_is_a_status() {
    let app = TestApp::with(&[("MAX_RETRIES", "0")]).await;
    app.upstream.always(good());
    let answer = ask(&app, &json!({ "stream": false })).await.json();
    assert_eq!(
        answer["choices"],
        json!([{ "index": 0, "message": { "role": "assistant", "content": "Hello", "reasoning_content": "Hm", "refusal": null }, "finish_reason": "stop", "logprobs": null }])
    );
    assert_eq!((&answer["object"], &answer["usage"]["total_tokens"]), (&json!("chat.completion"), &json!(3)));
    assert_eq!(sent(&app)["stream"], true, "upstream is always asked for a stream");
    app.upstream.always(Reply::sse(format!("data: {}\n\n", chunk("Hel"))));
    let cut = ask(&app, &json!({})).await;
    assert_eq!(cut.error(), (502, "server_error".to_owned(), "upstream_truncated".to_owned()));
    assert!(!cut.body.contains("Hel\""));
}

#[tokio::test]
async fn a_broken_stream_is_told_twice_and_a_late_verdict_in_the_end() {
    let app = TestApp::start().await;
    app.upstream.always(Reply::sse(format!("data: {}\n\n", chunk("Hel"))).ending(Ending::Reset));
    let events = ask(&app, &json!({ "stream": true })).await.events();
    let [.., first, second] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(first["error"]["code"], second["error"]["code"]);
    assert_eq!(first.as_object().unwrap().len(), 1);
    assert_eq!(second["choices"][0]["finish_reason"], "error");

    let verdict = r#"{"choices":[{"index":0,"content_filter_results":{"violence":{"filtered":true}}}]}"#;
    app.upstream.always(Reply::sse(sse(&[&chunk("Bad"), &finish("stop"), verdict])));
    let events = ask(&app, &json!({ "stream": true })).await.events();
    let reasons: Vec<&Value> =
        events.iter().map(|event| &event["choices"][0]["finish_reason"]).filter(|reason| !reason.is_null()).collect();
    assert_eq!(reasons, [&json!("content_filter")]);
}

#[tokio::test]
async fn silence_is_blank_lines() {
    let app = TestApp::with(&[("HEARTBEAT_INTERVAL", "50ms")]).await;
    let (reply, gate) = good().split(Split::Events).gated();
    app.upstream.always(reply);
    let body = hello(&json!({ "stream": true })).to_string();
    let mut response = post(&completions(&app), &body).send().await.unwrap();
    let mut text = String::new();
    while !text.ends_with("\n\n\n\n") {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    gate.open_all();
    while let Some(piece) = response.chunk().await.unwrap() {
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    assert!(!text.contains("\n:") && text.ends_with("data: [DONE]\n\n"), "{text}");
}

#[tokio::test]
async fn a_client_that_leaves_closes_upstream_in_either_form() {
    let app = TestApp::start().await;
    for stream in [true, false] {
        let body = hello(&json!({ "stream": stream })).to_string();
        let aborted = app.upstream.aborted();
        app.upstream.always(Reply::sse(format!("data: {}\n\n", chunk("Hel"))).ending(Ending::Hang));
        let asked = tokio::spawn(read(post(&app.direct_url("/v1/chat/completions"), &body)));
        assert!(app.upstream.wait_for(|counts| counts.open == 1, SOON).await);
        let left = tokio::time::Instant::now();
        asked.abort();
        assert!(app.upstream.wait_for(|counts| counts.aborted == aborted + 1, SOON).await);
        let noticed = *app.upstream.aborts().last().unwrap() - left;
        assert!(noticed < Duration::from_millis(50), "{noticed:?}");
    }
}

#[tokio::test]
async fn what_goes_upstream_is_the_operators_prompt_then_the_clients_words() {
    let app = TestApp::with(&[("SYSTEM_PROMPT", "Operator."), ("MAX_COMPLETION_TOKENS", "100")]).await;
    app.upstream.always(good());
    let call = json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let tool = json!({ "type": "function", "function": { "name": "f", "parameters": {} } });
    let body = json!({
        "model": "r1", "max_tokens": 500, "temperature": 1, "top_p": 0.5, "tools": [tool], "tool_choice": "auto",
        "reasoning_effort": "low", "user": "someone", "store": true, "no_such": 1,
        "messages": [
            { "role": "developer", "content": "Client." },
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": null, "tool_calls": [call], "reasoning_content": "hm" },
            { "role": "tool", "tool_call_id": "c", "content": "sunny" },
        ],
    });
    let answer = read(post(&completions(&app), &body.to_string()).header("authorization", "Bearer secret")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        sent(&app),
        json!({
            "model": "r1",
            "messages": [
                { "role": "system", "content": "Operator." },
                { "role": "system", "content": "Client." },
                { "role": "user", "content": "Hi" },
                { "role": "assistant", "content": null, "tool_calls": [call] },
                { "role": "tool", "content": "sunny", "tool_call_id": "c" },
            ],
            "stream": true, "stream_options": { "include_usage": true }, "max_tokens": 100, "top_p": 0.5, "tools": [tool],
            "tool_choice": "auto", "reasoning_effort": "low",
        })
    );
    let request = app.upstream.requests().pop().unwrap();
    assert!(request.header("authorization").is_none(), "a server at home is asked without a token");
    assert!(app.log_with("secret").is_empty() && app.log_with("someone").is_empty());

    let librechat = json!({ "model": "r1", "temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0, "user": "65f", "stream": true });
    assert_eq!(ask(&app, &librechat).await.status, 200);
    let sent = sent(&app);
    for name in ["temperature", "top_p", "presence_penalty", "frequency_penalty", "user"] {
        assert!(sent.get(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn tools_pass_both_ways_over_the_responses_api_too() {
    let app = TestApp::with(&[("AZURE_INFERENCE_API", "responses")]).await;
    let events = [
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"i","call_id":"c","name":"weather","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":0,"item_id":"i","delta":"{\"city\":\"Rome\"}"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"i","call_id":"c","name":"weather","arguments":"{\"city\":\"Rome\"}"}}"#,
        r#"{"type":"response.completed","response":{"status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}}"#,
    ];
    app.upstream.always(Reply::sse(events.map(|event| format!("data: {event}\n\n")).concat()));
    let tool = json!({ "type": "function", "function": { "name": "weather", "parameters": { "type": "object" } } });
    let answer = ask(&app, &json!({ "tools": [tool] })).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    let call = &answer["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(
        call,
        &json!({ "id": "c", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Rome\"}" } })
    );
    let messages = json!([
        { "role": "user", "content": "Hi" },
        { "role": "assistant", "content": null, "tool_calls": [call] },
        { "role": "tool", "tool_call_id": "c", "content": "sunny" },
    ]);
    ask(&app, &json!({ "tools": [tool], "messages": messages })).await;
    let sent = sent(&app);
    assert_eq!(sent["tools"][0]["name"], "weather");
    assert_eq!(
        sent["input"].as_array().unwrap()[1..],
        [
            json!({ "type": "function_call", "call_id": "c", "name": "weather", "arguments": "{\"city\":\"Rome\"}" }),
            json!({ "type": "function_call_output", "call_id": "c", "output": "sunny" }),
        ]
    );
    let refused = ask(&app, &json!({ "seed": 5 })).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["param"]),
        (400, &json!("seed")),
        "what cannot be said is named"
    );
}

#[tokio::test]
async fn failures_of_upstreams_have_statuses_that_are_asked_again_only_where_that_helps() {
    let app = TestApp::with(&[("MAX_RETRIES", "0")]).await;
    let rejected = r#"{"error":{"message":"Unsupported","type":"invalid_request_error","param":"top_p","code":"unsupported_parameter"}}"#;
    for (reply, status, kind, code, retry) in [
        (Reply::status(400).body(rejected), 400, "invalid_request_error", "upstream_rejected", "false"),
        (Reply::status(404), 404, "invalid_request_error", "upstream_misconfigured", "false"),
        (Reply::status(500), 502, "server_error", "upstream_error", "true"),
        (
            Reply::status(200).body("<html>").content_type("text/html"),
            502,
            "server_error",
            "upstream_protocol",
            "false",
        ),
        (Reply::status(429).header("retry-after", "7"), 429, "rate_limit_error", "rate_limited", "true"),
        (Reply::status(429).header("retry-after", "700"), 429, "rate_limit_error", "rate_limited", "false"),
    ] {
        app.upstream.always(reply);
        for stream in [true, false] {
            let refused = ask(&app, &json!({ "stream": stream })).await;
            assert_eq!(refused.error(), (status, kind.to_owned(), code.to_owned()));
            assert_eq!(refused.headers["x-should-retry"], retry, "{code}");
            let param = if code == "upstream_rejected" { json!("top_p") } else { Value::Null };
            assert_eq!(refused.json()["error"]["param"], param);
            assert_eq!(refused.headers.contains_key("retry-after"), code == "rate_limited");
        }
    }
}

#[tokio::test]
async fn a_request_is_refused_by_its_fields_name() {
    let app = TestApp::with(&[("OPENAI_MAX_MESSAGES", "2")]).await;
    app.upstream.always(good());
    let message = json!({ "role": "user", "content": "a" });
    for (members, code, param) in [
        (json!({ "n": 0 }), "invalid_request", "n"),
        (json!({ "model": "gpt-2" }), "model_not_found", "model"),
        (json!({ "messages": [{ "role": "boss" }] }), "invalid_request", "messages[0].role"),
        (json!({ "messages": vec![message.clone(); 3] }), "request_too_large", "messages"),
    ] {
        let refused = ask(&app, &members).await;
        assert_eq!((refused.error().2.as_str(), &refused.json()["error"]["param"]), (code, &json!(param)));
    }
    assert_eq!(ask(&app, &json!({ "messages": vec![message; 2] })).await.status, 200);
    let text = client().post(completions(&app)).header("content-type", "text/plain").body("{}");
    assert_eq!(read(text).await.error().0, 415);
    assert!(app.upstream.requests().len() == 1);
}

#[tokio::test]
async fn in_production_it_is_off_until_it_is_turned_on() {
    let production = [
        ("RUNNING_IN_PRODUCTION", "true"),
        ("AZURE_CLIENT_ID", "11111111-1111-1111-1111-111111111111"),
        ("AZURE_INFERENCE_ENDPOINT", "http://127.0.0.1:9"),
        ("WEBSITE_AUTH_ENABLED", "true"),
    ];
    let off = TestApp::with_host(&production, HostOptions::default()).await;
    let refused = ask(&off, &json!({})).await;
    assert_eq!(refused.error(), (404, "invalid_request_error".to_owned(), "not_found".to_owned()));
    assert_eq!(read(client().get(off.host.url("api/v1/models"))).await.status, 404);
    assert_eq!(off.ask("Hi").await.code(), "unauthenticated", "chat itself is there");

    let on = TestApp::with_host(&[&production[..], &[("OPENAI_API", "true")]].concat(), HostOptions::default()).await;
    assert_eq!(
        ask(&on, &json!({})).await.error(),
        (401, "authentication_error".to_owned(), "unauthenticated".to_owned())
    );
    assert_eq!(read(client().get(on.host.url("api/v1/models"))).await.error().0, 401);
    let signed_in = client().get(on.host.url("api/v1/models")).header("x-ms-client-principal-id", "user-1");
    assert_eq!(read(signed_in).await.status, 200);
}

#[tokio::test]
async fn a_slot_is_held_while_an_answer_is_open() {
    let app = TestApp::with(&[("MAX_CONCURRENT_STREAMS", "1")]).await;
    app.upstream.always(Reply::sse(format!("data: {}\n\n", chunk("Hel"))).ending(Ending::Hang));
    let body = hello(&json!({ "stream": true })).to_string();
    let first = post(&completions(&app), &body).send().await.unwrap();
    let refused = ask(&app, &json!({})).await;
    assert_eq!(refused.error(), (503, "server_error".to_owned(), Code::Overloaded.as_str().to_owned()));
    assert!(refused.headers.contains_key("retry-after"));
    drop(first);
}
