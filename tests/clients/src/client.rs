//! Who asks, and how each of them is made to: a driver for a library, a binary, or a command of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::script::MODELS;
use crate::seen::Column;

/// Longest time that a client may take for all answers of one kind.
const PATIENCE: Duration = Duration::from_secs(170);
/// The same for one answer of Continue's command.
const CONTINUES_PATIENCE: Duration = Duration::from_secs(50);

/// Where the clients are.
#[derive(Debug)]
pub(crate) struct Tools {
    /// A Python that has the packages of `drivers/requirements.txt`.
    pub(crate) python: Option<PathBuf>,
    /// The folder that has the packages of `drivers/package.json`.
    pub(crate) modules: Option<PathBuf>,
    /// The folder with the folders of the binaries.
    pub(crate) binaries: Option<PathBuf>,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    /// The package whose version is told, or the version itself.
    pub(crate) package: &'static str,
    pub(crate) kind: Kind,
    /// Where it does otherwise than others, and what.
    pub(crate) otherwise: &'static [(Column, &'static str)],
}

/// How it is run.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A client of `drivers/clients.py`.
    Python,
    /// A client of `drivers/clients.mjs`.
    Node,
    /// A binary that is told one of its own names for each way of asking; without a name it has none.
    Binary { path: &'static str, stream: &'static str, whole: &'static str, models: &'static str, tools: &'static str },
    /// The `llm` command.
    Llm,
    /// Continue's command line.
    Continue,
}

/// A way of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Models,
    Stream,
    Whole,
    Tools,
    Cancel,
    /// To a failure: what is asked for is `CASE:MODEL`. OpenAI's own SDKs only.
    Fail,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Stream => "stream",
            Self::Whole => "whole",
            Self::Tools => "tools",
            Self::Cancel => "cancel",
            Self::Fail => "fail",
        }
    }
}

const fn binary(path: &'static str, [stream, whole, models, tools]: [&'static str; 4]) -> Kind {
    Kind::Binary { path, stream, whole, models, tools }
}

const fn client(
    name: &'static str,
    package: &'static str,
    kind: Kind,
    otherwise: &'static [(Column, &'static str)],
) -> Client {
    Client { name, package, kind, otherwise }
}

const DOTNET: &str = "dotnet-clients/dotnet-clients";
const GO: &str = "go-rust-clients/go-clients";
const RUST: &str = "go-rust-clients/rust-clients";

/// A command that prints the answer's text.
const TEXT_ALONE: &[(Column, &str)] =
    &[(Column::Thoughts, "lost"), (Column::Usage, "not shown"), (Column::Late, "not shown")];
/// It asks again, for minutes, with doubling pauses.
const CONTINUE: &[(Column, &str)] = &[
    (Column::Thoughts, "lost"),
    (Column::Usage, "not shown"),
    (Column::Late, "not shown"),
    (Column::Cut, "asks again"),
    (Column::Broken, "asks again"),
];
/// It passes over an error event, and stumbles over the finish reason of the chunk after it.
const DOTNET_RAISES: &[(Column, &str)] = &[(Column::Cut, "raised"), (Column::Broken, "raised")];

