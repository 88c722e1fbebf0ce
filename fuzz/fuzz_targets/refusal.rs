//! Any bytes as upstream's refusal, and one refusal in every shape of the field: no crash, texts of the program's own, the
//! same meaning whatever the shape, and nothing of a secret in a text or in the log's cause.
#![no_main]

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use reasoning_chat::error::{ChatError, Code};
use reasoning_chat::protocol::refusal::fuzzing::{error_event, refusals, told_in};
use serde_json::{json, Value};

/// More texts than the program has.
const MAX_TEXTS: usize = 40;
/// As many characters of a secret are a leak.
const PIECE: usize = 6;

static TEXTS: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

fuzz_target!(|data: &[u8]| {
    any_bytes(data);
    built(data);
});

fn any_bytes(data: &[u8]) {
    let Some((status, body)) = data.split_first() else { return };
    let body = String::from_utf8_lossy(body);
    for error in
        refusals(300 + 2 * u16::from(*status), &body).iter().chain([&error_event(&body)]).chain(&told_in(&body))
    {
        check(error);
    }
}

fn check(error: &ChatError) {
    let cause = error.cause().expect("every refusal has a cause");
    assert!(
        cause.len() < 6000 && cause.chars().all(|letter| letter == '…' || !letter.is_control() && letter.is_ascii()),
        "{cause:?}"
    );
    serde_json::from_slice::<Value>(&error.to_json("r")).expect("an error is JSON");
    // Texts are the program's own, so there are few of them; waits are their only numbers.
    let text: String = error.text().chars().filter(|letter| !letter.is_ascii_digit()).collect();
    let mut texts = TEXTS.lock().expect("no panic before");
    texts.insert(text);
    assert!(texts.len() <= MAX_TEXTS, "{texts:?}");
}

/// One code, and a secret that is no word of anybody's, in each shape.
fn built(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let (code, meaning) = [
        ("context_length_exceeded", Code::ContextLengthExceeded),
        ("content_filter", Code::ContentFilter),
        ("rate_limit_exceeded", Code::RateLimited),
        ("model_not_found", Code::UpstreamMisconfigured),
        ("Tenant provided in token does not match resource token", Code::UpstreamAuth),
        ("unsupported_parameter", Code::UpstreamRejected),
    ][usize::from(*choice) % 6];
    let secret: String = rest.iter().take(64).map(|byte| format!("{byte:02X}x")).collect();
    for body in shapes(code, &secret) {
        let mut told = refusals(400, &body);
        if meaning != Code::UpstreamRejected {
            told.push(error_event(&body));
            told.push(told_in(&body).unwrap_or_else(|| error_event(&body)));
        }
        for error in told {
            assert_eq!(error.code(), meaning, "{body}");
            let said = format!("{} {}", error.text(), error.cause().unwrap_or_default());
            let letters = secret.as_bytes();
            let leaked =
                letters.windows(PIECE).find(|piece| said.as_bytes().windows(PIECE).any(|other| other == *piece));
            assert!(leaked.is_none(), "{said}");
        }
    }
}

fn shapes(code: &str, secret: &str) -> Vec<String> {
    let message = format!("The value {secret} of the request is not supported with this model: '{secret} {secret}'.");
    let plain = json!({"code": code, "message": message, "param": null});
    let text = plain.to_string();
    let inside = text.trim_start_matches('{');
    vec![
        text.clone(),
        json!({"error": plain}).to_string(),
        json!({"error": {"error": plain}}).to_string(),
        json!({"error": text}).to_string(),
        json!({"message": text}).to_string(),
        json!([{"error": plain}]).to_string(),
        json!({"errors": [plain]}).to_string(),
        json!({"detail": [{"type": code, "loc": ["body", secret], "msg": message, "input": secret}]}).to_string(),
        json!({"choices": null, "error_type": code, "error_message": message}).to_string(),
        json!({"error": {"code": "400", "provider_specific_fields": {"innererror": plain}}}).to_string(),
        json!({"error": {"message": message, "metadata": {"raw": text}}}).to_string(),
        format!("{{\"error\":\"{secret}\",\"error\":{{\"code\":\"{secret}\",{inside}}}"),
        format!("\u{FEFF}{{\"\\ud83d\":1,\"error\":{text}}} {secret}"),
    ]
}
