//! Part `tls`: what an event costs behind TLS 1.3, how much later it comes, and whether a new connection resumes a session.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::arguments::Streams;
use crate::certificate::Certificate;
use crate::client::Connection;
use crate::guard::Findings;
use crate::limits::MAX_FULL_HANDSHAKES;
use crate::load::{Shape, ask, closed_loop, next_plan};
use crate::paced::paced;
use crate::peer::{Kind, Peer, Running};
use crate::plan::Mode;
use crate::process::Cpus;
use crate::run::{Run, progress, settle};
use crate::table::metric;
use crate::throughput::{
    LOADS, PACES, load_name, load_shape, pace_name, pace_window, record_load, record_pace, windows,
};
use crate::upstream::Upstream;

/// Turns one after the other, each on a connection of its own.
pub(crate) const TURNS: u32 = 20;
/// A short answer: it is the connection that counts.
const ANSWER: Shape = Shape::plain(1, 10);

/// Upstream behind TLS, and what has to be trusted.
pub(crate) struct Secure {
    pub(crate) upstream: Arc<Upstream>,
    certificate: Certificate,
}

impl Secure {
    /// # Errors
    /// In words.
    pub(crate) fn start(folder: &Path) -> Result<Self, String> {
        let certificate = Certificate::new(folder, "tls")?;
        Ok(Self { upstream: Upstream::start(Some(Arc::clone(&certificate.config)))?, certificate })
    }

    /// A relay in front of it. The load generator speaks no TLS, and the Quart relay is far from the others anyway.
    pub(crate) fn before(&self, mut peer: Peer) -> Option<Peer> {
        peer.upstream = self.upstream.address();
        peer.trusted = Some(self.certificate.trusted.clone());
        (!matches!(peer.kind, Kind::Direct | Kind::Quart { .. })).then_some(peer)
    }

    /// Handshakes of so many turns one after the other where each answer ends its connection: full, and resumed.
    ///
    /// # Errors
    /// Any answer that is not whole and right.
    pub(crate) async fn handshakes(&self, peer: &Peer, running: &Running, turns: u32) -> Result<[u64; 2], String> {
        self.upstream.closes.store(true, Ordering::Relaxed);
        let before = self.upstream.handshakes();
        let asked = async {
            let mut connection = Connection::open(running.address).await?;
            for _ in 0..turns {
                ask(&mut connection, peer, &self.upstream, next_plan(&ANSWER, Mode::Free), |_| {}).await?;
            }
            Ok(())
        };
        let asked: Result<(), String> = asked.await;
        self.upstream.closes.store(false, Ordering::Relaxed);
        let after = self.upstream.handshakes();
        asked.map(|()| [after[0] - before[0], after[1] - before[1]])
    }
}

/// All rounds: the relays are started once, then measured in turn.
pub(crate) async fn tls(run: &mut Run, rounds: u32) -> Result<(), String> {
    let Some(folder) = run.peers.first().map(|peer| peer.folder.clone()) else { return Ok(()) };
    let secure = Secure::start(&folder)?;
    let mut relays = Vec::new();
    for peer in run.peers.iter().cloned().filter_map(|peer| secure.before(peer)) {
        let running = peer.start().await?;
        relays.push((peer, running));
    }
    // First of all, while no relay has a session but that of its ping.
    for (peer, running) in &relays {
        resumption(run, &secure, peer, running).await;
    }
    let upstream = &secure.upstream;
    let (warm_up, window) = windows(run.quick);
    let calm = run.streams == Streams::Paced;
    for _ in 0..rounds {
        for load in LOADS.into_iter().filter(|(_, batch)| *batch == 1 && !calm) {
            let scenario = format!("TLS, {}", load_name(load));
            for (peer, running) in &relays {
                let got = closed_loop(peer, running, upstream, load_shape(load), warm_up, window).await;
                record_load(run, &scenario, &peer.name, got);
            }
        }
        let (streams, interval) = PACES[0];
        let scenario = format!("TLS, {}", pace_name(PACES[0]));
        for (peer, running) in &relays {
            let got = paced(peer, running, upstream, streams, interval, pace_window(run.quick)).await;
            if !record_pace(run, &scenario, &peer.name, streams, got) {
                settle(upstream).await;
            }
        }
    }
    Ok(())
}

/// The guard's part: that a session is resumed does not depend on the machine.
///
/// # Errors
/// The program cannot be started, or an answer is not whole and right.
#[expect(clippy::cast_precision_loss, reason = "some handshakes")]
pub(crate) async fn check(
    findings: &mut Findings,
    program: &Path,
    folder: &Path,
    cpus: Option<Cpus>,
) -> Result<(), String> {
    let secure = Secure::start(folder)?;
    let peer = secure.before(Peer::guarded(program, folder, cpus, secure.upstream.address()));
    let peer = peer.ok_or("this program has no place before TLS")?;
    let running = peer.start().await?;
    let [full, resumed] = secure.handshakes(&peer, &running, TURNS).await?;
    let what = format!("full TLS handshakes in {TURNS} turns ({resumed} resumed)");
    findings.at_most(&what, full as f64, MAX_FULL_HANDSHAKES);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some handshakes")]
async fn resumption(run: &mut Run, secure: &Secure, peer: &Peer, running: &Running) {
    match secure.handshakes(peer, running, TURNS).await {
        Ok([full, resumed]) => {
            let scenario = |kind| format!("{TURNS} turns, each ends its connection: {kind}");
            run.results.add(&scenario("full"), metric::HANDSHAKES, &peer.name, full as f64, 0.0);
            run.results.add(&scenario("resumed"), metric::HANDSHAKES, &peer.name, resumed as f64, 0.0);
            progress("TLS handshakes", &peer.name, &format!("{full} full, {resumed} resumed"), 0.0);
        }
        Err(error) => run.failed(&peer.name, "TLS handshakes", &error),
    }
}
