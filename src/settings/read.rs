//! Reads variables through a lookup, and collects every fault instead of stopping at the first.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::Api;
use super::variables::{self, Variable};

/// A variable that cannot be used, and why. Never the value: it may be a secret that was put in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub name: Cow<'static, str>,
    /// What it must be.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.why)
    }
}

/// What a parser answers: the value, or what the text should have been.
pub(super) type Parsed<T> = Result<T, &'static str>;

pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<Fault>,
    /// `MODEL_<NAME>` while the settings of one model are read.
    model: Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, faults: Vec::new(), model: None }
    }

    pub(super) fn fault(&mut self, variable: &Variable, why: impl Into<String>) {
        let name = self.name_of(variable);
        self.fault_of(name, why);
    }

    /// A fault of a variable whose name is made. What several models share is told once.
    pub(super) fn fault_of(&mut self, name: impl Into<Cow<'static, str>>, why: impl Into<String>) {
        let fault = Fault { name: name.into(), why: why.into() };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Reads the settings of one model: its own variables stand above those of all.
    pub(super) fn of_model<T>(&mut self, prefix: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.model = Some(prefix.to_owned());
        let read = read(self);
        self.model = None;
        read
    }

    /// The name under which a variable is given here: the model's own, or that of all.
    fn name_of(&self, variable: &Variable) -> Cow<'static, str> {
        let own = self.model.as_ref().zip(variables::own_name(variable));
        match own.map(|(model, name)| format!("{model}_{name}")).filter(|name| self.given(name).is_some()) {
            Some(name) => Cow::Owned(name),
            None => Cow::Borrowed(variable.name),
        }
    }

    /// The text of a variable by its name; empty is unset.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|text| !text.trim().is_empty())
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// The variable's text, or its default's; empty is unset.
    pub(super) fn text(&self, variable: &Variable) -> Option<String> {
        let given = self.given(&self.name_of(variable));
        given.or_else(|| Some(variable.default.to_owned()).filter(|text| !text.is_empty()))
    }

    /// The text of a variable that other programs read under its lower-case name too.
    pub(super) fn text_in_any_case(&self, variable: &Variable) -> Option<String> {
        self.text(variable)
            .or_else(|| (self.lookup)(&variable.name.to_ascii_lowercase()).filter(|text| !text.trim().is_empty()))
    }

    /// The variable's value if it has one; a fault if its text cannot be read.
    pub(super) fn optional<T>(&mut self, variable: &Variable, parse: impl Fn(&str) -> Parsed<T>) -> Option<T> {
        let text = self.text(variable)?;
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(why) => {
                self.fault(variable, why);
                None
            }
        }
    }

    /// The value of a variable that has a default. On a fault the default stands in until the faults are reported.
    pub(super) fn value<T>(&mut self, variable: &Variable, parse: impl Fn(&str) -> Parsed<T>) -> Option<T> {
        self.optional(variable, &parse).or_else(|| parse(variable.default).ok())
    }
}

/// A piece of text as it stands.
#[expect(clippy::unnecessary_wraps, reason = "it has the shape of the other parsers")]
pub(super) fn text(text: &str) -> Parsed<String> {
    Ok(text.to_owned())
}

/// A piece of text as it stands, or `none`.
#[expect(clippy::unnecessary_wraps, reason = "it has the shape of the other parsers")]
pub(super) fn text_or_none(text: &str) -> Parsed<Option<String>> {
    Ok((!text.eq_ignore_ascii_case("none")).then(|| text.to_owned()))
}

/// `true`/`false`, `1`/`0`, `yes`/`no`, in any case.
pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err("must be true or false (also 1 or 0, yes or no)"),
    }
}

/// What a model's service speaks.
pub(super) fn api(text: &str) -> Parsed<Api> {
    match text {
        "chat" => Ok(Api::Chat),
        "responses" => Ok(Api::Responses),
        _ => Err("must be chat or responses"),
    }
}

/// A whole number from 1.
pub(super) fn count(text: &str) -> Parsed<usize> {
    text.parse().ok().filter(|count| *count > 0).ok_or("must be a whole number, 1 or more")
}

