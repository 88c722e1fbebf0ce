//! The metrics. Names and units are OpenTelemetry's conventions for generative AI where they have one; the program's
//! own begin with `chat.`. `docs/telemetry.md` has the table, and a test compares the two.

use opentelemetry::metrics::{Counter, Histogram, Meter};

#[derive(Debug)]
pub(super) struct Instruments {
    /// Turns, by outcome.
    pub(super) turns: Counter<u64>,
    /// A whole turn, from the request to the last line.
    pub(super) duration: Histogram<f64>,
    /// From the request to the model's first token.
    pub(super) first_token: Histogram<f64>,
    /// Between the first token and the end, for each further token.
    pub(super) per_token: Histogram<f64>,
    /// Tokens of one turn, in and out.
    pub(super) tokens: Histogram<u64>,
    /// Whole answers, by what became of the model's thoughts.
    pub(super) answers: Counter<u64>,
    /// Tokens of the thoughts, where upstream counts them; a part of those that go out.
    pub(super) reasoning_tokens: Counter<u64>,
    /// Further tries at upstream.
    pub(super) retries: Counter<u64>,
    /// Deployments that were left for another one.
    pub(super) failovers: Counter<u64>,
    /// Fetches of tokens for upstream.
    pub(super) token_fetches: Counter<u64>,
    /// Requests that were turned away because of a limit of this program's.
    pub(super) shed: Counter<u64>,
}

impl Instruments {
    /// `open_streams` and `lost_items` are asked each time the metrics are reported.
    pub(super) fn new(
        meter: &Meter,
        open_streams: impl Fn() -> usize + Send + Sync + 'static,
        lost_items: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let seconds = |name| meter.f64_histogram(name).with_unit("s").build();
        meter
            .u64_observable_gauge("chat.streams.open")
            .with_unit("{stream}")
            .with_callback(move |gauge| gauge.observe(wide(open_streams()), &[]))
            .build();
        meter
            .u64_observable_counter("chat.telemetry.lost")
            .with_unit("{item}")
            .with_callback(move |counter| counter.observe(lost_items(), &[]))
            .build();
        Self {
            turns: meter.u64_counter("chat.turns").with_unit("{turn}").build(),
            duration: seconds("gen_ai.client.operation.duration"),
            first_token: seconds("gen_ai.server.time_to_first_token"),
            per_token: seconds("gen_ai.server.time_per_output_token"),
            tokens: meter.u64_histogram("gen_ai.client.token.usage").with_unit("{token}").build(),
            answers: meter.u64_counter("chat.answers").with_unit("{answer}").build(),
            reasoning_tokens: meter.u64_counter("chat.reasoning.tokens").with_unit("{token}").build(),
            retries: meter.u64_counter("chat.upstream.retries").with_unit("{retry}").build(),
            failovers: meter.u64_counter("chat.failovers").with_unit("{failover}").build(),
            token_fetches: meter.u64_counter("chat.token.fetches").with_unit("{fetch}").build(),
            shed: meter.u64_counter("chat.shed").with_unit("{request}").build(),
        }
    }
}
