//! Bounds what waits to be sent, and counts what does not fit.
//!
//! The library's own queues are bounded as well, but say only at the program's end how much they dropped: an outage in which
//! nothing is answered looked like none, since the items were lost here and no batch failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::export::Losses;

/// Items that wait, of one kind.
#[derive(Debug)]
pub(super) struct Waiting {
    bound: usize,
    count: AtomicUsize,
    losses: Arc<Losses>,
}

impl Waiting {
    /// None yet, and never more than `bound`.
    pub(super) fn new(bound: usize, losses: &Arc<Losses>) -> Arc<Self> {
        Arc::new(Self { bound, count: AtomicUsize::new(0), losses: Arc::clone(losses) })
    }

    /// Whether one more may wait. If not, it is lost, which is counted.
    fn comes(&self) -> bool {
        let fits = |count: usize| (count < self.bound).then_some(count + 1);
        let has_room = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if !has_room {
            self.losses.no_room();
        }
        has_room
    }

    /// So many no longer wait: they are being sent.
    pub(super) fn go(&self, items: usize) {
        let _ =
            self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| Some(count.saturating_sub(items)));
    }
}

/// A processor to which comes only what has room.
#[derive(Debug)]
pub(super) struct Bounded<P> {
    next: P,
    waiting: Arc<Waiting>,
}

impl<P> Bounded<P> {
    pub(super) fn new(next: P, waiting: Arc<Waiting>) -> Self {
        Self { next, waiting }
    }
}

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.comes() {
            self.next.on_end(span);
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

impl<P: LogProcessor> LogProcessor for Bounded<P> {
    fn emit(&self, line: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.waiting.comes() {
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
