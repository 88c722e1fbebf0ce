//! From the rounds to the tables.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::load::{ask, closed_loop, paced};
use crate::process::{Relay, load_average};
use crate::stalls::stalled;
use crate::upstream::Upstream;
use crate::{Failure, PROTOCOLS};

/// Streams at once, in a closed loop.
const LOADS: [u32; 3] = [1, 16, 64];
/// Streams of 50 events a second.
const PACED: u32 = 100;
/// Streams that are open at the same time.
const OPEN: u32 = 1000;

/// All of it.
pub(crate) fn run(rounds: u32, calm: bool) -> Result<(), Failure> {
    println!("load at the start {}, {rounds} rounds, medians\n", load_average());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        costs(rounds, calm).await?;
        println!("| streams | h1 | h2 |\n|---|---:|---:|");
        for (bound, name) in [(None, "a connection may have 200"), (Some(100_000), "any number")] {
            let mut cells = Vec::new();
            for protocol in PROTOCOLS {
                cells.push(crowd(protocol, bound).await?);
            }
            println!("| of {OPEN} asked for, {name} | {} | {} |", cells[0], cells[1]);
        }
        println!("\n| readers that stopped | protocol | others: events | p50, µs | p99, µs | longest silence, ms | relay holds, KiB |");
        println!("|---:|---|---:|---:|---:|---:|---:|");
        for readers in [0, 1, 2, 3, 4] {
            for protocol in PROTOCOLS {
                let (others, held) = stalled(protocol, readers).await?;
                println!(
                    "| {readers} | {protocol} | {} | {:.0} | {:.0} | {} | {held:.0} |",
                    others.events(),
                    others.quantile(0.5),
                    others.quantile(0.99),
                    others.silence / 1_000_000,
                );
            }
        }
        println!("\nload at the end {}", load_average());
        Ok(())
    })
}

/// CPU and delays, in interleaved rounds.
async fn costs(rounds: u32, calm: bool) -> Result<(), Failure> {
    let upstream = Upstream::start(None).await?;
    let relays = [Relay::start(upstream.address, PROTOCOLS[0])?, Relay::start(upstream.address, PROTOCOLS[1])?];
    let names = LOADS.map(|streams| format!("CPU, µs an event, streams: {streams}")).into_iter();
    let paced_names =
        ["CPU, µs an event", "delay p50, µs", "delay p99, µs"].map(|what| format!("{what}, {PACED} × 50/s"));
    let names: Vec<String> = names.chain(paced_names).collect();
    let mut values = vec![[Vec::new(), Vec::new()]; names.len()];
    for _ in 0..rounds {
        for (load, row) in LOADS.into_iter().zip(0..).filter(|_| !calm) {
            for (relay, column) in relays.iter().zip(0..) {
                let values: &mut [Vec<f64>; 2] = &mut values[row];
                values[column].push(closed_loop(relay, load).await?);
            }
        }
        for (relay, column) in relays.iter().zip(0..) {
            let got = paced(relay, &upstream, PACED, Duration::from_secs(2), async { Ok(()) }).await?;
            for (value, row) in [got.cpu, got.quantile(0.5), got.quantile(0.99)].into_iter().zip(LOADS.len()..) {
                values[row][column].push(value);
            }
        }
    }
    println!("| | h1 | h2 | h2 / h1 |\n|---|---:|---:|---:|");
    for (name, [h1, h2]) in names.iter().zip(&mut values).filter(|(_, [h1, _])| !h1.is_empty()) {
        let (h1, h2) = (median(h1), median(h2));
        println!("| {name} | {h1:.2} | {h2:.2} | {:.2} |", h2 / h1);
    }
    println!();
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A thousand streams at once, each held after ten events: how many began, over how many connections, and their memory.
async fn crowd(protocol: &str, bound: Option<u32>) -> Result<String, Failure> {
    let upstream = Upstream::start(bound).await?;
    let relay = Relay::start(upstream.address, protocol)?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    // What the first answer of all takes is no stream's.
    ask(&client, &relay.url, "/free").await?.bytes().await?;
    let (idle, before) = (relay.resident(), upstream.connections.load(Ordering::Relaxed));
    let mut asked = JoinSet::new();
    for _ in 0..OPEN {
        let (client, url) = (client.clone(), relay.url.clone());
        asked.spawn(async move {
            let mut answer = ask(&client, &url, "/held").await?;
            while answer.chunk().await?.is_some() {}
            Ok::<_, Failure>(())
        });
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let open = upstream.open.load(Ordering::Relaxed);
    let connections = upstream.connections.load(Ordering::Relaxed) - before + 1;
    let each = (relay.resident() - idle) / f64::from(OPEN);
    Ok(format!("{open} open over {connections} connection(s), {each:.1} KiB each of the relay's"))
}
