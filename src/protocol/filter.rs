//! Looks for `"filtered": true` in what Azure's content filter reports, at whatever depth: results are an object a
//! category, but block lists are a list of objects, and new categories come without notice. Nothing is built.

use std::fmt;

use memchr::memmem;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Whether any category was filtered.
pub(crate) fn any_filtered(results: &RawValue) -> bool {
    // Nearly every chunk says false everywhere: look closely only where a `true` is.
    memmem::find(results.get().as_bytes(), b"true").is_some() && says(results.get(), &["filtered"])
}

/// Whether any category was filtered, or all that a source said was blocked.
pub(crate) fn any_blocked(verdicts: &RawValue) -> bool {
    says(verdicts.get(), &["filtered", "blocked"])
}

/// The keys of an object whose values were filtered: the categories.
pub(crate) fn filtered_categories(results: &RawValue) -> Vec<String> {
    serde_json::from_str(results.get()).map(|Categories(names)| names).unwrap_or_default()
}

/// Categories that are named at most; Azure has about a dozen.
const MAX_CATEGORIES: usize = 16;

/// Whether JSON has a member of one of these names that is `true`. Strings are skipped and nothing else is looked at, so that nothing beside
/// a verdict can hide it: no half of a character, no number out of range, no depth.
fn says(json: &str, names: &[&str]) -> bool {
    let mut rest = json;
    while let Some((string, after)) = rest.split_once('"').and_then(|(_, string)| split_string(string)) {
        let value = after.trim_start().strip_prefix(':').map(str::trim_start);
        if value.is_some_and(|value| value.starts_with("true")) && is_one_of(string, names) {
            return true;
        }
        rest = after;
    }
    false
}

/// A string's body as it was written, and what follows its closing quote.
fn split_string(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// Whether a member's name, as it was written, is one of these.
fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.contains(&name)
        || name.contains('\\')
            && serde_json::from_str::<String>(&format!("\"{name}\"")).is_ok_and(|name| names.contains(&&*name))
}

struct Categories(Vec<String>);

impl<'de> Deserialize<'de> for Categories {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CategoriesVisitor;

        impl<'de> Visitor<'de> for CategoriesVisitor {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("filter results by category")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    let plain =
                        name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                    if !plain || names.len() == MAX_CATEGORIES {
                        map.next_value::<IgnoredAny>()?;
                    } else if any_filtered(map.next_value()?) {
                        names.push(name);
                    }
                }
                Ok(names)
            }
        }

        deserializer.deserialize_map(CategoriesVisitor).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_verdict_is_found_at_any_depth() {
        for json in [
            r#"{"hate":{"filtered":true,"severity":"high"}}"#,
            r#"{"custom_blocklists":[{"filtered":false},{"id":"x","filtered": true}]}"#,
            r#"[{"prompt_index":0,"content_filter_results":{"jailbreak":{"detected":true,"filtered":true}}}]"#,
            r#"{"x":{"details":[[{"\u0066iltered":true}]]}}"#,
            r#"{"citation":{"text":"cut \ud83d"},"hate":{"filtered":true}}"#,
            "{\"score\":1e999,\"hate\":{\"filtered\" :\n\ttrue}}",
        ] {
            assert!(any_filtered(raw(json)), "{json}");
        }
        let deep = format!("{}{}{}", "[".repeat(1000), r#"{"filtered":true}"#, "]".repeat(1000));
        assert!(any_filtered(raw(&deep)));
        for json in [
            "{}",
            "null",
            r#"{"jailbreak":{"detected":true,"filtered":false}}"#,
            r#"{"x":"\"filtered\":true"}"#,
            r#"{"x":"\\","y":"filtered","z":true}"#,
            r#"{"filtered":"true"}"#,
            r#"{"error":{"code":"content_filter_error","message":"it is true"}}"#,
        ] {
            assert!(!any_filtered(raw(json)), "{json}");
        }
    }

    #[test]
    fn what_is_blocked_counts_where_it_may_stand() {
        let verdicts =
            raw(r#"[{"blocked":false,"source_type":"prompt"},{"blocked": true,"content_filter_results":{}}]"#);
        assert!(any_blocked(verdicts) && !any_filtered(verdicts));
        assert!(any_blocked(raw(r#"[{"blocked":false,"content_filter_results":{"hate":{"filtered":true}}}]"#)));
        assert!(!any_blocked(raw(r#"[{"blocked":false,"content_filter_results":{"jailbreak":{"detected":true}}}]"#)));
    }

    #[test]
    fn categories_are_those_that_fired() {
        let results = raw(
            r#"{"hate":{"filtered":true,"severity":"high"},"violence":{"filtered":false},"custom_blocklists":[{"filtered":true}],"a b":{"filtered":true}}"#,
        );
        assert_eq!(filtered_categories(results), ["hate", "custom_blocklists"]);
        assert!(filtered_categories(raw("[]")).is_empty());
    }
}
