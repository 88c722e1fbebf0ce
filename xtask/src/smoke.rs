//! `cargo xtask smoke`: what a first real run has to show, as one command after `azd up`: a table of what passed, what
//! failed and what to do, and a report without a secret that can be pasted into an issue.
//!
//! Each row is a question to what was deployed, by `curl`, as a browser or a program would ask it. Answers cost tokens, a
//! few thousand in all. Where the OpenAI surface or the list of models is switched off, the row says so.

#![expect(clippy::indexing_slicing, reason = "a JSON value that is absent is null, and no panic")]

mod hosting;
mod insights;
mod lines;
mod models;
mod probe;
mod report;
mod target;
mod turn;

use std::time::Duration;

use crate::smoke::report::{Report, Row};
use crate::smoke::target::Target;
use crate::steps::Outcome;

const USAGE: &str = "\
cargo xtask smoke [--api URL] [--page URL] [--silence SECONDS] [--only ROW,…] [--wait SECONDS] [--probe-thinking]
                  [--unattended]
  --unattended  nobody is signed in, as in a pipeline: asks what a stranger may ask, and spends no token of the model
  without --api and --page: what azd's environment says
  SMOKE_TOKEN   a signed-in user's access token for the API; without it azd's sign-in is asked for one";

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    api: Option<String>,
    page: Option<String>,
    /// How long the model is asked to be silent.
    silence: Duration,
    /// How long telemetry may take to arrive.
    wait: Duration,
    /// Rows to run; empty: all.
    only: Vec<String>,
    probe_thinking: bool,
    /// Nobody is signed in who may be answered.
    unattended: bool,
}

/// A row: its name, and what it asks.
type Check = (&'static str, fn(&Target) -> Row);

/// In the order of the table. Answers come before telemetry, which tells of them.
const CHECKS: [Check; 12] = [
    ("stranger", turn::stranger),
    ("foreign-token", turn::foreign_token),
    ("preflight", hosting::preflight),
    ("other-origin", hosting::other_origin),
    ("policy", hosting::policy),
    ("config", hosting::config),
    ("answer", turn::answer),
    ("silence", turn::silence),
    ("leaving", turn::leaving),
    ("models", models::list),
    ("openai", models::openai),
    ("telemetry", insights::telemetry),
];

/// What can be seen where nobody is signed in.
const UNATTENDED: [&str; 6] = ["stranger", "foreign-token", "preflight", "other-origin", "policy", "config"];

/// `cargo xtask smoke`
pub(crate) fn smoke(arguments: &[String]) -> Outcome {
    let options = parse(arguments).ok_or(USAGE)?;
    if crate::tool::tool("curl").is_none() {
        return Err("curl is missing; this command asks with it".to_owned());
    }
    let target = Target::new(&options)?;
    let mut report = Report::default();
    println!("\n{}\n", target.introduction());
    for (name, check) in CHECKS {
        if options.only.is_empty() || options.only.iter().any(|wanted| wanted == name) {
            report.add(name, row(options.unattended, (name, check), &target));
        }
    }
    if options.probe_thinking {
        for row in probe::thinking(&target) {
            report.add("thinking", row);
        }
    }
    let file = crate::stage::project().join("target/smoke.md");
    std::fs::create_dir_all(file.parent().unwrap_or(&file))
        .and_then(|()| std::fs::write(&file, report.markdown(&target)))
        .map_err(|error| format!("{}: {error}", file.display()))?;
    println!("\n{}\nThe report, without names and secrets: target/smoke.md", report.summary());
    match (report.has_failed(), report.has_passed()) {
        (true, _) => Err("something failed; the table says what to do".to_owned()),
        // A pipeline sees the status alone: that nothing was asked is no success.
        (false, false) if options.unattended => Err("nothing could be asked; the table says why".to_owned()),
        _ => Ok(()),
    }
}

/// A row, or, where it takes a person and there is none, that it was not asked.
fn row(unattended: bool, (name, check): Check, target: &Target) -> Row {
    if !unattended || UNATTENDED.contains(&name) {
        return check(target);
    }
    let why = if target.anonymous { "it would spend tokens at each deployment" } else { "needs a person's sign-in" };
    Row::skipped(format!("not asked: {why}"))
}

fn parse(arguments: &[String]) -> Option<Options> {
    let mut options = Options {
        api: None,
        page: None,
        silence: Duration::from_mins(3),
        wait: Duration::from_mins(10),
        only: Vec::new(),
        probe_thinking: false,
        unattended: false,
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--api" => options.api = Some(words.next()?.clone()),
            "--page" => options.page = Some(words.next()?.clone()),
            "--silence" => options.silence = Duration::from_secs(words.next()?.parse().ok()?),
            "--wait" => options.wait = Duration::from_secs(words.next()?.parse().ok()?),
            "--only" => options.only = words.next()?.split(',').map(str::to_owned).collect(),
            "--probe-thinking" => options.probe_thinking = true,
            "--unattended" => options.unattended = true,
            _ => return None,
        }
    }
    let known = |name: &String| CHECKS.iter().any(|(other, _)| other == name);
    // The model is asked with a developer's sign-in.
    let alone = !(options.unattended && options.probe_thinking);
    (alone && options.only.iter().all(known)).then_some(options)
}

#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
