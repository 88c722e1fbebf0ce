//! Reads upstream's account of a failure, in any of the shapes of the field.
//!
//! In: an error body, or the data of an event. Out: an [`Account`], the few things of it that have a meaning here. Read
//! liberally: flat or nested, wrapped by gateways, as JSON inside a string, with a key twice (the last one counts).

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::wait;
use crate::json::lossy_text;
use crate::protocol::filter::filtered_categories;

/// Objects and arrays inside each other that are looked into; gateways wrap twice or three times.
const MAX_DEPTH: u8 = 8;
/// Codes, types, parameters and messages that are kept, each.
const MAX_KEPT: usize = 8;
/// Bytes of one of them that are kept.
const MAX_TEXT_BYTES: usize = 2048;

/// What upstream says of a failure. All texts are upstream's own: [`super::told`] says what of them may be logged.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// `code` and the like, outer ones first.
    pub(super) codes: Vec<String>,
    /// `type` and the like.
    pub(super) kinds: Vec<String>,
    /// The request's fields that it names.
    pub(super) params: Vec<String>,
    /// Sentences.
    pub(super) messages: Vec<String>,
    /// The HTTP status that the body names.
    pub(super) status: Option<u16>,
    /// The content filter's categories that fired.
    pub(super) categories: Vec<String>,
    /// The wait that it asks for.
    pub(super) wait: Option<Duration>,
}

/// Names of members in lower case and without `_` and `-`: `errorCode`, `error_code` and `ErrorCode` are one.
const CODES: [&str; 2] = ["code", "errorcode"];
const KINDS: [&str; 4] = ["type", "errortype", "status", "reason"];
const PARAMS: [&str; 5] = ["param", "parameter", "field", "target", "loc"];
const MESSAGES: [&str; 9] =
    ["message", "errormessage", "msg", "error", "detail", "title", "errordescription", "description", "raw"];
/// Members that hold a further account, beside those above whose value is an object, an array or JSON in a string.
const INSIDE: [&str; 13] = [
    "error",
    "errors",
    "detail",
    "details",
    "message",
    "innererror",
    "response",
    "metadata",
    "providerspecificfields",
    "azureerror",
    "lasterror",
    "originalerror",
    "body",
];
const FILTER_RESULTS: [&str; 2] = ["contentfilterresult", "contentfilterresults"];

impl Account {
    /// Reads an error body or an error event. What cannot be read says nothing.
    pub(crate) fn read(text: &str) -> Self {
        let mut account = Self::default();
        let text = text.trim_start_matches('\u{FEFF}').trim();
        // Some send the refusal as the event that it would have been in a stream.
        let json = text.strip_prefix("data:").map_or(text, str::trim_start);
        match first_value(json) {
            Some(raw) if raw.get().starts_with(['{', '[']) => account.gather(raw, MAX_DEPTH),
            Some(raw) if raw.get().starts_with('"') => {
                account.message(&lossy_text(raw.get()).unwrap_or_default(), MAX_DEPTH);
            }
            // A page tells nothing that can be trusted to be a message.
            _ if !text.starts_with('<') => keep(&mut account.messages, text),
            _ => {}
        }
        account.wait = account.wait.or_else(|| account.messages.iter().find_map(|message| wait::asked_in(message)));
        account
    }

    /// Reads the data of an event that may be a chunk; `None` where it tells of no failure.
    ///
    /// An `error` of any shape tells of one, and so do an `error_type` or an `error_message`, `"type":"error"`,
    /// `"object":"error"`, and a `code` with a `message` where `choices` should be.
    pub(crate) fn told_in(data: &str) -> Option<Self> {
        let Members(members) = serde_json::from_str(data).ok()?;
        let last = |name: &str| members.iter().rev().find(|(known, _)| known == name).map(|(_, raw)| *raw);
        let is = |name: &str, text: &str| last(name).is_some_and(|raw| raw.get() == text);
        let says = |name: &str| {
            last(name).is_some_and(|raw| !matches!(raw.get(), "null" | "false" | "\"\"" | "{}" | "[]" | "0"))
        };
        let plain = says("error")
            || says("errors")
            || says("errortype")
            || says("errormessage")
            || says("errorcode")
            || is("type", "\"error\"")
            || is("object", "\"error\"")
            || (!says("choices") && says("message") && (says("code") || says("statuscode")));
        plain.then(|| Self::read(data))
    }

