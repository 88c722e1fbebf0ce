//! `--probe-thinking`: what makes a model think, asked of the model's own endpoint with the developer's sign-in. Six calls:
//! two models, and for each no parameter, `reasoning_effort`, and `thinking`.

use std::time::Duration;

use serde_json::{Value, json};

use super::report::Row;
use super::target::{self, Target};
use crate::ask::Ask;

const MODELS: [&str; 2] = ["DeepSeek-V3.2", "DeepSeek-V4-Flash"];
const LIMIT: Duration = Duration::from_mins(5);

pub(super) fn thinking(target: &Target) -> Vec<Row> {
    let Some(endpoint) = &target.inference else {
        return vec![Row::skipped("where the model is, is not known")];
    };
    let Some(token) = target::token("https://cognitiveservices.azure.com/.default") else {
        return vec![Row::skipped("azd gives no token for the model")];
    };
    calls(endpoint, &token)
}

/// The six calls, with this token.
pub(super) fn calls(endpoint: &str, token: &str) -> Vec<Row> {
    let parameters: [(&str, Value); 3] = [
        ("no parameter", json!({})),
        ("reasoning_effort: high", json!({ "reasoning_effort": "high" })),
        ("thinking: enabled", json!({ "thinking": { "type": "enabled" } })),
    ];
    let all = MODELS.iter().flat_map(|model| parameters.iter().map(move |parameter| (*model, parameter)));
    all.map(|(model, (name, parameter))| call(endpoint, token, model, name, parameter)).collect()
}

fn call(endpoint: &str, token: &str, model: &str, name: &str, parameter: &Value) -> Row {
    let mut body = json!({
        "model": model, "messages": [{ "role": "user", "content": "9.11 and 9.8, which is greater?" }],
    });
    if let (Some(body), Some(more)) = (body.as_object_mut(), parameter.as_object()) {
        body.extend(more.clone());
    }
    let base = endpoint.trim_end_matches('/').trim_end_matches("/openai/v1");
    let ask = Ask::post(format!("{base}/openai/v1/chat/completions"), &body).bearer(Some(token));
    let answer = ask.within(LIMIT).send();
    let said = answer.json();
    let what = format!("{model}, {name}");
    match answer.status {
        404 => Row::skipped(format!("{what}: there is no such deployment")),
        200 => {
            let message = &said["choices"][0]["message"];
            let shown =
                message["reasoning_content"].as_str().or_else(|| message["reasoning"].as_str()).unwrap_or_default();
            let counted = &said["usage"]["completion_tokens_details"]["reasoning_tokens"];
            Row::passed(format!("{what}: {} characters of thoughts, reasoning tokens {counted}", shown.chars().count()))
        }
        400 | 422 => {
            let code = said["error"]["code"].as_str().unwrap_or("no code");
            Row::passed(format!("{what}: refused ({code})"))
        }
        _ => Row::failed(
            format!("{what}: {}", answer.outcome()),
            "the role Cognitive Services User: docs/security.md, Roles",
        ),
    }
}
