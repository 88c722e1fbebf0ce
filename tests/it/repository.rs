//! What stands around the program: workflows, the dev container, and the commands that the docs name.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::infra::inputs;

use crate::support::app::project;

fn text(file: &str) -> String {
    std::fs::read_to_string(project().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The files of a folder with one ending, as paths from the project's root.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(project().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(ending)).map(|name| format!("{folder}/{name}")).collect()
}

#[test]
fn actions_are_pinned_by_commit_with_their_version_beside() {
    let mut pins = BTreeSet::new();
    for file in files(".github/workflows", ".yml") {
        for line in text(&file).lines().filter(|line| line.contains("uses:")) {
            let used = line.split_once("uses:").unwrap().1.trim();
            let (action, rest) = used.split_once('@').unwrap_or_else(|| panic!("{file}: {line}"));
            let (commit, version) = rest.split_once(" # v").unwrap_or_else(|| panic!("{file}: no version: {line}"));
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{file}: {line}");
            assert_eq!(version.split('.').count(), 3, "{file}: {line}");
            pins.insert((action.to_owned(), commit.to_owned()));
        }
    }
    let actions: BTreeSet<&String> = pins.iter().map(|(action, _)| action).collect();
    assert!(!pins.is_empty());
    assert_eq!(actions.len(), pins.len(), "one action, one commit: {pins:?}");
}

#[test]
fn workflows_may_read_and_one_proves_who_it_is_and_one_makes_releases() {
    for file in files(".github/workflows", ".yml") {
        let workflow = text(&file);
        assert!(workflow.contains("\npermissions:\n  contents: read\n"), "{file}");
        let more: Vec<&str> = workflow.lines().filter(|line| line.contains(": write")).map(str::trim).collect();
        match file.as_str() {
            ".github/workflows/azure-dev.yml" => {
                assert!(more.len() == 1 && more[0].starts_with("id-token: write"), "{file}: {more:?}");
            }
            ".github/workflows/release.yml" => {
                let rights: Vec<_> = more.iter().filter_map(|line| line.split(": write").next()).collect();
                assert_eq!(rights, ["contents", "id-token", "attestations"], "{file}");
                let writing = workflow.split_once("    permissions:\n").unwrap().1;
                assert!(
                    !writing.contains("checkout@") && !writing.contains("cargo"),
                    "{file}: the checkout runs there"
                );
            }
            _ => assert!(more.is_empty(), "{file}: {more:?}"),
        }
        assert!(!workflow.contains("secrets."), "{file}: nothing needs a stored secret");
        assert!(
            !workflow.contains("pull_request_target"),
            "{file}: strangers' code would run with the repository's rights"
        );
        let checkouts = workflow.matches("actions/checkout@").count();
        assert_eq!(workflow.matches("persist-credentials: false").count(), checkouts, "{file}");
        for line in workflow.lines().filter(|line| line.trim_start().starts_with("- run:")) {
            assert!(!line.contains("${{"), "{file}: a value in a command line may be a command: {line}");
        }
    }
}

#[test]
fn the_pipeline_passes_every_input_with_its_default() {
    let workflow = text(".github/workflows/azure-dev.yml");
    for (name, default) in inputs().into_values() {
        let (name, default) = (name.as_str(), default.as_str());
        let given = match (name, default) {
            // The pipeline's own answer to the one, and never the other.
            ("DEVELOPER_ACCESS", _) => "\"false\"".to_owned(),
            ("DIRECT_UPLOAD", _) => continue,
            // Empty text is no object.
            ("EXTRA_BODY", _) => "${{ vars.EXTRA_BODY || '{}' }}".to_owned(),
            (_, "") => format!("${{{{ vars.{name} }}}}"),
            _ => format!("${{{{ vars.{name} || '{default}' }}}}"),
        };
        assert!(workflow.contains(&format!("      {name}: {given}\n")), "azure-dev.yml should say {name}: {given}");
    }
}

#[test]
fn the_pipeline_looks_at_what_it_has_deployed() {
    let workflow = text(".github/workflows/azure-dev.yml");
    let (_, after) = workflow.split_once("azd up --no-prompt\n").unwrap();
    assert!(after.contains("run: cargo xtask smoke --unattended\n"), "{after}");
}

#[test]
fn the_container_and_the_editor_recommend_the_same() {
    let container: Value = serde_json::from_str(&text(".devcontainer/devcontainer.json")).unwrap();
    let editor: Value = serde_json::from_str(&text(".vscode/extensions.json")).unwrap();
    assert_eq!(container["customizations"]["vscode"]["extensions"], editor["recommendations"]);
    let tools = |file: &str| {
        let text = text(file);
        let rest = text.split_once("azure-functions-core-tools@").unwrap_or_else(|| panic!("{file}")).1;
        rest.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(tools(".devcontainer/setup"), tools(".github/workflows/azure-dev.yml"));
}

#[test]
fn commands_that_are_named_exist() {
    let commands = text("xtask/src/main.rs");
    let steps = text("xtask/src/deploy.rs");
    let mut documents = files("docs", ".md");
    documents.extend(files(".vscode", ".json"));
    documents.extend(["README.md", "CONTRIBUTING.md", "azure.yaml", ".ci/run"].map(str::to_owned));
    for file in documents {
        let text = text(&file);
        for rest in text.split("cargo xtask ").skip(1) {
            let line = rest.split(['\n', '`', '"', ')', ',', ';', '.']).next().unwrap();
            let mut words = line.split_whitespace();
            let Some(command) = words.next().filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())) else {
                continue;
            };
            assert!(commands.contains(&format!("(Some(\"{command}\")")), "{file}: cargo xtask {command}");
            let step = words.next().filter(|step| command == "deploy" && !step.starts_with(['…', 'S', '#']));
            assert!(step.is_none_or(|step| steps.contains(&format!("\"{step}\" =>"))), "{file}: cargo xtask {line}");
        }
    }
}

#[test]
fn the_front_door_names_one_repository() {
    let readme = text("README.md");
    let place = |before: &str| {
        let rest = readme.split_once(before).unwrap_or_else(|| panic!("README.md has no {before}")).1;
        rest.split([')', ' ', '\n']).next().unwrap().to_owned()
    };
    let template = place("azd init -t ");
    assert_eq!(template.split('/').count(), 2, "{template}");
    assert_eq!(template, place("https://codespaces.new/"));
    assert_eq!(template, place("cloneInVolume?url=https://github.com/"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = files("docs", ".md");
    documents.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(str::to_owned));
    let slug = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    for file in documents {
        let page = text(&file);
        for rest in page.split("](").skip(1) {
            let link = rest.split(')').next().unwrap();
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = project().join(if file.starts_with("docs/") { "docs" } else { "" });
            let target = if path.is_empty() { project().join(&file) } else { folder.join(path) };
            assert!(target.exists(), "{file}: {link}");
            if !anchor.is_empty() {
                let there = std::fs::read_to_string(&target).unwrap();
                let found = there
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| slug(line.trim_start_matches('#').trim()) == anchor);
                assert!(found, "{file}: {link}: there is no such heading");
            }
        }
    }
}
