//! What a reader thinks of an answer, as a custom event, and the request that said so.

use http::HeaderMap;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Status, TraceContextExt as _};

use super::Telemetry;
use crate::inbound::verdict::Verdict;

/// What makes a custom event of a span's event, in the exporter's words.
const CUSTOM_EVENT: &str = "ai.custom";
const CUSTOM_EVENT_NAME: &str = "ai.customEvent.name";
/// The event's own name.
const NAME: &str = "feedback";

impl Telemetry {
    /// Tells a verdict once, in the log and in Application Insights: as an event, of a request of its own. The line stands
    /// under the id of the answer that it is about, so that who looks for that one finds the verdict too.
    pub(crate) fn verdict(&self, headers: &HeaderMap, route: &str, request_id: &str, told: &Verdict) {
        let trace = self.request(headers, &http::Method::POST, route, request_id);
        let _within = trace.enter();
        tracing::info!(request_id = told.request_id, verdict = told.verdict, "feedback");
        let context = trace.context();
        let span = context.span();
        let event = [
            KeyValue::new(CUSTOM_EVENT_NAME, NAME),
            KeyValue::new("request_id", told.request_id.clone()),
            KeyValue::new("verdict", told.verdict),
        ];
        span.add_event(CUSTOM_EVENT, event.to_vec());
        span.set_attribute(KeyValue::new("http.response.status_code", 204));
        span.set_status(Status::Ok);
        span.end();
    }
}
