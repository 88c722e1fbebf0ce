//! Chunks of a chat completion as another gateway writes them: in its own order, with members of its own.

use serde_json::Value;

/// The choice that a line of the stream carries, with nothing in its delta that says nothing; `None` for a line that has
/// none, and for a choice without text or finish reason.
///
/// # Errors
/// The line is neither an event nor empty.
pub(crate) fn choice(line: &[u8]) -> Result<Option<Value>, String> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(data) = line.strip_prefix(b"data: ") else {
        return if line.is_empty() { Ok(None) } else { Err(String::from_utf8_lossy(line).into_owned()) };
    };
    if data == b"[DONE]" {
        return Ok(None);
    }
    let mut event: Value = serde_json::from_slice(data).map_err(|_| String::from_utf8_lossy(data).into_owned())?;
    if event.get("error").is_some() {
        return Err(event.to_string());
    }
    let Some(mut choice) = event.pointer_mut("/choices/0").map(Value::take) else { return Ok(None) };
    let mut says = choice.get("finish_reason").is_some_and(Value::is_string);
    if let Some(delta) = choice.get_mut("delta").and_then(Value::as_object_mut) {
        delta.retain(|_, value| value.as_str().is_some_and(|text| !text.is_empty()));
        says |= ["content", "reasoning_content"].iter().any(|name| delta.contains_key(*name));
    }
    Ok(says.then_some(choice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_choices_that_say_something_are_left() {
        for silent in [
            "",
            "\r",
            "data: [DONE]",
            r#"data: {"choices":[],"usage":{}}"#,
            r#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
        ] {
            assert_eq!(choice(silent.as_bytes()), Ok(None), "{silent}");
        }
        let said = choice(br#"data: {"choices":[{"delta":{"content":"a","reasoning_content":null}}]}"#).unwrap();
        assert_eq!(said.unwrap()["delta"], serde_json::json!({ "content": "a" }));
        assert!(choice(br#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#).unwrap().is_some());
        for wrong in ["x", "data: {", r#"data: {"error":{}}"#] {
            assert!(choice(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
