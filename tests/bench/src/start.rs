//! Part `start`: from spawn to the first answered ping, and to the first whole answer.

use nix::sys::resource::{UsageWho, getrusage};

use crate::client::Connection;
use crate::load::{Shape, ask, next_plan};
use crate::peer::{Kind, Peer};
use crate::plan::Mode;
use crate::process::{cpu_seconds, machine_seconds};
use crate::run::{Run, progress};
use crate::table::metric;

/// Starts in a round; of a relay that takes a second, fewer.
const STARTS: u32 = 10;
const SLOW_STARTS: u32 = 2;
/// A short answer, so that it is the start that is timed.
const ANSWER: Shape = Shape::plain(1, 10);

/// One round.
pub(crate) async fn start(run: &mut Run) -> Result<(), String> {
    for peer in run.peers.clone() {
        if !matches!(peer.kind, Kind::Direct) {
            of(run, &peer).await;
        }
    }
    Ok(())
}

/// One relay's starts of a round.
pub(crate) async fn of(run: &mut Run, peer: &Peer) {
    let starts = match peer.kind {
        _ if peer.is_slow() => SLOW_STARTS,
        _ if run.quick => 3,
        _ => STARTS,
    };
    let machine = machine_seconds();
    let (own, asked) = (own_seconds(), std::time::Instant::now());
    let mut times = Vec::new();
    for _ in 0..starts {
        match once(run, peer).await {
            Ok(both) => times.push(both),
            Err(error) => run.failed(&peer.name, "start", &error),
        }
    }
    // Of all starts together: the kernel counts the machine's time in hundredths of a second.
    let other = (machine_seconds() - machine - (own_seconds() - own)).max(0.0) / asked.elapsed().as_secs_f64();
    for (ping, whole) in &times {
        run.results.add("spawn to first answered ping", metric::START, &peer.name, *ping, other);
        run.results.add("spawn to first whole answer", metric::START, &peer.name, *whole, other);
    }
    if let Some((ping, whole)) = times.first() {
        progress("start", &peer.name, &format!("ping after {ping:.1} ms, answer after {whole:.1} ms"), other);
    }
}

/// Milliseconds to the ping and to the answer.
async fn once(run: &Run, peer: &Peer) -> Result<(f64, f64), String> {
    let running = peer.start().await?;
    let mut connection = Connection::open(running.address).await?;
    ask(&mut connection, peer, &run.upstream, next_plan(&ANSWER, Mode::Free), |_| {}).await?;
    Ok((running.ping.as_secs_f64() * 1e3, running.spawned.elapsed().as_secs_f64() * 1e3))
}

/// CPU time of this process and of the relays that it has started and that have ended.
pub(crate) fn own_seconds() -> f64 {
    let seconds = |who| {
        let usage = getrusage(who).ok()?;
        let parts = [usage.user_time(), usage.system_time()];
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a run")]
        let sum = parts.iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum::<f64>();
        Some(sum)
    };
    cpu_seconds(&[std::process::id()]) + seconds(UsageWho::RUSAGE_CHILDREN).unwrap_or_default()
}
