//! What azd is told, in `azure.yaml`, meets what is there: the hooks' commands, their inputs, the page's folder.

use std::collections::BTreeSet;

use crate::deployments::Deployment;
use crate::support::infra::{inputs, outputs, text};

#[test]
fn hooks_use_outputs_that_exist_and_steps_that_exist() {
    let source = [
        "deploy.rs",
        "deploy/before_up.rs",
        "deploy/down.rs",
        "deploy/model.rs",
        "deploy/publish.rs",
        "deploy/purge.rs",
    ]
    .map(|file| text(&format!("xtask/src/{file}")))
    .concat();
    let mut known: BTreeSet<String> = outputs();
    known.extend(inputs().into_values().map(|(variable, _)| variable));
    known.insert("AZURE_SUBSCRIPTION_ID".to_owned());
    let mut asked = 0;
    for call in ["required(\"", "known(\""] {
        for rest in source.split(call).skip(1) {
            let name = rest.split_once('"').unwrap().0;
            assert!(
                known.contains(name),
                "cargo xtask deploy asks for {name}, which infra/main.bicep does not put out"
            );
            asked += 1;
        }
    }
    assert!(asked > 8);

    let azure = text("azure.yaml");
    let runs: Vec<&str> =
        azure.lines().filter_map(|line| Some(line.split_once("run: ")?.1.trim_end_matches(" }"))).collect();
    for pair in runs.chunks(2) {
        assert_eq!(pair.first(), pair.last(), "the same on every system");
        // A service's hooks run in its folder.
        let of_service = pair[0].contains(" deploy page-");
        let script = if of_service { "node ../xtask/run.mjs deploy " } else { "node xtask/run.mjs deploy " };
        let step = pair[0].strip_prefix(script).unwrap_or_else(|| panic!("{}", pair[0]));
        assert!(source.contains(&format!("\"{step}\" =>")), "cargo xtask deploy {step}");
    }
    assert_eq!(runs.len(), 16);
    // The schema knows the hooks' names, but lets the word above them be any.
    let keys: Vec<&str> = azure.lines().filter(|line| line.starts_with(char::is_alphabetic)).collect();
    assert_eq!(
        keys,
        ["name: reasoning-chat", "metadata:", "requiredVersions:", "infra:", "hooks:", "services:", "pipeline:"]
    );
    let version =
        text("Cargo.toml").lines().find_map(|line| Some(line.strip_prefix("version = ")?.trim_matches('"').to_owned()));
    assert!(
        azure.contains(&format!("template: reasoning-chat@{}\n", version.unwrap())),
        "azure.yaml, metadata.template"
    );
    let hooks: Vec<&str> =
        azure.lines().map(str::trim).filter(|line| line.starts_with('p') && line.ends_with(':')).collect();
    let expected = [
        "preup:",
        "prepackage:",
        "predeploy:",
        "postup:",
        "predown:",
        "postdown:",
        "prepackage:",
        "predeploy:",
        "pipeline:",
    ];
    assert_eq!(hooks, expected);
    let steps: Vec<&str> = runs.iter().step_by(2).filter_map(|run| run.rsplit(' ').next()).collect();
    // azd shows the others' words in a pane that it wipes, and without a terminal nowhere.
    let seen = azure.lines().filter(|line| line.contains("interactive: true, run: ")).count();
    assert_eq!(seen, 14, "all but page-config, which speaks while azd draws");
    assert_eq!(
        steps,
        ["before-up", "before-provision", "api", "addresses", "before-down", "after-down", "page-build", "page-config"]
    );
}

#[test]
fn azd_finds_the_page_and_the_files_that_it_deploys() {
    // The schema lets a host be any word, for extensions of azd.
    let azure = text("azure.yaml");
    let service =
        azure.split_once("\nservices:\n").unwrap().1.lines().filter(|line| !line.trim_start().starts_with('#'));
    assert_eq!(
        service.take(4).collect::<Vec<_>>(),
        ["  web:", "    project: web", "    dist: dist-azure", "    host: staticwebapp"]
    );
    let defaults = Deployment::of("defaults");
    assert_eq!(defaults.the("Microsoft.Web/staticSites")["tags"]["azd-service-name"], "web");
    assert!(outputs().contains("AZURE_RESOURCE_GROUP"), "azd looks for the page there");
    assert!(text("xtask/src/deploy.rs").contains("const PAGE: &str = \"dist-azure\";"));
    assert!(text(".gitignore").lines().any(|line| line == "/web/dist-azure"));
}
