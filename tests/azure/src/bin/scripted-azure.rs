//! The scripted Azure for a person, who types azd's commands in another terminal: `scripted-azure FOLDER`.
//!
//! Prints what to type, then every request as it comes. When a program and a page have been deployed it starts the one and
//! serves the other, so that the addresses that azd prints at the end answer. Ctrl-C ends it all.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use scripted_azure::place::{Materials, Place};
use scripted_azure::served::Served;
use scripted_azure::{Azure, Options, tools};

/// What a deployment takes here; Azure takes minutes.
const PACE: Duration = Duration::from_secs(3);

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a command-line program talks on its terminal")]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (Some(folder), None) = (words.next(), words.next()) else {
        eprintln!("usage: scripted-azure FOLDER");
        return ExitCode::from(64);
    };
    match run(Path::new(&folder)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("scripted-azure: {why}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a command-line program talks on its terminal")]
async fn run(folder: &Path) -> Result<(), String> {
    let bicep = whole(&tools::bicep().ok_or_else(|| judges::BICEP.absent())?)?;
    let azd = whole(&judges::AZD.find().ok_or_else(|| judges::AZD.absent())?)?;
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let options = Options {
        bicep: bicep.clone(),
        kept: folder.join("kept"),
        pass: vec![String::new()],
        compiled: None,
        pace: PACE,
        port: 0,
    };
    let azure = Azure::start(options).await?;
    let materials = Materials {
        url: &azure.url(),
        certificate: azure.certificate(),
        stand_in: &here.with_file_name("stand-in"),
        azd: &azd,
        bicep: &bicep,
        compiled: None,
        alone: false,
    };
    let place = Place::new(&folder.join("place"), &materials)?;
    let environment = folder.join("environment");
    std::fs::write(&environment, place.shell()).map_err(|error| format!("{}: {error}", environment.display()))?;
    println!("{}", introduction(&environment, &azure.url()));
    tokio::select! {
        outcome = watch(&azure) => outcome,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

fn introduction(environment: &Path, proxy: &str) -> String {
    format!(
        "\nThis is Azure, as far as azd can tell: nothing leaves this machine but what npm, cargo and pip fetch, and\n\
         nothing costs anything. In another terminal, in the project:\n\n    . {}\n    azd auth login\n    \
         azd up\n\n(a name, Enter, a place.) The addresses at the end answer in that terminal:\n\n    \
         curl -i \"$(azd env get-value PAGE_ORIGIN)\"\n    \
         SMOKE_TOKEN=$(curl -s $SCRIPTED_AZURE/token) cargo xtask smoke --silence 20\n\n\
         and in a browser that takes this machine's word: --proxy-server={proxy} --ignore-certificate-errors, with a\n\
         profile of its own. Then `azd down --purge`. What azd remembers of it is in .azure/NAME; delete that afterwards.\n\
         Ctrl-C here ends it.\n",
        environment.display()
    )
}

/// Shows what is asked, and serves what is deployed.
#[expect(clippy::print_stdout, reason = "a command-line program talks on its terminal")]
async fn watch(azure: &Azure) -> Result<(), String> {
    let mut grown = azure.watch();
    let mut shown = 0;
    let mut served: Option<Served> = None;
    let mut published = 0;
    loop {
        let log = azure.log();
        // The log drops its oldest entries some day.
        for entry in log.iter().skip(shown.min(log.len())) {
            println!("{entry}");
        }
        shown = log.len();
        let now = azure.publications();
        if now != published {
            published = now;
            drop(served.take());
            served = match Served::start(azure, judges::REAL_PROXY.find().as_deref()).await {
                Ok(served) => {
                    println!("        the API answers, from the package that was published");
                    Some(served)
                }
                Err(why) => {
                    println!("        the API does not answer: {why}");
                    None
                }
            };
        }
        if grown.changed().await.is_err() {
            return Ok(());
        }
    }
}

fn whole(file: &Path) -> Result<PathBuf, String> {
    std::fs::canonicalize(file).map_err(|error| format!("{}: {error}", file.display()))
}
