//! `host.json` with its overrides from the environment, as one flat table of texts, and the reading of its values.
//!
//! The real host layers its sources the same way: keys without regard to case, levels joined by `:`, array items by
//! number, and every value a text until someone asks for a type.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

/// What an environment variable starts with to override `host.json`; its levels are joined by two underscores.
const OVERRIDE_PREFIX: &str = "azurefunctionsjobhost__";

/// The flat table.
#[derive(Clone, Debug, Default)]
pub(super) struct Configuration {
    values: BTreeMap<String, String>,
}

impl Configuration {
    /// Flattens the file and lays the environment over it.
    pub(super) fn new(file: &Value, env: &BTreeMap<String, String>) -> Self {
        let mut values = BTreeMap::new();
        flatten(file, "", &mut values);
        for (name, value) in env {
            if let Some(path) = name.to_lowercase().strip_prefix(OVERRIDE_PREFIX) {
                values.insert(path.replace("__", ":"), value.clone());
            }
        }
        Self { values }
    }

    /// The text at this path (any case, levels joined by `:`); blank counts as absent.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.values.get(&path.to_lowercase()).map(String::as_str).filter(|text| !text.trim().is_empty())
    }

    /// As [`text`](Self::text), where an empty text means something.
    pub(super) fn raw(&self, path: &str) -> Option<&str> {
        self.values.get(&path.to_lowercase()).map(String::as_str)
    }

    /// True for `true` in any case, false for everything else that is set.
    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        self.text(path).map(|text| text.trim().eq_ignore_ascii_case("true"))
    }

    /// The items of an array.
    pub(super) fn items(&self, path: &str) -> Vec<&str> {
        (0..).map_while(|number| self.raw(&format!("{path}:{number}"))).collect()
    }

    /// Whether anything at all is set below this path.
    pub(super) fn has_section(&self, path: &str) -> bool {
        let prefix = format!("{}:", path.to_lowercase());
        self.values.range(prefix.clone()..).next().is_some_and(|(key, _)| key.starts_with(&prefix))
    }
}

fn flatten(value: &Value, path: &str, into: &mut BTreeMap<String, String>) {
    let below = |key: &str| {
        if path.is_empty() { key.to_lowercase() } else { format!("{path}:{}", key.to_lowercase()) }
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, field)| flatten(field, &below(key), into)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, item)| flatten(item, &below(&number.to_string()), into));
        }
        Value::String(text) => drop(into.insert(path.to_owned(), text.clone())),
        Value::Null => {}
        other => drop(into.insert(path.to_owned(), other.to_string())),
    }
}

/// Reads a .NET time span: `[d.]hh:mm[:ss[.fraction]]`, or whole days.
pub(super) fn time_span(text: &str) -> Option<Duration> {
    let (clock, days) = match text.trim().split_once(':') {
        None => {
            return text.trim().parse().ok().map(|days: u16| Duration::from_hours(u64::from(days) * 24));
        }
        Some((first, rest)) => match first.split_once('.') {
            Some((days, hours)) => (format!("{hours}:{rest}"), u64::from(days.parse::<u16>().ok()?)),
            None => (format!("{first}:{rest}"), 0),
        },
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let (hours, minutes, seconds) = match *parts {
        [hours, minutes] => (hours, minutes, "0"),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return None,
    };
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds: f64 = seconds.parse().ok()?;
    let in_range = hours < 24 && minutes < 60 && (0.0..60.0).contains(&seconds);
    in_range.then(|| {
        Duration::from_hours(days * 24 + hours) + Duration::from_mins(minutes) + Duration::from_secs_f64(seconds)
    })
}

/// Replaces `%NAME%` by the variable's value, and by nothing when it is unset.
pub(super) fn expanded(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        result.push_str(before);
        if let Some((name, tail)) = after.split_once('%') {
            result.push_str(env.get(name).map_or("", String::as_str));
            rest = tail;
        } else {
            result.push('%');
            rest = after;
        }
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_environment_lies_over_the_file_whatever_the_case() {
        let file = json!({ "customHandler": { "enableProxyingHttpRequest": true, "description": {
            "defaultExecutablePath": "app", "arguments": ["a", "b"] } } });
        let env = BTreeMap::from([
            ("AzureFunctionsJobHost__CustomHandler__description__defaultExecutablePath".to_owned(), "other".to_owned()),
            ("AzureFunctionsJobHost__functionTimeout".to_owned(), "00:05:00".to_owned()),
        ]);
        let configuration = Configuration::new(&file, &env);
        assert_eq!(configuration.text("customHandler:description:defaultExecutablePath"), Some("other"));
        assert_eq!(configuration.flag("customhandler:enableproxyinghttprequest"), Some(true));
        assert_eq!(configuration.items("customHandler:description:arguments"), ["a", "b"]);
        assert_eq!(configuration.text("functionTimeout").and_then(time_span), Some(Duration::from_mins(5)));
        assert!(configuration.has_section("customHandler") && !configuration.has_section("customHand"));
    }

    #[test]
    fn time_spans_are_read_as_dotnet_reads_them() {
        assert_eq!(time_span("00:00:30"), Some(Duration::from_secs(30)));
        assert_eq!(time_span("1.02:00:00"), Some(Duration::from_hours(26)));
        assert_eq!(time_span("00:00:00.250"), Some(Duration::from_millis(250)));
        assert_eq!(time_span("7"), Some(Duration::from_hours(168)));
        assert_eq!(time_span("25:00:00"), None);
        assert_eq!(time_span("soon"), None);
    }

    #[test]
    fn references_are_replaced_and_unset_ones_vanish() {
        let env = BTreeMap::from([("DIR".to_owned(), "bin".to_owned())]);
        assert_eq!(expanded("%DIR%/app%MISSING%", &env), "bin/app");
        assert_eq!(expanded("100%", &env), "100%");
    }
}
