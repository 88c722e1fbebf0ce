//! One choice, evaluated: the values as azd puts them into `main.parameters.json`, then the compiler's `snapshot`.

use std::collections::BTreeMap;

use judges::bicep::Compiler;
use serde_json::{Map, Value, json};

use crate::support::app::project;
use crate::support::infra::text;

/// What every environment of azd has. The ids are examples; the resources' names depend on them.
const ALWAYS: [(&str, &str); 2] = [("AZURE_ENV_NAME", "chat"), ("AZURE_LOCATION", "swedencentral")];
const IDS: [&str; 8] = [
    "--tenant-id",
    "11111111-1111-1111-1111-111111111111",
    "--subscription-id",
    "22222222-2222-2222-2222-222222222222",
    "--location",
    "swedencentral",
    "--deployment-name",
    "main",
];

/// The compiler, and the template that it has compiled.
pub(super) struct Evaluator {
    compiler: Compiler,
    /// The template's `parameters`.
    declared: Map<String, Value>,
}

impl Evaluator {
    /// None where there is no compiler, or one that is too old for this.
    pub(super) fn new() -> Option<Self> {
        let copy = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("deployments");
        let compiler = Compiler::on(&project().join("infra"), &copy).unwrap()?;
        if !compiler.evaluates().unwrap() {
            return None;
        }
        run(&compiler, &["build", "main.bicep", "--outfile", "main.json"]);
        let template = std::fs::read_to_string(compiler.folder().join("main.json")).unwrap();
        let template: Value = serde_json::from_str(&template).unwrap();
        let declared = template["parameters"].as_object().unwrap().clone();
        Some(Self { compiler, declared })
    }

    /// What comes of a choice, in the form in which it is kept.
    pub(super) fn deployment(&self, name: &str, set: &BTreeMap<String, String>, edited: &Map<String, Value>) -> Value {
        let mut lines = vec!["using 'main.json'".to_owned()];
        for (parameter, value) in self.parameters(set, edited) {
            lines.push(format!("param {parameter} = {}", literal(&value)));
        }
        let file = format!("{name}.bicepparam");
        std::fs::write(self.compiler.folder().join(&file), lines.join("\n") + "\n").unwrap();
        let arguments = ["snapshot", &file, "--mode", "overwrite"];
        run(&self.compiler, &arguments.into_iter().chain(IDS).collect::<Vec<_>>());
        let said = std::fs::read_to_string(self.compiler.folder().join(format!("{name}.snapshot.json"))).unwrap();
        let mut said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["diagnostics"], json!([]), "{name}");

        let mut resources = said["predictedResources"].as_array().unwrap().clone();
        resources
            .sort_by_cached_key(|resource| format!("{} {} {}", resource["type"], resource["id"], resource["name"]));
        for resource in &mut resources {
            // A page of its own; tests/it/queries.rs holds it.
            if let Some(text) = resource.pointer_mut("/properties/serializedData") {
                *text = json!("infra/workbook.json");
            }
        }
        let mut kept = json!({ "set": set, "resources": resources, "outputs": said["outputs"].take() });
        if !edited.is_empty() {
            kept["edited"] = json!(edited);
        }
        kept
    }

    /// The parameters that azd sends.
    fn parameters(&self, set: &BTreeMap<String, String>, edited: &Map<String, Value>) -> BTreeMap<String, Value> {
        let mut values: BTreeMap<&str, &str> = ALWAYS.into();
        values.extend(set.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let file: Value = serde_json::from_str(&text("infra/main.parameters.json")).unwrap();
        let mut parameters = BTreeMap::new();
        for (name, given) in file["parameters"].as_object().unwrap() {
            let value = edited.get(name).unwrap_or(&given["value"]);
            let declared = &self.declared[name];
            if let Some(value) = as_azd_sends(declared["type"].as_str().unwrap_or_default(), value, &values) {
                parameters.insert(name.clone(), value);
            }
        }
        parameters
    }
}

fn run(compiler: &Compiler, arguments: &[&str]) {
    let output = compiler.run(arguments).unwrap();
    assert!(output.status.success(), "bicep {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What azd makes of a value in the parameters file: variables filled in, and the text read as what the template declares.
/// None where the variable is not set and nothing stands for it: azd sends nothing then.
fn as_azd_sends(kind: &str, value: &Value, values: &BTreeMap<&str, &str>) -> Option<Value> {
    let Value::String(written) = value else { return Some(filled_in(value, values)) };
    let filled = filled_text(written, values);
    if filled.is_empty() {
        return None;
    }
    Some(match kind {
        "bool" => json!(filled.parse::<bool>().unwrap()),
        "int" => json!(filled.parse::<i64>().unwrap()),
        "object" | "array" => serde_json::from_str(&filled).unwrap(),
        _ => json!(filled),
    })
}

fn filled_in(value: &Value, values: &BTreeMap<&str, &str>) -> Value {
    match value {
        Value::String(written) => json!(filled_text(written, values)),
        Value::Array(list) => list.iter().map(|value| filled_in(value, values)).collect(),
        Value::Object(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), filled_in(value, values))).collect()
        }
        other => other.clone(),
    }
}

/// `${NAME}` and `${NAME=default}`, as far as the file uses them: a value is one variable, or none.
fn filled_text(written: &str, values: &BTreeMap<&str, &str>) -> String {
    let Some(inside) = written.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
        assert!(!written.contains('$'), "{written}");
        return written.to_owned();
    };
    let (name, default) = inside.split_once('=').unwrap_or((inside, ""));
    values.get(name).copied().filter(|value| !value.is_empty()).unwrap_or(default).to_owned()
}

/// The value in Bicep.
fn literal(value: &Value) -> String {
    let text = |text: &str| {
        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace("${", "\\${").replace('\n', "\\n"))
    };
    match value {
        Value::String(value) => text(value),
        Value::Array(list) => format!("[{}]", list.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(name, value)| format!("{}: {}", text(name), literal(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        // Bicep has whole numbers only.
        Value::Number(number) if number.is_f64() => format!("json('{number}')"),
        other => other.to_string(),
    }
}

#[test]
fn values_are_read_as_azd_reads_them() {
    let values: BTreeMap<&str, &str> = [("A", "7"), ("EMPTY", ""), ("BODY", r#"{"a":[1,"it's"]}"#)].into();
    let sent = |kind, written: Value| as_azd_sends(kind, &written, &values);
    assert_eq!(sent("int", json!("${A=1}")), Some(json!(7)));
    assert_eq!(sent("int", json!("${B=1}")), Some(json!(1)));
    assert_eq!(sent("string", json!("${A}")), Some(json!("7")));
    assert_eq!(sent("string", json!("${EMPTY}")), None);
    assert_eq!(sent("object", json!("${BODY}")), Some(json!({ "a": [1, "it's"] })));
    assert_eq!(sent("object", json!("${NO_BODY}")), None);
    assert_eq!(sent("object", json!({ "X": "${A}", "Y": "" })), Some(json!({ "X": "7", "Y": "" })));
    assert_eq!(literal(&json!({ "a": [1, "it's ${x}", true, null] })), r"{'a': [1, 'it\'s \${x}', true, null]}");
}
