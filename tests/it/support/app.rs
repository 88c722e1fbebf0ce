//! The app under test: staged as it is deployed, started by the stand-in host, with a scripted upstream.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::host::{Host, HostOptions, Level, Stream};
use harness::upstream::Upstream;

use super::client::{self, Answer, Reading};

/// Longest wait for anything that is expected to happen; a test that waits this long has failed.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The project's root.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The app's files beside the binary: `host.json`, and the folder of each function.
pub(crate) fn app_files() -> Vec<String> {
    let folders = std::fs::read_dir(project()).unwrap().map(|entry| entry.unwrap());
    let functions = folders.filter(|entry| entry.path().join("function.json").is_file());
    let mut files: Vec<String> =
        functions.map(|entry| format!("{}/function.json", entry.file_name().to_str().unwrap())).collect();
    files.push("host.json".to_owned());
    files.sort();
    files
}

/// A folder as it is deployed; removed at the end.
struct Staged(PathBuf);

impl Staged {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
        for file in app_files() {
            std::fs::create_dir_all(folder.join(&file).parent().unwrap()).unwrap();
            std::fs::copy(project().join(&file), folder.join(&file)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_reasoning-chat"), folder.join("reasoning-chat")).unwrap();
        Self(folder)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program behind the host, and the model behind the program.
pub(crate) struct TestApp {
    pub(crate) host: Host,
    pub(crate) upstream: Upstream,
    _folder: Staged,
}

impl TestApp {
    /// Outside production, with the scripted upstream as its endpoint.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same with these settings, which win; `{upstream}` in them is the scripted upstream's address.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::with_host(settings, HostOptions::default()).await
    }

    /// The same with a host of its own kind.
    pub(crate) async fn with_host(settings: &[(&str, &str)], options: HostOptions) -> Self {
        let upstream = Upstream::start().await;
        let endpoint = format!("{}/openai/v1", upstream.url());
        let mut env = vec![
            ("AZURE_INFERENCE_ENDPOINT".to_owned(), endpoint),
            ("AZURE_DEEPSEEK_DEPLOYMENT".to_owned(), "r1".to_owned()),
        ];
        for (name, value) in settings {
            env.retain(|(known, _)| known != name);
            env.push(((*name).to_owned(), value.replace("{upstream}", &upstream.url())));
        }
        let folder = Staged::new();
        let host = Host::start(&folder.0, HostOptions { inherit_env: false, env, ..options }).await.unwrap();
        Self { host, upstream, _folder: folder }
    }

    /// The chat route, through the host.
    pub(crate) fn url(&self) -> String {
        self.host.url("api/chat/stream")
    }

    /// The program's own address, past the host.
    pub(crate) fn direct_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.host.handler_port())
    }

    /// Asks one question and reads the whole answer.
    pub(crate) async fn ask(&self, question: &str) -> Answer {
        self.begin(question).await.rest().await
    }

    /// Asks one question and reads up to the answer's head.
    pub(crate) async fn begin(&self, question: &str) -> Reading {
        client::begin(client::post(&self.url(), &client::question(question))).await
    }

    /// Sends a body of the test's own.
    pub(crate) async fn send(&self, body: &str) -> Answer {
        client::begin(client::post(&self.url(), body)).await.rest().await
    }

    /// The handler's own log lines that hold this text.
    pub(crate) fn log_with(&self, text: &str) -> Vec<String> {
        let lines = self.host.log().into_iter();
        lines.filter(|line| line.stream != Stream::Host && line.text.contains(text)).map(|line| line.text).collect()
    }

    /// Waits for a log line that holds this text.
    pub(crate) async fn wait_for_log(&self, text: &str) -> bool {
        self.host.wait_until(|host| host.log().iter().any(|line| line.text.contains(text)), SOON).await
    }

    /// The handler said nothing that the host takes for an error.
    pub(crate) fn assert_quiet(&self) {
        let errors: Vec<_> = self
            .host
            .log()
            .into_iter()
            .filter(|line| line.level == Level::Error && line.stream != Stream::Host)
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}
