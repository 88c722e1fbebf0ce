//! What Application Insights is told: a span for each request and for each call behind it, metrics, and the log's lines.
//!
//! In reading order: `request` and `call` are the spans, `verdict` the readers' events, `instruments` the metrics, `lines` takes the log's lines
//! along, `waiting` bounds what waits, `export` sends. A turn outlives every scope of code that works on it, so its span is not bound to one: it is
//! held by the turn's [`Record`](crate::report::record::Record), and ends with it. Never told: prompts, answers, tokens, who
//! asked. Everything that waits to be sent is bounded; what does not fit is lost and counted, and no answer waits.

mod call;
mod export;
mod instruments;
mod lines;
mod request;
mod verdict;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_application_insights::Exporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{BatchConfigBuilder as LogBatches, BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder as SpanBatches, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider,
};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

pub use self::call::Call;
use self::export::{Counted, Losses, Sender};
use self::instruments::Instruments;
pub use self::request::Trace;
pub(crate) use self::request::{Ending, Outcome};
use self::waiting::{Bounded, Waiting};
use crate::settings;
use crate::token::{TokenProvider, untold};

/// Spans and log lines that may wait to be sent, each; more are lost.
const MAX_WAITING: usize = 2048;
/// Items of one request to Application Insights.
const MAX_BATCH: usize = 512;
/// Spans and log lines wait this long at most for others to go with: the process may be killed without a word.
const BATCH_DELAY: Duration = Duration::from_secs(2);
/// Time between two reports of the metrics. Each costs an item for each series.
const METRICS_INTERVAL: Duration = Duration::from_secs(30);
/// Time for the last items when the program stops.
const FLUSH_TIME: Duration = Duration::from_secs(3);

/// Makes spans and counts. Cheap to clone; does nothing where telemetry is off.
#[derive(Clone, Debug, Default)]
pub struct Telemetry(Option<Arc<Active>>);

#[derive(Debug)]
struct Active {
    tracer: SdkTracer,
    instruments: Instruments,
}

/// What spans and metrics say of a deployment; nothing where telemetry is off.
#[derive(Clone, Debug, Default)]
pub struct ModelTag(Option<Arc<[KeyValue; 3]>>);

impl ModelTag {
    fn attributes(&self) -> &[KeyValue] {
        self.0.as_deref().map_or(&[], |attributes| attributes.as_slice())
    }
}

/// What sends, in threads of its own.
#[derive(Debug)]
pub struct Sending {
    spans: SdkTracerProvider,
    lines: SdkLoggerProvider,
    metrics: SdkMeterProvider,
    losses: Arc<Losses>,
}

