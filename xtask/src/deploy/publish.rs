//! The program into the function app: with the Functions Core Tools, or, without them, as a blob.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread::{self, sleep};
use std::time::Duration;

use serde_json::Value;

use super::before_up::NO_FUNC;
use super::{azd_token, known, output_of, project, required, run, shown};
use crate::package;
use crate::steps::Outcome;
use crate::tool::tool;

/// Core Tools look for the app in Azure's Resource Graph, which hears of a new one some seconds late.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(15);
/// What is kept of a tool's words, to tell how it ended: the last of them.
const KEPT_BYTES: usize = 16 * 1024;
/// The function that has to be there.
const FUNCTION: &str = "chat_stream";

/// Packages the program and publishes it with the Functions Core Tools.
pub(super) fn api(released: Option<&str>) -> Outcome {
    let name = required("SERVICE_API_NAME")?;
    let Some(func) = tool("func") else {
        if known("DIRECT_UPLOAD").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return by_blob(released);
        }
        return Err(NO_FUNC.to_owned());
    };
    package::package(released)?;

    let subscription = known("AZURE_SUBSCRIPTION_ID");
    // The sign-in of azd will do, so nobody needs the Azure CLI for this.
    let token = azd_token();
    let is_there = || functions(&tool("curl")?, &site(&name)?, token.as_deref()?);
    publish(&func, &name, subscription.as_deref(), token.as_deref(), PAUSE, is_there)
}

/// `is_there`: the names of the app's functions as Azure's management knows them; none where it cannot be asked.
fn publish(
    func: &Path,
    name: &str,
    subscription: Option<&str>,
    token: Option<&str>,
    pause: Duration,
    is_there: impl Fn() -> Option<Vec<String>>,
) -> Outcome {
    let mut tries = 1;
    loop {
        let mut command = Command::new(func);
        command.args(["azure", "functionapp", "publish", name, "--custom", "--no-build"]);
        if let Some(subscription) = subscription {
            command.args(["--subscription", subscription]);
        }
        // The token goes through a pipe: a command line could be read by others.
        if token.is_some() {
            command.arg("--access-token-stdin");
        }
        let (status, said) = watch(&mut command, &project().join("dist/func"), token)?;
        if status.success() {
            return Ok(());
        }
        if said.contains("appears to be unhealthy") {
            return unhealthy(is_there());
        }
        if !said.contains("Can't find app with name") || tries == TRIES {
            return Err(format!("{}: {status}", shown(&command)));
        }
        tries += 1;
        println!("\nAzure does not list the app yet; trying again in {} s.", pause.as_secs());
        sleep(pause);
    }
}

/// Core Tools ask the app's host for its health, which sign-in may refuse them; by then the package is up.
fn unhealthy(functions: Option<Vec<String>>) -> Outcome {
    match functions {
        Some(names) if names.iter().any(|name| name == FUNCTION) => {
            println!(
                "\nThe package is up: Azure lists the function {FUNCTION}. What was refused is only a look at its health."
            );
            Ok(())
        }
        Some(_) => Err(format!("the package is up, but Azure does not list the function {FUNCTION}")),
        None => {
            println!(
                "\nThe package is up, but whether the host runs it was not seen: after azd has ended, a request without a \
                 token has to be answered 401."
            );
            Ok(())
        }
    }
}

/// The app in Azure's management.
fn site(name: &str) -> Option<String> {
    let (subscription, group) = (known("AZURE_SUBSCRIPTION_ID")?, known("AZURE_RESOURCE_GROUP")?);
    Some(format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Web/sites/{name}"))
}

/// The functions that Azure's management lists for the app. The token goes through a pipe here, too.
fn functions(curl: &Path, site: &str, token: &str) -> Option<Vec<String>> {
    let url = format!("https://management.azure.com{site}/functions?api-version=2023-12-01");
    let request = format!("header = \"Authorization: Bearer {token}\"\nurl = \"{url}\"\n");
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--fail", "--max-time", "30", "--config", "-"]);
    let answer: Value = serde_json::from_str(&output_of(&mut command, Some(&request))?).ok()?;
    let names = answer.get("value")?.as_array()?.iter().filter_map(|function| function.get("name")?.as_str());
    Some(names.filter_map(|name| Some(name.rsplit('/').next()?.to_owned())).collect())
}

/// Runs a command and shows what it says; answers how it ended and the last of what it said.
fn watch(command: &mut Command, folder: &Path, input: Option<&str>) -> Result<(ExitStatus, String), String> {
    let words = shown(command);
    println!("\n> {words}");
    let told = |error: std::io::Error| format!("{words}: {error}");
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    command.current_dir(folder).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(told)?;
    super::hand_over(&mut child, input);
    let said = Mutex::new(String::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        if let Some(stdout) = stdout {
            scope.spawn(|| show(stdout, &said));
        }
        if let Some(stderr) = stderr {
            scope.spawn(|| show(stderr, &said));
        }
    });
    let status = child.wait().map_err(told)?;
    Ok((status, said.into_inner().unwrap_or_default()))
}

/// Shows a program's lines and keeps the last of them.
fn show(output: impl std::io::Read, said: &Mutex<String>) {
    use std::io::{BufRead as _, BufReader};
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while let Ok(1..) = std::io::Read::take(&mut output, KEPT_BYTES as u64).read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line);
        println!("{}", text.trim_end());
        if let Ok(mut said) = said.lock() {
            said.push_str(&text);
            let mut from = said.len().saturating_sub(KEPT_BYTES);
            while !said.is_char_boundary(from) {
                from += 1;
            }
            said.drain(..from);
        }
        line.clear();
    }
}

