//! A content that is a list of parts, as Mistral's reasoning models send it: thoughts and text, told apart by the list.

use serde_json::value::RawValue;

use super::chunk::Part;
use crate::answer::lines::Kind;
use crate::json;

/// Parts inside parts; Mistral has one level.
const MAX_DEPTH: u32 = 4;

/// The strings of a list, or of a single part, in order, each with what it is. They are JSON as upstream wrote it.
pub(super) fn read(raw: &RawValue, kind: Kind) -> Vec<(Kind, &str)> {
    let mut strings = Vec::new();
    collect(raw, kind, MAX_DEPTH, &mut strings);
    strings
}

fn collect<'a>(raw: &'a RawValue, kind: Kind, depth: u32, strings: &mut Vec<(Kind, &'a str)>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    if json::is_string(raw) {
        strings.push((kind, raw.get()));
    } else if let Ok(parts) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
        for part in parts {
            collect(part, kind, depth + 1, strings);
        }
    } else if let Ok(part) = serde_json::from_str::<Part<'_>>(raw.get()) {
        if let Some(thinking) = part.thinking {
            collect(thinking, Kind::Thoughts, depth, strings);
        }
        if let Some(text) = part.text {
            collect(text, kind, depth, strings);
        }
    }
}
