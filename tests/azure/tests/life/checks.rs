//! What must hold of every life.

use std::fs;

use scripted_azure::{SUBSCRIPTION, TENANT};
use serde_json::Value;

use crate::copy;
use crate::rehearsal::{Done, Rehearsal};

/// What a first `azd up` leaves: outputs, parameters, the program, the page, and both addresses on the screen.
pub(crate) fn deployed(life: &Rehearsal, up: &Done, environment: &str, own: &[&str]) {
    order(up);
    outputs(life, environment, own);
    parameters(up);
    program(life, up, environment);
    page(life, up, environment);
    addresses(life, up, environment);
}

/// The end of `azd up` says where everything is.
pub(crate) fn addresses(life: &Rehearsal, up: &Done, environment: &str) {
    let values = life.values(environment);
    for address in [values["PAGE_ORIGIN"].clone(), format!("{}/api/chat/stream", values["API_ORIGIN"])] {
        assert!(up.text.contains(&address), "{address} in\n{}", up.text);
    }
}

fn order(up: &Done) {
    let (validate, put) = (up.at_request("POST", "/validate"), up.at_request("PUT", "/deployments/"));
    let (func, secrets) = (up.at_call("func", "publish"), up.at_request("POST", "/listsecrets"));
    let npx = up.at_call("npx", "static-web-apps-cli");
    assert!(validate < put && put < func && func < secrets && secrets < npx, "{validate} {put} {func} {secrets} {npx}");
}

/// The outputs are those of the template, in their own case, and are what the deployment said.
fn outputs(life: &Rehearsal, environment: &str, own: &[&str]) {
    let values = life.values(environment);
    let outputs = life.outputs();
    let record = life.azure.newest_deployment().unwrap();
    let told = record["properties"]["outputs"].as_object().unwrap();
    for name in &outputs {
        let said = told.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, output)| &output["value"]);
        // A switch is written as it is said.
        let said = said.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        assert_eq!(values.get(name), said.as_ref(), "{name}");
    }
    let given = ["AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID"];
    let known =
        |name: &String| outputs.contains(name) || given.contains(&name.as_str()) || own.contains(&name.as_str());
    let more: Vec<&String> = values.keys().filter(|name| !known(name)).collect();
    assert!(more.is_empty(), "{more:?}");
    let parameters = fs::read_to_string(life.project.join("infra/main.parameters.json")).unwrap();
    for name in &outputs {
        let input = parameters.contains(&format!("${{{name}}}")) || parameters.contains(&format!("${{{name}="));
        assert!(!input, "{name} would come back as an input");
    }
}

/// Numbers are numbers, switches are switches, and nothing looks like a secret.
fn parameters(up: &Done) {
    let put = up.arm().find(|request| request.method == "PUT").unwrap();
    let properties = &put.body.as_ref().unwrap()["properties"];
    let (sent, declared) = (&properties["parameters"], &properties["template"]["parameters"]);
    for (name, value) in sent.as_object().unwrap() {
        let value = &value["value"];
        let fits = match declared[name]["type"].as_str().unwrap_or_default() {
            "int" => value.is_number(),
            "bool" => value.is_boolean(),
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            other => panic!("{name} is declared {other}"),
        };
        assert!(fits, "{name} is {value}, and is declared {}", declared[name]["type"]);
    }
    assert!(sent.get("alertEmail").is_none_or(|value| value["value"] == ""), "nobody chose one");
    assert!(!sent.to_string().to_lowercase().contains("secret"), "{sent}");
}