    fn gather(&mut self, raw: &RawValue, depth: u8) {
        let Some(depth) = depth.checked_sub(1) else { return };
        if raw.get().starts_with('[') {
            let all: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            for element in all.into_iter().take(MAX_KEPT) {
                self.value(element, depth);
            }
            return;
        }
        let Ok(Members(members)) = serde_json::from_str(raw.get()) else { return };
        let last = |name: &str| members.iter().rev().find(|(known, _)| known == name).map(|(_, raw)| *raw);
        for raw in CODES.into_iter().filter_map(last) {
            keep(&mut self.codes, &text(raw));
        }
        for raw in KINDS.into_iter().filter_map(last) {
            let kind = text(raw);
            if kind != "error" && kind.parse::<u16>().is_err() {
                keep(&mut self.kinds, &kind);
            }
        }
        let numbers = ["statuscode", "status", "code"].into_iter().filter_map(last);
        let mut statuses = numbers.filter_map(|raw| text(raw).parse().ok().filter(|code| (400..600).contains(code)));
        self.status = self.status.or_else(|| statuses.next());
        for raw in PARAMS.into_iter().filter_map(last) {
            keep(&mut self.params, &path(raw));
        }
        for raw in FILTER_RESULTS.into_iter().filter_map(last) {
            for category in filtered_categories(raw) {
                keep(&mut self.categories, &category);
            }
        }
        for (name, unit) in [("retryafterms", 0.001), ("retryafter", 1.0), ("retryafterseconds", 1.0)] {
            let asked = last(name).and_then(|raw| text(raw).parse().ok()).and_then(|number| wait::of(number, unit));
            self.wait = self.wait.or(asked);
        }
        if let Some(delay) = last("retrydelay") {
            self.wait = self.wait.or_else(|| wait::length(&text(delay)));
        }
        for raw in MESSAGES.into_iter().filter_map(last).filter(|raw| raw.get().starts_with('"')) {
            self.message(&lossy_text(raw.get()).unwrap_or_default(), depth);
        }
        for raw in INSIDE.into_iter().filter_map(last) {
            if raw.get().starts_with(['{', '[']) {
                self.gather(raw, depth);
            }
        }
    }

    fn value(&mut self, raw: &RawValue, depth: u8) {
        if raw.get().starts_with('"') {
            self.message(&lossy_text(raw.get()).unwrap_or_default(), depth);
        } else {
            self.gather(raw, depth);
        }
    }

    /// A sentence, or a whole account that a gateway put into a string.
    fn message(&mut self, message: &str, depth: u8) {
        let inside = message.trim_start();
        match first_value(inside).filter(|raw| raw.get().starts_with(['{', '['])) {
            Some(raw) if inside.starts_with(['{', '[']) => self.gather(raw, depth),
            _ => keep(&mut self.messages, message.trim()),
        }
    }
}

/// The JSON value with which a text begins, whatever follows it.
fn first_value(text: &str) -> Option<&RawValue> {
    serde_json::Deserializer::from_str(text).into_iter().next()?.ok()
}

/// Adds a text that says something and is not there yet.
fn keep(all: &mut Vec<String>, text: &str) {
    let text = text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or(text);
    // Python's and JSON's nothing, as text.
    let is_nothing = matches!(text.trim(), "" | "None" | "null" | "undefined");
    if !is_nothing && all.len() < MAX_KEPT && all.iter().all(|known| known != text) {
        all.push(text.to_owned());
    }
}

/// A string or a number as text; anything else as nothing.
fn text(raw: &RawValue) -> String {
    match raw.get().as_bytes().first() {
        Some(b'"') => lossy_text(raw.get()).unwrap_or_default(),
        Some(b'-' | b'0'..=b'9') => raw.get().to_owned(),
        _ => String::new(),
    }
}

/// A field's name, or a path to it as a list (`["body","reasoning_effort"]`).
fn path(raw: &RawValue) -> String {
    let steps: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    if steps.is_empty() {
        return text(raw);
    }
    steps.into_iter().take(MAX_KEPT).map(text).collect::<Vec<_>>().join(".")
}

/// An object's members in their order, names folded. Nothing in a name makes the object unreadable.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    if name.is_empty() {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        members.push((name, map.next_value()?));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

