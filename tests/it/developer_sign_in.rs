//! The developer's own sign-in, through the real `azure_identity` and stand-ins for `azd` and `az` on the PATH.
//!
//! The endpoint is elsewhere than loopback, or no token would be asked for; it does not exist, so what follows the token
//! is a connection that fails.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::app::TestApp;

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

    async fn start(&self) -> TestApp {
        TestApp::with(&[
            ("PATH", &format!("{}:/usr/bin:/bin", self.0.display())),
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

#[tokio::test]
async fn without_a_sign_in_the_person_and_the_log_are_told_what_to_do() {
    let tools = Tools::new(&[("azd", NOT_SIGNED_IN), ("az", NOT_SIGNED_IN)]);
    let app = tools.start().await;
    let answer = app.ask("Hi").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "identity_unavailable"));
    assert!(answer.text().contains("azd auth login") && answer.text().contains("az login"));
    assert!(!app.log_with("azd: AzureDeveloperCliCredential").is_empty());
}
