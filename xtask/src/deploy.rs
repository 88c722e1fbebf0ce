//! `cargo xtask deploy STEP`: what azd's hooks call, and what can be called by hand in their place.
//!
//! Addresses and names come from the environment, where azd puts the outputs of `infra/main.bicep`; outside a hook they
//! are asked of `azd env get-value`. Every step can be run again.

mod before_up;
mod down;
mod model;
pub(crate) mod page;
mod publish;
mod purge;
#[cfg(all(test, unix))]
mod stand_in;

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::stage;
use crate::steps::Outcome;
use crate::tool::tool;

const STEPS: &str =
    "before-up, before-provision, api, api-by-blob, page-build, page-config, addresses, before-down, after-down, purge";

/// The page as it is deployed, under `web/`: `dist` of the service in `azure.yaml`.
const PAGE: &str = "dist-azure";

/// `cargo xtask deploy STEP [PACKAGE]`: with a released package the API is its program, and nothing is built.
pub(crate) fn deploy(step: &str, released: Option<&str>) -> Outcome {
    match step {
        "api" => publish::api(released),
        "api-by-blob" => publish::by_blob(released),
        _ if released.is_some() => Err(format!("the step {step} takes no package")),
        "before-up" => before_up::check(),
        "before-provision" => model::check(),
        "page-build" => page_build(),
        "page-config" => page_config(),
        "addresses" => addresses(),
        "before-down" => down::before(),
        "after-down" => down::after(),
        "purge" => purge::purge(),
        _ => Err(format!("there is no step {step}: {STEPS}")),
    }
}

/// Builds the page into `web/dist`, and takes it to where azd looks for it.
fn page_build() -> Outcome {
    let web = project().join("web");
    let npm = tool("npm").ok_or("Node.js (npm) is missing; the page is built with it")?;
    // In few words: azd shows them beside its own.
    run(Command::new(&npm).args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]), &web, None)?;
    run(Command::new(&npm).args(["run", "build", "--", "--logLevel", "warn"]), &web, None)?;
    page::stage(&web, &web.join(PAGE))
}

/// Gives azd the built page with the addresses in it. The one in `web/dist` stays that of this machine.
fn page_config() -> Outcome {
    let (api, sign_in) = (required("API_ORIGIN")?, sign_in()?);
    let (web, deployed) = (project().join("web"), project().join("web").join(PAGE));
    page::stage(&web, &deployed)?;
    let feedback = known("PAGE_FEEDBACK").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    page::configure(&deployed, &api, sign_in.as_ref(), feedback)
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
    let answer = json_of(Command::new(tool("azd")?).args(["auth", "token", "--output", "json"]))?;
    answer.get("token")?.as_str().map(str::to_owned)
}

/// What a command prints, if it succeeds.
fn output(command: &mut Command) -> Option<String> {
    output_of(command, None)
}

/// What a command prints that is handed a secret on its standard input, if it succeeds.
fn output_of(command: &mut Command, input: Option<&str>) -> Option<String> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    command.current_dir(project()).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    hand_over(&mut child, input);
    let output = child.wait_with_output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a command prints as JSON, if it succeeds.
fn json_of(command: &mut Command) -> Option<Value> {
    serde_json::from_str(&output(command)?).ok()
}

/// Writes to a program's standard input, and closes it.
fn hand_over(child: &mut Child, input: Option<&str>) {
    if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
        // A program that ends without reading says why by its status.
        let _ = pipe.write_all(input.as_bytes());
    }
}

/// A command as it is shown: the program's name and its arguments.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    format!("{program} {}", words.join(" "))
}

/// Runs a command in a folder, shows it, and hands it a secret on its standard input.
fn run(command: &mut Command, folder: &Path, input: Option<&str>) -> Outcome {
    let words = shown(command);
    println!("\n> {words}");
    let told = |error: std::io::Error| format!("{words}: {error}");
    command.current_dir(folder);
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().map_err(told)?;
    hand_over(&mut child, input);
    let status = child.wait().map_err(told)?;
    if status.success() { Ok(()) } else { Err(format!("{words}: {status}")) }
}

fn project() -> &'static Path {
    stage::project()
}