/// All of them.
pub(crate) const CLIENTS: &[Client] = &[
    client("openai-python", "openai", Kind::Python, &[]),
    client("openai-node", "openai", Kind::Node, &[]),
    client("langchain", "langchain-openai", Kind::Python, &[(Column::Thoughts, "lost")]),
    client("langchain-js", "@langchain/openai", Kind::Node, &[]),
    client("vercel", "@ai-sdk/openai-compatible", Kind::Node, &[]),
    client("pydantic-ai", "pydantic-ai-slim", Kind::Python, &[]),
    client(
        "openai-agents",
        "openai-agents",
        Kind::Python,
        &[(Column::Usage, "not shown"), (Column::Late, "not shown")],
    ),
    client("litellm", "litellm", Kind::Python, &[]),
    client("llm", "llm", Kind::Llm, TEXT_ALONE),
    client("continue", "@continuedev/cli", Kind::Continue, CONTINUE),
    client("openai-dotnet", "2.15.0", binary(DOTNET, ["openai", "openai-plain", "models", ""]), DOTNET_RAISES),
    client("meai", "10.11.0", binary(DOTNET, ["meai", "meai-plain", "", "meai"]), DOTNET_RAISES),
    client(
        "openai-go",
        "3.98.0",
        binary(GO, ["openai-go", "openai-go-plain", "openai-go-models", "openai-go-tools"]),
        &[(Column::Tools, "call seen")],
    ),
    client(
        "go-openai",
        "1.43.0",
        binary(GO, ["go-openai", "go-openai-plain", "go-openai-models", ""]),
        &[(Column::Limited, "raises at once")],
    ),
    client(
        "async-openai",
        "0.43.0",
        binary(RUST, ["aoa", "aoa-plain", "aoa-models", "aoa-tools"]),
        &[(Column::Thoughts, "lost"), (Column::Tools, "call seen")],
    ),
    client(
        "genai",
        "0.7.2",
        binary(RUST, ["genai", "genai-plain", "genai-models", ""]),
        &[(Column::Limited, "raises at once")],
    ),
    client(
        "rig-core",
        "0.44.0",
        binary(RUST, ["rig", "rig-plain", "rig-models", ""]),
        &[(Column::Limited, "raises at once")],
    ),
];

impl Client {
    /// Whether it is on this machine.
    pub(crate) fn is_there(&self, tools: &Tools) -> bool {
        match &self.kind {
            Kind::Python | Kind::Llm => tools.python.is_some(),
            Kind::Node | Kind::Continue => tools.modules.is_some(),
            Kind::Binary { path, .. } => tools.binaries.as_ref().is_some_and(|folder| folder.join(path).is_file()),
        }
    }

    /// Whether it does otherwise than others.
    pub(crate) fn does_otherwise(&self, column: Column) -> bool {
        self.otherwise.iter().any(|(known, _)| *known == column)
    }

    /// Asks these models in one way. A line for each, in order; `None` where it has no such way.
    pub(crate) async fn ask(&self, tools: &Tools, base: &str, way: Way, models: &[&str]) -> Option<Vec<String>> {
        match &self.kind {
            Kind::Python => {
                // LiteLLM holds its last chunk back, so that nothing comes of an answer that stops.
                if matches!(way, Way::Models | Way::Fail) && self.name != "openai-python"
                    || way == Way::Cancel && self.name == "litellm"
                {
                    return None;
                }
                let mut command = Command::new(tools.python.as_ref()?);
                command.arg("-B").arg(driver("clients.py")).args([base, self.name, way.name()]).args(models);
                Some(lines(&mut command, models.len()).await)
            }
            Kind::Node => {
                if matches!(way, Way::Models | Way::Fail) && self.name != "openai-node" {
                    return None;
                }
                let mut command = Command::new("node");
                command.arg("--no-warnings").arg(driver("clients.mjs")).arg(tools.modules.as_ref()?);
                command.args([base, self.name, way.name()]).args(models);
                Some(lines(&mut command, models.len()).await)
            }
            Kind::Binary { path, stream, whole, models: list, tools: with_tools } => {
                let name = match way {
                    Way::Models => list,
                    Way::Stream => stream,
                    Way::Whole => whole,
                    Way::Tools => with_tools,
                    // They read to the end.
                    Way::Cancel | Way::Fail => return None,
                };
                if name.is_empty() {
                    return None;
                }
                let mut command = Command::new(tools.binaries.as_ref()?.join(path));
                command.args([base, name]).args(models).env("TOOLS", if way == Way::Tools { "1" } else { "" });
                Some(lines(&mut command, models.len()).await)
            }
            Kind::Llm => each(models, async |model| llm(tools, base, way, model).await).await,
            Kind::Continue => each(models, async |model| cn(tools, base, way, model).await).await,
        }
    }
}

/// Asks models one after the other.
async fn each(models: &[&str], ask: impl AsyncFn(&str) -> Option<String>) -> Option<Vec<String>> {
    let mut said = Vec::new();
    for model in models {
        said.push(ask(model).await?);
    }
    Some(said)
}

