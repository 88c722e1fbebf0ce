//! Each event's fields beside those of recorded streams, where these are at hand.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

/// The paths of all fields in `value`; items of lists share theirs. What a client sent is not the service's shape, and
/// encrypted thoughts come only to clients that ask for them.
fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter().filter(|(name, _)| *name != "encrypted_content") {
                let path = format!("{at}/{name}");
                found.insert(path.clone());
                if !matches!(name.as_str(), "tools" | "metadata") {
                    paths(field, &path, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, at, found)),
        _ => {}
    }
}

fn paths_of(event: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    paths(event, "", &mut found);
    found
}

/// The kind of an event: its type, and the innermost type of what it is about.
fn kind_of(event: &Value) -> String {
    let about = ["/item/content/0/type", "/item/type", "/part/type"].iter().find_map(|at| event.pointer(at)?.as_str());
    format!("{} {}", event["type"].as_str().unwrap_or_default(), about.unwrap_or_default()).trim_end().to_owned()
}

/// Stands for all events with a response object: what it may hold does not depend on the event.
const OBJECT: &str = "response object";

/// What the streams have of one kind of event: every field that occurs, and those that Azure was never seen to leave out.
#[derive(Default)]
struct Recorded {
    ever: BTreeSet<String>,
    always: Option<BTreeSet<String>>,
}

impl Recorded {
    fn add(&mut self, paths: &BTreeSet<String>, at_azure: bool) {
        self.ever.extend(paths.iter().cloned());
        if at_azure {
            self.always = Some(self.always.take().map_or_else(|| paths.clone(), |always| &always & paths));
        }
    }
}

fn recorded(folder: &Path) -> BTreeMap<String, Recorded> {
    let index: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("index.json")).unwrap()).unwrap();
    let mut kinds: BTreeMap<String, Recorded> = BTreeMap::new();
    for case in index["cases"].as_array().unwrap() {
        let at_azure = case["azure"] == true && case["kind"] == "recorded";
        let bytes = std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        // One stream is cut inside an event, and some end with a mark that is no JSON.
        let events = text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
        for event in events.filter(|event: &Value| event["type"].is_string()) {
            let paths = paths_of(&event);
            kinds.entry(kind_of(&event)).or_default().add(&paths, at_azure);
            if event.get("response").is_some() {
                kinds.entry(OBJECT.to_owned()).or_default().add(&paths, at_azure);
            }
        }
    }
    kinds
}

/// No field that no service has, and none left out that Azure always sends.
#[test]
#[expect(clippy::print_stderr, reason = "a check that was skipped has to say so")]
fn every_event_has_the_fields_of_recorded_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/responses-vectors");
    if !folder.is_dir() {
        eprintln!("skipped: the recorded streams are not here ({})", folder.display());
        return;
    }
    let recorded = recorded(&folder);
    let tools = json!([{"type": "function", "name": "look_up", "parameters": {"type": "object"}}]);
    let request = json!({"input": "use the tool look_up", "stream": true, "tools": tools});
    let mut events = stream_of(&request);
    for question in [
        "x",
        "hide your thoughts",
        "refuse to answer",
        "late filter verdict",
        "cut by length",
        "fail with content_filter midway",
        "fail with upstream_error midway",
        "fail with upstream_error midway, reason first",
        "fail with rate_limited in the stream",
    ] {
        events.extend(asked(question));
    }
    let mut kinds = BTreeSet::new();
    for (_, event) in &events {
        let kind = kind_of(event);
        let known = recorded.get(&kind).unwrap_or_else(|| panic!("no stream has {kind}"));
        let object = event.get("response").map(|_| &recorded[OBJECT]);
        let ours = paths_of(event);
        assert_eq!(&ours - &object.unwrap_or(known).ever, BTreeSet::new(), "{kind} has what no service sends");
        let always = known.always.as_ref().or(object.and_then(|object| object.always.as_ref()));
        let missing = always.map_or_else(BTreeSet::new, |always| always - &ours);
        assert_eq!(missing, BTreeSet::new(), "{kind} lacks what Azure sends");
        kinds.insert(kind);
    }
    assert!(kinds.len() >= 19, "{kinds:?}");
}
