//! The span of one chat request, and what is said of it when it ends.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, TraceId, Tracer as _};
use opentelemetry::{Array, Context, ContextGuard, KeyValue, StringValue, Value};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;

use super::{Active, Call, ModelTag, Telemetry};
use crate::error::{ChatError, Code};

/// The request's place in the caller's trace, and its own span where telemetry is on.
#[derive(Debug, Default)]
pub struct Trace {
    telemetry: Telemetry,
    /// With the request's span, or the caller's.
    context: Context,
    /// What the caller sent, for upstream where telemetry is off.
    traceparent: Option<HeaderValue>,
}

/// How a turn ended.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    pub(crate) outcome: Outcome<'a>,
    /// The HTTP status that the client got, or 499 where it left before there was one.
    pub(crate) status: u16,
    /// Whether upstream was asked.
    pub(crate) asked: bool,
    /// The deployment that answered, or was asked first.
    pub(crate) model: &'a ModelTag,
    pub(crate) elapsed: Duration,
    pub(crate) first_token: Option<Duration>,
    pub(crate) events: u64,
}

/// The three ways.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome<'a> {
    Done {
        finish_reason: &'a str,
        input_tokens: Option<u64>,
        output_tokens: Option<u64>,
        reasoning_tokens: Option<u64>,
        /// What became of the model's thoughts, by its name on the wire.
        thoughts: &'static str,
    },
    Failed(&'a ChatError),
    ClientLeft,
}

/// The host's id of the call, for every line that is logged within it.
#[derive(Debug)]
pub(super) struct InvocationId(pub(super) String);

impl Telemetry {
    /// Begins the request's span as a child of the caller's.
    pub fn request(&self, headers: &HeaderMap, method: &http::Method, route: &str, request_id: &str) -> Trace {
        let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
        let context = match &self.0 {
            None => caller,
            Some(active) => {
                let attributes = [
                    KeyValue::new("http.request.method", method.to_string()),
                    KeyValue::new("http.route", route.to_owned()),
                    KeyValue::new("url.path", route.to_owned()),
                    // The host's name for it: the portal finds an invocation's items by this.
                    KeyValue::new("InvocationId", request_id.to_owned()),
                ];
                let span = active
                    .tracer
                    .span_builder("chat")
                    .with_kind(SpanKind::Server)
                    .with_attributes(attributes)
                    .start_with_context(&active.tracer, &caller);
                caller.with_span(span).with_value(InvocationId(request_id.to_owned()))
            }
        };
        Trace { telemetry: self.clone(), context, traceparent: traceparent(headers) }
    }
}

impl Trace {
    /// A request that is in no trace and is not told of.
    pub fn none() -> Self {
        Self::default()
    }

    /// The context for work on this request's behalf.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }

    /// Until the guard is dropped, log lines belong to this request.
    pub(crate) fn enter(&self) -> ContextGuard {
        self.context.clone().attach()
    }

    /// The trace's id, in hexadecimal.
    pub(crate) fn id(&self) -> Option<TraceId> {
        let id = self.context.span().span_context().trace_id();
        (id != TraceId::INVALID).then_some(id)
    }

    /// The caller's own `traceparent`.
    pub(crate) fn traceparent(&self) -> Option<HeaderValue> {
        self.traceparent.clone()
    }

    /// Ends the span, and the one of the call to upstream that answered it; counts the turn.
    pub(crate) fn end(&self, call: Option<Call>, ending: &Ending<'_>) {
        let Some(active) = &self.telemetry.0 else { return };
        let span = self.context.span();
        span.set_attributes(ending.model.attributes().iter().cloned());
        span.set_attributes(ending.attributes());
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(ending.status)));
        span.set_status(ending.span_status());
        span.end();
        if let Some(call) = call {
            call.end(ending);
        }
        active.count(ending);
    }
}

