//! The same relay with the other libraries that this program is to be made of, started as their own examples have it: a log
//! in JSON, and where the environment says so, a managed identity and telemetry. It shows what they take at rest.

mod reading;
mod relay;

use std::process::ExitCode;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{Request, Response};
use azure_core::http::{ClientOptions, HttpClient, Transport};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_application_insights::Exporter;
use opentelemetry_http::HttpError;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_appender::non_blocking::NonBlockingBuilder;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const MAX_WAITING_LINES: usize = 2048;
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

fn main() -> ExitCode {
    relay::main(start)
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, which has no settings")]
fn start() -> Result<(), Box<dyn std::error::Error>> {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let lines = match std::env::var("APPLICATIONINSIGHTS_CONNECTION_STRING") {
        Ok(connection) => Some(OpenTelemetryTracingBridge::new(&telemetry(connection, client.clone())?)),
        Err(_) => None,
    };
    // By default it has room for 128,000 lines from the start, which is 3.6 MiB.
    let writer = NonBlockingBuilder::default().buffered_lines_limit(MAX_WAITING_LINES);
    let (writer, guard) = writer.finish(std::io::stdout());
    let log = tracing_subscriber::fmt::layer().json().with_writer(writer);
    tracing_subscriber::registry().with(lines).with(log).init();
    // It writes until the process ends.
    std::mem::forget(guard);
    if std::env::var("IDENTITY_ENDPOINT").is_ok() {
        let client: Arc<dyn HttpClient> = Arc::new(client);
        let client_options = ClientOptions { transport: Some(Transport::new(client)), ..ClientOptions::default() };
        let options = ManagedIdentityCredentialOptions { client_options, ..Default::default() };
        let credential = ManagedIdentityCredential::new(Some(options))?;
        tokio::spawn(async move {
            if let Err(error) = azure_core::credentials::TokenCredential::get_token(&*credential, &[SCOPE], None).await
            {
                tracing::error!(%error, "no token");
            }
        });
    }
    tracing::info!("started");
    Ok(())
}

/// Spans, metrics and the log's lines, each to Application Insights.
fn telemetry(connection: String, client: reqwest::Client) -> Result<SdkLoggerProvider, Box<dyn std::error::Error>> {
    let exporter =
        Exporter::new_from_connection_string(connection, Sender(client)).map_err(|error| error.to_string())?;
    let spans = SdkTracerProvider::builder().with_batch_exporter(exporter.clone()).build();
    opentelemetry::global::set_tracer_provider(spans);
    let reader = PeriodicReader::builder(exporter.clone()).build();
    opentelemetry::global::set_meter_provider(SdkMeterProvider::builder().with_reader(reader).build());
    Ok(SdkLoggerProvider::builder().with_batch_exporter(exporter).build())
}

/// The HTTP client under the exporter.
#[derive(Clone, Debug)]
struct Sender(reqwest::Client);

#[async_trait::async_trait]
impl opentelemetry_http::HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.0.execute(request.try_into()?).await?;
        Ok(Response::builder().status(answer.status()).body(answer.bytes().await?)?)
    }
}
