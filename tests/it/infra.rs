//! What `infra/` promises: settings, roles, origins, no keys. Read from what deployments are made of, see `deployments`;
//! the text itself is looked at only for what no deployment shows.

use std::collections::{BTreeMap, BTreeSet};

use reasoning_chat::settings::Settings;
use reasoning_chat::settings::variables;
use serde_json::{Value, json};

use crate::deployments::Deployment;
use crate::support::infra::{bicep, code, names, parameters, text};

/// Set by the platform itself.
const PLATFORM: [&str; 5] = [
    "FUNCTIONS_CUSTOMHANDLER_PORT",
    "WEBSITE_AUTH_ENABLED",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "WEBSITE_SITE_NAME",
];
/// The host's own settings, which it needs without keys. Flex Consumption refuses `FUNCTIONS_WORKER_RUNTIME` and the like.
const OF_THE_HOST: [&str; 5] = [
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
];
/// Of use outside production only.
const LOCAL: [&str; 2] = ["AZURE_TENANT_ID", "PORT"];

/// Azure's built-in roles that are in use, with their ids, which are the same everywhere.
const ROLES: [(&str, &str); 4] = [
    ("Cognitive Services User", "a97b65f3-24c7-4388-baec-2e87135dc908"),
    ("Monitoring Metrics Publisher", "3913510d-42f4-4e42-8a64-420c390055eb"),
    ("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
    ("Storage Blob Data Owner", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"),
];

/// What the operator sets for the program.
fn operators() -> BTreeSet<String> {
    let mut operators: BTreeSet<String> =
        parameters()["programSettings"].as_object().unwrap().keys().cloned().collect();
    operators.insert("EXTRA_BODY".to_owned());
    operators
}

#[test]
fn every_variable_of_the_program_has_exactly_one_place_in_azure_and_there_is_no_other_setting() {
    let operators = operators();
    let mut fixed = BTreeSet::new();
    for deployment in Deployment::all() {
        let of_a_model = |name: &str| name.starts_with("MODEL_");
        let host = |name: &str| OF_THE_HOST.contains(&name);
        let names = deployment.settings().into_keys().filter(|name| !of_a_model(name) && !host(name));
        fixed.extend(names.filter(|name| !operators.contains(name)));
    }
    let places = [&fixed, &operators, &names(PLATFORM), &names(OF_THE_HOST), &names(LOCAL)];
    let patterns = |name: &str| name.contains('<');
    for variable in variables::ALL.iter().filter(|variable| !patterns(variable.name)) {
        let held = places.iter().filter(|place| place.contains(variable.name)).count();
        assert_eq!(held, 1, "{}: set by Bicep, main.parameters.json, the platform, or local only", variable.name);
    }
    for name in places.into_iter().flatten().filter(|name| !name.starts_with("AzureWebJobsStorage__")) {
        let known = variables::ALL.iter().any(|variable| variable.name == *name);
        assert!(known, "{name} is no setting of the program");
    }
}

#[test]
fn the_host_has_what_it_needs_in_every_deployment() {
    for deployment in Deployment::all() {
        let settings = deployment.settings();
        for name in OF_THE_HOST {
            assert!(settings.contains_key(name), "{}: {name}", deployment.name);
        }
        assert!(!settings.keys().any(|name| name.starts_with("FUNCTIONS_")), "{}", deployment.name);
    }
}

#[test]
fn the_page_shows_thumbs_where_the_program_takes_them_and_only_there() {
    let mut shown = BTreeSet::new();
    for deployment in Deployment::all() {
        let told = &deployment.outputs()["PAGE_FEEDBACK"];
        assert_eq!(told, read_by_the_program(&deployment).feedback, "{}", deployment.name);
        if *told == true {
            shown.insert(deployment.name);
        }
    }
    assert_eq!(shown, names(["feedback"]));
}

/// What the program makes of a deployment's settings.
pub(crate) fn read_by_the_program(deployment: &Deployment) -> Settings {
    let settings = deployment.settings();
    let lookup = |name: &str| {
        let value = settings.get(name)?;
        // What only Azure knows.
        Some(match name {
            _ if !value.starts_with('[') => value.clone(),
            "AZURE_CLIENT_ID" => "11111111-2222-3333-4444-555555555555".to_owned(),
            "ALLOWED_ORIGINS" => "https://page.azurestaticapps.net".to_owned(),
            "AZURE_INFERENCE_ENDPOINT" => "https://shared-ai.services.ai.azure.com".to_owned(),
            "MODEL_FAST" => {
                "DeepSeek-V4-Flash@https://ai-abc.services.ai.azure.com, flash@https://shared-ai.services.ai.azure.com"
                    .to_owned()
            }
            "APPLICATIONINSIGHTS_CONNECTION_STRING" => {
                "InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=https://in.example/"
                    .to_owned()
            }
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING" => {
                "ClientId=11111111-2222-3333-4444-555555555555;Authorization=AAD".to_owned()
            }
            // The settings of models.json for a model that was there before.
            "REASONING_EFFORT" => "high".to_owned(),
            "AZURE_INFERENCE_API" => String::new(),
            _ => panic!("{}: {name} is {value}", deployment.name),
        })
    };
    Settings::from_lookup(&lookup).unwrap_or_else(|faults| panic!("{}: {faults:?}", deployment.name))
}

#[test]
fn the_program_starts_with_what_every_deployment_sets() {
    for deployment in Deployment::all() {
        assert!(!read_by_the_program(&deployment).models.is_empty(), "{}", deployment.name);
    }
}

#[test]
fn an_instance_gets_no_more_answers_than_the_program_takes() {
    let takes: u64 = variables::MAX_CONCURRENT_STREAMS.default.parse().unwrap();
    for deployment in Deployment::all() {
        let app = deployment.the("Microsoft.Web/sites");
        let most =
            app.pointer("/properties/functionAppConfig/scaleAndConcurrency/triggers/http/perInstanceConcurrency");
        assert!(most.and_then(Value::as_u64).unwrap() <= takes, "{}", deployment.name);
    }
}

#[test]
fn roles_are_the_documented_ones_each_on_one_resource_and_no_wider() {
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

    let mut given = BTreeSet::new();
    for deployment in Deployment::all() {
        for assignment in deployment.of_type("Microsoft.Authorization/roleAssignments") {
            let role = assignment["properties"]["roleDefinitionId"].as_str().unwrap().rsplit('/').next().unwrap();
            let (name, _) = ROLES.iter().find(|(_, id)| *id == role).unwrap_or_else(|| panic!("{role}"));
            let scope = assignment["id"].as_str().unwrap().strip_prefix("[extensionResourceId('").unwrap();
            let scope = scope.split_once('\'').unwrap().0;
            // The resource's type: what stands between the provider and the names.
            let path: Vec<&str> = scope.split_once("/providers/").expect(scope).1.split('/').collect();
            let kind = path.iter().skip(1).step_by(2).fold(path[0].to_owned(), |kind, part| format!("{kind}/{part}"));
            let who = assignment["properties"]["principalId"].as_str().unwrap();
            let who = if who == "[deployer().objectId]" { "who deploys" } else { "the app" };
            if who == "the app" {
                assert!(assignment["properties"]["principalId"].as_str().unwrap().contains("userAssignedIdentities"));
                assert_eq!(assignment["properties"]["principalType"], "ServicePrincipal");
            }
            given.insert((*name, kind, who));
        }
    }
    let container = "Microsoft.Storage/storageAccounts/blobServices/containers";
    let expected = [
        ("Cognitive Services User", "Microsoft.CognitiveServices/accounts", "the app"),
        ("Cognitive Services User", "Microsoft.CognitiveServices/accounts", "who deploys"),
        ("Monitoring Metrics Publisher", "Microsoft.Insights/components", "the app"),
        ("Storage Blob Data Contributor", container, "who deploys"),
        ("Storage Blob Data Owner", "Microsoft.Storage/storageAccounts", "the app"),
    ];
    assert_eq!(given, expected.map(|(role, kind, who)| (role, kind.to_owned(), who)).into());
}

#[test]
fn the_app_may_call_every_account_that_it_is_told_of() {
    for deployment in Deployment::all() {
        let called: BTreeSet<String> = deployment
            .of_type("Microsoft.Authorization/roleAssignments")
            .into_iter()
            .filter(|assignment| assignment["properties"]["principalType"] == "ServicePrincipal")
            .filter_map(|assignment| {
                let scope = assignment["id"].as_str()?.split_once("Microsoft.CognitiveServices/accounts/")?.1;
                Some(scope.split('\'').next()?.to_owned())
            })
            .collect();
        let settings = deployment.settings();
        let endpoints =
            settings.iter().filter(|(name, _)| *name == "AZURE_INFERENCE_ENDPOINT" || name.starts_with("MODEL_"));
        let endpoints: String = endpoints.map(|(_, value)| value.as_str()).collect();
        // As an address where it is known, else as the account that Azure is asked for it.
        let mut told = BTreeSet::new();
        for (before, after) in [("https://", '.'), ("Microsoft.CognitiveServices/accounts/", '\'')] {
            for rest in endpoints.split(before).skip(1).filter(|rest| !rest.starts_with('{')) {
                told.insert(rest.split(['/', after]).next().unwrap().to_owned());
            }
        }
        assert_eq!(called, told, "{}", deployment.name);
        assert!(!called.is_empty(), "{}", deployment.name);
        for account in deployment.of_type("Microsoft.CognitiveServices/accounts") {
            assert!(called.contains(account["name"].as_str().unwrap()), "{}", deployment.name);
        }
    }
}

#[test]
fn what_must_come_first_does() {
    let main = code("infra/main.bicep");
    let needs = |module: &str, first: &str| {
        let block = main.split_once(&format!("\nmodule {module} ")).unwrap_or_else(|| panic!("{module}")).1;
        let block = block.split_once("\nmodule ").map_or(block, |(block, _)| block);
        assert!(block.contains(&format!("dependsOn: [{first}]")), "{module} needs {first}");
    };
    needs("authentication", "settings");
    needs("api", "storageAccess, storageEndpoint");
    needs("settings", "modelAccess");
    for module in ["identity", "monitoring", "network", "storage", "model", "page"] {
        needs(module, "group");
    }
}

#[test]
fn only_the_pages_origin_may_call() {
    for deployment in Deployment::all() {
        let site = deployment.the("Microsoft.Web/staticSites")["id"].as_str().unwrap();
        let page = format!("[format('https://{{0}}', reference('{site}', '2025-03-01').defaultHostname)]");
        let cors = &deployment.the("Microsoft.Web/sites")["properties"]["siteConfig"]["cors"];
        assert_eq!(cors, &json!({ "allowedOrigins": [page], "supportCredentials": false }), "{}", deployment.name);
        assert_eq!(deployment.settings()["ALLOWED_ORIGINS"], page, "{}", deployment.name);
    }
}

#[test]
fn strangers_get_401_unless_anonymous_use_was_chosen() {
    for deployment in Deployment::all() {
        let anonymous = deployment.name == "anonymous";
        let authentication = deployment.configuration("authsettingsV2");
        assert_eq!(authentication["platform"]["enabled"], !anonymous, "{}", deployment.name);
        let expected = json!({
            "requireAuthentication": !anonymous,
            "unauthenticatedClientAction": if anonymous { "AllowAnonymous" } else { "Return401" },
        });
        assert_eq!(authentication["globalValidation"], expected, "no path is open: {}", deployment.name);
        let settings = deployment.settings();
        assert_eq!(settings["ALLOW_ANONYMOUS"], anonymous.to_string(), "{}", deployment.name);
        assert_eq!(settings["RUNNING_IN_PRODUCTION"], "true", "{}", deployment.name);
        if anonymous {
            assert_eq!(authentication["identityProviders"], json!({}));
            assert!(deployment.of_type("Microsoft.Graph/applications@v1.0").is_empty());
            continue;
        }
        let entra = &authentication["identityProviders"]["azureActiveDirectory"];
        let issuer = "[format('{0}{1}/v2.0', environment().authentication.loginEndpoint, '11111111-1111-1111-1111-111111111111')]";
        assert_eq!(entra["registration"]["openIdIssuer"], issuer, "this tenant's: {}", deployment.name);
        let id = &deployment.outputs()["SIGN_IN_CLIENT_ID"];
        assert_eq!(&entra["registration"]["clientId"], id, "{}", deployment.name);
        let uri = &deployment.outputs()["SIGN_IN_URI"];
        assert_eq!(entra["validation"]["allowedAudiences"], json!([id, uri]), "{}", deployment.name);
        let allowed = entra.pointer("/validation/defaultAuthorizationPolicy/allowedApplications").unwrap();
        if deployment.name != "api-clients" {
            assert_eq!(allowed, &json!([id]), "the page alone: {}", deployment.name);
        }
        for registration in deployment.of_type("Microsoft.Graph/applications@v1.0") {
            assert_eq!(registration["properties"]["signInAudience"], "AzureADMyOrg");
        }
    }
}

#[test]
fn the_page_asks_for_its_token_in_the_form_that_can_be_renewed() {
    for deployment in Deployment::all().iter().filter(|deployment| deployment.name != "anonymous") {
        let scope = deployment.outputs()["SIGN_IN_SCOPE"].as_str().unwrap();
        let client = deployment.outputs()["SIGN_IN_CLIENT_ID"].as_str().unwrap();
        let expected = match client.strip_prefix('[') {
            Some(expression) => format!("[format('{{0}}/user_impersonation', {expression}").replace(']', ")]"),
            None => format!("{client}/user_impersonation"),
        };
        assert_eq!(scope, expected, "{}", deployment.name);
    }
}

#[test]
fn clients_that_were_named_may_call_and_no_other() {
    let named = Deployment::of("api-clients");
    let cli = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
    let workload = "44444444-4444-4444-4444-444444444444";
    let entra = &named.configuration("authsettingsV2")["identityProviders"]["azureActiveDirectory"];
    let allowed = entra.pointer("/validation/defaultAuthorizationPolicy/allowedApplications").unwrap();
    assert_eq!(allowed, &json!([named.outputs()["SIGN_IN_CLIENT_ID"], cli, workload]));
    let registration = &named.the("Microsoft.Graph/applications@v1.0")["properties"];
    let scope = &registration["api"]["oauth2PermissionScopes"][0]["id"];
    let granted = |client: &str| json!({ "appId": client, "delegatedPermissionIds": [scope] });
    assert_eq!(registration["api"]["preAuthorizedApplications"], json!([granted(cli), granted(workload)]));
    assert_eq!(named.the("Microsoft.Graph/servicePrincipals@v1.0")["properties"]["appRoleAssignmentRequired"], true);
    assert_eq!(named.settings()["OPENAI_API"], "true");
    let default = Deployment::of("defaults");
    let registration = &default.the("Microsoft.Graph/applications@v1.0")["properties"];
    assert_eq!(registration["api"]["preAuthorizedApplications"], json!([]));
    assert_eq!(registration["appRoles"][0]["allowedMemberTypes"], json!(["Application"]));
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
    for deployment in Deployment::all() {
        files.insert(format!("{}: outputs", deployment.name), json!(deployment.outputs()).to_string());
    }
    for (file, code) in files {
        let code = code.to_lowercase();
        for word in banned {
            assert!(!code.contains(word), "{file}: {word}");
        }
        assert!(!code.contains("'*'"), "{file}");
    }
    for deployment in Deployment::all() {
        let storage = &deployment.the("Microsoft.Storage/storageAccounts")["properties"];
        assert_eq!(storage["allowSharedKeyAccess"], false, "{}", deployment.name);
        assert_eq!(storage["allowBlobPublicAccess"], false, "{}", deployment.name);
        for account in deployment.of_type("Microsoft.CognitiveServices/accounts") {
            assert_eq!(account["properties"]["disableLocalAuth"], true, "{}", deployment.name);
        }
        for insights in deployment.of_type("Microsoft.Insights/components") {
            assert_eq!(insights["properties"]["DisableLocalAuth"], true, "{}", deployment.name);
        }
        let passwords = deployment.of_type("Microsoft.Web/sites/basicPublishingCredentialsPolicies");
        let names: Vec<_> =
            passwords.iter().map(|policy| policy["name"].as_str().unwrap().rsplit('/').next()).collect();
        assert_eq!(names, [Some("ftp"), Some("scm")], "{}", deployment.name);
        assert!(passwords.iter().all(|policy| policy["properties"]["allow"] == false), "{}", deployment.name);
    }
}

#[test]
fn connections_are_encrypted() {
    for deployment in Deployment::all() {
        let app = &deployment.the("Microsoft.Web/sites")["properties"];
        assert_eq!(app["httpsOnly"], true, "{}", deployment.name);
        assert_eq!(app["siteConfig"]["minTlsVersion"], "1.2", "{}", deployment.name);
        // Each open answer would hold one of the six connections that a browser opens by HTTP/1.1.
        assert_eq!(app["siteConfig"]["http20Enabled"], true, "{}", deployment.name);
        assert_eq!(deployment.configuration("authsettingsV2")["httpSettings"]["requireHttps"], true);
        let storage = &deployment.the("Microsoft.Storage/storageAccounts")["properties"];
        assert_eq!(storage["minimumTlsVersion"], "TLS1_2", "{}", deployment.name);
        assert_eq!(storage["supportsHttpsTrafficOnly"], true, "{}", deployment.name);
    }
}

#[test]
fn a_private_network_closes_model_and_storage_and_nothing_else_opens_them() {
    for deployment in Deployment::all() {
        let private = deployment.name == "private-network";
        let access = if private { "Disabled" } else { "Enabled" };
        let mut closed = vec![deployment.the("Microsoft.Storage/storageAccounts")];
        closed.extend(deployment.of_type("Microsoft.CognitiveServices/accounts"));
        for resource in &closed {
            assert_eq!(
                resource["properties"]["publicNetworkAccess"], access,
                "{}: {}",
                deployment.name, resource["id"]
            );
        }
        let endpoints = deployment.of_type("Microsoft.Network/privateEndpoints");
        let reached: BTreeSet<&str> = endpoints
            .iter()
            .filter_map(|endpoint| {
                endpoint
                    .pointer("/properties/privateLinkServiceConnections/0/properties/privateLinkServiceId")?
                    .as_str()
            })
            .collect();
        let expected: BTreeSet<&str> = closed.iter().filter_map(|resource| resource["id"].as_str()).collect();
        assert_eq!(reached, if private { expected } else { BTreeSet::new() }, "{}", deployment.name);
        let subnet = deployment.the("Microsoft.Web/sites")["properties"].get("virtualNetworkSubnetId");
        assert_eq!(subnet.is_some_and(Value::is_string), private, "{}", deployment.name);
    }
}

#[test]
fn the_diagram_of_the_deployment_page_has_every_resource_and_role() {
    let page = text("docs/deploying.md");
    let diagram = page.split_once("```mermaid").unwrap().1.split_once("```").unwrap().0;
    let in_diagram: BTreeSet<String> = diagram
        .split('"')
        .flat_map(|label| label.split("<br/>"))
        .filter(|word| word.starts_with("Microsoft."))
        .map(str::to_owned)
        .collect();
    let mut made = BTreeSet::new();
    for deployment in Deployment::all() {
        for resource in deployment.resources() {
            let kind = resource["type"].as_str().unwrap().split('@').next().unwrap();
            // Settings and parts of a resource belong to it, and a role is an arrow.
            let part = [
                "Microsoft.Web/sites/",
                "Microsoft.Authorization/",
                "Microsoft.Storage/storageAccounts/",
                "Microsoft.Network/privateEndpoints/",
                "Microsoft.Network/privateDnsZones/",
            ];
            if !part.iter().any(|prefix| kind.starts_with(prefix)) {
                made.insert(kind.to_owned());
            }
        }
    }
    assert_eq!(in_diagram, made, "the diagram in docs/deploying.md");
    for (name, _) in ROLES.iter().filter(|(name, _)| *name != "Storage Blob Data Contributor") {
        assert!(diagram.contains(name), "the diagram lacks the role {name}");
    }
}
