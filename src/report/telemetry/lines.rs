//! The log's lines on their way to Application Insights, where they are traces, and failures are exceptions.

use std::time::Duration;

use opentelemetry::logs::{AnyValue, LogRecord as _, Severity};
use opentelemetry::{Context, InstrumentationScope, Key};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord, SdkLoggerProvider};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::request::InvocationId;

/// What is used to send must not tell of itself here: each batch would make the next one.
const SENDERS: [&str; 5] = ["h2", "hyper", "opentelemetry", "reqwest", "rustls"];

pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(
    lines: &SdkLoggerProvider,
) -> impl Layer<S> + Send + Sync + use<S> {
    OpenTelemetryTracingBridge::new(lines).with_filter(filter_fn(is_told))
}

/// This program's own lines, and what libraries warn of.
fn is_told(line: &Metadata<'_>) -> bool {
    let own = line.target().starts_with("reasoning_chat");
    own || (*line.level() <= Level::WARN && !SENDERS.iter().any(|sender| line.target().starts_with(sender)))
}

/// Gives lines what an operator searches by, and leaves out those whose request was left out by sampling.
#[derive(Debug)]
pub(super) struct ForOperators<P> {
    next: P,
}

impl<P> ForOperators<P> {
    pub(super) fn new(next: P) -> Self {
        Self { next }
    }
}

fn text(line: &SdkLogRecord, name: &str) -> Option<String> {
    line.attributes_iter().find(|(key, _)| key.as_str() == name).and_then(|(_, value)| match value {
        AnyValue::String(text) => Some(text.to_string()),
        _ => None,
    })
}

fn is_serious(line: &SdkLogRecord) -> bool {
    line.severity_number().is_some_and(|severity| severity >= Severity::Warn)
}

/// Whether the line belongs to a request whose span is not sent.
fn is_sampled_out(line: &SdkLogRecord) -> bool {
    let flags = line.trace_context().and_then(|context| context.trace_flags);
    flags.is_some_and(|flags| !flags.is_sampled()) && !is_serious(line)
}

fn describe(line: &mut SdkLogRecord) {
    let of_context = || Context::current().get::<InvocationId>().map(|id| id.0.clone());
    if let Some(id) = text(line, "request_id").or_else(of_context) {
        line.add_attribute(Key::new("InvocationId"), AnyValue::from(id));
    }
    let body = line.body().and_then(|body| match body {
        AnyValue::String(text) => Some(text.to_string()),
        _ => None,
    });
    let is_error = line.severity_number().is_some_and(|severity| severity >= Severity::Error);
    let outcome = text(line, "outcome").filter(|_| is_serious(line));
    if let Some(kind) = outcome.or_else(|| is_error.then(|| "error".to_owned())) {
        let message = text(line, "cause").or(body).unwrap_or_default();
        line.add_attribute(Key::new("exception.type"), AnyValue::from(kind));
        line.add_attribute(Key::new("exception.message"), AnyValue::from(message));
    }
}

impl<P: LogProcessor> LogProcessor for ForOperators<P> {
    fn emit(&self, line: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if !is_sampled_out(line) {
            describe(line);
            self.next.emit(line, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}
