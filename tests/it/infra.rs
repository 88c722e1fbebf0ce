//! What `infra/` promises, as far as its own text shows it: settings, roles, origins, no keys, wiring.
//!
//! Types, property names and versions are checked by `cargo xtask test` against Azure's type data, where that is at hand.

use std::collections::{BTreeMap, BTreeSet};

use reasoning_chat::settings::Settings;
use reasoning_chat::settings::variables;
use serde_json::Value;

use crate::support::app::project;

/// Set by the platform itself.
const PLATFORM: [&str; 5] = [
    "FUNCTIONS_CUSTOMHANDLER_PORT",
    "WEBSITE_AUTH_ENABLED",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "WEBSITE_SITE_NAME",
];
/// The host's own settings that the program reads too.
const OF_THE_HOST: [&str; 2] = ["APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"];
/// Of use outside production only.
const LOCAL: [&str; 2] = ["AZURE_TENANT_ID", "PORT"];
/// What azd puts into its environment by itself.
const OF_AZD: [&str; 2] = ["AZURE_ENV_NAME", "AZURE_LOCATION"];
/// What the one who deploys chooses for themselves; a pipeline has its own values.
const OF_A_DEVELOPER: [&str; 2] = ["DEVELOPER_ACCESS", "DIRECT_UPLOAD"];

