//! What others on the same connection see of readers that have stopped.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Failure;
use crate::load::{Paced, ask, paced};
use crate::process::Relay;
use crate::upstream::Upstream;

/// Streams of 50 events a second, beside those that are not read.
const STREAMS: u32 = 16;

/// Delays of the others while so many readers have stopped, each in a flood; and what the relay holds for them, KiB.
pub(crate) async fn stalled(protocol: &str, readers: u32) -> Result<(Paced, f64), Failure> {
    let upstream = Upstream::start(None).await?;
    let relay = Relay::start(upstream.address, protocol)?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let resident = std::cell::Cell::new(0.0);
    let paced = paced(&relay, &upstream, STREAMS, Duration::from_secs(3), async {
        let before = relay.resident();
        let mut stopped = Vec::new();
        for _ in 0..readers {
            stopped.push(ask(&client, &relay.url, "/flood").await?);
        }
        // Until every buffer on the way is full, the kernel's too.
        loop {
            let before = upstream.flood.load(Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(500)).await;
            if upstream.flood.load(Ordering::Relaxed) == before {
                break;
            }
        }
        resident.set(relay.resident() - before);
        Ok(stopped)
    })
    .await?;
    Ok((paced, resident.get()))
}
