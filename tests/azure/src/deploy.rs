//! One deployment: evaluated by the compiler, made in the state, told as Resource Manager tells it. It goes on when azd
//! has gone.

mod refuse;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::expression::{self, evaluate};
use crate::invent::known;
use crate::nested::{self, Nested};
use crate::reply::Reply;
use crate::snapshot::{Predicted, snapshot};
use crate::state::State;
use crate::time::now;
use crate::world::World;
use crate::{SUBSCRIPTION, TENANT};

/// A deployment of the subscription.
#[derive(Debug)]
pub(crate) struct Deployment {
    /// As it is shown.
    pub(crate) record: Value,
    /// Resources that it made or changed.
    pub(crate) changed: usize,
}

impl Deployment {
    pub(crate) fn name(&self) -> &str {
        self.record["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn state(&self) -> &str {
        self.record["properties"]["provisioningState"].as_str().unwrap_or_default()
    }

    /// What the status address of its operation says.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({ "status": self.state() });
        if let Some(error) = self.record["properties"].get("error") {
            status["error"] = error.clone();
        }
        status
    }

    fn end(&mut self, state: &str) {
        self.record["properties"]["provisioningState"] = json!(state);
        self.record["properties"]["timestamp"] = json!(now());
    }

    fn fail(&mut self, code: &str, message: &str) {
        self.record["properties"]["error"] = json!({
            "code": "DeploymentFailed", "message": "At least one resource deployment operation failed.",
            "details": [{ "code": code, "message": message }],
        });
        self.end("Failed");
    }
}

/// The hash of a template, the same for the same JSON.
pub(crate) fn template_hash(template: &Value) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, template.to_string().as_bytes());
    let number = digest.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    number.to_string()
}

/// Takes a deployment on. `Err` is a refusal of the request itself.
pub(crate) async fn begin(name: &str, body: &Value, caller: &str, world: &Arc<World>) -> Result<(), Reply> {
    let template = &body["properties"]["template"];
    let refused = |why: &str| Reply::refused(400, "InvalidTemplate", why);
    if template.get("$schema").is_none() {
        return Err(refused("Deployment template validation failed: it has no $schema"));
    }
    let mut deployment = Deployment { record: record(name, body), changed: 0 };
    let is_empty = match &template["resources"] {
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => true,
    };
    if is_empty {
        deployment.end("Succeeded");
        replace(&mut world.state(), deployment);
        return Ok(());
    }
    let parameters = body["properties"]["parameters"].as_object().cloned().unwrap_or_default();
    let location = body["location"].as_str().unwrap_or_default();
    let telling = nested::telling(template);
    let mut predicted =
        snapshot(&world.options.bicep, name, location, &telling, &parameters).await.map_err(|why| refused(&why))?;
    let modules = nested::told(name, &mut predicted.outputs);
    deployment.record["properties"]["dependencies"] = dependencies(&modules, &predicted.resources);

    let mut state = world.state();
    let active = |module: &&Nested| {
        state.nested.get(&key(module)).is_some_and(|other| other.state == "Running" && other.outer != name)
    };
    if let Some(module) = modules.iter().find(active) {
        let id = module_id(module);
        let said = format!(
            "The deployment with resource id '{id}' cannot be saved, because this would overwrite an existing \
             deployment which is still active."
        );
        deployment.fail("DeploymentActive", &said);
        replace(&mut state, deployment);
        return Ok(());
    }
    for module in modules {
        state.nested.insert(key(&module), module);
    }
    replace(&mut state, deployment);
    drop(state);
    let job = Job {
        name: name.to_owned(),
        caller: caller.to_owned(),
        types: output_types(template),
        symbols: nested::symbols(template),
        predicted,
    };
    tokio::spawn(go_on(job, Arc::clone(world)));
    Ok(())
}

/// Stops a running deployment where it is.
pub(crate) fn cancel(name: &str, state: &mut State) {
    for deployment in &mut state.deployments {
        if deployment.name().eq_ignore_ascii_case(name) && deployment.state() == "Running" {
            deployment.end("Canceled");
        }
    }
    end_nested(state, name, "Canceled");
}

