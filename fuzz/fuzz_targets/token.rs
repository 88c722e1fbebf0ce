//! Any answer of the identity endpoint, through the real managed identity credential and the real token provider.
//!
//! An input is the status on the first line (a number; `x` is a connection that fails), then headers a line each, a
//! blank line, and the body. Time is paused, so that retries and limits cost none. After `tool` on the first line comes
//! what `azd` or `az` wrote to standard error instead.
#![no_main]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, HttpClient, Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use reasoning_chat::error::Code;
use reasoning_chat::token::fuzzing::{managed_identity, tool_reason};
use reasoning_chat_fuzz::OwnWords;
use serde::Deserialize;
use serde_json::Value;

/// As many characters of the endpoint's answer in a text are a quotation.
const QUOTATION: usize = 8;
const SECRET: &str = "the-identity-header-of-the-platform";

/// The identity endpoint.
#[derive(Clone, Debug, Default)]
struct Endpoint {
    /// `None`: the connection fails.
    status: Option<u16>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    asked: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl HttpClient for Endpoint {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let asked: Vec<(String, String)> = request.url().query_pairs().into_owned().collect();
        assert!(asked.contains(&("client_id".to_owned(), "client".to_owned())), "{asked:?}");
        assert!(asked.contains(&("resource".to_owned(), "https://scope.example".to_owned())), "{asked:?}");
        let Some(status) = self.status else {
            let error = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "reset");
            return Err(azure_core::Error::new(azure_core::error::ErrorKind::Io, error));
        };
        let mut headers = Headers::new();
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        Ok(AsyncRawResponse::from_bytes(StatusCode::from(status), headers, self.body.clone()))
    }
}

/// The body that the platform documents, read without the library.
#[derive(Deserialize)]
struct Body {
    access_token: String,
    expires_on: String,
    #[serde(rename = "token_type")]
    _type: String,
    #[serde(rename = "resource")]
    _resource: String,
}

/// The first answer, and the one after it.
type Told = Result<Vec<u8>, (Code, String, String)>;

fn ask(endpoint: &Endpoint) -> (Told, Told) {
    // The credential reads these of the platform's. Nothing else runs in this process.
    static PLATFORM: LazyLock<()> = LazyLock::new(|| {
        std::env::set_var("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token");
        std::env::set_var("IDENTITY_HEADER", SECRET);
    });
    LazyLock::force(&PLATFORM);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let (client, scope) = ("client".to_owned(), "https://scope.example/.default".to_owned());
        let provider = managed_identity(client, scope, Arc::new(endpoint.clone()));
        let ask = || async {
            match provider.authorization().await {
                Ok(header) => {
                    assert!(header.is_sensitive(), "a token that could be logged");
                    Ok(header.as_bytes().to_vec())
                }
                Err(error) => {
                    let cause = error.cause().unwrap_or_default().to_owned();
                    Err((error.code(), error.text().to_owned(), cause))
                }
            }
        };
        (ask().await, ask().await)
    })
}

static OWN_WORDS: LazyLock<OwnWords> = LazyLock::new(|| {
    let mut words = OwnWords::default();
    let mut learn = |status: Option<u16>, body: &str| {
        // So long a wait for the next try that the fetch's own limit passes.
        let long = ("retry-after".to_owned(), "3600".to_owned());
        let headers = if body == "wait" { vec![long] } else { Vec::new() };
        let endpoint = Endpoint { status, headers, body: body.into(), ..Endpoint::default() };
        let (_, text, cause) = ask(&endpoint).0.expect_err("a probe");
        words.learn(&text);
        words.learn(&cause);
    };
    learn(None, "");
    learn(Some(503), "wait");
    for status in 100..600 {
        learn(Some(status), "");
    }
    for body in [
        "{\"access_token\":\"~\",\"expires_on\":\"1\",\"token_type\":\"~\",\"resource\":\"~\"}",
        "{\"access_token\":\"\\n\",\"expires_on\":\"99999999999\",\"token_type\":\"~\",\"resource\":\"~\"}",
    ] {
        learn(Some(200), body);
    }
    words
});

