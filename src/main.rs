//! Arguments, settings, log, model, listen, serve, stop. Nothing else.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use reasoning_chat::chat::Chat;
use reasoning_chat::inbound::ebb;
use reasoning_chat::inbound::room::Room;
use reasoning_chat::inbound::serve;
use reasoning_chat::inbound::slots::Slots;
use reasoning_chat::models::catalogue::Catalogue;
use reasoning_chat::models::client;
use reasoning_chat::report::log;
use reasoning_chat::report::telemetry::{Sending, Telemetry};
use reasoning_chat::settings::{Identity, Model, Settings, Template};
use reasoning_chat::token::{TokenProvider, TokenProviders};
use reasoning_chat::{Offered, app};
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
    // On a worker, where connections are served too: what this thread allocated would be of another heap of the C library's
    // than what is freed there, which costs 5 KiB for each open stream (docs/performance.md).
    let ran = runtime.block_on(async { tokio::spawn(run(settings)).await });
    match ran.unwrap_or_else(|panic| Err(panic.to_string())) {
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
    let deployments = || settings.models.iter().flat_map(|model| &model.deployments);
    let needs_tls = !deployments().all(|deployment| deployment.endpoint.routes.iter().all(plain))
        || settings.telemetry.as_ref().is_some_and(|telemetry| !plain(&telemetry.ingestion.endpoint));
    let client = client::client(needs_tls, settings.clocks.connect)
        .map_err(|error| format!("the HTTP client: {error} (are the system's CA certificates installed?)"))?;
    let model_client = match &settings.proxy {
        Some(proxy) => client::client_through(proxy, settings.clocks.connect)
            .map_err(|error| format!("the HTTP client for the proxy: {}", error.without_url()))?,
        None => client.clone(),
    };
    let listener = serve::listen(settings.port).map_err(|error| format!("port {}: {error}", settings.port))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let is_demo = settings.models.is_empty();
    let models = if is_demo {
        start_demo_models(&settings.template).await.map_err(|error| format!("the demo model: {error}"))?
    } else {
        settings.models
    };
    let slots = Slots::new(settings.streams);
    tokio::spawn(ebb::after_answers(slots.clone(), heap::give_back));
    let open_streams = slots.clone();
    let (telemetry, sending) = match &settings.telemetry {
        Some(told) => {
            let started = Telemetry::start(told, client.clone(), move || open_streams.open());
            let (telemetry, sending) = started.map_err(|error| format!("telemetry: {error}"))?;
            (telemetry, Some(sending))
        }
        None => (Telemetry::off(), None),
    };
    let _log = log::start(&settings.log_filter, sending.as_ref().map(Sending::layer));
    let identities = models.iter().flat_map(|model| &model.deployments).map(|deployment| &deployment.identity);
    let tokens =
        TokenProviders::new(identities, |identity| TokenProvider::new(identity, &client, telemetry.token_fetches()));
    for (identity, provider) in tokens.iter() {
        prepare_sign_in(identity, provider);
    }
    let (end_grace, grace_over) = watch::channel(false);
    let chat = Arc::new(Chat {
        access: settings.access,
        limits: settings.request,
        clocks: settings.clocks,
        slots,
        room: Room::default(),
        catalogue: Catalogue::new(models, &model_client, &tokens, &settings.clocks, &telemetry),
        telemetry,
        grace_over,
    });

    // Beside the token's fetch, while the host still starts.
    chat.catalogue.connect_ahead();

    let page = Path::new("web/dist");
    let page = (!settings.in_functions_host && page.join("index.html").is_file()).then_some(page);
    let names: Vec<&str> = chat.catalogue.models().iter().map(|model| model.name()).collect();
    tracing::info!(%address, models = names.join(", "), demo = is_demo, "listening");
    if !settings.in_functions_host {
        greet(address, is_demo, page.is_some());
    }
    serve::serve(
        listener,
        app(chat, Offered { openai: settings.openai, feedback: settings.feedback, page }),
        settings.connections,
        settings.streams.max,
        asked_to_stop(),
        end_grace,
    )
    .await;
    tracing::info!("stopped");
    if let Some(sending) = sending {
        sending.stop().await;
    }
    Ok(())
}

/// In Azure the first token is fetched while the host still starts. At home nothing is asked before it is needed, but who
/// has no tool to sign in with is told so at once.
fn prepare_sign_in(identity: &Identity, tokens: &TokenProvider) {
    match identity {
        Identity::Managed { .. } => {
            let tokens = tokens.clone();
            // A failure is no failure of the start: the first request asks again, and tells.
            tokio::spawn(async move { tokens.authorization().await.map(drop) });
        }
        Identity::Developer { .. } if !has_sign_in_tool() => {
            tracing::warn!("neither azd nor az is on the PATH: nobody can sign in to the model's service");
        }
        Identity::Developer { .. } | Identity::None => {}
    }
}

#[expect(clippy::disallowed_methods, reason = "where programs are is the system's, no setting of ours")]
fn has_sign_in_tool() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = if cfg!(windows) { &["azd.exe", "az.cmd"][..] } else { &["azd", "az"][..] };
    std::env::split_paths(&path).any(|folder| names.iter().any(|name| folder.join(name).is_file()))
}

/// Models for those who have none yet: upstreams of this program's own, on ports of their own on loopback.
#[cfg(feature = "local")]
async fn start_demo_models(template: &Template) -> std::io::Result<Vec<Model>> {
    let regions = demo_model::Regions::bind().await?;
    let models = demo_model::MODELS.iter().map(|model| {
        let deployments: Vec<_> = model.deployments.into_iter().zip(regions.addresses()).collect();
        template.local(model.name, model.title, &deployments, (&model.efforts, Some(model.effort)))
    });
    let models = models.collect();
    tokio::spawn(regions.serve());
    Ok(models)
}

#[cfg(not(feature = "local"))]
fn start_demo_models(_: &Template) -> impl Future<Output = std::io::Result<Vec<Model>>> {
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
