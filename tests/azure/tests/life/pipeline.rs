//! As `.github/workflows/azure-dev.yml` does it: GitHub vouches for the run, nothing is asked, every variable is given.

use std::fs;

use scripted_azure::log::What;
use scripted_azure::{SUBSCRIPTION, TENANT};

use crate::checks;
use crate::copy::project;
use crate::rehearsal::Rehearsal;

/// A registration of the person who set the pipeline up.
const CLIENT: &str = "55555555-5555-5555-5555-555555555555";

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_deploys_as_itself() {
    let Some(life) = Rehearsal::new("pipeline").await else { return };
    let _ = fs::remove_dir_all(life.project.join(".azure"));
    let token_url = format!("{}/oidc?version=1", life.azure.url());
    let mut variables = workflow(&[
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION),
        ("AZURE_ENV_NAME", "chat"),
        ("AZURE_LOCATION", "swedencentral"),
        ("EXISTING_APP_CLIENT_ID", CLIENT),
        ("EXISTING_APP_URI", "api://chat"),
    ]);
    for (name, value) in [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", token_url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-run"),
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
    ] {
        variables.push((name.to_owned(), value.to_owned()));
    }
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();

    let arguments = ["--client-id", CLIENT, "--tenant-id", TENANT, "--federated-credential-provider", "github"];
    life.azd_with(&[&["auth", "login"], &arguments[..]].concat(), &variables).await.expect("the sign-in");
    let up = life.azd_with(&["up", "--no-prompt"], &variables).await.expect("azd up");

    let values = life.values("chat");
    assert_eq!(values["SIGN_IN_CLIENT_ID"], CLIENT);
    assert!(life.azure.state().applications.is_empty(), "the pipeline registers no application");
    let pipeline = life.azure.pipeline();
    assert!(!life.azure.roles().iter().any(|(_, _, who)| who == pipeline), "it has no need to call the model");
    let callers = up.log.iter().filter_map(|entry| match &entry.what {
        What::Request(request) => request.caller.as_deref(),
        _ => None,
    });
    assert!(callers.into_iter().all(|caller| caller == pipeline), "somebody else asked");
    checks::addresses(&life, &up, "chat");
    assert_eq!((up.calls("func").len(), up.calls("npx").len()), (1, 1));

    let down = life.azd_with(&["down", "--force", "--purge", "--no-prompt"], &variables).await.expect("azd down");
    assert!(life.azure.state().is_empty(), "{:#?}", life.azure.state());
    let touched = down.calls("az").into_iter().any(|call| call.arguments.starts_with(&["ad".to_owned()]));
    assert!(!touched, "a registration of one's own is never deleted");
    checks::nothing_leaks(&life);
    checks::no_surprise(&life);
}

/// The workflow's `env`, with these as the repository's variables and every other one unset.
fn workflow(set: &[(&str, &str)]) -> Vec<(String, String)> {
    let text = fs::read_to_string(project().join(".github/workflows/azure-dev.yml")).unwrap();
    let lines = text.lines().skip_while(|line| line.trim() != "env:").skip(1);
    let lines = lines.take_while(|line| line.starts_with("      ")).map(str::trim);
    let mut variables = Vec::new();
    for (name, value) in lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": ")) {
        let inside = value.strip_prefix("${{ vars.").and_then(|inside| inside.strip_suffix(" }}"));
        let value = match inside {
            Some(inside) => {
                let (variable, default) = inside.split_once(" || ").unwrap_or((inside, "''"));
                let given = set.iter().find(|(other, _)| *other == variable).map(|(_, value)| *value);
                given.unwrap_or(default.trim_matches('\'')).to_owned()
            }
            None => value.trim_matches('"').to_owned(),
        };
        variables.push((name.to_owned(), value));
    }
    assert!(variables.len() > 10, "the workflow's variables are read: {variables:?}");
    variables
}