/// A whole number from 1 that fits 32 bits.
pub(super) fn tokens(text: &str) -> Parsed<u32> {
    text.parse().ok().filter(|count| *count > 0).ok_or("must be a whole number, 1 or more")
}

/// A number of retries.
pub(super) fn retries(text: &str) -> Parsed<u32> {
    text.parse().ok().filter(|count| *count <= 10).ok_or("must be a whole number from 0 to 10")
}

/// A TCP port.
pub(super) fn port(text: &str) -> Parsed<u16> {
    text.parse().map_err(|_| "must be a port number from 0 to 65535")
}

/// A whole number with a unit: `500ms`, `15s`, `9m`. At most a day.
pub(super) fn duration(text: &str) -> Parsed<Duration> {
    const WHY: &str = "must be a whole number with a unit, such as 500ms, 15s or 9m, above zero and at most a day";
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).ok_or(WHY)?;
    let (number, unit) = text.split_at_checked(digits).ok_or(WHY)?;
    let number: u64 = number.parse().map_err(|_| WHY)?;
    let milliseconds = match unit.trim_start() {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        _ => None,
    };
    milliseconds.filter(|ms| (1..=86_400_000).contains(ms)).map(Duration::from_millis).ok_or(WHY)
}

/// A sampling temperature.
pub(super) fn temperature(text: &str) -> Parsed<f64> {
    text.parse().ok().filter(|value| (0.0..=2.0).contains(value)).ok_or("must be a number from 0 to 2")
}

/// A share.
pub(super) fn share(text: &str) -> Parsed<f64> {
    text.parse().ok().filter(|value| (0.0..=1.0).contains(value)).ok_or("must be a number from 0 to 1")
}

/// A comma-separated list of lower-case words.
pub(super) fn words(text: &str) -> Parsed<Vec<String>> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(word).collect()
}

/// One lower-case word.
pub(super) fn word(text: &str) -> Parsed<String> {
    let good = text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_lowercase());
    good.then(|| text.to_owned()).ok_or("must be one lower-case word, such as low, medium or high")
}

/// An API version as Azure dates them.
pub(super) fn api_version(text: &str) -> Parsed<String> {
    let good = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    good.then(|| text.to_owned()).ok_or("must be an API version, such as 2025-04-01-preview")
}

/// A tenant or client id, or a tenant's domain.
pub(super) fn directory_id(text: &str) -> Parsed<String> {
    let good =
        text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    good.then(|| text.to_owned()).ok_or("must be an id: letters, digits, '-' and '.' only")
}

/// A comma-separated list of origins, each as browsers send it.
pub(super) fn origins(text: &str) -> Parsed<Vec<String>> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(origin).collect()
}

fn origin(text: &str) -> Parsed<String> {
    const WHY: &str = "each entry must be an origin such as https://example.com, without path; * is not one";
    let url = url::Url::parse(text).map_err(|_| WHY)?;
    let bare = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty();
    bare.then(|| url.origin().ascii_serialization()).ok_or(WHY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("15s"), Ok(Duration::from_secs(15)));
        assert_eq!(duration("9m"), Ok(Duration::from_secs(540)));
        for text in
            ["15", "s", "", "1h", "0s", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615m", "25000m"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins_are_as_browsers_send_them() {
        let list = origins("https://a.example, HTTPS://B.example:443/ ,http://localhost:5173");
        assert_eq!(
            list,
            Ok(vec![
                "https://a.example".to_owned(),
                "https://b.example".to_owned(),
                "http://localhost:5173".to_owned()
            ])
        );
        for text in ["*", "a.example", "https://a.example/path", "https://u@a.example", "null"] {
            assert!(origins(text).is_err(), "{text}");
        }
    }

    #[test]
    fn booleans_are_strict() {
        for (text, value) in [("TRUE", true), ("1", true), ("Yes", true), ("False", false), ("0", false), ("nO", false)]
        {
            assert_eq!(boolean(text), Ok(value));
        }
        assert!(boolean("on").is_err());
    }
}
