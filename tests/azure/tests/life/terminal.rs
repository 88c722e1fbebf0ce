//! At a terminal: `azd up` in a fresh checkout asks for a name, a subscription and a place, and a person answers.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use crate::rehearsal::{Done, Rehearsal};
use crate::{chain, checks};

/// Longest wait for a question.
const QUESTION_WAIT: Duration = Duration::from_mins(5);
/// Longest time for the rest.
const END_WAIT: Duration = Duration::from_mins(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_person_answers_three_questions() {
    let Some(script) = judges::tool("script").filter(|_| cfg!(target_os = "linux")) else { return };
    let Some(life) = Rehearsal::new("terminal").await else { return };
    let _ = fs::remove_dir_all(life.project.join(".azure"));
    life.sign_in_by_browser().await;

    let (before, start) = (life.azure.log().len(), Instant::now());
    let mut terminal = Terminal::start(&life, &script, "azd up");
    terminal.answer("environment name", "chat").await;
    terminal.answer("Subscription", "").await;
    terminal.answer("location", "sweden").await;
    let (succeeded, text) = terminal.end().await;
    let up = Done { succeeded, text, log: life.azure.log().split_off(before), took: start.elapsed() };
    life.keep("azd up (at a terminal)", &up);
    let up = up.expect("azd up at a terminal");

    let values = life.values("chat");
    assert_eq!(values["AZURE_LOCATION"], "swedencentral");
    // Of Azure's regions those are offered that have Flex Consumption.
    for (region, is_offered) in [("East US 2", true), ("West Europe", true), ("Poland Central", false)] {
        assert_eq!(up.text.contains(region), is_offered, "{region} in\n{}", up.text);
    }
    checks::deployed(&life, &up, "chat", &[]);
    chain::answers(&life).await;
    checks::nothing_leaks(&life);
    checks::no_surprise(&life);
}

/// A program at a pseudo-terminal, which `script` makes.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    text: String,
    /// What of the text has been looked at.
    seen: usize,
}

impl Terminal {
    fn start(life: &Rehearsal, maker: &Path, typed: &str) -> Self {
        let mut command = life.command(maker);
        command.args(["--quiet", "--return", "--flush", "--command"]);
        command.arg(format!("stty cols 120 rows 40; exec {typed}")).arg("/dev/null");
        // So that the project's own command may ask with azd's sign-in.
        command
            .env("API_CLIENTS", "azure-cli")
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (keys, screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, keys, screen, text: String::new(), seen: 0 }
    }

    /// Waits for a question that says this, and types.
    async fn answer(&mut self, question: &str, keys: &str) {
        let asked = async {
            while !self.text[self.seen..].contains(question) {
                assert!(self.read().await, "it ended before it asked for {question:?}:\n{}", self.text);
            }
        };
        let asked = timeout(QUESTION_WAIT, asked).await.is_ok();
        assert!(asked, "it did not ask for {question:?}:\n{}", self.text);
        self.seen = self.text.len();
        self.keys.write_all(keys.as_bytes()).await.unwrap();
        self.keys.flush().await.unwrap();
        // A list narrows down before its answer is taken.
        if !keys.is_empty() {
            let shown = async {
                while !self.text[self.seen..].to_lowercase().contains(&keys[keys.len() - 1..]) {
                    assert!(self.read().await, "it ended while somebody typed:\n{}", self.text);
                }
            };
            let _ = timeout(QUESTION_WAIT, shown).await;
        }
        self.keys.write_all(b"\r").await.unwrap();
        self.keys.flush().await.unwrap();
    }

    async fn end(mut self) -> (bool, String) {
        let ended = async {
            while self.read().await {}
            self.child.wait().await.unwrap()
        };
        let status = timeout(END_WAIT, ended).await;
        let status = status.unwrap_or_else(|_| panic!("it did not end:\n{}", self.text));
        (status.success(), self.text)
    }

    /// Reads on; false at the end.
    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // The end of a pseudo-terminal is an error on Linux.
        let count = self.screen.read(&mut bytes).await.unwrap_or(0);
        self.text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }
}
