//! What a choice line adds, as both forms of OpenAI's answer read it.

use serde::Deserialize;
use serde_json::value::RawValue;

/// What a delta says besides whose it is.
#[derive(Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(default, borrow)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) reasoning_content: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) refusal: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) tool_calls: Option<&'a RawValue>,
}

impl<'a> Delta<'a> {
    /// Its members that are not `null`, in the order of a line.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        let all = [
            ("\"content\":", self.content),
            ("\"reasoning_content\":", self.reasoning_content),
            ("\"refusal\":", self.refusal),
            ("\"tool_calls\":", self.tool_calls),
        ];
        all.into_iter().filter_map(|(key, raw)| raw.map(|raw| (key, raw.get())))
    }
}
