//! The response object, which comes with every event of an answer's life and says its request back.

use serde_json::{Value, json};

use crate::ask::responses::Echo;

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Open,
    Completed,
    /// With the reason.
    Incomplete(&'static str),
    Failed,
}

impl Ending {
    fn status(self) -> &'static str {
        match self {
            Self::Open => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed => "failed",
        }
    }

    /// Whether tokens are counted at this point.
    pub(super) fn is_counted(self) -> bool {
        matches!(self, Self::Completed | Self::Incomplete(_))
    }
}

/// The object, without its output, usage, error and filters.
pub(super) fn response(id: &str, created_at: u64, echo: &Echo, ending: Ending) -> Value {
    let mut object = settled();
    let now = json!({
        "id": id,
        "created_at": created_at,
        "status": ending.status(),
        "completed_at": (ending == Ending::Completed).then(super::super::now),
        "incomplete_details": if let Ending::Incomplete(reason) = ending { json!({"reason": reason}) } else { Value::Null },
        "instructions": echo.instructions,
        "max_output_tokens": echo.max_output_tokens,
        "model": echo.deployment,
        "reasoning": echo.reasoning,
        "store": echo.store,
        "tool_choice": echo.tool_choice,
        "tools": echo.tools,
    });
    if let (Some(object), Value::Object(now)) = (object.as_object_mut(), now) {
        object.extend(now);
    }
    object
}

/// What is the same in every answer of the demo.
fn settled() -> Value {
    json!({
        "object": "response",
        "background": false,
        "max_tool_calls": null,
        "metadata": {},
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "prompt_cache_key": null,
        "prompt_cache_retention": null,
        "safety_identifier": null,
        "service_tier": "default",
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": null,
    })
}
