//! The compiler's `snapshot` of a template: what the deployment engine would make of it, conditions and loops included.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tokio::process::Command;
use uuid::Uuid;

use crate::{SUBSCRIPTION, TENANT};

/// What the compiler predicts.
#[derive(Debug)]
pub(crate) struct Predicted {
    pub(crate) resources: Vec<Value>,
    pub(crate) outputs: Map<String, Value>,
}

/// Evaluates a template with these parameters, as a deployment of this name.
pub(crate) async fn snapshot(
    bicep: &Path,
    name: &str,
    location: &str,
    template: &Value,
    parameters: &Map<String, Value>,
) -> Result<Predicted, String> {
    let folder = Folder::new()?;
    let told = |error: std::io::Error| format!("the template's folder: {error}");
    tokio::fs::write(folder.0.join("t.json"), template.to_string()).await.map_err(told)?;
    let mut lines = "using 't.json'\n".to_owned();
    for (key, value) in parameters {
        if let Some(value) = value.get("value").filter(|value| !value.is_null()) {
            lines.push_str(&format!("param {key} = {}\n", literal(value)));
        }
    }
    tokio::fs::write(folder.0.join("p.bicepparam"), lines).await.map_err(told)?;
    let mut compiler = Command::new(bicep);
    compiler.args(["snapshot", "p.bicepparam", "--mode", "overwrite", "--tenant-id", TENANT]);
    compiler.args(["--subscription-id", SUBSCRIPTION, "--location", location, "--deployment-name", name]);
    compiler.current_dir(&folder.0).env("HOME", &folder.0).env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
    let done = compiler.output().await.map_err(|error| format!("{}: {error}", bicep.display()))?;
    if !done.status.success() {
        let said = [done.stdout, done.stderr].concat();
        return Err(String::from_utf8_lossy(&said).into_owned());
    }
    let text = tokio::fs::read(folder.0.join("p.snapshot.json")).await.map_err(told)?;
    let mut snapshot: Value = serde_json::from_slice(&text).map_err(|error| format!("the snapshot: {error}"))?;
    let mut list = |name: &str| snapshot.get_mut(name).map(Value::take).unwrap_or_default();
    let (resources, outputs) = (list("predictedResources"), list("outputs"));
    match (resources, outputs) {
        (Value::Array(resources), Value::Object(outputs)) => Ok(Predicted { resources, outputs }),
        _ => Err("the snapshot has no resources and outputs".to_owned()),
    }
}

/// A folder that goes when it is no longer needed.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("scripted-azure-{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A value as Bicep writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let text = text.replace('\\', "\\\\").replace('\'', "\\'").replace("${", "\\${");
            format!("'{}'", text.replace('\n', "\\n").replace('\r', "\\r"))
        }
        Value::Object(entries) => {
            let lines = entries.iter().map(|(key, value)| format!("  {}: {}\n", literal(&json!(key)), literal(value)));
            format!("{{\n{}}}", lines.collect::<String>())
        }
        Value::Array(items) => format!("[\n{}]", items.iter().map(|item| literal(item) + "\n").collect::<String>()),
        other => other.to_string(),
    }
}
