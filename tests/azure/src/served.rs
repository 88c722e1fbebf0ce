//! What was deployed, answering: the published package behind the host, with the settings that the deployment gave it.
//!
//! Of those one is put in another's place: Application Insights' connection, which the program reaches by no proxy. The
//! platform's own are added: that sign-in is on, and where the managed identity's tokens are. The model is asked at the
//! address that was deployed, through the proxy.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use harness::host::{Host, HostOptions};
use harness::identity::IdentityEndpoint;
use harness::ingestion::Ingestion;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::world::Azure;

/// Time for the real proxy to start the program and to listen.
const START_WAIT: Duration = Duration::from_secs(30);

/// A deployed app that answers. Dropping it ends its programs.
#[derive(Debug)]
pub struct Served {
    _identity: IdentityEndpoint,
    ingestion: Arc<Ingestion>,
    model: JoinHandle<()>,
    _host: Front,
}

#[derive(Debug)]
#[expect(dead_code, reason = "they are kept, for they end when they are dropped")]
enum Front {
    Real(RealProxy),
    StandIn(Host),
}

/// The real proxy. Killed, it would leave the program behind, and asked to end it waits for readers who are still there.
#[derive(Debug)]
struct RealProxy(Child);

impl Drop for RealProxy {
    fn drop(&mut self) {
        if let Some(id) = self.0.id() {
            let mut command = std::process::Command::new("pkill");
            let _ = command.args(["-KILL", "-P", &id.to_string()]).stderr(Stdio::null()).status();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.model.abort();
    }
}

impl Served {
    /// Starts the one function app that was deployed and published, behind the real proxy where there is one, else behind
    /// the stand-in for the host.
    ///
    /// # Errors
    /// In words, where nothing was deployed or published, or where a program does not start.
    pub async fn start(azure: &Azure, real_proxy: Option<&Path>) -> Result<Self, String> {
        let app = App::deployed(azure)?;
        let identity = IdentityEndpoint::start().await;
        let ingestion = Arc::new(Ingestion::start().await);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| format!("the model: {error}"))?;
        let model_port = listener.local_addr().map_err(|error| format!("the model: {error}"))?.port();
        let model = tokio::spawn(demo_model::serve(listener));
        azure.serve("model", model_port);
        let trusted = azure.kept().join("authority.pem");
        std::fs::write(&trusted, azure.certificate()).map_err(|error| format!("{}: {error}", trusted.display()))?;

        let mut settings = app.settings;
        for (name, value) in [
            ("HTTPS_PROXY", azure.url()),
            ("SSL_CERT_FILE", trusted.display().to_string()),
            ("APPLICATIONINSIGHTS_CONNECTION_STRING", ingestion.connection_string()),
            ("IDENTITY_ENDPOINT", identity.endpoint_url()),
            ("IDENTITY_HEADER", identity.secret().to_owned()),
            ("WEBSITE_AUTH_ENABLED", if app.signs_in { "True" } else { "False" }.to_owned()),
        ] {
            settings.retain(|(other, _)| other != name);
            settings.push((name.to_owned(), value));
        }
        let (host, port) = if let Some(program) = real_proxy {
            let (child, port) = behind_real_proxy(program, &app.package, &settings).await?;
            (Front::Real(RealProxy(child)), port)
        } else {
            let options = HostOptions { inherit_env: false, env: settings, ..HostOptions::default() };
            let host = Host::start(&app.package, options).await.map_err(|error| error.to_string())?;
            let port = host.url("").rsplit(':').next().and_then(|end| end.trim_matches('/').parse().ok());
            (Front::StandIn(host), port.ok_or("the host has no port")?)
        };
        azure.serve(&app.host, port);
        azure.told_to(Arc::clone(&ingestion));
        Ok(Self { _identity: identity, ingestion, model, _host: host })
    }

    /// What Application Insights was told.
    pub fn telemetry(&self) -> Vec<Value> {
        self.ingestion.items()
    }
}

/// What was deployed.
struct App {
    host: String,
    package: PathBuf,
    settings: Vec<(String, String)>,
    signs_in: bool,
}

impl App {
    fn deployed(azure: &Azure) -> Result<Self, String> {
        let state = azure.state();
        let site = state.of_type("Microsoft.Web/sites").next().ok_or("no function app was deployed")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, name) = (text(&site["id"]), text(&site["name"]));
        let package = state.packages.get(&name.to_lowercase()).ok_or("nothing was published")?.clone();
        let part = |part: &str| state.resource(&format!("{id}/config/{part}")).map(|found| found["properties"].clone());
        let given = part("appsettings").unwrap_or_default();
        let settings = given.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value)));
        let signs_in = part("authsettingsV2").is_some_and(|auth| auth["platform"]["enabled"] == true);
        Ok(Self { host: text(&site["properties"]["defaultHostName"]), package, settings: settings.collect(), signs_in })
    }
}

async fn behind_real_proxy(
    program: &Path,
    package: &Path,
    settings: &[(String, String)],
) -> Result<(Child, u16), String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", program.display());
    let mut command = Command::new(program);
    command.arg(package).arg("0").env_clear().envs(settings.iter().map(|(name, value)| (name, value)));
    command.env("PATH", crate::tools::search_path()).env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| told(&error))?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let listening = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some((_, port)) = line.split_once("listening on ") {
                return port.trim().parse::<u16>().ok();
            }
        }
        None
    };
    let port = timeout(START_WAIT, listening).await.ok().flatten().ok_or_else(|| told(&"it does not listen"))?;
    // A full pipe would stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, port))
}
