//! Part `gateways`: what a user would pick instead, in cost and in what its clients are told.
//!
//! Other gateways speak OpenAI's API to their clients, so this program is measured by that surface too.

mod outcome;
mod reader;
mod script;
mod told;

use std::time::Duration;

use bench_events::event::Form;

use crate::arguments::Arguments;
use crate::load::{Shape, closed_loop};
use crate::paced::paced;
use crate::peer::{Kind, Peer, Running};
use crate::run::{OURS, Run};
use crate::throughput::{load_name, pace_name, record_load, record_pace};
use crate::{litellm, memory, portkey, start};

/// Columns of the tables.
pub(crate) const OPENAI: &str = "ours, OpenAI";
pub(crate) const PORTKEY: &str = "portkey";
pub(crate) const LITELLM: &str = "litellm";

/// Streams at once, unpaced.
const STREAMS: [u32; 3] = [1, 16, 64];
/// Events of an answer: few, since what takes 600 µs for each must come to its end.
const EVENTS: u32 = 200;
/// Streams at once and time between events: what the others hold, and what the slowest does.
const PACES: [(u32, Duration); 2] = [(100, Duration::from_millis(20)), (20, Duration::from_millis(50))];
/// Longest time for one pace. Who has not passed on by then what came in three seconds cannot keep up.
const OVER_WITHIN: Duration = Duration::from_secs(45);
/// Open streams at each look, and those that a slow gateway can open in time.
const OPEN: [u32; 2] = [100, 1000];
const FEW_OPEN: [u32; 1] = [100];
/// Rounds of starts and memory, which vary little.
const START_ROUNDS: u32 = 2;

/// The whole part: all gateways run, and are measured in turn.
pub(crate) async fn gateways(run: &mut Run, arguments: &Arguments) -> Result<(), String> {
    let peers = peers(run, arguments);
    let relays: Vec<&Peer> = peers.iter().filter(|peer| !matches!(peer.kind, Kind::Direct)).collect();
    run.told = told::told(run, &relays).await?;
    for _ in 0..run.rounds.min(START_ROUNDS) {
        for peer in &relays {
            start::of(run, peer).await;
            let open: &[u32] = if peer.is_slow() { &FEW_OPEN } else { &OPEN };
            if let Err(error) = memory::relay(run, peer, open).await {
                run.failed(&peer.name, "memory", &error);
            }
            run.settle().await;
        }
    }
    let mut running = Vec::new();
    for peer in &peers {
        match peer.start().await {
            Ok(started) => running.push((peer, started)),
            Err(error) => run.failed(&peer.name, "start", &error),
        }
    }
    let mut saturated = Vec::new();
    for _ in 0..run.rounds {
        for streams in STREAMS {
            for (peer, running) in &running {
                unpaced(run, peer, running, streams).await;
            }
        }
        for pace in PACES {
            for (peer, running) in &running {
                if !saturated.contains(&(&peer.name, pace)) && !at_a_pace(run, peer, running, pace).await {
                    saturated.push((&peer.name, pace));
                }
            }
        }
    }
    run.upstream.answers.clear();
    Ok(())
}

/// The run's relays, this program by its other surface, and the gateways that can be had.
fn peers(run: &mut Run, arguments: &Arguments) -> Vec<Peer> {
    let mut peers: Vec<Peer> =
        run.peers.iter().filter(|peer| !matches!(peer.kind, Kind::Quart { .. })).cloned().collect();
    let at = peers.iter().position(|peer| peer.name == OURS);
    if let Some((at, mut openai)) = at.and_then(|at| Some((at, peers.get(at)?.clone()))) {
        if let Kind::Ours { answers, .. } = &mut openai.kind {
            *answers = Form::Chunks;
        }
        OPENAI.clone_into(&mut openai.name);
        peers.insert(at, openai);
    }
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let mut add = |run: &mut Run, name: &str, version: String, kind: Kind| {
        run.versions.push(version);
        let (folder, cpus, upstream) = (arguments.folder.clone(), run.cpus, run.upstream.address());
        peers.push(Peer { name: name.to_owned(), kind, folder, cpus, upstream, trusted: None });
    };
    if wanted(PORTKEY) {
        match portkey::install(&arguments.folder.join("portkey")) {
            Ok(program) => add(run, PORTKEY, portkey::version(), Kind::Portkey { program }),
            Err(why) => run.notes.push(format!("skipped: Portkey's gateway: {why}")),
        }
    }
    if wanted(LITELLM) {
        match litellm::install(&arguments.folder.join("litellm-venv")) {
            Ok(python) => add(run, LITELLM, litellm::version(&python), Kind::LiteLlm { python }),
            Err(why) => run.notes.push(format!("skipped: LiteLLM's proxy: {why}")),
        }
    }
    peers
}

async fn unpaced(run: &mut Run, peer: &Peer, running: &Running, streams: u32) {
    let scenario = load_name((streams, 1));
    // A slow one spends a window on a few answers' beginnings, if that is short.
    let (warm_up, window) = match (run.quick, peer.is_slow()) {
        (true, _) => (100, 300),
        (false, false) => (300, 1500),
        (false, true) => (300, 6000),
    };
    let (warm_up, window) = (Duration::from_millis(warm_up), Duration::from_millis(window));
    let got = closed_loop(peer, running, &run.upstream, Shape::plain(streams, EVENTS), warm_up, window).await;
    record_load(run, &scenario, &peer.name, got);
}

/// Whether it held: who does not is not asked again.
async fn at_a_pace(run: &mut Run, peer: &Peer, running: &Running, pace: (u32, Duration)) -> bool {
    let window = Duration::from_millis(if run.quick { 1000 } else { 3000 });
    let measured = paced(peer, running, &run.upstream, pace.0, pace.1, window);
    let saturated = || Err(format!("saturated: not over within {} s", OVER_WITHIN.as_secs()));
    let got = tokio::time::timeout(OVER_WITHIN, measured).await.unwrap_or_else(|_| saturated());
    let held = record_pace(run, &pace_name(pace), &peer.name, pace.0, got);
    if !held {
        run.settle().await;
    }
    held
}
