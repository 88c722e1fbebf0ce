//! Part `threads`: this program with one worker thread and with two: on one CPU, on both, and under a quota of 0.25 CPU.

use std::time::Duration;

use crate::arguments::Streams;
use crate::load::closed_loop;
use crate::paced::paced;
use crate::peer::{Kind, Peer, Running};
use crate::quota::Quota;
use crate::run::{OURS, Run};
use crate::table::metric;
use crate::throughput::{load_name, load_shape, pace_name, pace_window, record_load, record_pace, windows};

/// The columns, and tokio's own setting.
pub(crate) const COLUMNS: [&str; 2] = ["1 thread", "2 threads"];
const SETTING: &str = "TOKIO_WORKER_THREADS";

/// Streams at once, an event a write.
const LOADS: [(u32, u32); 2] = [(16, 1), (64, 1)];
/// Streams at once, and time between the events of one.
const PACE: (u32, Duration) = (50, Duration::from_millis(20));

/// Where the relay may run.
const PLACES: [(&str, bool, bool); 3] =
    [("one CPU", false, false), ("both CPUs", true, false), ("both CPUs, quota of 0.25", true, true)];

struct Relay {
    place: &'static str,
    peer: Peer,
    running: Running,
    /// Behind the processes that it holds, so that it is dropped when they have ended.
    quota: Option<Quota>,
}

/// All rounds: a relay for each place and number of threads, all of them started, then measured in turn.
pub(crate) async fn threads(run: &mut Run, rounds: u32) -> Result<(), String> {
    let Some(ours) = run.peers.iter().find(|peer| peer.name == OURS).cloned() else { return Ok(()) };
    let mut relays = Vec::new();
    for (at, (place, shared, limited)) in PLACES.into_iter().enumerate() {
        for (threads, name) in (1..).zip(COLUMNS) {
            let mut peer = ours.clone();
            let Kind::Ours { environment, .. } = &mut peer.kind else { continue };
            environment.push((SETTING.to_owned(), threads.to_string()));
            name.clone_into(&mut peer.name);
            if let Some(cpus) = &mut peer.cpus {
                cpus.shared = shared;
            }
            let quota = if limited {
                match Quota::quarter(&format!("{at}-{threads}")) {
                    Ok(quota) => Some(quota),
                    Err(why) => {
                        run.notes.push(format!("skipped: the quota of CPU: {why}"));
                        continue;
                    }
                }
            } else {
                None
            };
            let running = peer.start().await?;
            if let Some(quota) = &quota {
                quota.hold(&running.tree())?;
            }
            relays.push(Relay { place, peer, running, quota });
        }
    }
    for _ in 0..rounds {
        round(run, &relays).await;
    }
    run.upstream.answers.clear();
    Ok(())
}

async fn round(run: &mut Run, relays: &[Relay]) {
    let (warm_up, window) = windows(run.quick);
    let calm = run.streams == Streams::Paced;
    for load in LOADS.into_iter().filter(|_| !calm) {
        for Relay { place, peer, running, .. } in relays {
            let got = closed_loop(peer, running, &run.upstream, load_shape(load), warm_up, window).await;
            record_load(run, &format!("{place}, {}", load_name(load)), &peer.name, got);
        }
    }
    let (streams, interval) = PACE;
    for Relay { place, peer, running, quota } in relays {
        let scenario = format!("{place}, {}", pace_name(PACE));
        let before = quota.as_ref().map(Quota::periods);
        let got = paced(peer, running, &run.upstream, streams, interval, pace_window(run.quick)).await;
        if !record_pace(run, &scenario, &peer.name, streams, got) {
            run.settle().await;
        }
        if let Some(([all, used_up], [all_before, used_up_before])) = quota.as_ref().map(Quota::periods).zip(before) {
            let share = (used_up - used_up_before) / (all - all_before).max(1.0) * 100.0;
            run.results.add(&scenario, metric::THROTTLED, &peer.name, share, 0.0);
        }
    }
}
