//! A staged app with the fake handler in it, and the control of that handler past the host.

use std::fs;
use std::path::{Path, PathBuf};

use harness::host::{Host, HostError, HostOptions};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{get, post};

/// The folder; removed at the end.
pub(crate) struct Staged(PathBuf);

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Staged {
    pub(crate) fn new() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
        fs::create_dir_all(root.join("play")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fake-handler"), root.join("handler")).unwrap();
        let staged = Self(root);
        staged.write("host.json", &host_json());
        staged.write("play/function.json", &function_json());
        staged
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, file: &str, content: &Value) {
        fs::write(self.0.join(file), content.to_string()).unwrap();
    }

    pub(crate) async fn start(&self, options: HostOptions) -> Result<Host, HostError> {
        Host::start(&self.0, HostOptions { inherit_env: false, ..options }).await
    }
}

pub(crate) fn host_json() -> Value {
    json!({ "version": "2.0", "customHandler": {
        "description": { "defaultExecutablePath": "handler" },
        "enableProxyingHttpRequest": true,
    } })
}

pub(crate) fn function_json() -> Value {
    json!({ "bindings": [
        { "type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "function",
          "methods": ["get", "post"], "route": "play/{what}" },
        { "type": "http", "direction": "out", "name": "res" },
    ] })
}

/// An app and a host in front of it, with these options.
pub(crate) async fn hosted(options: HostOptions) -> (Staged, Host) {
    let staged = Staged::new();
    let host = staged.start(options).await.unwrap();
    (staged, host)
}

/// Tells the handler something past the host; `order` is `what?parameters`.
pub(crate) async fn control(host: &Host, order: &str) -> u16 {
    get(&format!("http://127.0.0.1:{}/control/{order}", host.handler_port())).await.status().as_u16()
}

/// Tells the handler to end, which it does without an answer.
pub(crate) async fn exit(host: &Host, code: i32) {
    let url = format!("http://127.0.0.1:{}/control/exit?code={code}", host.handler_port());
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .retry_canceled_requests(false)
        .build_http();
    assert!(client.request(crate::client::request(http::Method::GET, &url, "")).await.is_err());
}

/// Opens an answer that the test plays; returns with its first piece, which is `first`.
pub(crate) async fn scene(host: &Host, name: &str) -> http::Response<hyper::body::Incoming> {
    control(host, &format!("piece?name={name}&text=first")).await;
    let mut answer = post(&host.url(&format!("api/play/scene?name={name}"))).await;
    assert_eq!(crate::client::piece(&mut answer).await.unwrap().as_deref(), Some("first"));
    answer
}
