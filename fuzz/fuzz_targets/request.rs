//! Any bytes as a request's body: what is accepted keeps every rule, what is refused is refused in the program's words.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use reasoning_chat::error::Code;
use reasoning_chat::inbound::conversation::{Conversation, Message, Part, Role};
use reasoning_chat::settings::RequestLimits;
use reasoning_chat_fuzz::OwnWords;
use serde_json::{json, Value};

const LIMITS: RequestLimits = RequestLimits {
    max_bytes: 1 << 20,
    max_messages: 5,
    max_chars: 60,
    max_images: 2,
    max_image_bytes: 64,
    timeout: Duration::from_secs(1),
};

/// As many characters of a client's in a refusal are a quotation.
const QUOTATION: usize = 12;

static OWN_WORDS: LazyLock<OwnWords> = LazyLock::new(|| {
    let mut words = OwnWords::default();
    let message = |role: Value, content: Value| json!({"messages": [{"role": role, "content": content}]}).to_string();
    let long = "~".repeat(61);
    for probe in [
        "",
        "\n",
        "{",
        "[]",
        "{}",
        r#"{"messages":7}"#,
        r#"{"messages":[]}"#,
        r#"{"messages":[7]}"#,
        r#"{"messages":[{}]}"#,
        r#"{"messages":[{"role":"user"}]}"#,
        r#"{"messages":[{"role":"assistant","content":"~"}]}"#,
        &json!({"messages": vec![json!({"role": "user", "content": "~"}); 6]}).to_string(),
        &message(json!(7), json!("~")),
        &message(json!("system"), json!("~")),
        &message(json!("user"), json!(7)),
        &message(json!("user"), json!("")),
        &message(json!("user"), json!(long)),
        &message(json!("user"), json!([7])),
        &message(json!("user"), json!([{"type": 7}])),
        &message(json!("user"), json!([{"type": "text", "text": 7}])),
        &message(json!("user"), json!([{"type": "image_url"}])),
        &message(json!("assistant"), json!([{"type": "image_url"}])),
        r#"{"messages":[],"model":7}"#,
        r#"{"messages":[],"reasoning_effort":7}"#,
        r#"{"messages":[{"role":7}]}"#,
    ] {
        let error = reasoning_chat::inbound::request::parse(probe.as_bytes(), &LIMITS).expect_err(probe);
        words.learn(error.text());
    }
    words.learn(reasoning_chat::inbound::request::parse(b"\xFF", &LIMITS).expect_err("not UTF-8").text());
    words
});

fuzz_target!(|data: &[u8]| {
    let _ = any_bytes(data);
    built(data);
});

fn any_bytes(body: &[u8]) -> Result<Conversation, Code> {
    match reasoning_chat::inbound::request::parse(body, &LIMITS) {
        Ok(conversation) => {
            let messages = conversation.messages();
            assert!(
                messages.last().is_some_and(|message| message.role == Role::User),
                "the last message is the user's"
            );
            assert!(messages.len() <= LIMITS.max_messages);
            assert!(
                messages.iter().all(|message| message.texts().any(|text| !text.trim().is_empty())),
                "no message is blank"
            );
            let chars: usize =
                messages.iter().flat_map(|message| message.texts()).map(|text| text.chars().count()).sum();
            assert!(chars <= LIMITS.max_chars);
            // Accepted means JSON, by the strictest reading of a parser that knows nothing of conversations.
            serde_json::from_slice::<serde::de::IgnoredAny>(body).expect("JSON");

            let said: Vec<Value> = messages
                .iter()
                .map(|message| json!({ "role": message.role.as_str(), "content": message.as_text() }))
                .collect();
            let again = serde_json::to_vec(&json!({ "messages": said })).expect("messages serialise");
            let again =
                reasoning_chat::inbound::request::parse(&again, &LIMITS).expect("what was accepted is accepted again");
            assert_eq!(again.messages(), messages);
            for message in messages {
                let other = Message::new(message.role, vec![Part::Text("other".to_owned())]);
                assert_eq!(format!("{message:?}"), format!("{other:?}"), "debug output depends on what was said");
            }
            Ok(conversation)
        }
        Err(error) => {
            assert!(matches!(error.code(), Code::InvalidRequest | Code::RequestTooLarge), "{:?}", error.code());
            let said = strings(body);
            for text in [Some(error.text()), error.cause()].into_iter().flatten() {
                assert_eq!(OWN_WORDS.quoted(text, &said, QUOTATION), None, "quoted in {text:?}");
            }
            assert!(error.text().len() < 300 && !error.text().contains(['\n', '\r']));
            serde_json::from_slice::<Value>(&error.to_json("r")).expect("a refusal is JSON");
            Err(error.code())
        }
    }
}

