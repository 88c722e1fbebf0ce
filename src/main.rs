//! Arguments, settings, log, model, listen, serve, stop. Nothing else.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use reasoning_chat::app;
use reasoning_chat::chat::Chat;
use reasoning_chat::inbound::serve;
use reasoning_chat::inbound::slots::Slots;
use reasoning_chat::models::upstream::{self, Upstream};
use reasoning_chat::report::log;
use reasoning_chat::report::telemetry::{Sending, Telemetry};
use reasoning_chat::settings::{Api, Identity, Model, Settings};
use reasoning_chat::token::TokenProvider;
use tokio::sync::watch;

const VERSION: &str = concat!("reasoning-chat ", env!("CARGO_PKG_VERSION"), "\n");
const HELP: &str = concat!(
    "reasoning-chat ",
    env!("CARGO_PKG_VERSION"),
    ": a chat backend for reasoning models on Azure, and for any OpenAI-style server.\n\n\
     Usage: reasoning-chat [--help | --version]\n\n\
     Without an argument it listens on 127.0.0.1 and answers POST /api/chat/stream. All settings are environment\n\
     variables; docs/settings.md lists them. The first ones:\n\n\
     \x20 AZURE_INFERENCE_ENDPOINT   the model's service; unset: the built-in demo model\n\
     \x20 AZURE_DEEPSEEK_DEPLOYMENT  the deployment's or the model's name\n\
     \x20 PORT                       7071 if unset\n"
);
/// The BSD convention's "usage error", which settings are as well.
const EXIT_CONFIG: u8 = 64;
/// Any other end that was not asked for. Never 0: the host takes that for a good end and starts nothing again.
const EXIT_FAILED: u8 = 1;

