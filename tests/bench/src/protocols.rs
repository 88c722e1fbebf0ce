//! Part `protocols`: what an event costs by what upstream speaks, and by whom the answer is written for.

use std::time::Duration;

use bench_events::dialect::Dialect;
use bench_events::event::Form;

use crate::load::{Shape, closed_loop};
use crate::peer::{Kind, Peer};
use crate::run::{Run, progress};
use crate::table::metric;

/// Streams at once, and events in an answer.
const STREAMS: u32 = 16;
const EVENTS: u32 = 500;

/// What is measured: its name, what upstream speaks, and the form in which this program answers.
pub(crate) const WAYS: [(&str, Dialect, Form); 5] = [
    ("chat completions", Dialect::Chat, Form::Lines),
    ("chat completions, padded", Dialect::ChatPadded, Form::Lines),
    ("Responses API", Dialect::Responses, Form::Lines),
    ("Responses API, padded", Dialect::ResponsesPadded, Form::Lines),
    ("chat completions, for an OpenAI client", Dialect::Chat, Form::Chunks),
];

/// All rounds: a relay for each way, all of them started, then measured in turn.
pub(crate) async fn protocols(run: &mut Run, rounds: u32) -> Result<(), String> {
    let (warm_up, window) = if run.quick { (100, 300) } else { (300, 1200) };
    let (warm_up, window) = (Duration::from_millis(warm_up), Duration::from_millis(window));
    let mut relays = Vec::new();
    for way in WAYS {
        for peer in run.peers.iter().filter_map(|peer| relay(peer, way)) {
            let running = peer.start().await?;
            relays.push((way, peer, running));
        }
    }
    for _ in 0..rounds {
        for ((name, dialect, _), peer, running) in &relays {
            let shape = Shape { dialect: *dialect, ..Shape::plain(STREAMS, EVENTS) };
            match closed_loop(peer, running, &run.upstream, shape, warm_up, window).await {
                Ok(got) => {
                    run.answers += got.answers;
                    let each = got.used.relay / got.events * 1e6;
                    run.results.add(name, metric::BY_PROTOCOL, &peer.name, each, got.used.other);
                    progress(name, &peer.name, &format!("{each:.2} µs an event"), got.used.other);
                }
                Err(error) => run.failed(&peer.name, name, &error),
            }
        }
    }
    run.upstream.answers.clear();
    Ok(())
}

/// The relay that goes this way, if there is a difference between ways for it.
fn relay(peer: &Peer, (_, dialect, form): (&str, Dialect, Form)) -> Option<Peer> {
    let mut peer = peer.clone();
    match &mut peer.kind {
        Kind::Ours { environment, answers, .. } => {
            *answers = form;
            if dialect.is_responses() {
                environment.push(("AZURE_INFERENCE_API".to_owned(), "responses".to_owned()));
            }
            Some(peer)
        }
        Kind::Floor { reads: false, .. } | Kind::Nginx { .. } if form == Form::Lines => Some(peer),
        _ => None,
    }
}
