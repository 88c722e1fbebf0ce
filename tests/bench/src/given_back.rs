//! What many open streams took goes back to the system when they have ended.

use std::path::Path;
use std::time::Duration;

use crate::client::Connection;
use crate::guard::Findings;
use crate::limits::MAX_KEPT;
use crate::load::{Shape, closed_loop};
use crate::peer::Peer;
use crate::process::{Cpus, memory};
use crate::upstream::Upstream;

/// Streams at once; what they take is some 25 MiB.
const STREAMS: u32 = 500;
/// How long they ask, over and over.
const WINDOW: Duration = Duration::from_millis(500);
/// The program looks every 20 s (`inbound/ebb.rs`).
const EBB: Duration = Duration::from_secs(25);

/// Compares with the limit.
pub(crate) async fn check(
    findings: &mut Findings,
    program: &Path,
    folder: &Path,
    cpus: Option<Cpus>,
) -> Result<(), String> {
    let upstream = Upstream::start(None)?;
    let peer = Peer::guarded(program, folder, cpus, upstream.address());
    let running = peer.start().await?;
    let resident = || memory(&running.tree()).0;
    closed_loop(&peer, &running, &upstream, Shape::plain(1, 10), WINDOW, WINDOW).await?;
    let few = resident();
    closed_loop(&peer, &running, &upstream, Shape::plain(STREAMS, 10), WINDOW, WINDOW).await?;
    let many = resident();
    tokio::time::sleep(EBB).await;
    let left = resident();
    // It must still answer.
    Connection::open(running.address).await?.ping().await?;
    #[expect(clippy::cast_precision_loss, reason = "some MiB")]
    let share = left.saturating_sub(few) as f64 / many.saturating_sub(few).max(1) as f64;
    findings.at_most("memory that 500 streams leave behind, of what they took", share, MAX_KEPT);
    Ok(())
}
