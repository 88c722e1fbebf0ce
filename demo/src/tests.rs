//! The server through a real socket, as the program's own client reaches it.

mod regions;

use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::serve;

/// A demo model of its own, by its address. It ends with the test's runtime.
async fn start() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener));
    address
}

fn client() -> Client {
    // The client wants a TLS provider even though it speaks plain HTTP here; a second installation is refused, and fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().tls_certs_only([]).build().unwrap()
}

/// Sends `body` to `route` of the server at `address`.
async fn post(client: &Client, address: SocketAddr, route: &str, body: &Value) -> reqwest::Result<Response> {
    client.post(format!("http://{address}{route}")).body(body.to_string()).send().await
}

fn question(question: &str) -> Value {
    json!({
        "model": "demo",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": question}],
        "stream": true,
        "stream_options": {"include_usage": true},
    })
}

/// Sends `question` to a demo model of its own.
async fn ask(text: &str) -> Response {
    post(&client(), start().await, "/openai/v1/chat/completions", &question(text)).await.unwrap()
}

/// The data of all events of an answer.
async fn events(answer: Response) -> Vec<Value> {
    let text = answer.text().await.unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn content_type(answer: &Response) -> &str {
    answer.headers()["content-type"].to_str().unwrap()
}

/// Events come one by one, whole, from the filter's verdict on the prompt to the end mark, and join to the answer.
#[tokio::test]
async fn an_answer_streams_event_by_event() {
    let answer = ask("How many r in strawberry? Fast and short.").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(content_type(&answer), "text/event-stream; charset=utf-8");
    let chunks: Vec<String> =
        answer.bytes_stream().map(|chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap()).collect().await;
    assert!(chunks.len() > 20, "{} chunks: the events came together", chunks.len());

    let text = chunks.concat();
    let mut events: Vec<&str> =
        text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(events.pop(), Some("[DONE]"));
    let events: Vec<Value> = events.into_iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    assert!(events[0]["prompt_filter_results"].is_array());
    assert!(events.last().unwrap()["usage"]["completion_tokens"].as_u64().unwrap() > 20);
    let joined = |name: &str| -> String {
        events.iter().filter_map(|event| event["choices"][0]["delta"][name].as_str()).collect()
    };
    assert!(joined("reasoning_content").contains("r (3), y"));
    assert!(joined("content").contains("**3 times**"));
}

#[tokio::test]
async fn a_refusal_has_its_status_and_headers() {
    let answer = ask("fail fast: fail with rate_limited").await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "20");
    assert_eq!(content_type(&answer), "application/json");
    let answer = ask("fast, fail with upstream_protocol").await;
    assert_eq!((answer.status().as_u16(), content_type(&answer)), (200, "text/html; charset=utf-8"));
}

/// The stream sleeps inside the response body, so a client that leaves in the middle of a silence ends it at once: no
/// task of the connection is left.
#[tokio::test]
async fn a_client_that_leaves_ends_its_stream() {
    let mut answer = ask("fast, silence for 10 minutes").await;
    assert!(answer.chunk().await.unwrap().is_some());
    drop(answer);
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let gone = async {
        // Only `serve` itself stays; the runtime has no event for a task that ended.
        while tasks() > 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.expect("a task is left");
}

#[tokio::test]
async fn both_protocols_are_spoken_with_and_without_azures_prefix() {
    let (client, address) = (client(), start().await);
    for prefix in ["", "/openai"] {
        let chat = post(&client, address, &format!("{prefix}/v1/chat/completions"), &question("fast, short")).await;
        let chunks = events(chat.unwrap()).await;
        assert_eq!(chunks.last().unwrap()["model"], "demo");
        let body = json!({"model": "demo-quick", "input": "fast, short", "stream": true});
        let answer = post(&client, address, &format!("{prefix}/v1/responses"), &body).await.unwrap();
        assert_eq!(content_type(&answer), "text/event-stream; charset=utf-8");
        let events = events(answer).await;
        let last = events.last().unwrap();
        assert_eq!((&last["type"], &last["response"]["model"]), (&json!("response.completed"), &json!("demo-quick")));
    }
}

/// A failure inside a 200 names its wait outside, since there is no other place for it.
#[tokio::test]
async fn a_limit_inside_the_stream_names_its_time_in_a_header() {
    let body = json!({"input": "fast, fail with rate_limited in the stream", "stream": true});
    let answer = post(&client(), start().await, "/v1/responses", &body).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (200, &"20".parse().unwrap()));
    let events = events(answer).await;
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["response.created", "response.failed", "error"]);
}

/// A call and its answer, over both protocols, as a client goes through it.
#[tokio::test]
async fn a_tool_is_called_and_its_answer_told() {
    let (client, address) = (client(), start().await);
    let asked = json!({"role": "user", "content": "fast and short: use the tool look_up"});
    let function =
        json!({"name": "look_up", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}});
    let mut body = json!({"stream": true, "messages": [asked], "tools": [{"type": "function", "function": function}]});
    let chunks = events(post(&client, address, "/v1/chat/completions", &body).await.unwrap()).await;
    let calls: Vec<&Value> = chunks.iter().filter_map(|c| c.pointer("/choices/0/delta/tool_calls/0")).collect();
    let arguments: String = calls.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!((calls[0]["function"]["name"].as_str(), arguments.as_str()), (Some("look_up"), r#"{"city":"Berlin"}"#));
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    body["messages"] = json!([asked, {"role": "assistant", "content": null, "tool_calls": []},
        {"role": "tool", "tool_call_id": calls[0]["id"], "content": "rain"}]);
    let chunks = events(post(&client, address, "/v1/chat/completions", &body).await.unwrap()).await;
    let said: String = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(said.contains("- “rain”"), "{said}");

    let mut tool = function;
    tool["type"] = json!("function");
    let mut body = json!({"stream": true, "input": [asked], "tools": [tool]});
    let first = events(post(&client, address, "/v1/responses", &body).await.unwrap()).await;
    let call = &first.last().unwrap()["response"]["output"][1];
    assert_eq!((&call["type"], &call["arguments"]), (&json!("function_call"), &json!(r#"{"city":"Berlin"}"#)));
    body["input"] = json!([asked, call, {"type": "function_call_output", "call_id": call["call_id"], "output": "sun"}]);
    let second = events(post(&client, address, "/v1/responses", &body).await.unwrap()).await;
    let said = second.last().unwrap()["response"]["output"][1]["content"][0]["text"].as_str().unwrap();
    assert!(said.contains("- “sun”"), "{said}");
}
