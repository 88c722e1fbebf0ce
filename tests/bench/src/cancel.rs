//! Part `cancel`: a reader leaves; when does upstream see its request closed?

use std::time::{Duration, Instant};

use crate::client::Connection;
use crate::clock;
use crate::load::{Shape, ask, next_plan};
use crate::peer::{Kind, Peer, Running};
use crate::plan::Mode;
use crate::run::{Run, progress};
use crate::sample::Window;
use crate::table::metric;

const READERS: u32 = 20;
/// After that a request counts as never closed.
const PATIENCE: Duration = Duration::from_secs(2);
/// Held: upstream is silent, so nothing that is written tells the relay. Paced: 50 events a second.
const MODES: [(&str, Mode); 2] = [("upstream is silent", Mode::Held), ("50 events a second", Mode::Paced(20_000))];

/// One round.
pub(crate) async fn cancel(run: &mut Run) -> Result<(), String> {
    for at in 0..run.peers.len() {
        let Some((peer, _)) = run.peer(at) else { continue };
        if matches!(peer.kind, Kind::Direct) {
            continue;
        }
        let name = peer.name.clone();
        for (what, mode) in MODES {
            let readers = if run.quick { 5 } else { READERS };
            let Some((peer, running)) = run.peer(at) else { continue };
            let window = Window::open(running.tree());
            let mut times = Vec::new();
            for _ in 0..readers {
                times.push(once(run, peer, running, mode).await);
            }
            let used = window.close();
            let mut worst = 0.0_f64;
            for time in times {
                match time {
                    Ok(time) => {
                        worst = worst.max(time);
                        run.results.add(what, metric::CANCEL, &name, time, used.other);
                    }
                    Err(error) => run.failed(&name, &format!("cancel, {what}"), &error),
                }
            }
            run.results.add(&format!("{what}, slowest of {readers}"), metric::CANCEL, &name, worst, used.other);
            progress(&format!("cancel, {what}"), &name, &format!("slowest {worst:.2} ms"), used.other);
        }
    }
    Ok(())
}

/// Milliseconds from the reader's leaving to upstream's seeing it.
async fn once(run: &Run, peer: &Peer, running: &Running, mode: Mode) -> Result<f64, String> {
    let shape = Shape::plain(1, 30);
    let plan = next_plan(&shape, mode);
    let mut connection = Connection::open(running.address).await?;
    let waiting = async {
        let asked = Instant::now();
        while run.upstream.waiting() == 0 && asked.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    };
    tokio::select! {
        ended = ask(&mut connection, peer, &run.upstream, plan, |_| {}) => {
            return Err(format!("the answer ended before its reader left: {ended:?}"));
        }
        () = waiting => {}
    }
    let left = clock::now();
    drop(connection);
    let asked = Instant::now();
    while asked.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(2)).await;
        if let Some(closed) = run.upstream.account(plan.id).closed_at {
            #[expect(clippy::cast_precision_loss, reason = "seconds at most")]
            return Ok(closed.saturating_sub(left) as f64 / 1e6);
        }
    }
    // Nothing may be left over for the next measurement.
    run.upstream.tell();
    Err("upstream's request was not closed".to_owned())
}
