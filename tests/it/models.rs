//! Which models are deployed, and with which settings they think: `infra/models.json`, the deployments that come of it, and
//! the table in the docs.

use reasoning_chat::settings::Api;
use serde_json::{Map, Value, json};

use crate::deployments::Deployment;
use crate::infra::read_by_the_program;
use crate::support::infra::text;

const DEPLOYMENTS: &str = "Microsoft.CognitiveServices/accounts/deployments";

fn table(part: &str) -> Map<String, Value> {
    let file: Value = serde_json::from_str(&text("infra/models.json")).unwrap();
    file[part].as_object().unwrap().clone()
}

/// The model of a deployment: format, name, version, SKU, capacity.
fn model(deployment: &Value) -> (String, String, String, String, u64) {
    let word = |path: &str| deployment.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    (
        word("/properties/model/format"),
        word("/properties/model/name"),
        word("/properties/model/version"),
        word("/sku/name"),
        deployment.pointer("/sku/capacity").and_then(Value::as_u64).unwrap(),
    )
}

fn expected(format: &str, name: &str, version: &str, capacity: u64) -> (String, String, String, String, u64) {
    (format.to_owned(), name.to_owned(), version.to_owned(), "GlobalStandard".to_owned(), capacity)
}

#[test]
fn what_is_deployed_by_default_thinks_and_the_others_are_one_word_away() {
    let defaults = Deployment::of("defaults");
    assert_eq!(model(defaults.the(DEPLOYMENTS)), expected("DeepSeek", "DeepSeek-V4-Pro", "2026-04-23", 100));
    let settings = defaults.settings();
    assert_eq!(settings["REASONING_EFFORT"], "high");
    assert_eq!(settings["AZURE_DEEPSEEK_DEPLOYMENT"], "DeepSeek-V4-Pro");
    assert!(!settings.contains_key("AZURE_INFERENCE_API") && !settings.contains_key("MODELS"), "{settings:?}");

    // MODEL_NAME alone, and an effort of the operator's own, which wins.
    let cheap = Deployment::of("cheap-model");
    assert_eq!(model(cheap.the(DEPLOYMENTS)), expected("DeepSeek", "DeepSeek-V4-Flash", "2026-04-23", 100));
    assert_eq!(cheap.settings()["REASONING_EFFORT"], "low");

    let fallback = Deployment::of("fallback-model");
    assert_eq!(model(fallback.the(DEPLOYMENTS)), expected("OpenAI-OSS", "gpt-oss-120b", "1", 20));
    assert!(!fallback.settings().contains_key("REASONING_EFFORT"), "it thinks by itself");
}

#[test]
fn a_model_that_tells_its_thoughts_as_summaries_alone_is_asked_by_the_responses_api() {
    let summaries = Deployment::of("summaries");
    assert_eq!(model(summaries.the(DEPLOYMENTS)), expected("OpenAI", "gpt-5-mini", "2025-08-07", 100));
    let settings = summaries.settings();
    assert_eq!(settings["AZURE_INFERENCE_API"], "responses");
    assert_eq!(settings["REASONING_EFFORT"], "medium");
    // The other address of an account, with the scope that belongs to it.
    assert!(settings["AZURE_INFERENCE_ENDPOINT"].ends_with(".services.ai.azure.com/api/projects/chat/openai/v1"));
    assert_eq!(settings["AZURE_INFERENCE_SCOPE"], "https://ai.azure.com/.default");
    let project = summaries.the("Microsoft.CognitiveServices/accounts/projects")["name"].as_str().unwrap();
    assert!(project.ends_with("/chat"), "{project}");
}

