//! The server through a real socket, as the program's own client reaches it.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::serve;

/// Sends `question` to a demo model of its own.
async fn ask(question: &str) -> Response {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener)); // ends with the test's runtime
    // The client wants a TLS provider even though it speaks plain HTTP here; a second installation is refused, and fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let body = json!({
        "model": "demo",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": question}],
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    Client::builder()
        .tls_certs_only([])
        .build()
        .unwrap()
        .post(format!("http://{address}/openai/v1/chat/completions"))
        .body(body.to_string())
        .send()
        .await
        .unwrap()
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
