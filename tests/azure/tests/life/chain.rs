//! From what azd has deployed to an answer on the page: the published package behind the host, with the settings that the
//! deployment gave it, the uploaded page with its policy, and `cargo xtask smoke`, which asks both.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scripted_azure::served::Served;
use tokio::time::{sleep, timeout};

use crate::rehearsal::Rehearsal;

/// Rows that must pass. The list of models and the OpenAI surface may be off.
const ROWS: [&str; 10] = [
    "stranger",
    "foreign-token",
    "preflight",
    "other-origin",
    "policy",
    "config",
    "answer",
    "silence",
    "leaving",
    "telemetry",
];

/// Longest wait until nothing of it runs, and between two looks.
const END_WAIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// What was deployed answers, and smoke is green.
pub(crate) async fn answers(life: &Rehearsal) {
    let proxy = judges::REAL_PROXY.find();
    let served = Served::start(&life.azure, proxy.as_deref()).await.unwrap();
    let values = life.values("chat");
    let audience = values["SIGN_IN_SCOPE"].rsplit_once('/').unwrap().0.to_owned();
    // Signed in as the page's library does it, which needs a browser.
    let token = life.azure.token(&audience, &values["SIGN_IN_CLIENT_ID"]);
    let mut command = life.command(Path::new("cargo"));
    // One heartbeat of the program's own interval.
    command.args(["xtask", "smoke", "--silence", "17", "--wait", "60"]).env("SMOKE_TOKEN", &token);
    let smoke = life.run("cargo xtask smoke", command).await.expect("cargo xtask smoke");
    for row in ROWS {
        let passed = smoke.text.lines().any(|line| line.starts_with("passed") && line.contains(&format!(" {row} ")));
        assert!(passed, "{row} in\n{}", smoke.text);
    }
    assert!(!served.telemetry().is_empty());
    drop(served);
    // The proxy has ended; what it has killed is gone as soon as the system gets to it.
    let gone = async {
        while !running(life.azure.kept()).is_empty() {
            sleep(LOOK).await;
        }
    };
    let ended = timeout(END_WAIT, gone).await;
    assert!(ended.is_ok(), "{:?} still run", running(life.azure.kept()));

    // Behind the project's own stand-in for the host, and by azd's sign-in, which was admitted.
    let _served = Served::start(&life.azure, None).await.unwrap();
    let mut command = life.command(Path::new("cargo"));
    command.args(["xtask", "smoke", "--only", "stranger,foreign-token,leaving"]);
    let again = life.run("cargo xtask smoke (the stand-in host)", command).await.expect("cargo xtask smoke");
    assert!(again.text.contains("3 passed, 0 failed"), "{}", again.text);

    // As the workflow asks after it has deployed, whose sign-in the API does not know.
    let mut command = life.command(Path::new("cargo"));
    command.args(["xtask", "smoke", "--unattended"]);
    let alone = life.run("cargo xtask smoke --unattended", command).await.expect("cargo xtask smoke");
    assert!(alone.text.contains("6 passed, 0 failed, 6 skipped"), "{}", alone.text);
}

/// Programs that run from below this folder.
fn running(folder: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let programs = processes.filter_map(|process| fs::read_link(process.path().join("exe")).ok());
    programs.filter(|program| program.starts_with(folder)).collect()
}