#[expect(clippy::print_stderr, reason = "fatal faults go to standard error, which the host logs as errors")]
fn main() -> ExitCode {
    if let Some(argument) = std::env::args_os().nth(1) {
        return answer(&argument);
    }
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    let settings = match Settings::from_lookup(&|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(faults) => {
            eprintln!("reasoning-chat cannot start; the settings have {} fault(s):", faults.len());
            for fault in faults {
                eprintln!("  {fault}");
            }
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("reasoning-chat cannot start: {error}");
            return ExitCode::from(EXIT_FAILED);
        }
    };
    match runtime.block_on(run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reasoning-chat cannot start: {error}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

/// What somebody is told who gave an argument.
#[expect(clippy::print_stderr, reason = "a person who mistyped reads it")]
fn answer(argument: &OsStr) -> ExitCode {
    let text = match argument.to_str() {
        Some("--help" | "-h") => HELP,
        Some("--version" | "-V") => VERSION,
        _ => {
            // What follows a `=` may be a secret.
            let name = argument.to_string_lossy();
            let name: String = name.chars().take_while(|letter| *letter != '=').take(40).collect();
            eprintln!("reasoning-chat knows no argument {name:?}; see --help. Settings are environment variables.");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    // Unlike println!, a closed standard output is no reason to panic.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Runs until it is asked to stop.
async fn run(settings: Settings) -> Result<(), String> {
    // Fails only if there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plain = |url: &url::Url| url.scheme() == "http";
    let needs_tls = settings.model.as_ref().is_some_and(|model| !model.endpoint.routes.iter().all(plain))
        || settings.telemetry.as_ref().is_some_and(|telemetry| !plain(&telemetry.ingestion.endpoint));
    let client = upstream::client(needs_tls, settings.clocks.connect)
        .map_err(|error| format!("the HTTP client: {error} (are the system's CA certificates installed?)"))?;
    let model_client = match &settings.proxy {
        Some(proxy) => upstream::client_through(proxy, settings.clocks.connect)
            .map_err(|error| format!("the HTTP client for the proxy: {}", error.without_url()))?,
        None => client.clone(),
    };
    let listener = serve::listen(settings.port).map_err(|error| format!("port {}: {error}", settings.port))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let is_demo = settings.model.is_none();
    let model = match settings.model {
        Some(model) => model,
        None => start_demo_model(settings.api).await.map_err(|error| format!("the demo model: {error}"))?,
    };
    let slots = Slots::new(settings.streams);
    let open_streams = slots.clone();
    let (telemetry, sending) = match &settings.telemetry {
        Some(told) => {
            let started = Telemetry::start(told, &model, client.clone(), move || open_streams.open());
            let (telemetry, sending) = started.map_err(|error| format!("telemetry: {error}"))?;
            (telemetry, Some(sending))
        }
        None => (Telemetry::off(), None),
    };
    let _log = log::start(&settings.log_filter, sending.as_ref().map(Sending::layer));
    let tokens = TokenProvider::new(&model.identity, &client, telemetry.token_fetches());
    if let (Identity::Developer { .. }, Some(tokens)) = (&model.identity, &tokens) {
        tokio::spawn(sign_in_early(tokens.clone()));
    }
    let (end_grace, grace_over) = watch::channel(false);
    let chat = Arc::new(Chat {
        access: settings.access,
        limits: settings.request,
        clocks: settings.clocks,
        slots,
        upstream: Arc::new(Upstream::new(
            model_client,
            model,
            tokens,
            settings.options,
            &settings.clocks,
            telemetry.clone(),
        )),
        telemetry,
        grace_over,
    });

    let page = Path::new("web/dist");
    let page = (!settings.in_functions_host && page.join("index.html").is_file()).then_some(page);
    tracing::info!(%address, deployment = chat.upstream.deployment(), demo = is_demo, "listening");
    if !settings.in_functions_host {
        greet(address, is_demo, page.is_some());
    }
    serve::serve(listener, app(chat, page), settings.connections, settings.streams.max, asked_to_stop(), end_grace)
        .await;
    tracing::info!("stopped");
    if let Some(sending) = sending {
        sending.stop().await;
    }
    Ok(())
}

/// A developer learns at the start, not by the first question, that there is no sign-in.
async fn sign_in_early(tokens: TokenProvider) {
    if let Err(error) = tokens.authorization().await {
        tracing::warn!(cause = error.cause(), "nobody is signed in to the model's service. {}", error.text());
    }
}

/// A model for those who have none yet: an upstream of this program's own, on a port of its own on loopback.
#[cfg(feature = "local")]
async fn start_demo_model(api: Api) -> std::io::Result<Model> {
    let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let model = Model::demo(listener.local_addr()?, demo_model::DEPLOYMENT, api);
    tokio::spawn(demo_model::serve(listener));
    Ok(model)
}

#[cfg(not(feature = "local"))]
fn start_demo_model(_: Api) -> impl Future<Output = std::io::Result<Model>> {
    std::future::ready(Err(std::io::Error::other("it is not in the package for Azure; set AZURE_INFERENCE_ENDPOINT")))
}

/// Tells a person at a terminal, or a reader of its output, what to do next.
fn greet(address: std::net::SocketAddr, is_demo: bool, has_page: bool) {
    let demo = "\nThe built-in demo model answers. Set AZURE_INFERENCE_ENDPOINT for a real one.\n";
    let page = format!("The page: http://{address}/\n");
    let curl = format!(
        "Try it:\n\n  curl -N http://{address}/api/chat/stream -H 'content-type: application/json' \\\n    \
         -d '{{\"messages\":[{{\"role\":\"user\",\"content\":\"Why is the sky blue?\"}}]}}'\n\n"
    );
    let greeting = [if is_demo { demo } else { "" }, if has_page { &page } else { "" }, &curl].concat();
    // Unlike println!, a closed standard output is no reason to end.
    let _ = std::io::stdout().write_all(greeting.as_bytes());
}

/// Resolves on SIGTERM or Ctrl-C.
async fn asked_to_stop() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