/// What is read of a tool's complaint is one line for the log: short, without accounts and tokens, with Entra's code.
fn complain(stderr: &str) {
    let reason = tool_reason(stderr);
    let said = reason.as_deref().unwrap_or_default();
    assert!(said.chars().count() <= 300 && !said.contains(char::is_control), "{said:?}");
    assert!(!said.contains('@') && !said.contains("eyJ"), "an account or a token: {said:?}");
    assert!(said.split(' ').all(|word| word.len() <= 100), "a word that is none: {said:?}");
    // By another reading: whatever stands alone in a word of its own, outside JSON, is not lost.
    let has_code = |text: &str| text.split_whitespace().any(is_code);
    if !stderr.contains(['{', '\u{1B}'])
        && has_code(stderr)
        && !stderr.contains(|letter: char| letter.is_control() && !letter.is_whitespace())
    {
        assert!(said.contains("AADSTS"), "the code is lost: {said:?}");
    }
    // In each of azd's objects as well.
    if is_plain(stderr) && has_code(stderr) {
        let text = format!("\nERROR: {stderr}\n");
        let old = serde_json::json!({"type": "consoleMessage", "data": {"message": text}}).to_string();
        let new = serde_json::json!({"error": stderr, "message": "Authentication with Azure failed."}).to_string();
        let between = format!("{}\n{new}\n", serde_json::json!({"data": {"message": "\n"}}));
        for shape in [old, new, between] {
            let said = tool_reason(&shape).unwrap_or_default();
            assert!(said.contains("AADSTS"), "the code is lost: {said:?} of {shape}");
        }
    }
}

fn is_code(word: &str) -> bool {
    word.strip_prefix("AADSTS").is_some_and(|digits| {
        digits.len() < 20
            && digits.starts_with(|letter: char| letter.is_ascii_digit())
            && digits.chars().all(|letter| letter.is_ascii_digit() || letter == ':')
    })
}

fn is_plain(text: &str) -> bool {
    !text.contains(|letter: char| letter.is_control())
}

fuzz_target!(|data: &[u8]| {
    if let Some(stderr) = data.strip_prefix(b"tool\n") {
        return complain(&String::from_utf8_lossy(stderr));
    }
    let endpoint = endpoint(data);
    let (first, second) = ask(&endpoint);
    let asked = endpoint.asked.load(Ordering::Relaxed);
    assert!((1..=3).contains(&asked), "asked {asked} times: two retries, and a failure is remembered for a moment");
    match first {
        Ok(header) => {
            assert!(endpoint.status.is_some_and(|status| (200..300).contains(&status)), "{:?}", endpoint.status);
            // By another reading: the header is the body's token and nothing else.
            let body: Body = serde_json::from_slice(&endpoint.body).expect("an accepted body can be read");
            let token = body.access_token;
            assert_eq!(header, format!("Bearer {token}").into_bytes());
            assert!(header.iter().all(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7F), "{header:?}");
            let expires = body.expires_on.parse::<i64>().ok();
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
            assert!(
                expires.is_some_and(|expires| expires >= now.cast_signed()),
                "a token that has expired: {expires:?}"
            );
            assert_eq!(second.as_ref(), Ok(&header), "a good token is kept");
            assert_eq!(asked, 1);
        }
        Err((code, text, cause)) => {
            assert_eq!(code, Code::IdentityUnavailable);
            let body = String::from_utf8_lossy(&endpoint.body);
            let decoded = serde_json::from_str::<Value>(&body).map(|value| value.to_string()).unwrap_or_default();
            let headers = endpoint.headers.iter().map(|(_, value)| &**value);
            let secrets: Vec<&str> = headers.chain([&*body, &decoded, SECRET]).collect();
            for text in [&text, &cause] {
                assert_eq!(OWN_WORDS.quoted(text, &secrets, QUOTATION), None, "quoted in {text:?}");
                assert!(text.len() <= 1200 && !text.contains(['\n', '\r']), "{text:?}");
            }
            assert_eq!(second, Err((code, text, cause)), "a failure is remembered for a moment");
        }
    }
});

fn endpoint(data: &[u8]) -> Endpoint {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut lines = data.split(|byte| *byte == b'\n');
    let status = text(lines.next().unwrap_or_default());
    let status = if status == "x" { None } else { Some(status.trim().parse().unwrap_or(200)) };
    let mut head = data.len().min(data.split(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len) + 1);
    let mut headers = Vec::new();
    for line in lines {
        head += line.len() + 1;
        if line.is_empty() {
            break;
        }
        let line = text(line);
        if let Some((name, value)) = line.split_once(':') {
            // What the network's client would hand on: names and values as HTTP allows them.
            let name: String =
                name.bytes().filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').map(char::from).collect();
            let value: String = value.trim().chars().filter(|letter| matches!(letter, ' '..='~')).collect();
            headers.push((name.to_ascii_lowercase(), value));
        }
    }
    // A time that can be told when the input was written: `NOW` and a number of seconds.
    let mut body = data.get(head..).unwrap_or_default().to_vec();
    if let Some(at) = body.windows(4).position(|piece| piece == b"NOW+") {
        let digits = body[at + 4..].iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        let seconds = text(&body[at + 4..at + 4 + digits]).parse().unwrap_or(0_u64);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        body.splice(at..at + 4 + digits, (now + seconds).to_string().into_bytes());
    }
    Endpoint { status, headers, body, asked: Arc::default() }
}
