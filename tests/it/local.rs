//! The program by itself, as `cargo run` starts it: no host, no settings, the demo model; and how it starts and stops.

use std::process::Stdio;
use std::time::Duration;

use harness::upstream::{Reply, Split, Upstream, chunk, finish, sse};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::app::SOON;
use crate::support::client::{Answer, begin, client, post, question};

/// The binary, running.
struct Program {
    child: Child,
    log: Lines<BufReader<ChildStdout>>,
    address: String,
}

fn command(settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reasoning-chat"));
    command.env_clear().envs(settings.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Program {
    /// On any free port.
    async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")), settings).await
    }

    async fn start_in(folder: &std::path::Path, settings: &[(&str, &str)]) -> Self {
        let mut child = command(settings).env("PORT", "0").current_dir(folder).spawn().unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = tokio::time::timeout(SOON, log.next_line()).await.unwrap().unwrap().expect("it listens");
            if let Ok(entry) = serde_json::from_str::<serde_json::Value>(&line)
                && entry["message"] == "listening"
            {
                break entry["address"].as_str().unwrap().to_owned();
            }
        };
        Self { child, log, address }
    }

    fn url(&self) -> String {
        format!("http://{}/api/chat/stream", self.address)
    }

    async fn ask(&self, text: &str) -> Answer {
        begin(post(&self.url(), &question(text))).await.rest().await
    }

    async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().await.unwrap().success());
    }

    /// Its exit code, and what it still logged.
    async fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        while let Some(line) = self.log.next_line().await.unwrap() {
            rest.push_str(&line);
            rest.push('\n');
        }
        let status = tokio::time::timeout(SOON, self.child.wait()).await.expect("it does not end").unwrap();
        (status.code(), rest)
    }
}

#[tokio::test]
async fn without_settings_the_demo_model_thinks_and_answers_in_markdown() {
    let program = Program::start(&[]).await;
    assert!(program.address.starts_with("127.0.0.1:"));
    let answer = program.ask("Why is the sky blue? fast").await;
    assert_eq!(answer.json()[0]["start"]["deployment"], "demo-east");
    assert!(answer.reasoning().contains("sky"));
    let content = answer.content();
    for mark in ["## ", "\n- ", "| --", "```", "](http", "AZURE_INFERENCE_ENDPOINT"] {
        assert!(content.contains(mark), "no {mark} in {content}");
    }
    assert_eq!(answer.last()["done"]["finish_reason"], "stop");
    assert!(answer.last()["done"]["usage"]["completion_tokens"].as_u64().unwrap() > 100);

    assert_eq!(program.ask("fast, inline tags").await.code(), "");
    let said = client().get(format!("http://{}/", program.address)).send().await.unwrap().text().await.unwrap();
    assert!(said.contains("POST /api/chat/stream"));
}

#[tokio::test]
async fn outside_the_host_it_serves_the_built_page() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir_all(folder.join("web/dist/assets")).unwrap();
    std::fs::write(folder.join("web/dist/index.html"), "<title>the page</title>").unwrap();
    std::fs::write(folder.join("web/dist/assets/a.js"), "export {}").unwrap();
    std::fs::write(folder.join("secret.txt"), "secret").unwrap();
    let program = Program::start_in(&folder, &[]).await;
    let get = |path: &str| client().get(format!("http://{}{path}", program.address)).send();

    let page = get("/").await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html");
    assert_eq!(page.text().await.unwrap(), "<title>the page</title>");
    assert_eq!(get("/assets/a.js").await.unwrap().headers()["content-type"], "text/javascript");
    assert_eq!(get("/nope.js").await.unwrap().status(), 404);
    assert_eq!(get("/%2e%2e/%2e%2e/secret.txt").await.unwrap().status(), 404);
    assert_eq!(program.ask("Hi fast").await.code(), "");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn the_demo_model_fails_as_asked() {
    let program = Program::start(&[("MAX_RETRIES", "0"), ("IDLE_TIMEOUT", "300ms")]).await;
    for code in [
        "content_filter",
        "context_length_exceeded",
        "rate_limited",
        "upstream_auth",
        "upstream_misconfigured",
        "upstream_rejected",
        "upstream_error",
        "upstream_protocol",
        "upstream_timeout",
        "upstream_truncated",
    ] {
        assert_eq!(program.ask(&format!("fast, fail with {code}")).await.code(), code);
    }
    for code in ["rate_limited", "upstream_error", "upstream_protocol", "upstream_timeout", "upstream_truncated"] {
        let answer = program.ask(&format!("fast, fail with {code} midway")).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, code));
    }

    let patient = Program::start(&[]).await;
    let late = patient.ask("fast, late filter verdict").await;
    assert_eq!(late.last()["done"]["finish_reason"], "content_filter");
}

