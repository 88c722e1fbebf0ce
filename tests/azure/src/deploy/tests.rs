//! Deployments by themselves, where the compiler is there.

use std::time::Duration;

use super::*;
use crate::state::USER_OBJECT;
use crate::{Azure, Options, tools};

async fn azure(name: &str) -> Option<Azure> {
    let options = Options {
        bicep: tools::bicep()?,
        kept: std::env::temp_dir().join(format!("scripted-azure-{name}-{}", std::process::id())),
        pass: Vec::new(),
        compiled: None,
        pace: Duration::ZERO,
        port: 0,
    };
    Some(Azure::start(options).await.unwrap())
}

/// A deployment of a group with one module of this name, and one resource in it with this property.
fn body(module: &str, property: &str) -> Value {
    let schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";
    let identity = json!({
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities", "apiVersion": "2024-11-30", "name": "id",
        "location": "swedencentral", "tags": { "said": property },
    });
    let inner = json!({ "$schema": schema, "contentVersion": "1.0.0.0", "resources": [identity] });
    let schema = "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#";
    json!({
        "location": "swedencentral",
        "properties": { "mode": "Incremental", "parameters": {}, "template": {
            "$schema": schema, "contentVersion": "1.0.0.0", "outputs": {},
            "resources": [
                { "type": "Microsoft.Resources/resourceGroups", "apiVersion": "2025-04-01", "name": "rg", "location": "swedencentral" },
                {
                    "type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": module,
                    "resourceGroup": "rg", "dependsOn": ["[subscriptionResourceId('Microsoft.Resources/resourceGroups', 'rg')]"],
                    "properties": { "mode": "Incremental", "expressionEvaluationOptions": { "scope": "inner" }, "template": inner },
                },
            ],
        } },
    })
}

fn told(azure: &Azure) -> String {
    azure.newest_deployment().unwrap()["properties"].to_string()
}

#[tokio::test]
async fn a_module_of_the_same_name_is_refused_while_the_first_is_active() {
    let Some(azure) = azure("active").await else { return };
    azure.hold();
    begin("first", &body("api", "plain"), USER_OBJECT, &azure.world).await.unwrap();
    begin("second", &body("api", "plain"), USER_OBJECT, &azure.world).await.unwrap();
    assert!(told(&azure).contains("DeploymentActive"), "{}", told(&azure));
    begin("third", &body("another", "plain"), USER_OBJECT, &azure.world).await.unwrap();
    assert!(told(&azure).contains("Running"), "{}", told(&azure));
    azure.let_go();
    assert!(azure.settled(Duration::from_secs(10)).await);
    begin("fourth", &body("api", "plain"), USER_OBJECT, &azure.world).await.unwrap();
    assert!(azure.settled(Duration::from_secs(10)).await);
    assert!(told(&azure).contains("Succeeded"), "{}", told(&azure));
    assert_eq!(azure.changed("fourth"), Some(0), "nothing is new");
}

#[tokio::test]
async fn a_function_that_is_not_known_fails_the_deployment_and_the_run() {
    let Some(azure) = azure("unknown").await else { return };
    let known = "[deployer().objectId]";
    begin("first", &body("api", known), USER_OBJECT, &azure.world).await.unwrap();
    assert!(azure.settled(Duration::from_secs(10)).await);
    assert!(azure.surprises().is_empty(), "{:?}", azure.surprises());
    let said =
        azure.state().of_type("Microsoft.ManagedIdentity/userAssignedIdentities").next().unwrap()["tags"].clone();
    assert_eq!(said["said"], USER_OBJECT);

    let unknown = "[pickZones('Microsoft.Compute', 'virtualMachines', deployer().objectId)[0]]";
    begin("second", &body("api", unknown), USER_OBJECT, &azure.world).await.unwrap();
    assert!(azure.settled(Duration::from_secs(10)).await);
    assert!(told(&azure).contains("Failed"), "{}", told(&azure));
    assert!(azure.surprises()[0].contains("pickZones"), "{:?}", azure.surprises());
}