/// What is left to do, whether or not anybody waits.
struct Job {
    name: String,
    caller: String,
    types: HashMap<String, Value>,
    symbols: Vec<(String, String)>,
    predicted: Predicted,
}

async fn go_on(job: Job, world: Arc<World>) {
    sleep(world.options.pace).await;
    let mut moved = world.moved.subscribe();
    while world.state().held {
        if moved.changed().await.is_err() {
            return;
        }
    }
    finish(&job, &world);
    world.moved.send_modify(|moved| *moved += 1);
}

fn finish(job: &Job, world: &World) {
    let mut guard = world.state();
    let state = &mut *guard;
    if !state.deployments.iter().any(|found| found.name() == job.name && found.state() == "Running") {
        return; // cancelled
    }
    let made = make(job, state, world);
    let how = if made.is_ok() { "Succeeded" } else { "Failed" };
    end_nested(state, &job.name, how);
    let Some(deployment) = state.deployments.iter_mut().find(|found| found.name() == job.name) else { return };
    match made {
        Ok(made) => {
            deployment.changed = made.changed;
            deployment.record["properties"]["outputs"] = Value::Object(made.outputs);
            deployment.record["properties"]["outputResources"] = json!(made.ids);
            deployment.end("Succeeded");
        }
        Err((code, message)) => deployment.fail(&code, &message),
    }
}

struct Made {
    changed: usize,
    outputs: Map<String, Value>,
    ids: Vec<Value>,
}

/// A refusal of Azure: code and text.
type Refusal = (String, String);

fn refusal(code: &str, message: impl Into<String>) -> Refusal {
    (code.to_owned(), message.into())
}

fn make(job: &Job, state: &mut State, world: &World) -> Result<Made, Refusal> {
    if let Some(fault) = state.faults.deployment(false) {
        return Err(fault);
    }
    let mut view = View::new(&job.caller, state);
    for item in &job.predicted.resources {
        view.learn(&known(item, state)?, &job.symbols);
    }
    let say = |value: &Value| {
        evaluate(value, &view).map_err(|why| {
            world.log.unknown(format!("in the deployment {}: {why}", job.name));
            refusal("InvalidTemplate", why)
        })
    };
    let mut made = Made { changed: 0, outputs: Map::new(), ids: Vec::new() };
    for item in &job.predicted.resources {
        let item = say(item)?;
        if item["condition"] != false {
            put(&item, say(&view.known(&item))?, state, &mut made)?;
        }
    }
    // Resource Manager changes the case of names, and azd restores it.
    for (name, value) in &job.predicted.outputs {
        let shown = name.get(..4).map_or(name.clone(), |start| start.to_lowercase() + &name[4..]);
        let kind = job.types.get(name).cloned().unwrap_or_else(|| json!("String"));
        made.outputs.insert(shown, json!({ "type": kind, "value": say(value)? }));
    }
    match state.faults.deployment(true) {
        Some(fault) => Err(fault),
        None => Ok(made),
    }
}

/// Makes one resource, or changes it.
fn put(item: &Value, mut full: Value, state: &mut State, made: &mut Made) -> Result<(), Refusal> {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    let (kind, id, name) = (text("type"), text("id"), text("name"));
    if kind.starts_with("Microsoft.Graph/") {
        return Ok(());
    }
    if kind == "Microsoft.Resources/resourceGroups" {
        full["properties"] = json!({ "provisioningState": "Succeeded" });
        full["tags"] = item.get("tags").cloned().unwrap_or_else(|| json!({}));
        made.changed += usize::from(state.groups.insert(name.to_lowercase(), full.clone()) != Some(full));
        made.ids.insert(0, json!({ "id": id }));
        return Ok(());
    }
    let key = id.to_lowercase();
    refuse::may_be_made(kind, item, &key, state)?;
    if let Some(object) = full.as_object_mut() {
        object.remove("condition");
        object.entry("kind").or_insert_with(|| json!(""));
    }
    made.changed += usize::from(state.resources.insert(key, full.clone()) != Some(full));
    made.ids.push(json!({ "id": id }));
    Ok(())
}

