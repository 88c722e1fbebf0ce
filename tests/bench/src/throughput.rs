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

/// One round of unpaced streams.
pub(crate) async fn throughput(run: &mut Run) -> Result<(), String> {
    let (warm_up, window) = if run.quick {
        (Duration::from_millis(100), Duration::from_millis(300))
    } else {
        (Duration::from_millis(300), Duration::from_millis(1200))
    };
    for load in LOADS {
        let (streams, batch) = load;
        let shape = Shape { batch, ..Shape::plain(streams, EVENTS) };
        for at in 0..run.peers.len() {
            let Some((peer, running)) = run.peer(at) else { continue };
            let got = closed_loop(peer, running, &run.upstream, shape, warm_up, window).await;
            let name = peer.name.clone();
            let got = match got {
                Ok(got) => got,
                Err(error) => {
                    run.failed(&name, &load_name(load), &error);
                    continue;
                }
            };
            keep(run, &name, &load_name(load), &got);
        }
    }
    run.upstream.answers.clear();
    Ok(())
}

/// One round of paced streams.
pub(crate) async fn pace(run: &mut Run) -> Result<(), String> {
    let window = if run.quick { Duration::from_millis(1000) } else { Duration::from_millis(3000) };
    for pace in PACES {
        let (streams, interval) = pace;
        for at in 0..run.peers.len() {
            let Some((peer, running)) = run.peer(at) else { continue };
            let got = paced(peer, running, &run.upstream, streams, interval, window).await;
            let name = peer.name.clone();
            let got = match got {
                Ok(got) => got,
                Err(error) => {
                    run.failed(&name, &pace_name(pace), &error);
                    run.settle().await;
                    continue;
                }
            };
            keep_paced(run, &name, pace, &got);
        }
    }
    Ok(())
}

/// Keeps what a closed loop gave.
pub(crate) fn keep(run: &mut Run, name: &str, scenario: &str, got: &Throughput) {
    run.answers += got.answers;
    let used = got.used;
    run.results.add(scenario, metric::RATE, name, got.events / used.seconds, used.other);
    run.results.add(scenario, metric::HARNESS, name, used.harness / used.seconds, used.other);
    if used.relay > 0.0 {
        run.results.add(scenario, metric::CPU, name, used.relay / got.events * 1e6, used.other);
        run.results.add(scenario, metric::BUSY, name, used.relay / used.seconds, used.other);
    }
    progress(
        scenario,
        name,
        &format!("{:.0} events/s, {:.2} µs an event", got.events / used.seconds, used.relay / got.events * 1e6),
        used.other,
    );
}

/// Keeps what paced streams gave.
pub(crate) fn keep_paced(run: &mut Run, name: &str, pace: (u32, Duration), got: &Paced) {
    run.answers += u64::from(pace.0);
    let scenario = pace_name(pace);
    let used = got.used;
    #[expect(clippy::cast_precision_loss, reason = "events of some seconds")]
    let events = got.events as f64;
    if events < got.due * 0.97 {
        run.notes.push(format!("{name} at {scenario}: only {:.0} % of the events came in time; it cannot keep up, or the harness could not", events / got.due * 100.0));
    }
    let (p50, p99) = (got.quantile(0.5), got.quantile(0.99));
    run.results.add(&scenario, metric::P50, name, p50, used.other);
    run.results.add(&scenario, metric::P99, name, p99, used.other);
    run.results.add(&scenario, metric::HARNESS, name, used.harness / used.seconds, used.other);
    if used.relay > 0.0 {
        run.results.add(&scenario, metric::CPU, name, used.relay / events * 1e6, used.other);
        run.results.add(&scenario, metric::BUSY, name, used.relay / used.seconds, used.other);
    }
    progress(
        &scenario,
        name,
        &format!("p50 {p50:.0} µs, p99 {p99:.0} µs, {:.2} µs an event", used.relay / events * 1e6),
        used.other,
    );
}
