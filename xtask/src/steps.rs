//! What the commands do, as commands of cargo.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{azd, checks, fuzz, skips, stage, web};

/// A step's result; the text says which step failed.
pub(crate) type Outcome = Result<(), String>;

/// `cargo xtask run`
pub(crate) fn run() -> Outcome {
    web::build()?;
    cargo(&["run", "--package", "reasoning-chat"])
}

/// `cargo xtask test`
pub(crate) fn test() -> Outcome {
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    // As it is packaged.
    cargo(&["clippy", "--package", "reasoning-chat", "--no-default-features", "--locked", "--", "-D", "warnings"])?;
    step(
        Command::new(cargo_path())
            .args(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    if !judges::shared().is_dir() {
        skips::beyond("the tests that play recorded streams and public suites (there is no ../shared)");
    }
    if !stage::project().join("dist/func").is_dir() {
        skips::promised("the tests of the packaged app (to have them: cargo xtask package)")?;
    }
    if let Some(why) = azd::no_rehearsal() {
        skips::beyond(&format!("the project's life under azd ({why})"));
    }
    cargo(&["test", "--workspace", "--locked"])?;
    checks::surroundings()?;
    if has("cargo-deny") {
        // Advisories need their database from the network: `cargo xtask advisories`, which the forge runs weekly.
        cargo(&["deny", "--workspace", "--all-features", "check", "bans", "licenses", "sources"])?;
    } else {
        skips::promised("cargo deny (to have it: cargo install cargo-deny --locked)")?;
    }
    // A few seconds for each target; the corpus that long runs have grown stays in place.
    fuzz::fuzz(&["5".to_owned()])?;
    web::test()?;
    checks::dead_code()?;
    checks::real_clients()?;
    checks::host_probes()?;
    checks::behind_the_real_proxy()?;
    println!("\nAll is well.");
    Ok(())
}

/// `cargo xtask host`
pub(crate) fn host() -> Outcome {
    let (app, executable) = build_local_app(true)?;
    step(Command::new(stage::built("functions-host")).arg(app).env(executable, stage::BINARY))
}

/// Builds the program, and the stand-in host if that is wanted, and stages the app. Answers the app's folder, and the
/// variable that has to be [`stage::BINARY`] for a host: `local.settings.json` may point into the source tree.
pub(crate) fn build_local_app(stand_in: bool) -> Result<(PathBuf, &'static str), String> {
    cargo(&["build", "--package", "reasoning-chat"])?;
    if stand_in {
        cargo(&["build", "--package", "harness", "--bin", "functions-host"])?;
    }
    let app = stage::local_app().map_err(|error| format!("staging the app: {error}"))?;
    Ok((app, "AzureFunctionsJobHost__customHandler__description__defaultExecutablePath"))
}

/// `cargo xtask soak`
pub(crate) fn soak(arguments: &[String]) -> Outcome {
    // By itself: built together, the soak's features would get into the program.
    cargo(&["build", "--release", "--locked", "--package", "reasoning-chat"])?;
    let mut command = Command::new(cargo_path());
    command.args(["run", "--release", "--locked", "--package", "soak", "--", "--program"]);
    command.arg(stage::project().join("target/release/reasoning-chat"));
    for argument in arguments {
        command.arg(argument);
        if argument == "--host" {
            let folder = stage::project().join("target/app");
            let binary = stage::project().join("target/release").join(stage::BINARY);
            stage::app(&folder, &binary).map_err(|error| format!("staging the app: {error}"))?;
            command.arg(folder);
        }
    }
    step(&mut command)
}

/// `cargo xtask deployments`
pub(crate) fn deployments() -> Outcome {
    let mut command = Command::new(cargo_path());
    command.args(["test", "--test", "it", "deployments::every_kept_deployment"]);
    step(command.env("WRITE_DEPLOYMENTS", "1"))
}

/// `cargo xtask screenshots`
pub(crate) fn screenshots() -> Outcome {
    cargo(&["build", "--package", "reasoning-chat"])?;
    web::screenshots()
}

/// The cargo that runs this program.
pub(crate) fn cargo_path() -> String {
    #[expect(clippy::disallowed_methods, reason = "cargo says where it is in the environment; this is no setting")]
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

pub(crate) fn cargo(arguments: &[&str]) -> Outcome {
    step(Command::new(cargo_path()).args(arguments))
}

/// Runs a command where the project is, and shows it.
pub(crate) fn step(command: &mut Command) -> Outcome {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    let shown = format!("{program} {}", words.join(" "));
    println!("\n> {shown}");
    // What cargo told this program of itself would make build scripts run again.
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    match command.current_dir(stage::project()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}

pub(crate) fn has(program: &str) -> bool {
    let probe = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}
