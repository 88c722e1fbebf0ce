//! Part `cold`: from spawn to the first thought, as it is in Azure: a token that takes its time, TLS to a model that is far.
//!
//! The scenery runs on a thread of its own: nothing that waits here holds it up. Its floor is computed from what it is
//! made of.

mod distance;
mod identity;
mod scenery;
mod service;

use std::time::{Duration, Instant};

use crate::client::Connection;
use crate::peer::{Kind, Peer};
use crate::process::machine_seconds;
use crate::run::{Run, progress};
use crate::start::own_seconds;
use crate::table::metric;
use scenery::Scenery;

/// Starts in a round.
const STARTS: u32 = 10;
/// How long the identity endpoint takes.
pub(crate) const TOKEN: Duration = Duration::from_millis(120);
/// From here to the model's service, and as long back.
pub(crate) const ONE_WAY: Duration = Duration::from_millis(30);
/// When a host that pings before it passes the request on does so, after the spawn.
const PINGED_FOR: Duration = Duration::from_millis(300);

/// Longest time of one cold start.
const ENDED_WITHIN: Duration = Duration::from_secs(30);

const PING: &str = "spawn to first answered ping";
/// When the question comes, with what is timed and which floor that has.
const QUESTIONS: [(Option<Duration>, &str, &str); 2] = [
    (None, "spawn to first line, asked at the ping", "spawn to first thought, asked at the ping"),
    (Some(PINGED_FOR), "question to first line, asked after 300 ms", "question to first thought, asked after 300 ms"),
];
/// What is held to the floor.
pub(crate) const HELD: [&str; 4] = [QUESTIONS[0].1, QUESTIONS[0].2, QUESTIONS[1].1, QUESTIONS[1].2];

/// What must follow on each other: token beside connection (TCP there and back, TLS 1.3 there and back), then the question
/// there and its answer back. Who is asked late has the first behind him.
fn floor(asked: Option<Duration>) -> Duration {
    let back_and_forth = 2 * ONE_WAY;
    let ready = TOKEN.max(2 * back_and_forth);
    ready.saturating_sub(asked.unwrap_or_default()) + back_and_forth
}

/// One round.
pub(crate) async fn cold(run: &mut Run) -> Result<(), String> {
    let folder = run.peers.first().map(|peer| peer.folder.clone()).unwrap_or_default();
    let scenery = Scenery::start(&folder)?;
    let starts = if run.quick { 3 } else { STARTS };
    for peer in run.peers.clone() {
        let Some(peer) = scenery.around(peer) else { continue };
        for (asked, line_name, thought_name) in QUESTIONS {
            let (machine, own, began) = (machine_seconds(), own_seconds(), Instant::now());
            let mut times = Vec::new();
            for _ in 0..starts {
                match tokio::time::timeout(ENDED_WITHIN, once(&peer, asked)).await {
                    Ok(Ok(all)) => times.push(all),
                    Ok(Err(error)) => run.failed(&peer.name, line_name, &error),
                    Err(_) => run.failed(&peer.name, line_name, "no whole answer in time"),
                }
            }
            let other = (machine_seconds() - machine - (own_seconds() - own)).max(0.0) / began.elapsed().as_secs_f64();
            for [ping, line, thought] in &times {
                run.results.add(PING, metric::COLD, &peer.name, *ping, other);
                run.results.add(line_name, metric::COLD, &peer.name, *line, other);
                run.results.add(thought_name, metric::COLD, &peer.name, *thought, other);
            }
            if let Some([_, line, _]) = times.first() {
                progress(line_name, &peer.name, &format!("{line:.1} ms"), other);
            }
        }
    }
    for (asked, line_name, thought_name) in QUESTIONS {
        for name in [line_name, thought_name] {
            run.results.add(name, metric::COLD, FLOOR, milliseconds(floor(asked)), 0.0);
        }
    }
    Ok(())
}

/// The column of the computed floor.
pub(crate) const FLOOR: &str = "floor";

/// How it is computed, for the reader of the table.
pub(crate) fn explained() -> String {
    format!(
        "cold start: token {} ms, model's service {} ms away and as long back, TLS 1.3; the floor is max(token, 2 ways for \
         TCP + 2 ways for TLS) + 2 ways for question and answer = {} ms from the spawn, and {} ms from a question that comes \
         {} ms later; a program that starts in no time would reach it",
        TOKEN.as_millis(),
        ONE_WAY.as_millis(),
        floor(None).as_millis(),
        floor(Some(PINGED_FOR)).as_millis(),
        PINGED_FOR.as_millis(),
    )
}

/// Milliseconds to the ping, the first line and the first thought; the last two from the question if that has its time.
async fn once(peer: &Peer, asked: Option<Duration>) -> Result<[f64; 3], String> {
    let running = peer.start().await?;
    let mut connection = Connection::open(running.address).await?;
    let mut from = running.spawned;
    if let Some(asked) = asked {
        tokio::time::sleep_until((running.spawned + asked).into()).await;
        from = Instant::now();
    }
    let (mut answer, mut line, mut thought) = (Vec::new(), None, None);
    connection
        .ask(service::question(peer.path()).as_bytes(), |bytes| {
            answer.extend_from_slice(bytes);
            let now = from.elapsed();
            if answer.contains(&b'\n') {
                line.get_or_insert(now);
            }
            if memchr::memmem::find(&answer, service::THOUGHT.as_bytes()).is_some() {
                thought.get_or_insert(now);
            }
            Ok(())
        })
        .await?;
    let is_whole = memchr::memmem::find(&answer, b"{\"done\":").is_some();
    match (line, thought) {
        (Some(line), Some(thought)) if is_whole => Ok([running.ping, line, thought].map(milliseconds)),
        _ => Err(format!("answered {}", String::from_utf8_lossy(&answer))),
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Scenery {
    /// This program in the scenery; other relays have no place there.
    fn around(&self, mut peer: Peer) -> Option<Peer> {
        let Kind::Ours { environment, .. } = &mut peer.kind else { return None };
        environment.extend(self.settings());
        Some(peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_what_must_follow_on_each_other() {
        assert_eq!(floor(None), Duration::from_millis(180));
        assert_eq!(floor(Some(Duration::from_millis(100))), Duration::from_millis(80));
        assert_eq!(floor(Some(PINGED_FOR)), Duration::from_millis(60));
    }
}