impl Telemetry {
    /// Telemetry that does nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// Starts to send. Needs the runtime: the threads that send use it for the network. `open_streams` is asked now
    /// and then.
    ///
    /// # Errors
    /// The exporter does not take the connection string, which the settings' check rules out.
    pub fn start(
        settings: &settings::Telemetry,
        client: reqwest::Client,
        open_streams: impl Fn() -> usize + Send + Sync + 'static,
    ) -> Result<(Self, Sending), String> {
        let tokens = TokenProvider::new(&settings.identity, &client, untold);
        let sender = Sender::new(client, tokens, settings.ingestion.endpoint.clone());
        let connection = format!(
            "InstrumentationKey={};IngestionEndpoint={}",
            settings.ingestion.instrumentation_key, settings.ingestion.endpoint
        );
        let exporter = Exporter::new_from_connection_string(connection, sender)
            .map_err(|error| error.to_string())?
            .with_sample_rate(settings.sampling);
        let losses = Arc::new(Losses::default());
        let exporter = |waited| Counted::new(exporter.clone(), Arc::clone(&losses), waited);
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", settings.role.clone()),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
            ])
            .build();

        let batches = SpanBatches::default().with_max_queue_size(MAX_WAITING).with_max_export_batch_size(MAX_BATCH);
        let batches = batches.with_scheduled_delay(BATCH_DELAY).build();
        let waiting = Waiting::new(MAX_WAITING, &losses);
        let processor = BatchSpanProcessor::builder(exporter(Some(Arc::clone(&waiting)))).with_batch_config(batches);
        let spans = SdkTracerProvider::builder()
            .with_span_processor(Bounded::new(processor.build(), waiting))
            // Not by the caller's flag: the host says "not sampled" whatever it does itself.
            .with_sampler(Sampler::TraceIdRatioBased(settings.sampling))
            .with_resource(resource.clone())
            .build();

        let batches = LogBatches::default().with_max_queue_size(MAX_WAITING).with_max_export_batch_size(MAX_BATCH);
        let batches = batches.with_scheduled_delay(BATCH_DELAY).build();
        let waiting = Waiting::new(MAX_WAITING, &losses);
        let processor = BatchLogProcessor::builder(exporter(Some(Arc::clone(&waiting)))).with_batch_config(batches);
        let lines = SdkLoggerProvider::builder()
            .with_log_processor(lines::ForOperators::new(Bounded::new(processor.build(), waiting)))
            .with_resource(resource.clone())
            .build();

        let reader = PeriodicReader::builder(exporter(None)).with_interval(METRICS_INTERVAL).build();
        let metrics = SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build();

        let scope = || InstrumentationScope::builder("reasoning-chat").build();
        let lost = Arc::clone(&losses);
        let instruments = Instruments::new(&metrics.meter_with_scope(scope()), open_streams, move || lost.count());
        let active = Active { tracer: spans.tracer_with_scope(scope()), instruments };
        Ok((Self(Some(Arc::new(active))), Sending { spans, lines, metrics, losses }))
    }

    /// What is said of a deployment.
    pub(crate) fn tag(&self, endpoint: &settings::Endpoint, deployment: &str) -> ModelTag {
        ModelTag(self.0.as_ref().map(|_| {
            Arc::new([
                KeyValue::new("gen_ai.operation.name", "chat"),
                KeyValue::new("gen_ai.provider.name", provider_name(endpoint)),
                KeyValue::new("gen_ai.request.model", deployment.to_owned()),
            ])
        }))
    }

    /// Another deployment is asked after this one, because of `reason`, an error code.
    pub(crate) fn failover(&self, from: &str, reason: &'static str) {
        if let Some(active) = &self.0 {
            let attributes =
                [KeyValue::new("gen_ai.request.model", from.to_owned()), KeyValue::new("error.type", reason)];
            active.instruments.failovers.add(1, &attributes);
        }
    }

    /// A request was turned away because `limit` (`instance` or `user`) is reached.
    pub(crate) fn shed(&self, limit: &'static str) {
        if let Some(active) = &self.0 {
            active.instruments.shed.add(1, &[KeyValue::new("chat.limit", limit)]);
        }
    }

    /// Upstream is asked again because of `reason`, an error code.
    pub(crate) fn retry(&self, reason: &'static str) {
        if let Some(active) = &self.0 {
            active.instruments.retries.add(1, &[KeyValue::new("error.type", reason)]);
        }
    }
}

impl Sending {
    /// The layer that takes the log's lines along.
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + Send + Sync + use<S> {
        lines::layer(&self.lines)
    }

    /// Sends what waits, within 3 s. The threads are left alone if they take longer: the program ends.
    pub async fn stop(self) {
        let (done, flushed) = tokio::sync::oneshot::channel();
        // No task of the runtime's: it would wait for this one when it is dropped.
        let flush = std::thread::Builder::new().name("telemetry-flush".to_owned()).spawn(move || {
            // Each has its share, so that one that hangs leaves time for the next; metrics take no limit, so they are last.
            let _ = self.spans.shutdown_with_timeout(FLUSH_TIME / 3);
            let _ = self.lines.shutdown_with_timeout(FLUSH_TIME / 3);
            let _ = self.metrics.shutdown_with_timeout(FLUSH_TIME / 3);
            let _ = done.send(self.losses.count());
        });
        let lost = match flush {
            Ok(_) => tokio::time::timeout(FLUSH_TIME, flushed).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        match lost {
            Some(0) => {}
            Some(lost) => tracing::warn!(lost, "telemetry items were lost while the program ran"),
            None => tracing::warn!("the last telemetry items could not be sent"),
        }
    }
}

/// The conventions' name of whoever answers at this endpoint.
fn provider_name(endpoint: &settings::Endpoint) -> &'static str {
    // Both kinds of Azure endpoint serve this API under the same route; on loopback it is some OpenAI-style server.
    if endpoint.loopback { "openai" } else { "azure.ai.openai" }
}