#[tokio::test]
async fn bad_settings_are_told_all_at_once_and_nothing_is_bound() {
    let output = command(&[("IDLE_TIMEOUT", "soon"), ("RUNNING_IN_PRODUCTION", "yes"), ("PORT", "secret-value")])
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8(output.stderr).unwrap();
    for name in ["IDLE_TIMEOUT", "PORT", "AZURE_INFERENCE_ENDPOINT", "AZURE_DEEPSEEK_DEPLOYMENT", "AZURE_CLIENT_ID"] {
        assert!(said.contains(&format!("  {name}: must be")), "{said}");
    }
    assert!(!said.contains("secret-value"));
    assert!(output.stdout.is_empty());
}

#[tokio::test]
async fn a_taken_port_is_an_unexpected_end() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = command(&[("PORT", &port)]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&port));
}

#[tokio::test]
async fn asked_to_stop_it_lets_open_answers_end() {
    for signal in ["-TERM", "-INT"] {
        let upstream = Upstream::start().await;
        let (reply, gate) = Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])).split(Split::Events).gated();
        upstream.always(reply);
        let program = Program::start(&[("AZURE_INFERENCE_ENDPOINT", &upstream.url())]).await;
        gate.open_next();
        let mut reading = begin(post(&program.url(), &question("Hi"))).await;
        reading.line().await.unwrap();
        program.signal(signal).await;
        let mut refused = false;
        for _ in 0..200 {
            refused = client().get(format!("http://{}/", program.address)).send().await.is_err();
            if refused {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(refused, "no new connections");
        gate.open_all();
        assert_eq!(reading.rest().await.content(), "Hi");
        let (code, log) = program.end().await;
        assert_eq!(code, Some(0));
        assert!(log.contains("\"outcome\":\"done\"") && log.contains("\"message\":\"stopped\""), "{log}");
    }
}

#[tokio::test]
async fn when_the_grace_period_is_over_open_answers_are_told() {
    let upstream = Upstream::start().await;
    let (reply, gate) = Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])).split(Split::Events).gated();
    upstream.always(reply);
    let program = Program::start(&[("AZURE_INFERENCE_ENDPOINT", &upstream.url()), ("SHUTDOWN_GRACE", "200ms")]).await;
    gate.open_next();
    let mut reading = begin(post(&program.url(), &question("Hi"))).await;
    reading.line().await.unwrap();
    program.signal("-TERM").await;
    let answer = reading.rest().await;
    assert_eq!(answer.code(), "shutting_down");
    let (code, _) = program.end().await;
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn log_lines_cannot_be_forged() {
    let mut program = Program::start(&[]).await;
    let forged = "fast\n{\"message\":\"forged\"}\nLanguageWorkerConsoleLog forged";
    program.ask(forged).await;
    begin(post(&program.url(), &question("Hi fast")).header("x-azure-functions-invocationid", "a b\tforged"))
        .await
        .rest()
        .await;
    program.signal("-TERM").await;
    let mut stderr = String::new();
    program.child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
    let (_, log) = program.end().await;
    assert!(!log.contains("forged"), "{log}");
    assert_eq!(stderr, "");
}