/// What was published is the package, with a token for Resource Manager on stdin.
fn program(life: &Rehearsal, up: &Done, environment: &str) {
    let name = life.values(environment)["SERVICE_API_NAME"].clone();
    let published = up.calls("func").into_iter().find(|call| call.arguments.iter().any(|word| word == "publish"));
    let call = published.unwrap();
    let expected = ["azure", "functionapp", "publish", &name, "--custom", "--no-build"];
    let rest = ["--subscription", SUBSCRIPTION, "--access-token-stdin"];
    assert_eq!(call.arguments, [&expected[..], &rest[..]].concat());
    let token = call.token.as_ref().expect("an access token on stdin");
    assert_eq!(token.tenant, TENANT);
    assert!(token.audience.starts_with("https://management."), "{token:?}");
    let files: Vec<(&str, bool)> = call.files.iter().map(|(name, _, runs)| (name.as_str(), *runs)).collect();
    for wanted in [("host.json", false), ("chat_stream/function.json", false), ("reasoning-chat", true)] {
        assert!(files.contains(&wanted), "{wanted:?} in {files:?}");
    }
    let others = files.iter().filter(|(name, _)| !name.ends_with("/function.json") && *name != "host.json");
    assert_eq!(others.count(), 1, "{files:?}");
}

/// What was uploaded is the page with this deployment's addresses, and a policy that admits them.
fn page(life: &Rehearsal, up: &Done, environment: &str) {
    let values = life.values(environment);
    let call = up.calls("npx")[0];
    assert_eq!(fs::canonicalize(&call.folder).unwrap(), fs::canonicalize(&life.project).unwrap());
    let site = call.arguments[call.arguments.iter().position(|word| word == "--app-name").unwrap() + 1].clone();
    let expected = [
        "-y",
        "@azure/static-web-apps-cli@latest",
        "deploy",
        "--tenant-id",
        TENANT,
        "--subscription-id",
        SUBSCRIPTION,
        "--resource-group",
        &values["AZURE_RESOURCE_GROUP"],
        "--app-name",
        &site,
        "--no-use-keychain",
        "--deployment-token",
        "***",
        "--env",
        "production",
        "--app-location",
        "web",
        "--output-location",
        "dist-azure",
    ];
    assert_eq!(call.arguments, expected);
    let uploaded = life.azure.page(&site).expect("a page was uploaded");
    let read = |name: &str| fs::read_to_string(uploaded.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let config: Value = serde_json::from_str(&read("config.json")).unwrap();
    assert_eq!(config["apiBase"], values["API_ORIGIN"]);
    for (key, output) in
        [("clientId", "SIGN_IN_CLIENT_ID"), ("authority", "SIGN_IN_AUTHORITY"), ("scope", "SIGN_IN_SCOPE")]
    {
        assert_eq!(config["auth"][key], values[output], "{key}");
    }
    assert_eq!(config["feedback"].to_string(), values["PAGE_FEEDBACK"], "as the program was told");
    let policy = read("staticwebapp.config.json");
    // The Static Web Apps CLI takes the last one that it finds below the app's folder, whatever it is told of the output.
    let below = copy::named(&life.project.join("web"), "staticwebapp.config.json");
    assert_eq!(below, [life.project.join("web/dist-azure/staticwebapp.config.json")]);
    assert!(policy.contains(&values["API_ORIGIN"]) && policy.contains("https://login.microsoftonline.com"), "{policy}");
}

/// Nothing that was given out in secret is seen anywhere, whatever a command printed, and the checkout is as it was.
pub(crate) fn nothing_leaks(life: &Rehearsal) {
    let printed = life.record();
    assert!(printed.contains("$ azd auth login"), "the record is there");
    let log: String = life.azure.log().iter().map(|entry| format!("{entry:?}")).collect();
    let environments = fs::read_dir(life.project.join(".azure")).into_iter().flatten().flatten();
    let kept: String = environments
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .map(|name| life.environment_file(&name))
        .collect();
    let secrets = life.azure.secrets();
    assert!(!secrets.is_empty(), "tokens were given out");
    for secret in secrets {
        assert!(!printed.contains(&secret), "a secret was printed: see record.txt");
        assert!(!log.contains(&secret), "a secret is in the log");
        assert!(!kept.contains(&secret), "a secret is in .env");
    }
    assert_eq!(copy::changes(&life.project), "", "the checkout has changed");
}

/// No route and no host that this Azure does not know.
pub(crate) fn no_surprise(life: &Rehearsal) {
    assert_eq!(life.azure.surprises(), Vec::<String>::new());
}
