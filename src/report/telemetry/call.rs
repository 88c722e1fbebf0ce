//! The spans of calls to others on a request's behalf: each try at upstream, each fetch of a token. In Application
//! Insights they are the request's dependencies.

use http::{HeaderValue, StatusCode};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use url::Url;

use super::{Ending, ModelTag, Outcome, Telemetry};
use crate::error::Code;

/// A call that goes on. Dropped without a word it was given up: by the reader, or by one of the clocks.
#[derive(Debug, Default)]
pub struct Call {
    /// With the call's span; `None` where telemetry is off.
    context: Option<Context>,
}

impl Telemetry {
    /// Begins a try at a deployment, within the current request. `retry` counts from 0, the first try.
    pub(crate) fn call(&self, model: &ModelTag, url: &Url, retry: u32) -> Call {
        let Some(active) = &self.0 else { return Call::default() };
        let mut attributes = model.attributes().to_vec();
        attributes.push(KeyValue::new("http.request.method", "POST"));
        attributes.push(KeyValue::new("url.full", url.to_string()));
        attributes.extend(url.host_str().map(|host| KeyValue::new("server.address", host.to_owned())));
        attributes.extend(url.port_or_known_default().map(|port| KeyValue::new("server.port", i64::from(port))));
        if retry > 0 {
            attributes.push(KeyValue::new("http.request.resend_count", i64::from(retry)));
        }
        Call::begin(active, "chat completion", attributes)
    }

    /// Tells of fetches of tokens: to be called as one begins, within the request that needs it first, and what that
    /// gives as it ends, with the code of its failure.
    pub fn token_fetches(&self) -> impl Fn() -> Box<dyn FnOnce(Option<Code>) + Send> + Send + Sync + use<> {
        let active = self.0.clone();
        move || {
            let Some(active) = active.clone() else { return Box::new(|_| ()) };
            let call = Call::begin(&active, "token", Vec::new());
            Box::new(move |error| {
                let outcome = error.map_or("ok", Code::as_str);
                active.instruments.token_fetches.add(1, &[KeyValue::new("chat.outcome", outcome)]);
                match error {
                    Some(code) => call.failed(code),
                    None => call.set_status(Status::Ok),
                }
            })
        }
    }
}

impl Call {
    /// A call that is not told of.
    pub fn none() -> Self {
        Self::default()
    }

    fn begin(active: &super::Active, name: &'static str, attributes: Vec<KeyValue>) -> Self {
        let current = Context::current();
        let span = active
            .tracer
            .span_builder(name)
            .with_kind(SpanKind::Client)
            .with_attributes(attributes)
            .start_with_context(&active.tracer, &current);
        Self { context: Some(current.with_span(span)) }
    }

    /// The `traceparent` under which the other side is to go on.
    pub(crate) fn traceparent(&self) -> Option<HeaderValue> {
        let context = self.context.as_ref()?.span().span_context().clone();
        let text = format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8() & 1);
        HeaderValue::try_from(text).ok()
    }

    /// The other side answered with this status.
    pub(crate) fn answered(&self, status: StatusCode) {
        let Some(context) = &self.context else { return };
        let span = context.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if !status.is_success() {
            span.set_attribute(KeyValue::new("error.type", status.as_u16().to_string()));
            span.set_status(Status::error(status.as_u16().to_string()));
        }
    }

    /// No answer came that could be used.
    pub(crate) fn failed(&self, code: Code) {
        let Some(context) = &self.context else { return };
        context.span().set_attribute(KeyValue::new("error.type", code.as_str()));
        context.span().set_status(Status::error(code.as_str()));
    }

    fn set_status(&self, status: Status) {
        if let Some(context) = &self.context {
            context.span().set_status(status);
        }
    }

    /// The answer that this call brought has ended.
    pub(super) fn end(&self, ending: &Ending<'_>) {
        let Some(context) = &self.context else { return };
        context.span().set_attributes(ending.attributes());
        match ending.outcome {
            Outcome::Failed(error)
                if matches!(ending.ended_by(), "upstream") || error.code() == Code::UpstreamTimeout =>
            {
                self.failed(error.code());
            }
            // The reader left, or the program had to stop: upstream did nothing wrong.
            Outcome::Done { .. } | Outcome::Failed(_) | Outcome::ClientLeft => self.set_status(Status::Ok),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(context) = &self.context {
            context.span().end();
        }
    }
}
