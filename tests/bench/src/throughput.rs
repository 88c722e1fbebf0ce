//! Part `throughput`, `paced`: what an event costs, and how much later it comes.

use std::time::Duration;

use crate::load::{Shape, Throughput, closed_loop};
use crate::paced::{Paced, paced};
use crate::run::{Run, progress};
use crate::table::metric;

/// Events in an answer.
const EVENTS: u32 = 500;
/// Streams at once, and events a write.
pub(crate) const LOADS: [(u32, u32); 4] = [(1, 1), (16, 1), (64, 1), (16, 16)];
/// Streams at once, and time between the events of one. The second is a rate that upstream and load generator can hold
/// on one CPU.
pub(crate) const PACES: [(u32, Duration); 2] = [(100, Duration::from_millis(20)), (1000, Duration::from_millis(100))];

/// What a load is called in tables.
pub(crate) fn load_name((streams, batch): (u32, u32)) -> String {
    let streams = if streams == 1 { "1 stream".to_owned() } else { format!("{streams} streams") };
    if batch == 1 { streams } else { format!("{streams}, {batch} events a write") }
}

/// What a pace is called in tables.
pub(crate) fn pace_name((streams, interval): (u32, Duration)) -> String {
    format!("{streams} × {:.0}/s", 1.0 / interval.as_secs_f64())
}

/// How long a load is measured: a warm-up, and the window behind it.
pub(crate) fn windows(quick: bool) -> (Duration, Duration) {
    let (warm_up, window) = if quick { (100, 300) } else { (300, 1200) };
    (Duration::from_millis(warm_up), Duration::from_millis(window))
}

/// How long a pace is measured.
pub(crate) fn pace_window(quick: bool) -> Duration {
    Duration::from_millis(if quick { 1000 } else { 3000 })
}

/// What is asked for at a load.
pub(crate) fn load_shape((streams, batch): (u32, u32)) -> Shape {
    Shape { batch, ..Shape::plain(streams, EVENTS) }
}

/// One round of unpaced streams.
pub(crate) async fn throughput(run: &mut Run) -> Result<(), String> {
    let (warm_up, window) = windows(run.quick);
    for load in LOADS {
        for at in 0..run.peers.len() {
            let Some((peer, running)) = run.peer(at) else { continue };
            let got = closed_loop(peer, running, &run.upstream, load_shape(load), warm_up, window).await;
            let name = peer.name.clone();
            record_load(run, &load_name(load), &name, got);
        }
    }
    run.upstream.answers.clear();
    Ok(())
}

/// Notes what a load gave.
pub(crate) fn record_load(run: &mut Run, scenario: &str, name: &str, got: Result<Throughput, String>) {
    let got = match got {
        Ok(got) => got,
        Err(error) => return run.failed(name, scenario, &error),
    };
    run.answers += got.answers;
    let used = got.used;
    run.results.add(scenario, metric::RATE, name, got.events / used.seconds, used.other);
    run.results.add(scenario, metric::HARNESS, name, used.harness / used.seconds, used.other);
    if used.relay > 0.0 {
        run.results.add(scenario, metric::CPU, name, used.relay / got.events * 1e6, used.other);
        run.results.add(scenario, metric::BUSY, name, used.relay / used.seconds, used.other);
    }
    let (rate, each) = (got.events / used.seconds, used.relay / got.events * 1e6);
    progress(scenario, name, &format!("{rate:.0} events/s, {each:.2} µs an event"), used.other);
}

/// One round of paced streams.
pub(crate) async fn pace(run: &mut Run) -> Result<(), String> {
    let window = pace_window(run.quick);
    for pace in PACES {
        let (streams, interval) = pace;
        for at in 0..run.peers.len() {
            let Some((peer, running)) = run.peer(at) else { continue };
            let got = paced(peer, running, &run.upstream, streams, interval, window).await;
            let name = peer.name.clone();
            if !record_pace(run, &pace_name(pace), &name, streams, got) {
                run.settle().await;
            }
        }
    }
    Ok(())
}

/// Notes what a pace gave; whether it gave anything.
pub(crate) fn record_pace(run: &mut Run, scenario: &str, name: &str, streams: u32, got: Result<Paced, String>) -> bool {
    let got = match got {
        Ok(got) => got,
        Err(error) => {
            run.failed(name, scenario, &error);
            return false;
        }
    };
    run.answers += u64::from(streams);
    let used = got.used;
    #[expect(clippy::cast_precision_loss, reason = "events of some seconds")]
    let events = got.events as f64;
    if events < got.due * 0.97 {
        let came = events / got.due * 100.0;
        run.notes.push(format!(
            "{name} at {scenario}: only {came:.0} % of the events came in time; it cannot keep up, or the harness could not"
        ));
    }
    let (p50, p99) = (got.quantile(0.5), got.quantile(0.99));
    run.results.add(scenario, metric::P50, name, p50, used.other);
    run.results.add(scenario, metric::P99, name, p99, used.other);
    run.results.add(scenario, metric::HARNESS, name, used.harness / used.seconds, used.other);
    if used.relay > 0.0 {
        run.results.add(scenario, metric::CPU, name, used.relay / events * 1e6, used.other);
        run.results.add(scenario, metric::BUSY, name, used.relay / used.seconds, used.other);
    }
    let each = used.relay / events * 1e6;
    progress(scenario, name, &format!("p50 {p50:.0} µs, p99 {p99:.0} µs, {each:.2} µs an event"), used.other);
    true
}