/// A member's name, folded; empty where it is none that is looked for.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a name")
            }

            /// Asked for bytes, `serde_json` lets half a character pass.
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Name, E> {
                let plain = bytes.iter().filter(|byte| !matches!(byte, b'_' | b'-'));
                let is_plain = bytes.len() <= 64 && plain.clone().all(u8::is_ascii_alphanumeric);
                let name = plain.map(|byte| char::from(byte.to_ascii_lowercase()));
                Ok(Name(if is_plain { name.collect() } else { String::new() }))
            }
        }

        deserializer.deserialize_bytes(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first code, type, parameter and message.
    fn first(body: &str) -> [String; 4] {
        let Account { codes, kinds, params, messages, .. } = Account::read(body);
        [codes, kinds, params, messages].map(|all| all.into_iter().next().unwrap_or_default())
    }

    #[test]
    fn every_shape_of_the_field_says_the_same() {
        for body in [
            r#"{"error":{"code":"c","type":"t","param":"p","message":"m"}}"#,
            r#"{"code":"c","type":"t","param":"p","message":"m"}"#,
            r#"{"error_code":"c","error_type":"t","param":"p","error_message":"m","choices":null}"#,
            r#"{"errorCode":"c","errorType":"t","parameter":"p","errorMessage":"m"}"#,
            r#"{"object":"error","message":"m","type":"t","param":"p","code":"c"}"#,
            r#"{"type":"error","error":{"type":"t","message":"m","code":"c","param":"p"}}"#,
            r#"{"error":{"error":{"code":"c","type":"t","param":"p","message":"m"}}}"#,
            r#"{"error":"{\"error\":{\"code\":\"c\",\"type\":\"t\",\"param\":\"p\",\"message\":\"m\"}}"}"#,
            r#"{"message":"{\"code\":\"c\",\"type\":\"t\",\"param\":\"p\",\"message\":\"m\"}"}"#,
            r#"[{"error":{"code":"c","type":"t","param":"p","message":"m"}}]"#,
            r#"{"errors":[{"code":"c","type":"t","field":"p","message":"m"}]}"#,
            r#"{"detail":[{"type":"t","loc":["p"],"msg":"m","code":"c"}]}"#,
            r#"{"object":"error","message":{"detail":[{"type":"t","loc":["p"],"msg":"m","code":"c"}]}}"#,
            r#"{"response":{"status":"t","error":{"code":"c","param":"p","message":"m"}}}"#,
            r#"{"error":{"metadata":{"raw":"{\"code\":\"c\",\"type\":\"t\",\"param\":\"p\",\"message\":\"m\"}"}}}"#,
            r#"{"error":{"code":"x"},"error":{"code":"c","type":"t","param":"p","message":"x","message":"m"}}"#,
            r#"{"\ud83d":1,"error":{"code":"c","type":"t","param":"p","message":"m","more":"\ud83d"}}"#,
            r#"{"error":{"code":"c","type":"t","param":"p","message":"m"}} trailing"#,
            "\u{FEFF}data: {\"error\":{\"code\":\"c\",\"type\":\"t\",\"param\":\"p\",\"message\":\"m\"}}\n\n",
        ] {
            assert_eq!(first(body), ["c", "t", "p", "m"], "{body}");
        }
    }

    #[test]
    fn texts_alone_are_messages_and_pages_are_nothing() {
        for body in ["m", "\"m\"", r#"{"error":"m"}"#, r#"{"detail":"m"}"#, r#"{"error":{"message":"m"}}"#, r#"["m"]"#]
        {
            assert_eq!(first(body), ["", "", "", "m"], "{body}");
        }
        for body in ["", "<html>m</html>", "{}", "[]", "null", "7", "{\"error\":", r#"{"error":{"message":null}}"#] {
            assert_eq!(first(body)[..3], ["", "", ""], "{body}");
        }
        assert_eq!(first("<html>m</html>"), ["", "", "", ""]);
    }

    #[test]
    fn statuses_waits_and_categories_are_found_where_they_stand() {
        assert_eq!(Account::read(r#"{"statusCode":403,"message":"m"}"#).status, Some(403));
        assert_eq!(Account::read(r#"{"error":{"code":"429"}}"#).status, Some(429));
        assert_eq!(Account::read(r#"{"error":{"code":7}}"#).status, None);
        let google =
            r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"retryDelay":"26s"}]}}]"#;
        assert_eq!(Account::read(google).wait, Some(Duration::from_secs(26)));
        assert_eq!(Account::read(r#"{"error":{"retry_after":7}}"#).wait, Some(Duration::from_secs(7)));
        let wrapped = r#"{"error":{"provider_specific_fields":{"innererror":{"content_filter_result":{"hate":{"filtered":true},"violence":{"filtered":false}}}}}}"#;
        assert_eq!(Account::read(wrapped).categories, ["hate"]);
    }

    #[test]
    fn what_is_kept_has_bounds() {
        let many: Vec<String> = (0..100).map(|at| format!(r#"{{"code":"c{at}","message":"m{at}"}}"#)).collect();
        let account = Account::read(&format!("[{}]", many.join(",")));
        assert_eq!((account.codes.len(), account.messages.len()), (MAX_KEPT, MAX_KEPT));
        let long = Account::read(&format!(r#"{{"message":"{}"}}"#, "é".repeat(5000)));
        assert_eq!(long.messages.first().map(String::len), Some(MAX_TEXT_BYTES));
        let deep = format!("{}{}{}", r#"{"error":"#.repeat(60), r#"{"code":"deep"}"#, "}".repeat(60));
        assert!(Account::read(&deep).codes.is_empty());
    }

    #[test]
    fn a_failure_is_told_from_a_chunk() {
        for data in [
            r#"{"error":{"message":"m"}}"#,
            r#"{"error":"m"}"#,
            r#"{"error":"x","error":{"message":"m"}}"#,
            r#"{"choices":null,"error_type":"t","error_message":"m"}"#,
            r#"{"choices":[],"error_message":"m"}"#,
            r#"{"object":"error","message":"m","code":400}"#,
            r#"{"type":"error","message":"m"}"#,
            r#"{"code":"c","message":"m"}"#,
            r#"{"statusCode":429,"message":"m"}"#,
        ] {
            assert!(Account::told_in(data).is_some(), "{data}");
        }
        for data in [
            r#"{"choices":[{"index":0,"delta":{"content":"error"}}]}"#,
            r#"{"choices":[],"error":null,"usage":{}}"#,
            r#"{"choices":[],"error":false,"error_message":""}"#,
            r#"{"type":"ping"}"#,
            r#"{"choices":[],"prompt_filter_results":[]}"#,
            "{}",
            "[]",
            "text",
        ] {
            assert!(Account::told_in(data).is_none(), "{data}");
        }
    }
}
