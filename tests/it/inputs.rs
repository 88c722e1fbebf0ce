//! What comes into a deployment: parameters, the file that azd fills in, the variables that it takes; and that nothing which
//! goes out comes in again.

use std::collections::BTreeSet;

use crate::deployments::Deployment;
use crate::support::infra::{bicep, code, inputs, outputs, parameters, params, text};

/// What azd puts into its environment by itself.
const OF_AZD: [&str; 2] = ["AZURE_ENV_NAME", "AZURE_LOCATION"];
/// What the one who deploys chooses for themselves; a pipeline has its own values.
const OF_A_DEVELOPER: [&str; 2] = ["DEVELOPER_ACCESS", "DIRECT_UPLOAD"];

#[test]
fn every_parameter_has_its_line_in_the_file_with_the_same_default() {
    let declared = params(&code("infra/main.bicep"));
    let given = parameters();
    assert_eq!(declared.keys().collect::<Vec<_>>(), given.keys().collect::<Vec<_>>());
    let settings = given["programSettings"].as_object().unwrap();
    for (name, (variable, default)) in inputs() {
        if settings.contains_key(&name) {
            assert_eq!(
                (variable.as_str(), default.as_str()),
                (name.as_str(), ""),
                "the program's default is in docs/settings.md"
            );
            continue;
        }
        // An object has no text for its default; azd sends none, and Bicep's holds.
        let expected = declared[&name].clone().filter(|default| default != "{}").unwrap_or_default();
        assert_eq!(default, expected, "{name}: main.parameters.json and main.bicep");
    }
    let plain = settings.values().filter(|value| !value.as_str().unwrap().starts_with("${"));
    assert!(plain.into_iter().all(|value| value == ""), "an empty value is the program's default, in docs/settings.md");
}

#[test]
fn azd_asks_for_a_region_that_has_flex_consumption_and_offers_one_first() {
    let main = code("infra/main.bicep");
    let above = main.split_once("\nparam location string").unwrap().0;
    let (allowed, rest) = above.split_once("@allowed([\n").unwrap().1.split_once("\n])").unwrap();
    let allowed: Vec<&str> = allowed.lines().map(|line| line.trim().trim_matches('\'')).collect();
    assert!(allowed.len() > 20 && allowed.is_sorted());
    let first = rest.split_once("default: '").unwrap().1.split_once('\'').unwrap().0;
    assert!(rest.contains("type: 'location'") && allowed.contains(&first), "{first}");
}

#[test]
fn what_costs_money_has_a_most() {
    for (file, code) in bicep() {
        let lines: Vec<&str> = code.lines().map(str::trim).collect();
        for (at, line) in
            lines.iter().enumerate().filter(|(_, line)| line.starts_with("param ") && line.contains(" int = "))
        {
            let above = lines[..at].iter().rev().take_while(|line| line.starts_with('@'));
            assert!(
                above.into_iter().any(|line| line.starts_with("@maxValue(") || line.starts_with("@allowed(")),
                "{file}: {line}"
            );
        }
    }
}

#[test]
fn no_output_comes_back_as_an_input_and_pipelines_get_all_inputs() {
    let inputs: BTreeSet<String> = inputs().into_values().map(|(variable, _)| variable).collect();
    assert_eq!(
        inputs.intersection(&outputs()).count(),
        0,
        "a second run would take what it made for something existing"
    );
    for deployment in Deployment::all() {
        let given: BTreeSet<String> = deployment.outputs().keys().cloned().collect();
        assert_eq!(given, outputs(), "{}", deployment.name);
        for variable in deployment.set().keys() {
            assert!(inputs.contains(variable), "{} sets {variable}, which nothing reads", deployment.name);
        }
    }

    let azure = text("azure.yaml");
    let variables = azure.split_once("  variables:\n").unwrap().1.lines();
    let variables: BTreeSet<String> =
        variables.filter_map(|line| line.strip_prefix("    - ")).map(str::to_owned).collect();
    let mut expected = inputs;
    expected.retain(|name| !OF_AZD.contains(&name.as_str()) && !OF_A_DEVELOPER.contains(&name.as_str()));
    assert_eq!(variables, expected, "azure.yaml, pipeline.variables");
}

#[test]
fn the_deployment_page_names_every_input() {
    let page = text("docs/deploying.md");
    for (variable, default) in inputs().into_values() {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{variable}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/deploying.md has no row for {variable}"));
        assert!(default.is_empty() || row.contains(&format!("`{default}`")), "{variable}: the default is {default}");
    }
}
