//! One request by `curl`, and its answer line by line with the time of each. What is secret goes through a pipe: a command
//! line could be read by others.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A question.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    url: String,
    method: &'static str,
    headers: Vec<String>,
    body: Option<String>,
    limit: Duration,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// 0 if none came.
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body's lines, and when each came, since the question.
    pub(crate) lines: Vec<(Duration, String)>,
    /// What curl said, if it failed.
    pub(crate) trouble: Option<String>,
}

/// Longest wait for an answer that is no model's.
const PLAIN_LIMIT: Duration = Duration::from_secs(60);
/// Lines of an answer that are kept.
const MOST_LINES: usize = 100_000;

impl Ask {
    pub(crate) fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), method: "GET", headers: Vec::new(), body: None, limit: PLAIN_LIMIT }
    }

    /// A POST of JSON.
    pub(crate) fn post(url: impl Into<String>, body: &serde_json::Value) -> Self {
        Self { method: "POST", body: Some(body.to_string()), ..Self::get(url) }.header("Content-Type: application/json")
    }

    pub(crate) fn options(url: impl Into<String>) -> Self {
        Self { method: "OPTIONS", ..Self::get(url) }
    }

    pub(crate) fn header(mut self, line: impl Into<String>) -> Self {
        self.headers.push(line.into());
        self
    }

    pub(crate) fn bearer(self, token: Option<&str>) -> Self {
        match token {
            Some(token) => self.header(format!("Authorization: Bearer {token}")),
            None => self,
        }
    }

    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The whole answer.
    pub(crate) fn send(&self) -> Answer {
        self.send_until(|_| false)
    }

    /// Leaves after the first line that is enough.
    pub(crate) fn send_until(&self, enough: impl Fn(&str) -> bool) -> Answer {
        let mut answer = Answer::default();
        if let Err(error) = self.run(&enough, &mut answer) {
            answer.trouble = Some(format!("curl: {error}"));
        }
        answer
    }

    fn run(&self, enough: &dyn Fn(&str) -> bool, answer: &mut Answer) -> std::io::Result<()> {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--no-buffer",
            "--include",
            "--suppress-connect-headers",
            "--config",
            "-",
        ]);
        curl.args(["--max-time", &self.limit.as_secs().to_string()]);
        curl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = curl.spawn()?;
        let start = Instant::now();
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(self.configuration().as_bytes())?;
        }
        let mut output = BufReader::new(child.stdout.take().ok_or_else(|| std::io::Error::other("no output"))?);
        let (mut line, mut in_head) = (Vec::new(), true);
        while output.read_until(b'\n', &mut line)? > 0 {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            line.clear();
            if in_head {
                in_head = answer.take_head(&text);
                continue;
            }
            let is_enough = enough(&text);
            if answer.lines.len() < MOST_LINES {
                answer.lines.push((start.elapsed(), text));
            }
            if is_enough {
                child.kill()?;
                child.wait()?;
                return Ok(());
            }
        }
        let done = child.wait_with_output()?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            answer.trouble = Some(if said.is_empty() { done.status.to_string() } else { said });
        }
        Ok(())
    }

    fn configuration(&self) -> String {
        let mut text = format!("url = {}\nrequest = {}\n", quoted(&self.url), quoted(self.method));
        for header in &self.headers {
            text.push_str("header = ");
            text.push_str(&quoted(header));
            text.push('\n');
        }
        if let Some(body) = &self.body {
            text.push_str("data-binary = ");
            text.push_str(&quoted(body));
            text.push('\n');
        }
        text
    }
}

impl Answer {
    /// Takes a line of the head; false when it was the last. An interim answer's head is followed by another.
    fn take_head(&mut self, line: &str) -> bool {
        if let Some(status) = line.strip_prefix("HTTP/") {
            self.status = status.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
            self.headers.clear();
        } else if let Some((name, value)) = line.split_once(':') {
            self.headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        !line.is_empty() || (100..200).contains(&self.status)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The body as one text.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text()).unwrap_or_default()
    }

    /// The status, or why there is none, and the error's code if the body has one: never the body itself.
    pub(crate) fn outcome(&self) -> String {
        let code = self
            .json()
            .get("code")
            .and_then(serde_json::Value::as_str)
            .map(|code| format!(" ({code})"))
            .unwrap_or_default();
        match (&self.trouble, self.status) {
            (Some(trouble), 0) => trouble.clone(),
            (Some(trouble), status) => format!("status {status}{code}, then {trouble}"),
            (None, status) => format!("status {status}{code}"),
        }
    }
}

/// A text as curl's configuration has it.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
    format!("\"{text}\"")
}