/// What expressions may see: what is there, and what is being made.
struct View {
    caller: String,
    there: std::collections::BTreeMap<String, Value>,
    symbols: HashMap<String, Value>,
}

impl View {
    fn new(caller: &str, state: &State) -> Self {
        Self { caller: caller.to_owned(), there: state.resources.clone(), symbols: HashMap::new() }
    }

    fn learn(&mut self, full: &Value, symbols: &[(String, String)]) {
        let kind = full["type"].as_str().unwrap_or_default();
        if kind.starts_with("Microsoft.Graph/") {
            for (symbol, _) in symbols.iter().filter(|(_, other)| other == kind) {
                self.symbols.insert(symbol.clone(), full.clone());
            }
        } else if let Some(id) = full["id"].as_str().filter(|id| !id.starts_with('[')) {
            self.there.insert(id.to_lowercase(), full.clone());
        }
    }

    /// A predicted resource with what only Azure knows.
    fn known(&self, item: &Value) -> Value {
        let id = item["id"].as_str().unwrap_or_default().to_lowercase();
        self.there.get(&id).filter(|found| found["type"] == item["type"]).unwrap_or(item).clone()
    }
}

impl expression::World for View {
    fn reference(&self, id: &str) -> Result<Value, String> {
        let found = self.symbols.get(id).or_else(|| self.there.get(&id.to_lowercase()));
        found.cloned().ok_or_else(|| format!("The resource '{id}' was not found."))
    }

    fn deployer(&self) -> Value {
        json!({ "objectId": self.caller, "tenantId": TENANT })
    }
}

fn record(name: &str, body: &Value) -> Value {
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Resources/deployments/{name}"),
        "name": name, "type": "Microsoft.Resources/deployments", "location": body["location"],
        "tags": body.get("tags").cloned().unwrap_or_else(|| json!({})),
        "properties": {
            "templateHash": template_hash(&body["properties"]["template"]), "provisioningState": "Running",
            "timestamp": now(), "mode": "Incremental", "outputs": {}, "outputResources": [], "dependencies": [],
        },
    })
}

fn replace(state: &mut State, deployment: Deployment) {
    state.deployments.retain(|other| !other.name().eq_ignore_ascii_case(deployment.name()));
    state.deployments.push(deployment);
}

fn end_nested(state: &mut State, outer: &str, how: &'static str) {
    for module in state.nested.values_mut().filter(|module| module.outer == outer && module.state == "Running") {
        module.state = how;
    }
}

fn key(module: &Nested) -> (String, String) {
    (module.group.to_lowercase(), module.name.to_lowercase())
}

pub(crate) fn module_id(module: &Nested) -> String {
    let Nested { group, name, .. } = module;
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Resources/deployments/{name}")
}

/// Which groups the modules wait for: of a deployment that failed, azd knows its groups from nothing else.
fn dependencies(modules: &[Nested], predicted: &[Value]) -> Value {
    let made = |name: &str| {
        let is_it = |item: &&Value| item["name"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(name));
        predicted.iter().filter(|item| item["type"] == "Microsoft.Resources/resourceGroups").find(is_it)
    };
    let depends = |module: &Nested| {
        let group = made(&module.group)?;
        let on = json!({
            "id": group["id"], "resourceName": group["name"], "resourceType": "Microsoft.Resources/resourceGroups",
        });
        Some(json!({
            "id": module_id(module), "resourceName": module.name,
            "resourceType": "Microsoft.Resources/deployments", "dependsOn": [on],
        }))
    };
    json!(modules.iter().filter_map(depends).collect::<Vec<_>>())
}

fn output_types(template: &Value) -> HashMap<String, Value> {
    let outputs = template["outputs"].as_object().into_iter().flatten();
    outputs.map(|(name, output)| (name.clone(), output["type"].clone())).collect()
}

#[cfg(test)]
mod tests;
