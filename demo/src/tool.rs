//! Function tools: which of those on offer a question asks for, and with what arguments.

mod arguments;

use serde::Deserialize;
use serde_json::Value;

use super::words::{has, words};

/// The most calls of one answer.
const MAX_CALLS: usize = 8;

/// A function that the client can call.
#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    pub(super) name: String,
    /// The JSON Schema of its arguments.
    #[serde(default)]
    parameters: Value,
}

/// Whether tools may or must be called, `tool_choice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// The question decides.
    Free,
    Never,
    /// Some tool, whatever the question.
    Must,
    /// This tool, whatever the question.
    MustBe(String),
}

/// One call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    /// A JSON object.
    pub(super) arguments: String,
}

impl Choice {
    /// Reads `tool_choice`; where the name of a chosen tool stands differs between the protocols.
    pub(super) fn read(choice: Option<&Value>, name: impl Fn(&Value) -> Option<&Value>) -> Self {
        match choice {
            Some(Value::String(word)) if word == "none" => Self::Never,
            Some(Value::String(word)) if word == "required" => Self::Must,
            Some(choice) => name(choice).and_then(Value::as_str).map_or(Self::Free, |n| Self::MustBe(n.to_owned())),
            None => Self::Free,
        }
    }
}

/// The calls that a question asks for, of the tools on offer. `said` is the question in words.
pub(super) fn calls(tools: &[Tool], choice: &Choice, question: &str, said: &[String]) -> Vec<Call> {
    let named: Vec<&Tool> = named(said).map_or_else(Vec::new, |names| {
        tools
            .iter()
            .filter(|tool| has(names, &words(&tool.name).iter().map(String::as_str).collect::<Vec<_>>()))
            .collect()
    });
    let called = match choice {
        Choice::Never => Vec::new(),
        Choice::MustBe(name) => tools.iter().filter(|tool| tool.name == *name).collect(),
        Choice::Must if named.is_empty() => tools.iter().take(1).collect(),
        Choice::Free | Choice::Must => named,
    };
    let call =
        |tool: &Tool| Call { name: tool.name.clone(), arguments: arguments::plausible(&tool.parameters, question) };
    called.into_iter().take(MAX_CALLS).map(call).collect()
}

/// Whether the question asks for a tool at all, also for one that is not there.
pub(super) fn asked_for(said: &[String]) -> bool {
    named(said).is_some()
}

/// What is said after "use the tool": names, among other words.
fn named(said: &[String]) -> Option<&[String]> {
    let at = said.windows(3).position(|w| {
        let [verb, article, noun] = w else { return false };
        matches!(verb.as_str(), "use" | "call") && article == "the" && matches!(noun.as_str(), "tool" | "tools")
    })?;
    said.get(at + 3..)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(question: &str, choice: &Value) -> Vec<String> {
        let tools: Vec<Tool> =
            serde_json::from_value(json!([{"name": "get_weather"}, {"name": "look-up"}, {"name": "now"}])).unwrap();
        let choice = Choice::read(Some(choice), |choice| choice.get("name"));
        calls(&tools, &choice, question, &words(question)).into_iter().map(|call| call.name).collect()
    }

    #[test]
    fn the_question_names_the_tools_it_wants() {
        let auto = json!("auto");
        assert_eq!(names("Please use the tool get_weather.", &auto), ["get_weather"]);
        assert_eq!(names("use the tools GET_WEATHER and look-up", &auto), ["get_weather", "look-up"]);
        for none in ["What is the weather now?", "use the tool hammer", "use the tool", "get_weather: use the tool"] {
            assert!(names(none, &auto).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_choice_overrules_the_question() {
        assert!(names("use the tool now", &json!("none")).is_empty());
        assert_eq!(names("Hello", &json!("required")), ["get_weather"]);
        assert_eq!(names("use the tool now", &json!("required")), ["now"]);
        assert_eq!(names("Hello", &json!({"type": "function", "name": "look-up"})), ["look-up"]);
    }
}