/// The same without Core Tools: the package goes where the platform looks for it, and the app is told. Needs the Azure CLI
/// and the role that `DIRECT_UPLOAD` gives.
pub(super) fn by_blob(released: Option<&str>) -> Outcome {
    let az = tool("az").ok_or("the Azure CLI (az) is missing")?;
    let name = required("SERVICE_API_NAME")?;
    let (account, container) = (required("PACKAGE_STORAGE_ACCOUNT")?, required("PACKAGE_CONTAINER")?);
    let (subscription, group) = (required("AZURE_SUBSCRIPTION_ID")?, required("AZURE_RESOURCE_GROUP")?);
    if known("PRIVATE_NETWORK").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err("with PRIVATE_NETWORK the package's storage is closed to this machine: publish with the Azure \
                    Functions Core Tools"
            .to_owned());
    }
    package::package(released)?;

    let site = site(&name).ok_or("the app's address is not known")?;
    let upload = ["storage", "blob", "upload", "--auth-mode", "login", "--overwrite", "--name", "released-package.zip"];
    let upload_to = ["--account-name", &account, "--container-name", &container, "--file", "dist/func.zip"];
    run(Command::new(&az).args(upload).args(upload_to), project(), None)?;
    let sync = format!("{site}/syncfunctiontriggers?api-version=2023-12-01");
    run(Command::new(&az).args(["rest", "--method", "post", "--url", &sync]), project(), None)?;
    let restart = ["functionapp", "restart", "--subscription", &subscription, "--resource-group", &group];
    run(Command::new(&az).args(restart).args(["--name", &name]), project(), None)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::stand_in::StandIn;
    use super::*;

    fn publish_with(func: &StandIn, listed: Option<&[&str]>) -> Outcome {
        fs::create_dir_all(project().join("dist/func")).unwrap();
        publish(&func.program(), "func-abc", Some("sub"), Some("a-token"), Duration::ZERO, || {
            listed.map(|names| names.iter().map(|name| (*name).to_owned()).collect())
        })
    }

    const PUBLISH: &str =
        "azure functionapp publish func-abc --custom --no-build --subscription sub --access-token-stdin";

    #[test]
    fn the_token_goes_through_a_pipe_and_never_on_the_command_line() {
        let func = StandIn::new("func", "cat > \"$(dirname $0)/input\"");
        publish_with(&func, None).unwrap();
        assert_eq!(func.asked(), [PUBLISH]);
        assert_eq!(fs::read_to_string(func.folder().join("input")).unwrap(), "a-token");
    }

    #[test]
    fn a_look_at_the_health_that_is_refused_ends_nothing_if_the_function_is_there() {
        let says = "cat > /dev/null; echo 'Deployment was successful but the app appears to be unhealthy, please check the app logs.' >&2; exit 1";
        let func = StandIn::new("func", says);
        publish_with(&func, Some(&["chat_stream"])).unwrap();
        publish_with(&func, None).unwrap();
        assert!(publish_with(&func, Some(&[])).unwrap_err().contains("does not list"));
        assert_eq!(func.asked().len(), 3, "it is not published again for that");
    }

    #[test]
    fn an_app_that_azure_does_not_list_yet_is_waited_for_but_not_for_ever() {
        let late = "cat > /dev/null; [ $(wc -l < \"$(dirname $0)/asked\") -ge 3 ] || { echo \"Can't find app with name \\\"func-abc\\\"\"; exit 1; }";
        let func = StandIn::new("func", late);
        publish_with(&func, None).unwrap();
        assert_eq!(func.asked().len(), 3);
        let func = StandIn::new("func", "cat > /dev/null; echo \"Can't find app with name\"; exit 1");
        assert!(publish_with(&func, None).unwrap_err().contains("exit status: 1"));
        assert_eq!(func.asked().len(), TRIES as usize);
        let func = StandIn::new("func", "cat > /dev/null; echo Something else; exit 1");
        publish_with(&func, None).unwrap_err();
        assert_eq!(func.asked().len(), 1, "any other fault is one at once");
    }

    #[test]
    fn management_is_asked_for_the_functions_with_the_token_in_a_pipe() {
        let answer = "cat > \"$(dirname $0)/input\"; echo '{\"value\":[{\"name\":\"func-abc/chat_stream\"},{\"name\":\"func-abc/models\"}]}'";
        let curl = StandIn::new("curl", answer);
        assert_eq!(functions(&curl.program(), "/site", "a-token").unwrap(), ["chat_stream", "models"]);
        assert!(!curl.asked()[0].contains("a-token"));
        let input = fs::read_to_string(curl.folder().join("input")).unwrap();
        assert!(
            input.contains("Bearer a-token") && input.contains("https://management.azure.com/site/functions?"),
            "{input}"
        );
        assert_eq!(functions(&StandIn::new("curl", "exit 22").program(), "/site", "a-token"), None);
    }

    #[test]
    fn of_long_output_the_end_is_kept() {
        let func = StandIn::new(
            "func",
            "cat > /dev/null; i=0; while [ $i -lt 3000 ]; do echo \"line $i — more\"; i=$((i+1)); done",
        );
        let (status, said) = watch(&mut Command::new(func.program()), func.folder(), Some("")).unwrap();
        assert!(status.success());
        assert!(said.len() <= KEPT_BYTES && said.ends_with("line 2999 — more\n"), "{}", said.len());
    }
}
