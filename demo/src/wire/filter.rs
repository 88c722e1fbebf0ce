//! What Azure's content filter says, in the shapes that both protocols share.

use serde_json::{Value, json};

/// Nothing was found.
pub(super) fn safe() -> Value {
    let fine = json!({"filtered": false, "severity": "safe"});
    json!({"hate": fine, "self_harm": fine, "sexual": fine, "violence": fine})
}

/// Nothing was found in a prompt, where one category more is looked for.
pub(super) fn prompt_is_safe() -> Value {
    let mut results = safe();
    if let Some(results) = results.as_object_mut() {
        results.insert("jailbreak".to_owned(), json!({"filtered": false, "detected": false}));
    }
    results
}

/// Not fit to be shown.
pub(super) fn filtered() -> Value {
    let mut results = safe();
    if let Some(results) = results.as_object_mut() {
        results.insert("violence".to_owned(), json!({"filtered": true, "severity": "medium"}));
    }
    results
}

/// The list that a response object of the Responses API ends with: one entry for the prompt, one for the answer.
pub(super) fn list(prompt_chars: usize, answer_chars: usize, blocked: bool) -> Value {
    let mut answer = if blocked { filtered() } else { safe() };
    if let Some(answer) = answer.as_object_mut() {
        for name in ["protected_material_text", "protected_material_code"] {
            answer.insert(name.to_owned(), json!({"filtered": false, "detected": false}));
        }
    }
    let entry = |source: &str, blocked: bool, results: Value, end: usize| {
        json!({
            "blocked": blocked,
            "source_type": source,
            "content_filter_raw": [],
            "content_filter_results": results,
            "content_filter_offsets": {"start_offset": 0, "end_offset": end, "check_offset": 0},
        })
    };
    json!([entry("prompt", false, prompt_is_safe(), prompt_chars), entry("completion", blocked, answer, answer_chars)])
}
