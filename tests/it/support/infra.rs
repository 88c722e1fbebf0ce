//! Reads `infra/`: its files, what they declare, what comes in and what goes out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::app::project;
use crate::deployments::Deployment;

/// A file of the project.
pub(crate) fn text(file: &str) -> String {
    std::fs::read_to_string(project().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A Bicep file without its comment lines.
pub(crate) fn code(file: &str) -> String {
    text(file).lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// All Bicep files, by path.
pub(crate) fn bicep() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for folder in ["infra", "infra/modules"] {
        for entry in std::fs::read_dir(project().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "bicep") {
                let file = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
                files.insert(file.clone(), code(&file));
            }
        }
    }
    assert!(files.len() > 10);
    files
}

/// `param NAME` of a file, each with its default where there is one.
pub(crate) fn params(code: &str) -> BTreeMap<String, Option<String>> {
    let lines = code.lines().filter_map(|line| line.strip_prefix("param "));
    lines
        .map(|line| {
            let (head, default) = line.split_once(" = ").map_or((line, None), |(head, default)| (head, Some(default)));
            let name = head.split_whitespace().next().unwrap();
            (name.to_owned(), default.map(|default| default.trim_matches('\'').to_owned()))
        })
        .collect()
}

/// What a deployment puts out.
pub(crate) fn outputs() -> BTreeSet<String> {
    Deployment::of("defaults").outputs().keys().cloned().collect()
}

/// The parameters file: each parameter with its value.
pub(crate) fn parameters() -> BTreeMap<String, Value> {
    let written = text("infra/main.parameters.json");
    let keys: Vec<&str> = written.lines().filter_map(|line| Some(line.trim().split_once("\":")?.0)).collect();
    assert_eq!(keys.len(), keys.iter().collect::<BTreeSet<_>>().len(), "a key that comes twice hides the first");
    let file: Value = serde_json::from_str(&written).unwrap();
    let parameters = file["parameters"].as_object().unwrap().clone();
    parameters.into_iter().map(|(name, value)| (name, value["value"].clone())).collect()
}

/// What `azd env set` sets: the variable of each parameter that has one, with the default behind it.
pub(crate) fn inputs() -> BTreeMap<String, (String, String)> {
    let mut given = parameters();
    if let Some(Value::Object(settings)) = given.remove("programSettings") {
        given.extend(settings);
    }
    let with_variable = |(name, value): (String, Value)| {
        let inside = value.as_str()?.strip_prefix("${")?.strip_suffix('}')?.to_owned();
        let (variable, default) = inside.split_once('=').unwrap_or((&inside, ""));
        Some((name, (variable.to_owned(), default.to_owned())))
    };
    given.into_iter().filter_map(with_variable).collect()
}

/// A set of these words.
pub(crate) fn names<'a>(all: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    all.into_iter().map(str::to_owned).collect()
}
