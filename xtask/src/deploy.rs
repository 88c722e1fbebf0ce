//! `cargo xtask deploy STEP`: what azd's hooks call, and what can be called by hand in their place.
//!
//! Addresses and names come from the environment, where azd puts the outputs of `infra/main.bicep`; outside a hook they
//! are asked of `azd env get-value`. Every step can be run again.

mod down;
mod page;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::steps::Outcome;
use crate::tool::tool;
use crate::{package, stage};

const STEPS: &str = "api, api-by-blob, page-build, page-config, addresses, before-down, after-down";

/// The page as it is deployed, under `web/`: `dist` of the service in `azure.yaml`.
const PAGE: &str = "dist-azure";

/// `cargo xtask deploy STEP`
pub(crate) fn deploy(step: &str) -> Outcome {
    match step {
        "api" => api(),
        "api-by-blob" => api_by_blob(),
        "page-build" => page_build(),
        "page-config" => page_config(),
        "addresses" => addresses(),
        "before-down" => down::before(),
        "after-down" => down::after(),
        _ => Err(format!("there is no step {step}: {STEPS}")),
    }
}

/// Packages the program and publishes it with the Functions Core Tools.
fn api() -> Outcome {
    let name = required("SERVICE_API_NAME")?;
    let Some(func) = tool("func") else {
        if known("DIRECT_UPLOAD").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return api_by_blob();
        }
        return Err("the Azure Functions Core Tools (func) are missing. Install them, or publish without them: \
                    see \"Without Core Tools\" in docs/deploying.md"
            .to_owned());
    };
    package::package(None)?;

    let mut publish = Command::new(func);
    publish.args(["azure", "functionapp", "publish", &name, "--custom", "--no-build"]);
    if let Some(subscription) = known("AZURE_SUBSCRIPTION_ID") {
        publish.args(["--subscription", &subscription]);
    }
    // The sign-in of azd will do, so nobody needs the Azure CLI for this. The token goes through a pipe: a command line
    // could be read by others.
    let token = azd_token();
    if token.is_some() {
        publish.arg("--access-token-stdin");
    }
    run(&mut publish, &project().join("dist/func"), token.as_deref())
}

/// The same without Core Tools: the package goes where the platform looks for it, and the app is told. Needs the Azure CLI
/// and the role that `DIRECT_UPLOAD` gives.
fn api_by_blob() -> Outcome {
    let az = tool("az").ok_or("the Azure CLI (az) is missing")?;
    let name = required("SERVICE_API_NAME")?;
    let (account, container) = (required("PACKAGE_STORAGE_ACCOUNT")?, required("PACKAGE_CONTAINER")?);
    let (subscription, group) = (required("AZURE_SUBSCRIPTION_ID")?, required("AZURE_RESOURCE_GROUP")?);
    package::package(None)?;

    let site = format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Web/sites/{name}");
    let upload = ["storage", "blob", "upload", "--auth-mode", "login", "--overwrite", "--name", "released-package.zip"];
    let upload_to = ["--account-name", &account, "--container-name", &container, "--file", "dist/func.zip"];
    run(Command::new(&az).args(upload).args(upload_to), project(), None)?;
    let sync = format!("{site}/syncfunctiontriggers?api-version=2023-12-01");
    run(Command::new(&az).args(["rest", "--method", "post", "--url", &sync]), project(), None)?;
    let restart = ["functionapp", "restart", "--subscription", &subscription, "--resource-group", &group];
    run(Command::new(&az).args(restart).args(["--name", &name]), project(), None)
}

/// Builds the page into `web/dist`, and takes it to where azd looks for it.
fn page_build() -> Outcome {
    let web = project().join("web");
    let npm = tool("npm").ok_or("Node.js (npm) is missing; the page is built with it")?;
    run(Command::new(&npm).arg("ci"), &web, None)?;
    run(Command::new(&npm).args(["run", "build"]), &web, None)?;
    page::stage(&web.join("dist"), &web.join(PAGE))
}

/// Gives azd the built page with the addresses in it. The one in `web/dist` stays that of this machine.
fn page_config() -> Outcome {
    let (api, sign_in) = (required("API_ORIGIN")?, sign_in()?);
    let (built, deployed) = (project().join("web/dist"), project().join("web").join(PAGE));
    page::stage(&built, &deployed)?;
    page::configure(&deployed, &api, sign_in.as_ref())
}

/// Says where everything is, for the end of `azd up`.
fn addresses() -> Outcome {
    println!("\nPage  {}", required("PAGE_ORIGIN")?);
    println!("API   {}/api/chat/stream", required("API_ORIGIN")?);
    match sign_in()? {
        Some(_) => println!("      Callers sign in. A request without a token is answered 401."),
        None => println!("      Anyone may call: ALLOW_ANONYMOUS is true."),
    }
    println!("A new role takes some minutes to work; until then an answer may be the error upstream_auth.");
    Ok(())
}

/// How people sign in; none if that was chosen. Nothing at all is no choice.
fn sign_in() -> Result<Option<page::SignIn>, String> {
    if let Some(client_id) = known("SIGN_IN_CLIENT_ID") {
        let (authority, scope) = (required("SIGN_IN_AUTHORITY")?, required("SIGN_IN_SCOPE")?);
        return Ok(Some(page::SignIn { client_id, authority, scope }));
    }
    if known("ALLOW_ANONYMOUS").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    Err("SIGN_IN_CLIENT_ID is empty and ALLOW_ANONYMOUS is not true: run `azd provision` first".to_owned())
}

fn required(name: &str) -> Result<String, String> {
    known(name).ok_or_else(|| format!("{name} is not known: run `azd provision` first, or set it in the environment"))
}

/// A value of azd's environment.
pub(crate) fn known(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "azd gives its values to hooks this way; they are no settings of the program"
    )]
    let given = std::env::var(name).ok();
    let value = given.or_else(|| output(Command::new(tool("azd")?).args(["env", "get-value", name])))?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// A token for Azure's management, from azd's sign-in. Without one, `func` looks for the Azure CLI's by itself.
fn azd_token() -> Option<String> {
    let answer = output(Command::new(tool("azd")?).args(["auth", "token", "--output", "json"]))?;
    let answer: Value = serde_json::from_str(&answer).ok()?;
    answer.get("token")?.as_str().map(str::to_owned)
}

/// What a command prints, if it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.current_dir(project()).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command in a folder, shows it, and hands it a secret on its standard input.
fn run(command: &mut Command, folder: &Path, input: Option<&str>) -> Outcome {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    let shown = format!("{program} {}", words.join(" "));
    println!("\n> {shown}");
    let told = |error: std::io::Error| format!("{shown}: {error}");
    command.current_dir(folder);
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().map_err(told)?;
    if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
        // A program that ends without reading says why by its status.
        let _ = pipe.write_all(input.as_bytes());
    }
    let status = child.wait().map_err(told)?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}

fn project() -> &'static Path {
    stage::project()
}