/// Messages made from the input's pieces. The rules are written here once more, in another way, and must agree.
fn built(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut messages = Vec::new();
    let mut expected = Ok(Vec::new());
    // The first fault decides, and what is said of the whole comes last.
    let fault = |expected: &mut Result<Vec<(Role, String)>, Code>, code| {
        if expected.is_ok() {
            *expected = Err(code);
        }
    };
    for piece in text.split('\x01').filter(|piece| !piece.is_empty()) {
        let (style, said) = piece.split_at(piece.chars().next().map_or(0, char::len_utf8));
        let style = style.bytes().next().unwrap_or_default();
        let role = match style & 7 {
            0..=2 => Some(Role::User),
            3..=5 => Some(Role::Assistant),
            _ => None,
        };
        let role_text = match role {
            Some(Role::User) => "user",
            Some(Role::Assistant) => "assistant",
            Some(Role::System | Role::Tool) => unreachable!("not made"),
            None => ["system", "User", "tool", ""][usize::from(style >> 3) & 3],
        };
        let (content, good) = match style >> 5 & 7 {
            1 => (Value::Null, false),
            2 => {
                let half = said.char_indices().nth(said.chars().count() / 2).map_or(0, |(at, _)| at);
                let (head, tail) = said.split_at(half);
                (json!([{"type": "text", "text": head}, {"x": [[]], "text": tail, "type": "text"}]), true)
            }
            3 => (json!([{"type": "image_url", "text": said}]), false),
            _ => (json!(said), true),
        };
        let content_is_null = content.is_null();
        messages
            .push(json!({"content": content, "role": role_text, "reasoning_content": said, "n": {"a": [1e9, -0.0]}}));
        let said = if content_is_null { "" } else { said };
        let is_blank = said.chars().all(char::is_whitespace);
        match role {
            Some(Role::Assistant) if (good || content_is_null) && is_blank => {}
            Some(role) if good && !is_blank => {
                let Ok(all) = &mut expected else { continue };
                let grown = |last: &(Role, String)| {
                    last.0 == Role::Assistant && role == Role::Assistant && said.starts_with(&last.1)
                };
                if all.last().is_some_and(grown) {
                    all.pop();
                }
                all.push((role, said.to_owned()));
                let chars: usize = all.iter().map(|(_, text)| text.chars().count()).sum();
                if all.len() > LIMITS.max_messages || chars > LIMITS.max_chars {
                    expected = Err(Code::RequestTooLarge);
                }
            }
            _ => fault(&mut expected, Code::InvalidRequest),
        }
    }
    if expected.as_ref().is_ok_and(|said| said.last().is_none_or(|(role, _)| *role != Role::User)) {
        expected = Err(Code::InvalidRequest);
    }
    let body = json!({"stream": false, "messages": messages, "z": said_of_nothing(&text)});
    let body = if data.len() % 2 == 0 { serde_json::to_vec(&body) } else { serde_json::to_vec_pretty(&body) };
    let read = any_bytes(&body.expect("values serialise"));
    let read = read.map(|read| {
        read.messages()
            .iter()
            .map(|message| (message.role, message.as_text().expect("text alone").to_owned()))
            .collect()
    });
    assert_eq!(read, expected);
}

/// Something in a field that nobody reads.
fn said_of_nothing(text: &str) -> Value {
    text.chars().take(20).fold(Value::Null, |inner, letter| {
        if letter < 'm' {
            json!([inner])
        } else {
            json!({ letter.to_string(): inner })
        }
    })
}

/// What stands between quotes, as it stands and as it is meant. Reads anything, JSON or not.
fn strings(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    let mut strings = Vec::new();
    let mut rest = &*text;
    while let Some((_, inside)) = rest.split_once('"') {
        let mut escaped = false;
        let end = inside.char_indices().find(|(_, letter)| {
            let ends = *letter == '"' && !escaped;
            escaped = *letter == '\\' && !escaped;
            ends
        });
        let (string, after) = end.map_or((inside, ""), |(at, _)| (&inside[..at], &inside[at + 1..]));
        if string.len() >= QUOTATION {
            strings.extend(serde_json::from_str::<String>(&format!("\"{string}\"")));
            strings.push(string.to_owned());
        }
        rest = after;
    }
    strings
}
