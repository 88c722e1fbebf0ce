//! The files beside the program agree with it: the Functions files, the sample settings, the settings page.

use std::time::Duration;

use reasoning_chat::settings::Settings;
use reasoning_chat::settings::variables::{self, Variable};
use serde_json::{Value, json};

use crate::support::app::{app_files, project};

fn text(file: &str) -> String {
    std::fs::read_to_string(project().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn read(file: &str) -> Value {
    serde_json::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn the_host_proxies_streams_and_finds_the_binary() {
    let host = read("host.json");
    let handler = &host["customHandler"];
    assert_eq!(handler["enableProxyingHttpRequest"], true, "anything else buffers the whole answer");
    assert_eq!(handler.get("enableForwardingHttpRequest"), None);
    // Packaging gives the run bit to the entry of exactly this name.
    assert_eq!(handler["description"]["defaultExecutablePath"], env!("CARGO_PKG_NAME"));
    assert_eq!(handler.get("port"), None, "the host chooses");
    assert_eq!(host.get("extensionBundle"), None, "HTTP needs none, and it would be downloaded");
}

#[test]
fn the_hosts_timeout_is_finite_and_above_the_programs() {
    let timeout = read("host.json")["functionTimeout"].as_str().unwrap().to_owned();
    let parts: Vec<u64> = timeout.split(':').map(|part| part.parse().unwrap()).collect();
    let [hours, minutes, seconds] = parts[..] else { panic!("{timeout}") };
    let host = Duration::from_secs(hours * 3600 + minutes * 60 + seconds);
    let answer = Settings::from_lookup(&|_| None).unwrap().clocks.answer;
    assert!(host >= answer + Duration::from_secs(30), "{host:?} and {answer:?}");
}

#[test]
fn each_trigger_is_a_route_of_the_programs_and_has_exactly_the_two_bindings() {
    let prefix = read("host.json")["extensions"]["http"]["routePrefix"].as_str().unwrap().to_owned();
    let mut routes = Vec::new();
    for file in app_files().iter().filter(|file| file.ends_with("/function.json")) {
        let bindings = read(file)["bindings"].as_array().unwrap().clone();
        assert_eq!(bindings.len(), 2, "{file}: with any other number the host wraps requests in an envelope");
        let (trigger, answer) = (&bindings[0], &bindings[1]);
        assert_eq!((&trigger["type"], &trigger["direction"]), (&json!("httpTrigger"), &json!("in")), "{file}");
        assert_eq!((&answer["type"], &answer["direction"]), (&json!("http"), &json!("out")), "{file}");
        assert_eq!(
            trigger["authLevel"], "anonymous",
            "{file}: App Service Authentication stands in front, not a key in a page"
        );
        let methods = trigger["methods"].as_array().unwrap().iter().map(|method| method.as_str().unwrap().to_owned());
        routes
            .push((methods.collect::<Vec<_>>().join(","), format!("/{prefix}/{}", trigger["route"].as_str().unwrap())));
    }
    let ours = [
        ("post", reasoning_chat::CHAT_ROUTES[0]),
        ("post", reasoning_chat::feedback::FEEDBACK_ROUTE),
        ("get", reasoning_chat::MODELS_ROUTE),
    ];
    for (method, route) in ours {
        assert!(routes.contains(&(method.to_owned(), route.to_owned())), "{route}: {routes:?}");
    }
}

#[test]
fn the_sample_settings_start_the_program_from_the_source_tree() {
    let sample = read("local.settings.sample.json");
    assert_eq!(sample["IsEncrypted"], false);
    let values = sample["Values"].as_object().unwrap();
    assert_eq!(values["FUNCTIONS_WORKER_RUNTIME"], "custom");
    let path = "AzureFunctionsJobHost__customHandler__description__defaultExecutablePath";
    assert_eq!(values[path], format!("target/debug/{}", env!("CARGO_PKG_NAME")));
    let is_ours = |name: &str| variables::ALL.iter().any(|variable| variable.name == name);
    for name in values.keys().filter(|name| *name != "FUNCTIONS_WORKER_RUNTIME" && *name != path) {
        assert!(is_ours(name), "{name} is no setting");
    }
    let lookup = |name: &str| values.get(name).and_then(Value::as_str).map(str::to_owned);
    assert!(Settings::from_lookup(&lookup).unwrap().models.is_empty(), "as it stands it is the demo model");
}

#[test]
fn the_deployed_folder_is_the_program_and_its_functions() {
    let ignore = text(".funcignore");
    let kept: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignore.lines().any(|line| line == "*"));
    let mut expected: Vec<String> = app_files();
    expected.extend(app_files().iter().filter_map(|file| Some(file.split_once('/')?.0.to_owned())));
    expected.push(env!("CARGO_PKG_NAME").to_owned());
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(kept.into_iter().map(str::to_owned).collect()), sorted(expected));
}

#[test]
fn the_settings_page_is_the_programs_table() {
    let page = text("docs/settings.md");
    let table = page.lines().skip_while(|line| *line != "| name | default | meaning |").skip(2);
    let rows: Vec<&str> = table.take_while(|line| line.starts_with('|')).collect();
    let expected: Vec<String> = variables::ALL.iter().map(row).collect();
    assert_eq!(rows, expected, "docs/settings.md should hold these rows:\n{}", expected.join("\n"));
}

fn row(variable: &Variable) -> String {
    let default = if variable.default.is_empty() { String::new() } else { format!("`{}`", variable.default) };
    format!("| `{}` | {default} | {} |", variable.name, variable.meaning)
}

#[test]
fn what_a_model_may_have_of_its_own_is_the_programs_table() {
    let rows: Vec<String> =
        variables::OF_A_MODEL.iter().map(|(all, own)| format!("| `{own}` | `{}` |", all.name)).collect();
    let page = text("docs/settings.md");
    let at = page.find("| `TITLE` |").expect("the table");
    let told: Vec<&str> = page[at..].lines().skip(1).take_while(|line| line.starts_with("| `")).collect();
    assert_eq!(told, rows);
}
