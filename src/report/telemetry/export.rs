//! Sends items to Application Insights: over the program's own HTTP client, with the identity's token, within limits;
//! and counts what is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use opentelemetry_application_insights::Exporter;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Handle;
use url::Url;

use super::waiting::Waiting;
use crate::error::causes;
use crate::token::TokenProvider;

/// Time for one request with items, its token included.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// An answer is read this far; it names at most each item of a batch.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The HTTP client under the exporter.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    client: reqwest::Client,
    tokens: Option<TokenProvider>,
    endpoint: Url,
    runtime: Handle,
}

impl Sender {
    /// Must be called within the runtime.
    pub(super) fn new(client: reqwest::Client, tokens: Option<TokenProvider>, endpoint: Url) -> Self {
        Self { client, tokens, endpoint, runtime: Handle::current() }
    }

    /// Sends once, and again with another token if this one was refused.
    async fn send(&self, items: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut url = self.endpoint.clone();
        // The exporter makes every address an https one, also that of a recorder on loopback.
        url.set_path(items.uri().path());
        let mut fresh = false;
        loop {
            let mut request = self.client.post(url.clone()).headers(items.headers().clone()).body(items.body().clone());
            let authorization = match &self.tokens {
                Some(tokens) => {
                    Some(tokens.authorization().await.map_err(|error| error.cause().unwrap_or_default().to_owned())?)
                }
                None => None,
            };
            if let Some(authorization) = &authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let answer = request.send().await.map_err(|error| causes(&error.without_url()))?;
            if answer.status() == StatusCode::UNAUTHORIZED
                && !std::mem::replace(&mut fresh, true)
                && let (Some(tokens), Some(authorization)) = (&self.tokens, &authorization)
            {
                tokens.reject(authorization);
                continue;
            }
            let status = answer.status();
            let body = Limited::new(http::Response::from(answer).into_body(), MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| causes(&*error))?.to_bytes();
            return Ok(Response::builder().status(status).body(body)?);
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, items: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let this = self.clone();
        // The exporters' threads are no part of the runtime, and the client needs it.
        let sent = self.runtime.spawn(async move { tokio::time::timeout(SEND_TIMEOUT, this.send(items)).await });
        sent.await?.map_err(|_| format!("no answer within {} s", SEND_TIMEOUT.as_secs()))?
    }
}

/// Items that could not be sent.
#[derive(Debug, Default)]
pub(super) struct Losses {
    count: AtomicU64,
    losing: AtomicBool,
}

impl Losses {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes note of an item for which there is no room: too many wait already. Logged as the loss of a batch is.
    pub(super) fn no_room(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if !self.losing.swap(true, Ordering::Relaxed) {
            tracing::warn!(cause = "too many items wait to be sent", "telemetry is being lost");
        }
    }

    /// Takes note of a batch. A loss is logged once, until a batch gets through again.
    fn note(&self, items: usize, result: &OTelSdkResult) {
        match result {
            Ok(()) => {
                if self.losing.swap(false, Ordering::Relaxed) {
                    tracing::info!(lost = self.count(), "telemetry gets through again");
                }
            }
            Err(error) => {
                self.count.fetch_add(u64::try_from(items).unwrap_or(u64::MAX), Ordering::Relaxed);
                if !self.losing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(cause = %error, "telemetry is being lost");
                }
            }
        }
    }
}

/// An exporter whose losses are counted.
#[derive(Debug)]
pub(super) struct Counted {
    exporter: Exporter<Sender>,
    losses: Arc<Losses>,
    /// Where its items waited; metrics do not wait.
    waited: Option<Arc<Waiting>>,
}

impl Counted {
    pub(super) fn new(exporter: Exporter<Sender>, losses: Arc<Losses>, waited: Option<Arc<Waiting>>) -> Self {
        Self { exporter, losses, waited }
    }

    fn begin(&self, items: usize) {
        if let Some(waited) = &self.waited {
            waited.go(items);
        }
    }
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let items = batch.len();
        self.begin(items);
        let result = SpanExporter::export(&self.exporter, batch).await;
        self.losses.note(items, &result);
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        SpanExporter::set_resource(&mut self.exporter, resource);
    }
}

impl LogExporter for Counted {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let items = batch.iter().count();
        self.begin(items);
        let result = LogExporter::export(&self.exporter, batch).await;
        self.losses.note(items, &result);
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        LogExporter::set_resource(&mut self.exporter, resource);
    }
}

impl PushMetricExporter for Counted {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let items = metrics.scope_metrics().map(|scope| scope.metrics().count()).sum();
        let result = PushMetricExporter::export(&self.exporter, metrics).await;
        self.losses.note(items, &result);
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        PushMetricExporter::force_flush(&self.exporter)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        PushMetricExporter::shutdown_with_timeout(&self.exporter, timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
