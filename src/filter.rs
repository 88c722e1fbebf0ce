//! Looks for `"filtered": true` in what Azure's content filter reports, at whatever depth: results are an object a
//! category, but block lists are a list of objects, and new categories come without notice. Nothing is built.

use std::fmt;

use memchr::memmem;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Whether any category was filtered.
pub(crate) fn any_filtered(results: &RawValue) -> bool {
    // Nearly every chunk says false everywhere: look closely only where a `true` is.
    memmem::find(results.get().as_bytes(), b"true").is_some()
        && serde_json::from_str(results.get()).is_ok_and(|Filtered(filtered)| filtered)
}

/// The keys of an object whose values were filtered: the categories.
pub(crate) fn filtered_categories(results: &RawValue) -> Vec<String> {
    serde_json::from_str(results.get()).map(|Categories(names)| names).unwrap_or_default()
}

/// Categories that are named at most; Azure has about a dozen.
const MAX_CATEGORIES: usize = 16;

struct Filtered(bool);

impl<'de> Deserialize<'de> for Filtered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FilteredVisitor).map(Self)
    }
}

struct FilteredVisitor;

impl<'de> Visitor<'de> for FilteredVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("filter results")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut filtered = false;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Filtered => filtered |= map.next_value::<True>()?.0,
                Key::Other => filtered |= map.next_value::<Filtered>()?.0,
            }
        }
        Ok(filtered)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut filtered = false;
        while let Some(Filtered(element)) = list.next_element()? {
            filtered |= element;
        }
        Ok(filtered)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}

/// The value of `filtered`: `true` or anything else.
struct True(bool);

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(raw.get() == "true"))
    }
}

enum Key {
    Filtered,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        Ok(if key == "filtered" { Self::Filtered } else { Self::Other })
    }
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
                    } else if map.next_value::<Filtered>()?.0 {
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
        ] {
            assert!(any_filtered(raw(json)), "{json}");
        }
        for json in [
            "{}",
            "null",
            r#"{"jailbreak":{"detected":true,"filtered":false}}"#,
            r#"{"x":"\"filtered\":true"}"#,
            r#"{"filtered":"true"}"#,
            r#"{"error":{"code":"content_filter_error","message":"it is true"}}"#,
        ] {
            assert!(!any_filtered(raw(json)), "{json}");
        }
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
