//! The models that may be asked, as OpenAI lists them.

use serde::Serialize;

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

fn model(id: &str, created: u64) -> Model<'_> {
    Model { id, object: "model", created, owned_by: "azure" }
}

/// All of them. `created` is in seconds since 1970.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>, created: u64) -> Vec<u8> {
    let data = names.map(|name| model(name, created)).collect();
    // Strings and numbers always serialise into memory.
    serde_json::to_vec(&List { object: "list", data }).unwrap_or_default()
}

/// One of them.
pub(crate) fn one(name: &str, created: u64) -> Vec<u8> {
    serde_json::to_vec(&model(name, created)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_openais() {
        let text = |json| String::from_utf8(json).unwrap();
        let model = r#"{"id":"a","object":"model","created":7,"owned_by":"azure"}"#;
        assert_eq!(text(one("a", 7)), model);
        assert_eq!(text(list(["a"].into_iter(), 7)), format!(r#"{{"object":"list","data":[{model}]}}"#));
    }
}
