//! A client that checks of every answer what must be true of every answer: headers, one JSON object a line, `start`
//! first, exactly one terminal line and that last; or one error object with its status.

use bytes::Bytes;
use http::HeaderMap;
use reasoning_chat::error::Code;
use serde_json::{Value, json};

use super::app::SOON;

/// An answer's head, and what follows it.
pub(crate) struct Reading {
    status: u16,
    headers: HeaderMap,
    response: reqwest::Response,
    buffer: Vec<u8>,
    lines: Vec<String>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Every line, as it came; for a refusal, the body.
    pub(crate) lines: Vec<String>,
}

/// A client with no settings from outside. One for each request: nothing is shared between tests.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

/// The body of a conversation of one question.
pub(crate) fn question(text: &str) -> String {
    json!({ "messages": [{ "role": "user", "content": text }] }).to_string()
}

/// A JSON request, not sent yet.
pub(crate) fn post(url: &str, body: &str) -> reqwest::RequestBuilder {
    client().post(url).header("content-type", "application/json").body(body.to_owned())
}

/// Sends a request and reads the answer's head.
pub(crate) async fn begin(request: reqwest::RequestBuilder) -> Reading {
    let response = tokio::time::timeout(SOON, request.send()).await.expect("no answer").unwrap();
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    Reading { status, headers, response, buffer: Vec::new(), lines: Vec::new() }
}

impl Reading {
    /// The next line, or `None` at the end.
    pub(crate) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8(line).unwrap().trim_end_matches('\n').to_owned();
                self.lines.push(line.clone());
                return Some(line);
            }
            let piece = tokio::time::timeout(SOON, self.response.chunk()).await.expect("the answer stands still");
            let piece: Option<Bytes> = piece.unwrap();
            self.buffer.extend_from_slice(&piece?);
        }
    }

    /// All that is left, checked together with what was read before.
    pub(crate) async fn rest(mut self) -> Answer {
        while self.line().await.is_some() {}
        if !self.buffer.is_empty() {
            assert_ne!(self.status, 200, "the last line of a stream has its end");
            self.lines.push(String::from_utf8(self.buffer).unwrap());
        }
        let answer = Answer { status: self.status, headers: self.headers, lines: self.lines };
        answer.check();
        answer
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// What is true of every answer of the chat route.
    fn check(&self) {
        assert_eq!(self.header("access-control-expose-headers"), "X-Request-Id, Retry-After");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert!(!self.header("x-request-id").is_empty());
        // The proxy of the real host names itself; the program does not.
        assert!(matches!(self.header("server"), "" | "Kestrel"));
        assert!(self.headers.values().all(|value| value.to_str().is_ok()), "the host's proxy takes ASCII only");
        if self.status == 200 {
            assert_eq!(self.header("content-type"), "application/x-ndjson; charset=utf-8");
            assert_eq!(self.header("cache-control"), "no-store, no-transform");
            assert_eq!(self.header("x-accel-buffering"), "no");
            self.check_lines();
        } else {
            assert_eq!(self.header("content-type"), "application/json");
            assert_eq!(self.lines.len(), 1, "{:?}", self.lines);
            self.check_error(&self.last());
            let retry_after = self.last()["retry_after"].as_u64().map(|seconds| seconds.to_string());
            assert_eq!(self.header("retry-after"), retry_after.unwrap_or_default());
        }
    }

    fn check_lines(&self) {
        for (at, line) in self.json().iter().enumerate() {
            let kinds: Vec<&str> = ["start", "index", "heartbeat", "done", "error"]
                .into_iter()
                .filter(|kind| line.get(kind).is_some())
                .collect();
            assert_eq!(kinds.len(), 1, "one kind: {line}");
            assert_eq!(kinds == ["start"], at == 0, "start is first: {line}");
            assert_eq!(matches!(kinds[0], "done" | "error"), at + 1 == self.lines.len(), "one end, at the end: {line}");
        }
        let request_id = self.header("x-request-id");
        assert_eq!(self.json()[0]["start"]["request_id"], request_id);
        if self.last().get("error").is_some() {
            self.check_error(&self.last());
        }
    }

    fn check_error(&self, error: &Value) {
        assert!(error["error"].as_str().is_some_and(|text| text.len() > 10), "{error}");
        let code = Code::ALL.into_iter().find(|code| Some(code.as_str()) == error["code"].as_str());
        let code = code.unwrap_or_else(|| panic!("no such code: {error}"));
        assert_eq!(error["retryable"], code.retryable(), "{error}");
        assert_eq!(error["request_id"], self.header("x-request-id"));
        if self.status != 200 {
            assert_eq!(self.status, code.status().as_u16(), "{error}");
        }
    }

    /// All lines, read.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
    }

    /// The last line.
    pub(crate) fn last(&self) -> Value {
        self.json().pop().unwrap()
    }

    /// The code of the error at the end; empty when the answer was whole.
    pub(crate) fn code(&self) -> String {
        self.last()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The request's id, as the head says it.
    pub(crate) fn request_id(&self) -> &str {
        self.headers["x-request-id"].to_str().unwrap()
    }

    /// The text of the error at the end.
    pub(crate) fn text(&self) -> String {
        self.last()["error"].as_str().unwrap_or_default().to_owned()
    }

    /// Choice lines as they came.
    pub(crate) fn choices(&self) -> Vec<&str> {
        self.lines.iter().map(String::as_str).filter(|line| line.starts_with("{\"index\"")).collect()
    }

    fn joined(&self, field: &str) -> String {
        self.json().iter().filter_map(|line| line["delta"][field].as_str().map(str::to_owned)).collect()
    }

    /// The thoughts, put together.
    pub(crate) fn reasoning(&self) -> String {
        self.joined("reasoning_content")
    }

    /// The answer's text, put together.
    pub(crate) fn content(&self) -> String {
        self.joined("content")
    }
}