impl Ending<'_> {
    /// `done`, `client_left`, or the error's code; as in the log.
    pub(crate) fn name(&self) -> &'static str {
        match self.outcome {
            Outcome::Done { .. } => "done",
            Outcome::Failed(error) => error.code().as_str(),
            Outcome::ClientLeft => "client_left",
        }
    }

    /// Who ended it: `model`, `client`, `upstream` or `program`.
    pub(super) fn ended_by(&self) -> &'static str {
        match self.outcome {
            Outcome::Done { .. } => "model",
            Outcome::ClientLeft => "client",
            Outcome::Failed(error) => match error.code() {
                Code::RequestTimeout => "client",
                Code::ContentFilter
                | Code::ContextLengthExceeded
                | Code::RateLimited
                | Code::UpstreamAuth
                | Code::UpstreamMisconfigured
                | Code::UpstreamRejected
                | Code::UpstreamError
                | Code::UpstreamProtocol
                | Code::UpstreamTruncated
                    if self.asked =>
                {
                    "upstream"
                }
                _ => "program",
            },
        }
    }

    /// A failure that an operator should hear of: not what a client did wrong, but a used-up quota is one.
    fn span_status(&self) -> Status {
        match self.outcome {
            Outcome::Done { .. } => Status::Ok,
            Outcome::ClientLeft => Status::Unset,
            Outcome::Failed(error) => {
                let code = error.code();
                if code.status().is_client_error() && code != Code::RateLimited {
                    Status::Unset
                } else {
                    Status::error(code.as_str())
                }
            }
        }
    }

    /// What both spans say.
    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes =
            vec![KeyValue::new("chat.outcome", self.name()), KeyValue::new("chat.ended_by", self.ended_by())];
        let mut count = |name: &'static str, count: Option<u64>| {
            attributes.extend(count.map(|count| KeyValue::new(name, i64::try_from(count).unwrap_or(i64::MAX))));
        };
        count("chat.events", Some(self.events));
        match self.outcome {
            Outcome::Done { finish_reason, input_tokens, output_tokens, reasoning_tokens, thoughts } => {
                count("gen_ai.usage.input_tokens", input_tokens);
                count("gen_ai.usage.output_tokens", output_tokens);
                count("gen_ai.usage.reasoning.output_tokens", reasoning_tokens);
                let reasons = Value::Array(Array::String(vec![StringValue::from(finish_reason.to_owned())]));
                attributes.push(KeyValue::new("gen_ai.response.finish_reasons", reasons));
                attributes.push(KeyValue::new("chat.thoughts", thoughts));
            }
            Outcome::Failed(error) => attributes.push(KeyValue::new("error.type", error.code().as_str())),
            Outcome::ClientLeft => {}
        }
        let first = self.first_token.map(|first| first.as_secs_f64());
        attributes.extend(first.map(|first| KeyValue::new("gen_ai.response.time_to_first_chunk", first)));
        attributes
    }
}

impl Active {
    /// Counts the turn, by outcome and by model.
    fn count(&self, ending: &Ending<'_>) {
        let of_model = ending.model.attributes();
        let with = |more: &[KeyValue]| [of_model, more].concat();
        let told = [KeyValue::new("chat.outcome", ending.name()), KeyValue::new("chat.ended_by", ending.ended_by())];
        let instruments = &self.instruments;
        instruments.turns.add(1, &with(&told));
        let error = match ending.outcome {
            Outcome::Failed(error) => vec![KeyValue::new("error.type", error.code().as_str())],
            Outcome::Done { .. } | Outcome::ClientLeft => Vec::new(),
        };
        instruments.duration.record(ending.elapsed.as_secs_f64(), &with(&error));
        if let Some(first) = ending.first_token {
            instruments.first_token.record(first.as_secs_f64(), of_model);
        }
        let Outcome::Done { input_tokens, output_tokens, reasoning_tokens, thoughts, .. } = ending.outcome else {
            return;
        };
        instruments.answers.add(1, &with(&[KeyValue::new("chat.thoughts", thoughts)]));
        if let Some(tokens) = reasoning_tokens {
            instruments.reasoning_tokens.add(tokens, of_model);
        }
        for (kind, count) in [("input", input_tokens), ("output", output_tokens)] {
            if let Some(count) = count {
                instruments.tokens.record(count, &with(&[KeyValue::new("gen_ai.token.type", kind)]));
            }
        }
        if let (Some(first), Some(tokens @ 2..)) = (ending.first_token, output_tokens) {
            let rest = ending.elapsed.saturating_sub(first).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
            instruments.per_token.record(rest / (tokens - 1) as f64, of_model);
        }
    }
}

/// The caller's trace goes on upstream.
fn traceparent(headers: &HeaderMap) -> Option<HeaderValue> {
    let plain = |value: &&HeaderValue| value.len() <= 64 && value.as_bytes().iter().all(u8::is_ascii_graphic);
    let value = headers.get("traceparent").filter(plain)?;
    // Copied: as a part of the request's head it would keep all of that in memory for as long as the answer lasts.
    HeaderValue::from_bytes(value.as_bytes()).ok()
}