#[test]
fn the_operators_parameters_reach_the_program_as_json_and_the_table_can_be_left_out() {
    let settings = Deployment::of("extra-body").settings();
    assert_eq!(settings["EXTRA_BODY"], r#"{"thinking":{"type":"enabled"}}"#);
    assert_eq!(settings["AZURE_INFERENCE_API"], "chat");
    assert!(!settings.contains_key("REASONING_EFFORT"));
    assert!(!Deployment::of("pipeline").settings().contains_key("EXTRA_BODY"), "an empty object is none");
}

#[test]
fn the_model_of_an_existing_deployment_is_asked_of_azure_not_of_its_name() {
    let existing = Deployment::of("existing-account");
    assert!(existing.of_type(DEPLOYMENTS).is_empty());
    let settings = existing.settings();
    let asked = "accounts/shared-ai/deployments/reasoner', '2025-06-01').model.name";
    for name in ["REASONING_EFFORT", "AZURE_INFERENCE_API"] {
        assert!(settings[name].contains(asked), "{name}: {}", settings[name]);
    }
}

#[test]
fn several_models_are_settings_deployments_and_accounts() {
    let several = Deployment::of("several-models");
    let settings = several.settings();
    assert_eq!(settings["MODELS"], "thorough, fast");
    let accounts: Vec<(&str, &str)> = several
        .of_type("Microsoft.CognitiveServices/accounts")
        .into_iter()
        .map(|account| (account["name"].as_str().unwrap(), account["location"].as_str().unwrap()))
        .collect();
    let [(home, "swedencentral"), (away, "eastus2")] = accounts[..] else { panic!("{accounts:?}") };
    let at = |account: &str| format!("https://{account}.services.ai.azure.com");
    assert_eq!(settings["MODEL_THOROUGH"], format!("gpt-5@{}, gpt-5@{}", at(home), at(away)));
    assert!(settings["MODEL_FAST"].contains(&format!("DeepSeek-V4-Flash@{}", at(home))), "{}", settings["MODEL_FAST"]);
    assert!(settings["MODEL_FAST"].contains("accounts/shared-ai'"), "{}", settings["MODEL_FAST"]);
    let of_models: Vec<(&str, &str)> = settings
        .iter()
        .filter(|(name, _)| name.starts_with("MODEL_") && !["MODEL_THOROUGH", "MODEL_FAST"].contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        of_models,
        [
            ("MODEL_FAST_EXTRA_BODY", r#"{"seed":7}"#),
            ("MODEL_FAST_REASONING_EFFORT", "high"),
            ("MODEL_FAST_TITLE", "Quick"),
            ("MODEL_THOROUGH_API", "responses"),
            ("MODEL_THOROUGH_EFFORTS", "low, medium, high"),
            ("MODEL_THOROUGH_REASONING_EFFORT", "medium"),
            ("MODEL_THOROUGH_TITLE", "Thorough"),
        ]
    );
    assert!(!settings.contains_key("REASONING_EFFORT"), "nothing is said of all models");
    // And so the program understands it.
    let read = read_by_the_program(&several).models;
    let [thorough, fast] = &read[..] else { panic!("{read:?}") };
    assert_eq!(
        (thorough.name.as_str(), thorough.title.as_str(), thorough.deployments.len()),
        ("thorough", "Thorough", 2)
    );
    assert_eq!((thorough.options.api, thorough.options.reasoning_effort.as_deref()), (Api::Responses, Some("medium")));
    assert_eq!(thorough.efforts, ["low", "medium", "high"]);
    assert_eq!((fast.name.as_str(), fast.title.as_str(), fast.deployments.len()), ("fast", "Quick", 2));
    assert_eq!((fast.options.api, fast.options.reasoning_effort.as_deref()), (Api::Chat, Some("high")));
    assert_eq!(json!(fast.options.extra_body), json!({ "seed": 7 }));

    let mut made: Vec<_> = several.of_type(DEPLOYMENTS).into_iter().map(model).collect();
    made.sort();
    assert_eq!(
        made,
        [
            expected("DeepSeek", "DeepSeek-V4-Flash", "2026-04-23", 100),
            expected("OpenAI", "gpt-5", "2025-08-07", 50),
            expected("OpenAI", "gpt-5", "2025-08-07", 100),
        ]
    );
}

#[test]
fn every_length_in_the_table_is_tried_the_longer_after_the_shorter() {
    let code = text("infra/thinking.bicep");
    let tried: Vec<usize> =
        code.split("take(model, ").skip(1).map(|rest| rest.split_once(')').unwrap().0.parse().unwrap()).collect();
    let mut lengths: Vec<usize> = table("thinking").keys().map(String::len).collect();
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(tried, lengths, "infra/thinking.bicep and infra/models.json");
    let settings = |entry: &Value| entry.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (prefix, entry) in table("thinking") {
        // modules/settings.bicep has a place for these two where only Azure knows the model.
        assert!(
            settings(&entry).iter().all(|name| name == "REASONING_EFFORT" || name == "AZURE_INFERENCE_API"),
            "{prefix}"
        );
    }
}

#[test]
fn the_docs_have_a_row_for_every_known_model_with_what_is_set_for_it() {
    let page = text("docs/deploying.md");
    let thinking = table("thinking");
    for (name, known) in table("known") {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/deploying.md has no row for {name}"));
        let mut said = Map::new();
        let mut prefixes: Vec<&String> = thinking.keys().filter(|prefix| name.starts_with(*prefix)).collect();
        prefixes.sort_by_key(|prefix| prefix.len());
        for prefix in prefixes {
            said.extend(thinking[prefix].as_object().unwrap().clone());
        }
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells[2], format!("`{}`", known["format"].as_str().unwrap()), "{name}");
        assert_eq!(cells[3], format!("`{}`", known["version"].as_str().unwrap()), "{name}");
        let set: Vec<String> =
            said.iter().map(|(name, value)| format!("`{name}={}`", value.as_str().unwrap())).collect();
        assert_eq!(cells[4], if set.is_empty() { "nothing".to_owned() } else { set.join(", ") }, "{name}");
    }
    assert!(table("known").contains_key("DeepSeek-V4-Pro"));
    assert_eq!(table("known")["DeepSeek-V4-Pro"], json!({ "format": "DeepSeek", "version": "2026-04-23" }));
}
