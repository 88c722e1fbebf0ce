//! Part `memory`: idle, and with many streams open that all must end whole.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use crate::client::Connection;
use crate::load::{Shape, ask, next_plan};
use crate::paced::{OPEN_WITHIN, OPENING};
use crate::peer::{Kind, Peer};
use crate::plan::Mode;
use crate::process::memory as memory_of;
use crate::run::{Run, progress};
use crate::table::{metric, number};

/// Open streams at each look.
const STREAMS: [u32; 2] = [1000, 5000];
/// What a held answer has: events before the wait, and after.
const HELD: Shape = Shape::plain(1, 30);
const WHOLE: Shape = Shape { events: 500, ..HELD };
/// Time for buffers to settle.
const SETTLE: Duration = Duration::from_millis(500);
/// When this program has given back what many streams took: it looks every 20 s (`inbound/ebb.rs`).
const EBB: Duration = Duration::from_secs(30);

/// One round: each relay anew.
pub(crate) async fn memory(run: &mut Run) -> Result<(), String> {
    for peer in run.peers.clone() {
        if matches!(peer.kind, Kind::Direct) {
            continue;
        }
        // Quart would take a minute to open them all.
        let few = run.quick || peer.is_slow();
        let [first, _] = STREAMS;
        let streams: &[u32] = if few { &[first] } else { &STREAMS };
        if let Err(error) = relay(run, &peer, streams).await {
            run.failed(&peer.name, "memory", &error);
        }
        run.settle().await;
    }
    Ok(())
}

/// One relay, started anew, with so many streams at each look.
pub(crate) async fn relay(run: &mut Run, peer: &Peer, streams: &[u32]) -> Result<(), String> {
    let running = peer.start().await?;
    let look = || {
        let (resident, proportional) = memory_of(&running.tree());
        (mebibytes(resident), mebibytes(proportional))
    };
    tokio::time::sleep(SETTLE).await;
    let mut looks = vec![("idle, after a ping".to_owned(), look())];
    let mut connection = Connection::open(running.address).await?;
    ask(&mut connection, peer, &run.upstream, next_plan(&WHOLE, Mode::Free), |_| {}).await?;
    drop(connection);
    tokio::time::sleep(SETTLE).await;
    let idle = look();
    looks.push(("idle, after an answer".to_owned(), idle));
    let opening = Rc::new(Semaphore::new(OPENING));
    let local = LocalSet::new();
    let upstream = run.upstream.clone();
    let address = running.address;
    let mut each = Vec::new();
    local
        .run_until(async {
            let mut open: JoinSet<Result<(), String>> = JoinSet::new();
            for streams in streams {
                while open.len() < *streams as usize {
                    let (peer, upstream, opening) = (peer.clone(), upstream.clone(), Rc::clone(&opening));
                    open.spawn_local(async move {
                        let permit = opening.acquire().await.map_err(|error| error.to_string())?;
                        let mut connection = Connection::open(address).await?;
                        drop(permit);
                        ask(&mut connection, &peer, &upstream, next_plan(&HELD, Mode::Held), |_| {}).await.map(drop)
                    });
                }
                let asked = Instant::now();
                while upstream.waiting() < *streams as usize {
                    // Held answers do not end: whichever does has failed.
                    if let Some(ended) = open.try_join_next() {
                        ended.map_err(|error| error.to_string())??;
                    }
                    if asked.elapsed() > OPEN_WITHIN {
                        return Err(format!("only {} of {streams} streams were open", upstream.waiting()));
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                tokio::time::sleep(SETTLE).await;
                let now = look();
                let name = format!("{} open streams", number(f64::from(*streams)));
                each.push((name.clone(), (now.0 - idle.0) * 1024.0 / f64::from(*streams)));
                looks.push((name, now));
            }
            upstream.tell();
            while let Some(ended) = open.join_next().await {
                ended.map_err(|error| error.to_string())??;
            }
            Ok(())
        })
        .await?;
    let most = streams.last().copied().unwrap_or_default();
    run.answers += u64::from(most);
    run.results.add(
        &format!("{} open streams", number(f64::from(most))),
        metric::WHOLE,
        &peer.name,
        f64::from(most),
        0.0,
    );
    tokio::time::sleep(SETTLE).await;
    looks.push(("when they have ended".to_owned(), look()));
    if !run.quick && matches!(peer.kind, Kind::Ours { .. } | Kind::Floor { .. }) {
        tokio::time::sleep(EBB).await;
        looks.push(("half a minute later".to_owned(), look()));
    }
    for (scenario, (resident, proportional)) in looks {
        progress(&scenario, &peer.name, &format!("{resident:.1} MiB resident"), 0.0);
        run.results.add(&scenario, metric::RESIDENT, &peer.name, resident, 0.0);
        run.results.add(&scenario, metric::PROPORTIONAL, &peer.name, proportional, 0.0);
    }
    for (scenario, kibibytes) in each {
        run.results.add(&scenario, metric::EACH, &peer.name, kibibytes, 0.0);
    }
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "memory of this machine")]
    let bytes = bytes as f64;
    bytes / 1024.0 / 1024.0
}
