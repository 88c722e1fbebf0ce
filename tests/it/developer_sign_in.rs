//! The developer's own sign-in, through the real `azure_identity` and stand-ins for `azd` and `az` on the PATH.
//!
//! The endpoint is elsewhere than loopback, or no token would be asked for; it does not exist, so what follows the token
//! is a connection that fails.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::app::{SOON, TestApp};
use crate::support::client::{post, question};

/// A folder with programs of these names and scripts, before the rest of PATH. Each notes how it was called.
struct Tools(PathBuf);

impl Tools {
    fn new(tools: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
        std::fs::create_dir_all(&folder).unwrap();
        for (name, script) in tools {
            let path = folder.join(name);
            let calls = folder.join("calls");
            std::fs::write(&path, format!("#!/bin/sh\necho \"{name} $*\" >> '{}'\n{script}\n", calls.display()))
                .unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }

    fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.0.join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// The processes that [`HANGS`] noted, once there are `count`.
    async fn processes(&self, count: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let noted = std::fs::read_to_string(self.0.join("processes")).unwrap_or_default();
            let noted: Vec<String> = noted.lines().map(str::to_owned).collect();
            if noted.len() >= count {
                return noted;
            }
            assert!(begun.elapsed() < SOON, "the tool does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn start(&self) -> TestApp {
        self.start_with_path("/usr/bin:/bin").await
    }

    /// The tools' folder first, and then these.
    async fn start_with_path(&self, more: &str) -> TestApp {
        TestApp::with(&[
            ("PATH", &format!("{}:{more}", self.0.display())),
            ("AZURE_INFERENCE_ENDPOINT", "https://no-such-host.invalid"),
            ("AZURE_TENANT_ID", "tenant-1"),
            ("MAX_RETRIES", "0"),
            ("CONNECT_TIMEOUT", "3s"),
        ])
        .await
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const AZD_TOKEN: &str = r#"echo '{"token":"token-azd","expiresOn":"2099-01-01T00:00:00Z"}'"#;
const AZ_TOKEN: &str = r#"echo '{"accessToken":"token-az","expires_on":4070908800,"tokenType":"Bearer"}'"#;
const NOT_SIGNED_IN: &str = "echo 'not logged in, run the login command' >&2; exit 1";

#[tokio::test]
async fn azd_is_asked_first_for_the_tenant_and_once() {
    let tools = Tools::new(&[("azd", AZD_TOKEN), ("az", AZ_TOKEN)]);
    let app = tools.start().await;
    for _ in 0..3 {
        let code = app.ask("Hi").await.code();
        assert!(matches!(code.as_str(), "upstream_error" | "upstream_timeout"), "past the sign-in: {code}");
    }
    assert_eq!(
        tools.calls(),
        [
            "azd auth token -o json --no-prompt --scope https://cognitiveservices.azure.com/.default --tenant-id tenant-1"
        ],
        "the library keeps no token of azd's; the program does"
    );
    assert_eq!(app.log_with("token-azd"), [] as [&str; 0]);
}

#[tokio::test]
async fn az_is_asked_where_azd_has_no_sign_in() {
    let tools = Tools::new(&[("azd", NOT_SIGNED_IN), ("az", AZ_TOKEN)]);
    let app = tools.start().await;
    let code = app.ask("Hi").await.code();
    assert!(matches!(code.as_str(), "upstream_error" | "upstream_timeout"), "past the sign-in: {code}");
    let calls = tools.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls[1].starts_with("az account get-access-token"), "{calls:?}");
}

/// Notes itself and a child, and waits for the child for longer than any test.
const HANGS: &str = "cd \"${0%/*}\"; sleep 1000 & echo \"$$\n$!\" >> processes; wait";

/// Waits until none of these processes runs. One that has ended and that nobody has asked about is a zombie.
async fn assert_ended(processes: &[String]) {
    let begun = Instant::now();
    for process in processes {
        loop {
            let ps = Command::new("ps").args(["-o", "stat=", "-p", process]).output().unwrap();
            let state = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
            if state.is_empty() || state.starts_with('Z') {
                break;
            }
            assert!(begun.elapsed() < SOON, "{process} is still there: {state}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Says this on standard error, and fails.
fn refuses(stderr: &str) -> String {
    format!("cat >&2 <<'SAID'\n{stderr}\nSAID\nexit 1")
}

#[tokio::test]
async fn the_reasons_of_both_tools_are_in_the_log_with_their_codes() {
    let azd = r#"{"type":"consoleMessage","timestamp":"2026-04-14T22:03:37Z","data":{"message":"\nERROR: fetching token: failed to authenticate:\n(invalid_tenant) AADSTS90002: Tenant 'tenant-1' not found. Trace ID: canary-trace\n\n"}}"#;
    let az = "WARNING: canary-update\nERROR: AADSTS50020: User account 'canary@example.org' does not exist.\nTrace ID: canary-trace\naz login --scope s";
    let (azd, az) = (refuses(azd), refuses(az));
    let tools = Tools::new(&[("azd", &azd), ("az", &az)]);
    let app = tools.start().await;
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "identity_unavailable"));
    assert!(answer.text().contains("azd auth login") && !answer.lines.concat().contains("AADSTS"));
    let cause = "azd: fetching token: failed to authenticate: (invalid_tenant) AADSTS90002: Tenant 'tenant-1' not found.; \
                 az: AADSTS50020: User account (an account) does not exist.";
    assert!(app.wait_for_log(cause).await);
    assert_eq!(app.log_with("canary"), [] as [&str; 0]);
}

#[tokio::test]
async fn without_a_sign_in_the_person_and_the_log_are_told_what_to_do_and_nothing_is_asked_before() {
    let tools = Tools::new(&[("azd", NOT_SIGNED_IN), ("az", NOT_SIGNED_IN)]);
    let app = tools.start().await;
    assert!(app.wait_for_log("listening").await);
    assert_eq!(tools.calls(), [] as [&str; 0], "before any question");
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "identity_unavailable"));
    assert!(answer.text().contains("azd auth login") && answer.text().contains("az login"));
    let cause = "azd: not logged in, run the login command; az: not logged in, run the login command";
    assert!(app.wait_for_log(cause).await);
}

#[tokio::test]
async fn with_neither_tool_installed_the_start_and_the_answer_say_so() {
    let app = Tools::new(&[]).start_with_path("").await;
    assert!(app.wait_for_log("neither azd nor az is on the PATH").await, "before any question");
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "identity_unavailable"));
    assert!(answer.text().contains("found neither on its PATH"), "{}", answer.text());
    assert!(app.wait_for_log("azd: not found on PATH; az: not found on PATH").await);
}

#[tokio::test]
async fn a_tool_that_hangs_has_ten_seconds_and_leaves_nothing_behind() {
    let tools = Tools::new(&[("azd", HANGS), ("az", AZ_TOKEN)]);
    let app = tools.start().await;
    let (code, processes) = tokio::join!(async { app.ask("Hi").await.code() }, tools.processes(2));
    assert!(matches!(code.as_str(), "upstream_error" | "upstream_timeout"), "az is asked then: {code}");
    assert_ended(&processes).await;
}

#[tokio::test]
async fn a_tool_that_hangs_ends_with_the_program_however_that_ends() {
    let tools = Tools::new(&[("azd", HANGS)]);
    let app = tools.start().await;
    let ask = || tokio::spawn(post(&app.url(), &question("Hi")).send());
    let _asking = ask();
    let processes = tools.processes(2).await;
    app.host.kill_handler().await;
    assert_ended(&processes).await;

    // The host starts it again.
    let _asking = ask();
    let processes = tools.processes(4).await.split_off(2);
    let program = app.host.handler_pid().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &program]).status().unwrap().success());
    assert_ended(&processes).await;
}

#[tokio::test]
async fn what_a_tool_leaves_running_and_what_it_floods_is_bounded() {
    let leaves = format!("{}; exit 0", HANGS.replace("wait", AZD_TOKEN));
    let tools = Tools::new(&[("azd", &leaves)]);
    let app = tools.start().await;
    let begun = Instant::now();
    let code = app.ask("Hi").await.code();
    assert!(matches!(code.as_str(), "upstream_error" | "upstream_timeout"), "past the sign-in: {code}");
    assert!(begun.elapsed() < Duration::from_secs(8), "the child keeps the outputs open, and nobody waits for it");
    assert_ended(&tools.processes(2).await).await;

    let tools = Tools::new(&[("azd", "yes canary-token"), ("az", "echo canary-token")]);
    let app = tools.start().await;
    assert_eq!(app.ask("Hi").await.code(), "identity_unavailable");
    let cause = "azd: it wrote more than 65536 bytes; az: its answer cannot be read; is it up to date?";
    assert!(app.wait_for_log(cause).await);
    assert_eq!(app.log_with("canary"), [] as [&str; 0]);
}