/// Azure's built-in roles that are in use, with their ids, which are the same everywhere.
const ROLES: [(&str, &str); 4] = [
    ("Cognitive Services User", "a97b65f3-24c7-4388-baec-2e87135dc908"),
    ("Monitoring Metrics Publisher", "3913510d-42f4-4e42-8a64-420c390055eb"),
    ("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
    ("Storage Blob Data Owner", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"),
];

pub(crate) fn text(file: &str) -> String {
    std::fs::read_to_string(project().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A Bicep file without its comment lines.
pub(crate) fn code(file: &str) -> String {
    text(file).lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// All Bicep files, by path.
fn bicep() -> BTreeMap<String, String> {
    let modules = std::fs::read_dir(project().join("infra/modules")).unwrap();
    let modules = modules.map(|entry| format!("infra/modules/{}", entry.unwrap().file_name().to_str().unwrap()));
    modules.chain(["infra/main.bicep".to_owned()]).map(|file| (file.clone(), code(&file))).collect()
}

/// The lines of the block that begins with `head`, up to its closing brace at the head's depth.
fn block<'a>(code: &'a str, head: &str) -> Vec<&'a str> {
    let mut lines = code.lines().skip_while(|line| !line.trim_start().starts_with(head));
    let first = lines.next().unwrap_or_else(|| panic!("no {head}"));
    let end = format!("{}}}", " ".repeat(first.len() - first.trim_start().len()));
    lines.take_while(|line| **line != end).collect()
}

/// The keys of an object's own lines: those with the least depth.
fn keys(lines: &[&str]) -> BTreeSet<String> {
    let depth = |line: &&str| line.len() - line.trim_start().len();
    let least = lines.iter().filter(|line| !line.trim().is_empty()).map(depth).min().unwrap_or_default();
    let own = lines.iter().filter(|line| depth(line) == least).filter_map(|line| line.trim().split_once(':'));
    own.map(|(key, _)| key.to_owned()).collect()
}

/// `param NAME` of a file, each with its default where there is one.
fn params(code: &str) -> BTreeMap<String, Option<String>> {
    let lines = code.lines().filter_map(|line| line.strip_prefix("param "));
    lines
        .map(|line| {
            let (head, default) = line.split_once(" = ").map_or((line, None), |(head, default)| (head, Some(default)));
            let name = head.split_whitespace().next().unwrap();
            (name.to_owned(), default.map(|default| default.trim_matches('\'').to_owned()))
        })
        .collect()
}

pub(crate) fn outputs(code: &str) -> BTreeSet<String> {
    let lines = code.lines().filter_map(|line| line.strip_prefix("output "));
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// The parameters file: each parameter with its value.
fn parameters() -> BTreeMap<String, Value> {
    let file: Value = serde_json::from_str(&text("infra/main.parameters.json")).unwrap();
    let parameters = file["parameters"].as_object().unwrap().clone();
    parameters.into_iter().map(|(name, value)| (name, value["value"].clone())).collect()
}

/// What `azd env set` sets: the variable of each parameter that has one, with the default behind it.
pub(crate) fn inputs() -> BTreeMap<String, (String, String)> {
    let with_variable = |(name, value): (String, Value)| {
        let inside = value.as_str()?.strip_prefix("${")?.strip_suffix('}')?.to_owned();
        let (variable, default) = inside.split_once('=').unwrap_or((&inside, ""));
        Some((name, (variable.to_owned(), default.to_owned())))
    };
    parameters().into_iter().filter_map(with_variable).collect()
}

fn names<'a>(all: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    all.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_variable_of_the_program_has_exactly_one_place_in_azure_and_there_is_no_other_setting() {
    let fixed = keys(&block(&code("infra/modules/api.bicep"), "var fixedSettings = {"));
    let operators: BTreeSet<String> = parameters()["programSettings"].as_object().unwrap().keys().cloned().collect();
    let places = [&fixed, &operators, &names(PLATFORM), &names(OF_THE_HOST), &names(LOCAL)];
    for variable in variables::ALL {
        let held = places.iter().filter(|place| place.contains(variable.name)).count();
        assert_eq!(held, 1, "{}: set by Bicep, main.parameters.json, the platform, or local only", variable.name);
    }
    for name in places.into_iter().flatten() {
        assert!(variables::ALL.iter().any(|variable| variable.name == *name), "{name} is no setting of the program");
    }
}

#[test]
fn the_hosts_own_settings_are_those_that_it_needs_without_keys() {
    let host = keys(&block(&code("infra/modules/api.bicep"), "var hostSettings = {"));
    let expected = [
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "AzureWebJobsStorage__accountName",
        "AzureWebJobsStorage__clientId",
        "AzureWebJobsStorage__credential",
    ];
    assert_eq!(host, names(expected), "Flex Consumption refuses FUNCTIONS_WORKER_RUNTIME and the like");
    assert!(text("infra/modules/api.bicep").contains("union(chosenSettings, hostSettings, fixedSettings)"));
}

#[test]
fn the_program_starts_with_what_bicep_sets() {
    for (anonymous, scope) in [("false", ""), ("true", "https://ai.azure.com/.default")] {
        let lookup = |name: &str| {
            let value = match name {
                "AZURE_INFERENCE_ENDPOINT" => "https://ai-abc.services.ai.azure.com",
                "AZURE_DEEPSEEK_DEPLOYMENT" => "DeepSeek-V3.2",
                "AZURE_CLIENT_ID" => "11111111-2222-3333-4444-555555555555",
                "RUNNING_IN_PRODUCTION" => "true",
                "ALLOWED_ORIGINS" => "https://page.azurestaticapps.net",
                "ALLOW_ANONYMOUS" => anonymous,
                "AZURE_INFERENCE_SCOPE" => scope,
                _ => return None,
            };
            Some(value.to_owned())
        };
        let settings = Settings::from_lookup(&lookup).unwrap_or_else(|faults| panic!("{faults:?}"));
        assert!(!settings.models.is_empty());
    }
}

#[test]
fn an_instance_gets_no_more_answers_than_the_program_takes() {
    let most: u32 = params(&code("infra/main.bicep"))["streamsPerInstance"].as_ref().unwrap().parse().unwrap();
    let takes: u32 = variables::MAX_CONCURRENT_STREAMS.default.parse().unwrap();
    assert!(most <= takes, "{most} and {takes}");
}

#[test]
fn roles_are_the_documented_ones() {
    let page = text("docs/security.md");
    let is_id = |word: &str| word.len() == 36 && word.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let mut documented = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        if let Some(id) = cells.iter().find(|cell| is_id(cell)) {
            documented.insert(cells[1].to_owned(), (*id).to_owned());
        }
    }
    let expected: BTreeMap<String, String> = ROLES.map(|(name, id)| (name.to_owned(), id.to_owned())).into();
    assert_eq!(documented, expected, "docs/security.md");

    let mut used = BTreeMap::new();
    for (file, code) in bicep() {
        for line in code.lines() {
            for id in line.split('\'').filter(|word| is_id(word)) {
                let name = line.trim().strip_prefix("var ").and_then(|rest| rest.split_once(' ')).map(|(name, _)| name);
                let name = name.unwrap_or_else(|| panic!("{file}: an id without a name: {line}"));
                used.insert(name.to_lowercase(), id.to_owned());
            }
        }
    }
    let expected = ROLES.map(|(name, id)| (name.replace(' ', "").to_lowercase(), id.to_owned()));
    assert_eq!(used, expected.into(), "infra/");
}

#[test]
fn every_role_is_given_on_one_resource_and_no_wider() {
    let mut given = BTreeSet::new();
    for (file, code) in bicep() {
        for line in code.lines().filter(|line| line.contains("'Microsoft.Authorization/roleAssignments@")) {
            let symbol = line.split_whitespace().nth(1).unwrap();
            let assignment = block(&code, line);
            let scope = assignment.iter().find_map(|line| line.strip_prefix("  scope: "));
            let role = assignment.iter().find_map(|line| line.trim().strip_prefix("roleDefinitionId: "));
            let role = role.unwrap_or_else(|| panic!("{file}: {symbol}")).trim_end_matches(')').rsplit(", ").next();
            given.insert((symbol.to_owned(), role.unwrap().to_owned(), scope.unwrap_or("none").to_owned()));
        }
    }
    let expected = [
        ("app", "cognitiveServicesUser", "account"),
        ("appStorage", "storageBlobDataOwner", "storage"),
        ("appTelemetry", "monitoringMetricsPublisher", "insights"),
        ("developer", "cognitiveServicesUser", "account"),
        ("uploader", "storageBlobDataContributor", "storage::blobs::package"),
    ];
    assert_eq!(
        given,
        expected.map(|(symbol, role, scope)| (symbol.to_owned(), role.to_owned(), scope.to_owned())).into()
    );
}

#[test]
fn what_must_come_first_does() {
    let needs = |file: &str, head: &str, first: &str| {
        let code = code(file);
        assert!(
            block(&code, head).iter().any(|line| line.trim() == format!("dependsOn: [{first}]")),
            "{head} needs {first}"
        );
    };
    needs("infra/modules/api.bicep", "resource authentication ", "settings");
    needs("infra/main.bicep", "module api ", "roles");
    for module in ["identity", "monitoring", "storage", "model", "page"] {
        needs("infra/main.bicep", &format!("module {module} "), "group");
    }
}

#[test]
fn only_the_pages_origin_may_call() {
    let api = code("infra/modules/api.bicep");
    let origins: Vec<&str> = api.lines().filter(|line| line.contains("allowedOrigins")).map(str::trim).collect();
    assert_eq!(origins, ["allowedOrigins: [pageOrigin]"]);
    assert!(api.contains("supportCredentials: false"));
    assert!(api.lines().any(|line| line.trim() == "ALLOWED_ORIGINS: pageOrigin"));
    assert!(text("infra/main.bicep").contains("pageOrigin: page.outputs.origin"));
    for (file, code) in bicep() {
        assert!(!code.contains("'*'"), "{file}");
    }
}

#[test]
fn strangers_get_401_unless_anonymous_use_was_chosen() {
    let api = code("infra/modules/api.bicep");
    for line in [
        "enabled: !allowAnonymous",
        "requireAuthentication: !allowAnonymous",
        "unauthenticatedClientAction: allowAnonymous ? 'AllowAnonymous' : 'Return401'",
        "openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'",
        "clientId: signInClientId",
        "allowedAudiences: [signInClientId, signInUri]",
        "allowedApplications: [signInClientId]",
        "ALLOW_ANONYMOUS: allowAnonymous ? 'true' : 'false'",
        "RUNNING_IN_PRODUCTION: 'true'",
        "httpsOnly: true",
    ] {
        assert!(api.lines().any(|other| other.trim() == line), "{line}");
    }
    assert!(!api.contains("excludedPaths"), "no path is open");
    assert!(code("infra/modules/sign-in.bicep").contains("signInAudience: 'AzureADMyOrg'"));
    assert_eq!(params(&code("infra/main.bicep"))["allowAnonymous"].as_deref(), Some("false"));
}

#[test]
fn there_is_no_key_and_no_secret() {
    let banned = [
        "listkeys",
        "listaccountsas",
        "listservicesas",
        "listsecrets",
        ".list(",
        "clientsecret",
        "passwordcredentials",
        "keycredentials",
        "@secure",
        "accountkey",
        "sharedaccesskey",
        "api-key",
        "apikey",
        "password:",
        "repositorytoken",
    ];
    let mut files = bicep();
    for file in ["infra/main.parameters.json", "azure.yaml"] {
        files.insert(file.to_owned(), text(file));
    }
    for (file, code) in files {
        let code = code.to_lowercase();
        for word in banned {
            assert!(!code.contains(word), "{file}: {word}");
        }
    }
    let says = |file: &str, line: &str| code(file).lines().any(|other| other.trim() == line);
    assert!(says("infra/modules/storage.bicep", "allowSharedKeyAccess: false"));
    assert!(says("infra/modules/storage.bicep", "allowBlobPublicAccess: false"));
    assert!(says("infra/modules/model.bicep", "disableLocalAuth: true"));
    assert!(says("infra/modules/monitoring.bicep", "DisableLocalAuth: true"));
    assert_eq!(code("infra/modules/api.bicep").matches("allow: false").count(), 2, "no FTP and no SCM password");
}

#[test]
fn every_parameter_has_its_line_in_the_file_with_the_same_default() {
    let declared = params(&code("infra/main.bicep"));
    let given = parameters();
    assert_eq!(declared.keys().collect::<Vec<_>>(), given.keys().collect::<Vec<_>>());
    for (name, (_, default)) in inputs() {
        let expected = declared[&name].clone().unwrap_or_default();
        assert_eq!(default, expected, "{name}: main.parameters.json and main.bicep");
    }
    let settings = given["programSettings"].as_object().unwrap();
    assert!(settings.values().all(|value| value == ""), "an empty value is the program's default, in docs/settings.md");
}

#[test]
fn no_output_comes_back_as_an_input_and_pipelines_get_all_inputs() {
    let inputs: BTreeSet<String> = inputs().into_values().map(|(variable, _)| variable).collect();
    let outputs = outputs(&code("infra/main.bicep"));
    assert_eq!(inputs.intersection(&outputs).count(), 0, "a second run would take what it made for something existing");

    let azure = text("azure.yaml");
    let variables = azure.split_once("  variables:\n").unwrap().1.lines();
    let variables: BTreeSet<String> =
        variables.filter_map(|line| line.strip_prefix("    - ")).map(str::to_owned).collect();
    let mut expected = inputs;
    expected.retain(|name| !OF_AZD.contains(&name.as_str()) && !OF_A_DEVELOPER.contains(&name.as_str()));
    assert_eq!(variables, expected, "azure.yaml, pipeline.variables");
}

#[test]
fn modules_are_called_with_what_they_take_and_asked_for_what_they_give() {
    let main = code("infra/main.bicep");
    let mut modules = 0;
    for line in main.lines().filter_map(|line| line.strip_prefix("module ")) {
        modules += 1;
        let (symbol, rest) = line.split_once(" '").unwrap();
        let module = code(&format!("infra/{}", rest.split_once('\'').unwrap().0));
        let call = block(&main, &format!("module {symbol} ")).join("\n");
        let given = keys(&block(&call, "params: {"));
        assert_eq!(given, params(&module).into_keys().collect(), "module {symbol}");
        let has = outputs(&module);
        for access in [format!("{symbol}.outputs."), format!("{symbol}!.outputs.")] {
            for (at, _) in main.match_indices(&access) {
                let rest = &main[at + access.len()..];
                let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
                assert!(has.contains(&name), "module {symbol} has no output {name}");
            }
        }
    }
    assert_eq!(modules, std::fs::read_dir(project().join("infra/modules")).unwrap().count(), "every module is used");
}

#[test]
fn the_deployment_page_names_every_input_and_the_diagram_every_resource() {
    let page = text("docs/deploying.md");
    for (variable, default) in inputs().into_values() {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{variable}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/deploying.md has no row for {variable}"));
        assert!(default.is_empty() || row.contains(&format!("`{default}`")), "{variable}: the default is {default}");
    }
    let diagram = page.split_once("```mermaid").unwrap().1.split_once("```").unwrap().0;
    let in_diagram: BTreeSet<String> = diagram
        .split('"')
        .flat_map(|label| label.split("<br/>"))
        .filter(|word| word.starts_with("Microsoft."))
        .map(str::to_owned)
        .collect();
    let mut in_bicep = BTreeSet::new();
    for code in bicep().values() {
        for line in code.lines().filter(|line| line.starts_with("resource ") && !line.contains(" existing = ")) {
            let kind = line.split('\'').nth(1).unwrap().split('@').next().unwrap().to_owned();
            // Settings of a resource belong to it, and a role is an arrow.
            let part =
                ["Microsoft.Web/sites/", "Microsoft.Authorization/"].iter().any(|prefix| kind.starts_with(prefix));
            if !part {
                in_bicep.insert(kind);
            }
        }
    }
    assert_eq!(in_diagram, in_bicep, "the diagram in docs/deploying.md");
    for (name, _) in ROLES.iter().filter(|(name, _)| *name != "Storage Blob Data Contributor") {
        assert!(diagram.contains(name), "the diagram lacks the role {name}");
    }
}

#[test]
fn connections_are_encrypted() {
    for (file, line) in [
        ("infra/modules/api.bicep", "httpsOnly: true"),
        ("infra/modules/api.bicep", "minTlsVersion: '1.2'"),
        ("infra/modules/api.bicep", "requireHttps: true"),
        ("infra/modules/storage.bicep", "minimumTlsVersion: 'TLS1_2'"),
        ("infra/modules/storage.bicep", "supportsHttpsTrafficOnly: true"),
    ] {
        assert!(code(file).lines().any(|other| other.trim() == line), "{file}: {line}");
    }
}
