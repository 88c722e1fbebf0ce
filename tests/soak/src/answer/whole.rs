//! The rules of OpenAI's answer in one piece.

use serde_json::Value;

use super::{Answer, Last, text, tokens};

impl Answer {
    pub(super) fn whole(&mut self, body: &[u8]) {
        self.lines += 1;
        let Ok(answer) = serde_json::from_slice::<Value>(body) else { return self.blame("the answer is no JSON") };
        let id = text(answer.get("id"));
        id.strip_prefix("chatcmpl-").unwrap_or_default().clone_into(&mut self.request_id);
        let choices = answer.get("choices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let [choice] = choices else { return self.blame("not one choice") };
        let Some(message) = choice.get("message").and_then(Value::as_object) else {
            return self.blame("a choice without a message");
        };
        let mut message = message.clone();
        // It says so of a model that did not refuse.
        if message.get("refusal").is_some_and(Value::is_null) {
            message.remove("refusal");
        }
        self.take(&message);
        self.last = Some(Last::Done {
            finish_reason: text(choice.get("finish_reason")),
            completion_tokens: tokens(answer.get("usage")),
        });
    }
}
