//! What a deployment is made of, for every choice that the docs describe: `tests/deployments/*.json`, one file a choice, with
//! what was chosen and what comes of it. The Bicep compiler evaluates the template as the deployment engine does; what only
//! Azure knows stays an expression.
//!
//! The files are kept, so that a review shows what a change does to a deployment, and so that other tests can read them
//! without a compiler. Where there is one they are compared with what it says today; `cargo xtask deployments` writes them.

mod variant;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::support::app::project;
use crate::support::infra::text;
use variant::Evaluator;

const FOLDER: &str = "tests/deployments";

/// A kept deployment.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) name: String,
    kept: Value,
}

impl Deployment {
    /// The kept deployment of this name.
    pub(crate) fn of(name: &str) -> Self {
        let kept = serde_json::from_str(&text(&format!("{FOLDER}/{name}.json")));
        Self { name: name.to_owned(), kept: kept.unwrap_or_else(|error| panic!("{name}: {error}")) }
    }

    /// All of them, by name.
    pub(crate) fn all() -> Vec<Self> {
        let files = std::fs::read_dir(project().join(FOLDER)).unwrap();
        let mut names: Vec<String> = files
            .filter_map(|file| Some(file.unwrap().file_name().to_str()?.strip_suffix(".json")?.to_owned()))
            .collect();
        names.sort();
        names.iter().map(|name| Self::of(name)).collect()
    }

    /// Every predicted resource.
    pub(crate) fn resources(&self) -> &Vec<Value> {
        self.kept["resources"].as_array().unwrap()
    }

    /// Those of a type.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<&Value> {
        self.resources().iter().filter(|resource| resource["type"] == kind).collect()
    }

    /// The only one of a type.
    pub(crate) fn the(&self, kind: &str) -> &Value {
        let found = self.of_type(kind);
        assert_eq!(found.len(), 1, "{}: {kind}", self.name);
        found[0]
    }

    /// A part of the function app's configuration: `appsettings`, `authsettingsV2`.
    pub(crate) fn configuration(&self, part: &str) -> &Value {
        let parts = self.of_type("Microsoft.Web/sites/config");
        let named = |part_: &&&Value| part_["name"].as_str().unwrap().ends_with(&format!("/{part}"));
        &parts.iter().find(named).unwrap_or_else(|| panic!("{}: {part}", self.name))["properties"]
    }

    /// The variables that the app gets.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        let settings = self.configuration("appsettings").as_object().unwrap();
        settings.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
    }

    pub(crate) fn outputs(&self) -> &Map<String, Value> {
        self.kept["outputs"].as_object().unwrap()
    }

    /// What was set with `azd env set`.
    pub(crate) fn set(&self) -> BTreeMap<String, String> {
        let set = self.kept["set"].as_object().unwrap();
        set.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
    }
}

/// What a choice begins with: its name, what `azd env set` sets, and what is edited in the parameters file.
fn chosen(kept: &Deployment) -> (BTreeMap<String, String>, Map<String, Value>) {
    let edited = kept.kept.get("edited").and_then(Value::as_object).cloned().unwrap_or_default();
    (kept.set(), edited)
}

#[test]
fn every_kept_deployment_is_what_the_template_gives_today() {
    #[expect(clippy::disallowed_methods, reason = "`cargo xtask deployments` asks this way; no setting of the program")]
    let write = std::env::var_os("WRITE_DEPLOYMENTS").is_some();
    let Some(evaluator) = Evaluator::new() else {
        assert!(!write, "{}", judges::BICEP.absent());
        return; // `cargo xtask test` says that it was skipped
    };
    let kept = Deployment::all();
    let half = kept.len().div_ceil(2);
    // Two at a time: each waits for a program of its own.
    let differ: Vec<&str> = std::thread::scope(|scope| {
        let parts: Vec<_> = kept.chunks(half).map(|part| scope.spawn(|| evaluate(&evaluator, part, write))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(
        write || differ.is_empty(),
        "{differ:?} differ; `cargo xtask deployments` writes them, `git diff` shows what changed"
    );
}

/// The names of those that differ from what the template gives today.
fn evaluate<'a>(evaluator: &Evaluator, kept: &'a [Deployment], write: bool) -> Vec<&'a str> {
    let mut differ = Vec::new();
    for deployment in kept {
        let (set, edited) = chosen(deployment);
        let now = format!("{:#}\n", evaluator.deployment(&deployment.name, &set, &edited));
        let file = project().join(FOLDER).join(format!("{}.json", deployment.name));
        if std::fs::read_to_string(&file).unwrap() != now {
            differ.push(deployment.name.as_str());
        }
        if write {
            std::fs::write(file, now).unwrap();
        }
    }
    differ
}
