//! Readers: streams in a closed loop, and streams that stay open and note how late each event comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::task::JoinSet;

use crate::Failure;
use crate::process::Relay;
use crate::upstream::{EVENT, STAMP, Upstream};

/// Opens an answer.
pub(crate) async fn ask(client: &reqwest::Client, url: &str, path: &str) -> Result<reqwest::Response, Failure> {
    Ok(client.post(format!("{url}{path}")).send().await?.error_for_status()?)
}

/// Microseconds of the relay's CPU for an event, of so many streams that ask again as soon as their answer is whole.
pub(crate) async fn closed_loop(relay: &Relay, streams: u32) -> Result<f64, Failure> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (bytes, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut readers = JoinSet::new();
    for _ in 0..streams {
        let (client, url) = (client.clone(), relay.url.clone());
        let (bytes, stop) = (Arc::clone(&bytes), Arc::clone(&stop));
        readers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let mut answer = ask(&client, &url, "/free").await?;
                while let Some(piece) = answer.chunk().await? {
                    bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
                }
            }
            Ok::<_, Failure>(())
        });
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    let (cpu, before) = (relay.cpu(), bytes.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let (cpu, read) = (relay.cpu().saturating_sub(cpu), bytes.load(Ordering::Relaxed) - before);
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = readers.join_next().await {
        ended??;
    }
    Ok(per_event(cpu, read))
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a second")]
fn per_event(cpu: Duration, bytes: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / (bytes as f64 / EVENT as f64)
}

/// What open streams saw in a while.
#[derive(Debug)]
pub(crate) struct Paced {
    /// From stamp to arrival, sorted. Nanoseconds.
    delays: Vec<u64>,
    /// The longest time in which one stream saw nothing. Nanoseconds.
    pub(crate) silence: u64,
    /// Microseconds of the relay's CPU for an event.
    pub(crate) cpu: f64,
}

impl Paced {
    /// A quantile of the delays, in microseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into what fits in memory"
    )]
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let at = ((self.delays.len() as f64 * share) as usize).min(self.delays.len().saturating_sub(1));
        self.delays.get(at).copied().unwrap_or_default() as f64 / 1e3
    }

    /// Events that came.
    pub(crate) fn events(&self) -> usize {
        self.delays.len()
    }
}

/// Opens streams of 50 events a second, does what is to be done meanwhile, and reads for a while after it.
pub(crate) async fn paced<T>(
    relay: &Relay,
    upstream: &Arc<Upstream>,
    streams: u32,
    window: Duration,
    meanwhile: impl Future<Output = Result<T, Failure>>,
) -> Result<Paced, Failure> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut readers = JoinSet::new();
    for _ in 0..streams {
        let (client, url, upstream) = (client.clone(), relay.url.clone(), Arc::clone(upstream));
        readers.spawn(async move { read(ask(&client, &url, "/paced").await?, &upstream).await });
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let held = meanwhile.await?;
    let (from, cpu) = (upstream.now(), relay.cpu());
    tokio::time::sleep(window).await;
    let (until, cpu) = (upstream.now(), relay.cpu().saturating_sub(cpu));
    // Those that hold the others up let go first.
    drop(held);
    upstream.tell();
    let (mut delays, mut silence) = (Vec::new(), 0);
    while let Some(ended) = readers.join_next().await {
        let events = ended??;
        let inside = events.iter().filter(|(_, arrived)| (from..until).contains(arrived));
        let arrivals: Vec<u64> = inside.clone().map(|(_, arrived)| *arrived).collect();
        delays.extend(inside.map(|(sent, arrived)| arrived - sent));
        let edges: Vec<u64> = [from].into_iter().chain(arrivals).chain([until]).collect();
        silence = edges.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default().max(silence);
    }
    delays.sort_unstable();
    let cpu = per_event(cpu, (delays.len() * EVENT) as u64);
    Ok(Paced { delays, silence, cpu })
}

/// The stamp and the arrival of each event of an answer.
async fn read(answer: reqwest::Response, upstream: &Upstream) -> Result<Vec<(u64, u64)>, Failure> {
    let (mut unread, mut events) = (Vec::new(), Vec::new());
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = pieces.next().await {
        unread.extend_from_slice(&piece?);
        let now = upstream.now();
        let whole = unread.len() / EVENT * EVENT;
        for event in unread.drain(..whole).collect::<Vec<u8>>().chunks(EVENT) {
            events.push((std::str::from_utf8(&event[STAMP])?.parse()?, now));
        }
    }
    Ok(events)
}
