//! The staged app: `host.json` and the functions, checked as the real host checks them.
//!
//! Only one of the real host's three ways to call a handler is emulated, the proxying one. An app that would get
//! another is refused with a text that names it, because the difference is silent in the real host and shows up as
//! buffered answers or empty 500s.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde_json::Value;

use super::configuration::{Configuration, expanded, time_span};
use super::routes::Template;
use super::{HostError, HostOptions};

/// Time for a whole call when neither `host.json` nor the options say.
const DEFAULT_FUNCTION_TIMEOUT: Duration = Duration::from_mins(30);

/// Largest request body in bytes, unless `FUNCTIONS_REQUEST_BODY_SIZE_LIMIT` says otherwise.
const DEFAULT_BODY_LIMIT: u64 = 104_857_600;

/// Everything the rest of the host needs to know about the app.
#[derive(Debug)]
pub(super) struct App {
    pub(super) root: PathBuf,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) working_directory: PathBuf,
    /// A fixed port for the handler, if `host.json` asks for one.
    pub(super) handler_port: Option<u16>,
    pub(super) initialization_timeout: Duration,
    /// `None` is unbounded.
    pub(super) function_timeout: Option<Duration>,
    /// `useStdErrorStreamForErrorsOnly`.
    pub(super) strict_stderr: bool,
    pub(super) body_limit: u64,
    pub(super) functions: Vec<Function>,
}

/// One HTTP function.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) route: Template,
    /// Upper case; empty is any method.
    pub(super) methods: Vec<String>,
    pub(super) anonymous: bool,
}

impl App {
    /// Reads the app. `env` is what the handler will see of the environment.
    pub(super) fn read(root: &Path, options: &HostOptions, env: &BTreeMap<String, String>) -> Result<Self, HostError> {
        let root = root.canonicalize().map_err(|source| HostError::Read { path: root.to_owned(), source })?;
        let configuration = Configuration::new(&read_json(&root.join("host.json"))?, env);
        check_mode(&configuration)?;
        let (program, working_directory) = executable(&root, &configuration, env)?;
        let prefix = configuration.raw("extensions:http:routePrefix").unwrap_or("api");
        let functions = functions(&root, prefix)?;
        if functions.is_empty() {
            return Err(HostError::NoFunctions);
        }
        let limit = env.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT").and_then(|text| text.parse().ok());
        Ok(Self {
            program,
            working_directory,
            arguments: configuration
                .items("customHandler:description:arguments")
                .iter()
                .flat_map(|argument| expanded(argument, env).split_whitespace().map(str::to_owned).collect::<Vec<_>>())
                .collect(),
            handler_port: handler_port(&configuration)?,
            initialization_timeout: span(&configuration, "customHandler:initializationTimeout")?
                .map_or(options.initialization_timeout, |span| span.min(options.initialization_timeout)),
            function_timeout: function_timeout(&configuration, options)?,
            strict_stderr: configuration
                .flag("customHandler:description:useStdErrorStreamForErrorsOnly")
                .unwrap_or(true),
            body_limit: limit.unwrap_or(DEFAULT_BODY_LIMIT),
            functions,
            root,
        })
    }
}

fn check_mode(configuration: &Configuration) -> Result<(), HostError> {
    let refused = |name, problem: &str| Err(HostError::Setting { name, problem: problem.to_owned() });
    if configuration.text("version") != Some("2.0") {
        return refused("version", "must be \"2.0\"; the real host refuses any other");
    }
    if configuration.has_section("customHandler:http") {
        return refused("customHandler:http", "the real host would make functions of these routes; not emulated here");
    }
    if configuration.flag("customHandler:enableProxyingHttpRequest") == Some(true) {
        return Ok(());
    }
    let problem = if configuration.flag("customHandler:enableForwardingHttpRequest") == Some(true) {
        "is not true, and enableForwardingHttpRequest is: the real host would buffer every answer whole"
    } else {
        "is not true: the real host would call POST /<function> with a JSON envelope instead of passing requests on"
    };
    refused("customHandler:enableProxyingHttpRequest", problem)
}

