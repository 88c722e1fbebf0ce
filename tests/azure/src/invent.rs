//! What only Azure knows of a resource: made up once, and the same on every run.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::TENANT;
use crate::expression::guid;
use crate::state::State;

/// A resource of the prediction with what Azure adds to it. `Err` is what Azure says where it refuses.
pub(crate) fn known(item: &Value, state: &mut State) -> Result<Value, (String, String)> {
    let kind = item["type"].as_str().unwrap_or_default();
    if kind.starts_with("Microsoft.Graph/applications") {
        return application(item, state);
    }
    let name = item["name"].as_str().unwrap_or_default();
    let of = item["id"].as_str().unwrap_or(kind);
    let made_up = |what: &str| json!(guid(&[json!(of.to_lowercase()), json!(what)]));
    let mut properties = item["properties"].as_object().cloned().unwrap_or_default();
    let added = match kind {
        "Microsoft.ManagedIdentity/userAssignedIdentities" => {
            json!({ "clientId": made_up("client"), "principalId": made_up("principal"), "tenantId": TENANT })
        }
        "Microsoft.Web/staticSites" => {
            let end = name.get(name.len().saturating_sub(6)..).unwrap_or(name);
            json!({ "defaultHostname": format!("calm-{end}.5.azurestaticapps.net") })
        }
        "Microsoft.Web/sites" => json!({ "defaultHostName": format!("{name}.azurewebsites.net"), "state": "Running" }),
        "Microsoft.Storage/storageAccounts" => {
            json!({ "primaryEndpoints": { "blob": format!("https://{name}.blob.core.windows.net/") } })
        }
        "Microsoft.CognitiveServices/accounts" => json!({
            "endpoint": format!("https://{name}.cognitiveservices.azure.com/"),
            "endpoints": { "AI Foundry API": format!("https://{name}.services.ai.azure.com/") },
        }),
        "Microsoft.Insights/components" => {
            let key = made_up("key");
            let region = item["location"].as_str().unwrap_or_default();
            let key = key.as_str().unwrap_or_default();
            json!({
                "AppId": made_up("app"), "InstrumentationKey": key,
                "ConnectionString": format!(
                    "InstrumentationKey={key};IngestionEndpoint=https://{region}-0.in.applicationinsights.azure.com/"
                ),
            })
        }
        "Microsoft.OperationalInsights/workspaces" => json!({ "customerId": made_up("customer") }),
        kind if kind.starts_with("Microsoft.Graph/") => json!({ "id": made_up("principal") }),
        _ => json!({}),
    };
    properties.extend(added.as_object().cloned().unwrap_or_default());
    let mut full: Map<String, Value> = item.as_object().cloned().unwrap_or_default();
    full.insert("properties".to_owned(), Value::Object(properties));
    Ok(Value::Object(full))
}

/// The registration with this unique name, which a second deployment finds.
fn application(item: &Value, state: &mut State) -> Result<Value, (String, String)> {
    let unique = item["properties"]["uniqueName"].as_str().or_else(|| item["uniqueName"].as_str()).unwrap_or_default();
    if state.deleted_applications.contains_key(unique) {
        let said = "Another object with the same value for property uniqueName already exists.";
        return Err(("BadRequest".to_owned(), said.to_owned()));
    }
    let application = state
        .applications
        .entry(unique.to_owned())
        .or_insert_with(|| json!({ "appId": Uuid::new_v4().to_string(), "id": Uuid::new_v4().to_string() }));
    let mut properties = item["properties"].as_object().cloned().unwrap_or_default();
    for key in ["appId", "id"] {
        properties.insert(key.to_owned(), application[key].clone());
    }
    application["properties"] = Value::Object(properties.clone());
    let mut full = application.clone();
    full["type"] = item["type"].clone();
    full["properties"] = Value::Object(properties);
    Ok(full)
}
