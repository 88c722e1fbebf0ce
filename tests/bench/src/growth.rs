//! Part `growth`: the cost of an event, from short answers to long ones, small events to large ones, one stream to
//! thousands.

use std::time::Duration;

use bench_events::event::MIN_TEXT;

use crate::load::{Shape, closed_loop};
use crate::peer::Kind;
use crate::run::{Run, progress};
use crate::table::{metric, number};

/// Rounds of this part: it is long, and looks for lines that bend, not for percents.
pub(crate) const ROUNDS: u32 = 3;

const LENGTHS: [u32; 5] = [10, 100, 1000, 10_000, 100_000];
/// Bytes of text, and events in an answer.
const SIZES: [(u32, u32); 4] = [(MIN_TEXT, 500), (500, 500), (4096, 200), (65_536, 32)];
const STREAMS: [u32; 6] = [1, 16, 64, 256, 1000, 5000];
/// Events of an answer when thousands come at once.
const EVENTS: u32 = 200;

/// One round.
pub(crate) async fn growth(run: &mut Run) -> Result<(), String> {
    let quick = run.quick;
    let plain = Shape::plain(4, EVENTS);
    for events in LENGTHS.into_iter().filter(|events| !quick || [10, 1000].contains(events)) {
        let name = format!("4 streams, answers of {} events", number(f64::from(events)));
        measure(run, &name, Shape { events, ..plain }, metric::BY_LENGTH).await;
    }
    for (text, events) in SIZES.into_iter().filter(|(text, _)| !quick || [MIN_TEXT, 4096].contains(text)) {
        let name = format!("16 streams, texts of {} bytes", number(f64::from(text)));
        measure(run, &name, Shape { streams: 16, events, text, ..plain }, metric::BY_SIZE).await;
    }
    for streams in STREAMS.into_iter().filter(|streams| !quick || [16, 256].contains(streams)) {
        let name = if streams == 1 { "1 stream".to_owned() } else { format!("{} streams", number(f64::from(streams))) };
        measure(run, &name, Shape { streams, ..plain }, metric::BY_STREAMS).await;
    }
    Ok(())
}

async fn measure(run: &mut Run, scenario: &str, shape: Shape, metric: &'static str) {
    let (warm_up, window) = if run.quick { (100, 250) } else { (300, 1000) };
    let (warm_up, window) = (Duration::from_millis(warm_up), Duration::from_millis(window));
    for at in 0..run.peers.len() {
        let Some((peer, running)) = run.peer(at) else { continue };
        if matches!(peer.kind, Kind::Direct | Kind::Quart { .. }) {
            continue;
        }
        let name = peer.name.clone();
        match closed_loop(peer, running, &run.upstream, shape, warm_up, window).await {
            Ok(got) => {
                run.answers += got.answers;
                let each = got.used.relay / got.events;
                run.results.add(scenario, metric, &name, each * 1e6, got.used.other);
                if metric == metric::BY_SIZE {
                    let bytes = f64::from(shape.text + 503);
                    run.results.add(scenario, metric::PER_BYTE, &name, each * 1e9 / bytes, got.used.other);
                }
                progress(scenario, &name, &format!("{:.2} µs an event", each * 1e6), got.used.other);
            }
            Err(error) => run.failed(&name, scenario, &error),
        }
    }
    run.upstream.answers.clear();
}