/// The program and its working directory. A name that is no file of the app is left to the search along `PATH`.
fn executable(
    root: &Path,
    configuration: &Configuration,
    env: &BTreeMap<String, String>,
) -> Result<(PathBuf, PathBuf), HostError> {
    let name = "customHandler:description:defaultExecutablePath";
    let text = expanded(configuration.text(name).unwrap_or_default(), env);
    if text.is_empty() {
        return Err(HostError::Setting {
            name,
            problem: "is empty; the real host does not start without it".to_owned(),
        });
    }
    let base =
        configuration.text("customHandler:description:workerDirectory").map_or(root.into(), |dir| root.join(dir));
    let inside = base.join(&text);
    let program = if inside.is_file() { inside } else { PathBuf::from(text) };
    let directory = configuration.text("customHandler:description:workingDirectory");
    Ok((program, directory.map_or(root.into(), |directory| root.join(directory))))
}

fn handler_port(configuration: &Configuration) -> Result<Option<u16>, HostError> {
    let name = "customHandler:port";
    let parse = |text: &str| text.parse().map_err(|_| HostError::Setting { name, problem: "is no port".to_owned() });
    configuration.text(name).map(parse).transpose()
}

fn function_timeout(configuration: &Configuration, options: &HostOptions) -> Result<Option<Duration>, HostError> {
    if options.function_timeout.is_some() {
        return Ok(options.function_timeout);
    }
    if configuration.text("functionTimeout") == Some("-1") {
        return Ok(None);
    }
    Ok(Some(span(configuration, "functionTimeout")?.unwrap_or(DEFAULT_FUNCTION_TIMEOUT)))
}

fn span(configuration: &Configuration, name: &'static str) -> Result<Option<Duration>, HostError> {
    let wrong = || HostError::Setting { name, problem: "is no time span such as \"00:10:00\"".to_owned() };
    configuration.text(name).map(|text| time_span(text).ok_or_else(wrong)).transpose()
}

fn functions(root: &Path, prefix: &str) -> Result<Vec<Function>, HostError> {
    let unreadable = |source: io::Error| HostError::Read { path: root.to_owned(), source };
    let mut functions = Vec::new();
    for entry in fs::read_dir(root).map_err(unreadable)? {
        let folder = entry.map_err(unreadable)?.path();
        let file = folder.join("function.json");
        if file.is_file() {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            functions.push(function(name, &read_json(&file)?, prefix)?);
        }
    }
    functions.sort_by(|one, other| one.route.cmp_precedence(&other.route).then_with(|| one.name.cmp(&other.name)));
    Ok(functions)
}

fn function(name: String, file: &Value, prefix: &str) -> Result<Function, HostError> {
    let mut letters = name.chars();
    let named_well = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
        && name.len() <= 128
        && !name.eq_ignore_ascii_case("host");
    let refused = |problem: &str| HostError::Function { name: name.clone(), problem: problem.to_owned() };
    if !named_well {
        return Err(refused("the real host refuses this name"));
    }
    let bindings = file.get("bindings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is = |binding: &Value, kind: &str, direction: &str| {
        let field = |name: &str, expected: &str| {
            binding.get(name).and_then(Value::as_str).is_some_and(|text| text.eq_ignore_ascii_case(expected))
        };
        field("type", kind) && field("direction", direction)
    };
    let trigger = bindings.iter().find(|binding| is(binding, "httpTrigger", "in"));
    let (Some(trigger), 2, true) = (trigger, bindings.len(), bindings.iter().any(|binding| is(binding, "http", "out")))
    else {
        return Err(refused(
            "its bindings are not exactly one httpTrigger in and one http out: the real host would silently call \
             POST /<function> with a JSON envelope instead of proxying",
        ));
    };
    let text = |field: &str| trigger.get(field).and_then(Value::as_str);
    let methods = trigger.get("methods").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(Function {
        route: Template::new(prefix, text("route").unwrap_or(&name)),
        methods: methods.iter().filter_map(Value::as_str).map(str::to_uppercase).collect(),
        anonymous: text("authLevel").is_some_and(|level| level.eq_ignore_ascii_case("anonymous")),
        name,
    })
}

fn read_json(path: &Path) -> Result<Value, HostError> {
    let text = fs::read(path).map_err(|source| HostError::Read { path: path.to_owned(), source })?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    serde_json::from_slice(text).map_err(|source| HostError::Json { path: path.to_owned(), source })
}
