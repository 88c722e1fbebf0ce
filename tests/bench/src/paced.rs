//! Paced streams: how much later an event arrives for having passed a relay.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use crate::client::Connection;
use crate::clock;
use crate::load::{Shape, ask, next_plan};
use crate::peer::{Peer, Running};
use crate::plan::Mode;
use crate::sample::{Use, Window};
use crate::upstream::Upstream;

/// Connections that are opened at the same time.
pub(crate) const OPENING: usize = 32;
/// Longest time until all streams are open.
pub(crate) const OPEN_WITHIN: Duration = Duration::from_secs(20);

/// What paced streams gave.
#[derive(Clone, Debug)]
pub(crate) struct Paced {
    /// All events of all streams.
    pub(crate) all: usize,
    /// Events that arrived in the window.
    pub(crate) events: usize,
    /// Of those, from stamp to arrival. Nanoseconds, sorted.
    pub(crate) delays: Vec<u64>,
    /// Events that were due in the window.
    pub(crate) due: f64,
    pub(crate) used: Use,
}

impl Paced {
    /// A quantile of the delays, in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into what fits in memory"
        )]
        let at = ((self.delays.len() as f64 * share) as usize).min(self.delays.len().saturating_sub(1));
        #[expect(clippy::cast_precision_loss, reason = "delays are below 2^52 ns")]
        let delay = self.delays.get(at).copied().unwrap_or_default() as f64;
        delay / 1000.0
    }
}

/// Opens all streams, measures for a while when all are open, lets them end, and checks each.
///
/// # Errors
/// Any answer that is not whole and right.
pub(crate) async fn paced(
    peer: &Peer,
    running: &Running,
    upstream: &Arc<Upstream>,
    streams: u32,
    interval: Duration,
    window: Duration,
) -> Result<Paced, String> {
    let address = running.address;
    let shape = Shape::plain(streams, 0);
    let mode = Mode::Paced(u32::try_from(interval.as_micros()).unwrap_or(u32::MAX));
    let opening = Rc::new(Semaphore::new(OPENING));
    let local = LocalSet::new();
    local
        .run_until(async {
            let mut open = JoinSet::new();
            for _ in 0..streams {
                let (peer, upstream, opening) = (peer.clone(), Arc::clone(upstream), Rc::clone(&opening));
                open.spawn_local(async move {
                    let permit = opening.acquire().await.map_err(|error| error.to_string())?;
                    let mut connection = Connection::open(address).await?;
                    drop(permit);
                    ask(&mut connection, &peer, &upstream, next_plan(&shape, mode), |_| {}).await
                });
            }
            let asked = tokio::time::Instant::now();
            while upstream.waiting() < streams as usize && asked.elapsed() < OPEN_WITHIN {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
            let waiting = upstream.waiting();
            if waiting < streams as usize {
                // Those that come later would not hear that they may end; dropped, they are closed.
                return Err(format!("only {waiting} of {streams} streams were open"));
            }
            let from = clock::now();
            let using = Window::open(running.tree());
            tokio::time::sleep(window).await;
            let used = using.close();
            let until = clock::now();
            upstream.tell();
            let mut delays = Vec::new();
            let mut all = 0;
            while let Some(ended) = open.join_next().await {
                let stamps = ended.map_err(|error| error.to_string())??;
                all += stamps.sent.len();
                let both = stamps.sent.iter().zip(&stamps.arrived);
                let inside = both.filter(|(_, arrived)| (from..until).contains(*arrived));
                delays.extend(inside.map(|(sent, arrived)| arrived.saturating_sub(*sent)));
            }
            delays.sort_unstable();
            let due = f64::from(streams) * used.seconds / interval.as_secs_f64();
            Ok(Paced { all, events: delays.len(), delays, due, used })
        })
        .await
}