fn driver(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("drivers").join(name)
}

/// A folder for what a command keeps, apart from the person's own.
fn scratch(name: &str, base: &str) -> std::io::Result<PathBuf> {
    let port = base.split([':', '/']).find(|part| part.parse::<u16>().is_ok()).unwrap_or_default();
    let folder = std::env::temp_dir().join(format!("reasoning-chat-clients-{name}-{port}"));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn llm(tools: &Tools, base: &str, way: Way, model: &str) -> Option<String> {
    if !matches!(way, Way::Stream | Way::Whole) {
        return None;
    }
    let home = scratch("llm", base).ok()?;
    let known = MODELS.iter().copied().chain([crate::script::UNKNOWN, crate::demo::QUICK]);
    let mut models = String::new();
    for name in known {
        for part in ["- model_id: ", name, "\n  model_name: ", name, "\n  api_base: ", base, "\n"] {
            models.push_str(part);
        }
    }
    std::fs::write(home.join("extra-openai-models.yaml"), models).ok()?;
    let mut command = Command::new(tools.python.as_ref()?.with_file_name("llm"));
    command.args(["-m", model, "--key", "dummy", "--no-log", "hi"]).env("LLM_USER_PATH", &home);
    if way == Way::Whole {
        command.arg("--no-stream");
    }
    Some(output(&mut command, PATIENCE).await)
}

async fn cn(tools: &Tools, base: &str, way: Way, model: &str) -> Option<String> {
    if way != Way::Stream {
        return None;
    }
    let home = scratch("cn", base).ok()?;
    let config = home.join(format!("{model}.yaml"));
    let text = format!(
        "name: ours\nversion: 1.0.0\nschema: v1\nmodels:\n  - name: {model}\n    provider: openai\n    model: {model}\n    \
         apiBase: {base}\n    apiKey: dummy\n    roles: [chat]\n"
    );
    std::fs::write(&config, text).ok()?;
    let mut command = Command::new("node");
    command.arg("--no-warnings").arg(tools.modules.as_ref()?.join("node_modules/@continuedev/cli/dist/cn.js"));
    command.args(["-p", "--config"]).arg(&config).arg("Say hi").env("HOME", &home).current_dir(&home);
    command.env("CONTINUE_TELEMETRY_ENABLED", "0").env("CONTINUE_CLI_ENABLE_TELEMETRY", "0");
    Some(output(&mut command, CONTINUES_PATIENCE).await)
}

/// What a driver or a binary says of each model.
async fn lines(command: &mut Command, count: usize) -> Vec<String> {
    let said = run(command, PATIENCE)
        .await
        .map_or_else(|fault| fault, |(_, out, errors)| if out.is_empty() { errors } else { out });
    let mut lines: Vec<String> = Vec::new();
    for line in said.lines() {
        match lines.last_mut() {
            _ if line.contains('\t') => lines.push(line.replace('\t', " ")),
            // What a binary says of a model may have several.
            Some(last) => last.extend([" ", line]),
            None => {}
        }
    }
    // A driver that broke off says so in place of what it did not say.
    lines.resize(count, format!("BREAKS OFF {}", said.trim().lines().last().unwrap_or_default()));
    lines
}

/// What a command says; that it failed counts as an error that is raised.
async fn output(command: &mut Command, patience: Duration) -> String {
    match run(command, patience).await {
        Ok((true, out, errors)) => format!("{out} {errors}"),
        Ok((false, out, errors)) => format!("{out} RAISES {errors}"),
        Err(fault) => fault,
    }
}

async fn run(command: &mut Command, patience: Duration) -> Result<(bool, String, String), String> {
    let child = command.stdin(Stdio::null()).kill_on_drop(true).output();
    match tokio::time::timeout(patience, child).await {
        Ok(Ok(output)) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Ok((output.status.success(), text(&output.stdout), text(&output.stderr)))
        }
        Ok(Err(error)) => Err(format!("DOES NOT RUN {error}")),
        Err(_) => Err("HANGS".to_owned()),
    }
}
