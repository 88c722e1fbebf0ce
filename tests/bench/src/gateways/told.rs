//! The table of what a client is told, made of what a client saw.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::outcome::Outcome;
use super::reader::{leave, read};
use super::script::{Ending, PATIENCE, Script, last_text};
use crate::clock;
use crate::peer::Peer;
use crate::plan::request;
use crate::run::Run;
use crate::table::number;

/// How often each is looked at; and how often a reader leaves.
const TIMES: u32 = 3;
const LEAVES: u32 = 10;
/// A reader that leaves has read all that came, so that a gateway is not between two reads.
const REST: Duration = Duration::from_millis(50);

const ENDINGS: [(&str, Ending); 5] = [
    ("a whole answer", Ending::Whole),
    ("clean end without a finish reason", Ending::Clean),
    ("clean end inside an event", Ending::InsideEvent),
    ("connection reset", Ending::Reset),
    ("error event, then a clean end", Ending::ErrorEvent),
];
const LEAVING: [(&str, Ending); 2] = [
    ("reader leaves at 50 events a second: upstream closed after", Ending::GoesOn),
    ("reader leaves while upstream is silent: upstream closed after", Ending::Silent),
];
const THOUGHTS: &str = "thoughts (`reasoning_content`)";

/// Asks each relay for each ending, and gives the table.
pub(super) async fn told(run: &mut Run, relays: &[&Peer]) -> Result<String, String> {
    let script = Script::start().await?;
    let mut columns = Vec::new();
    for relay in relays {
        let peer = Peer { upstream: script.address(), ..(*relay).clone() };
        match column(&peer, &script).await {
            Ok(column) => columns.push((peer.name, column)),
            Err(error) => run.failed(&peer.name, "what a client is told", &error),
        }
    }
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!("| upstream's answer | {} |\n|---{}|\n", names.join(" | "), "|---".repeat(names.len()));
    let rows = ENDINGS.iter().map(|(row, _)| *row).chain([THOUGHTS]).chain(LEAVING.iter().map(|(row, _)| *row));
    for (at, row) in rows.enumerate() {
        let _ = write!(text, "| {row} |");
        for (_, column) in &columns {
            let _ = write!(text, " {} |", column.get(at).map_or("–", String::as_str));
        }
        text.push('\n');
    }
    text.push('\n');
    Ok(text)
}

/// What one relay's client is told, in the order of the rows.
async fn column(peer: &Peer, script: &Script) -> Result<Vec<String>, String> {
    let running = peer.start().await?;
    let ask = |ending: Ending| request(peer.path(), &peer.headers(), &ending.question());
    let (mut cells, mut thoughts) = (Vec::new(), Vec::new());
    for (row, ending) in ENDINGS {
        let mut all = Vec::new();
        for _ in 0..TIMES {
            let seen = read(running.address, &ask(ending)).await?;
            let outcome = Outcome::of(ending, &seen);
            if ending == Ending::Whole {
                thoughts.push(if outcome.thoughts { "kept" } else { "**dropped**" }.to_owned());
            }
            all.push(outcome.to_string());
        }
        cells.push(together(all));
        say(row, peer, &cells);
    }
    cells.push(together(thoughts));
    for (row, ending) in LEAVING {
        cells.push(leaving(running.address, &ask(ending), script).await?);
        say(row, peer, &cells);
    }
    Ok(cells)
}

/// Tells the person who waits what was just seen. No time: other work on the machine changes nothing about it.
fn say(row: &str, peer: &Peer, cells: &[String]) {
    eprintln!("  {row}, {}: {}", peer.name, cells.last().map_or("", String::as_str));
}

/// What was seen each time, or all that was seen.
fn together(mut seen: Vec<String>) -> String {
    seen.sort();
    seen.dedup();
    seen.join("; or ")
}

/// The median and the slowest time until upstream's request is closed.
async fn leaving(address: SocketAddr, request: &[u8], script: &Script) -> Result<String, String> {
    let (mut times, mut never) = (Vec::new(), 0);
    for _ in 0..LEAVES {
        script.closed_at();
        leave(address, request, &last_text(), REST).await?;
        let (left, asked) = (clock::now(), Instant::now());
        let closed = loop {
            if let Some(closed) = script.closed_at() {
                break Some(closed);
            }
            if asked.elapsed() > PATIENCE {
                break None;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        match closed {
            #[expect(clippy::cast_precision_loss, reason = "seconds at most")]
            Some(closed) => times.push(closed.saturating_sub(left) as f64 / 1e6),
            None => never += 1,
        }
        if never == TIMES {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2).copied();
    let slowest = times.last().copied().unwrap_or_default();
    let within = PATIENCE.as_secs();
    Ok(match (middle, never) {
        (Some(middle), 0) => format!("{} ms (slowest {})", number(middle), number(slowest)),
        (Some(middle), _) => {
            format!("{} ms, and {never} of {} not within {within} s", number(middle), times.len() + never as usize)
        }
        (None, _) => format!("**never** (within {within} s)"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown() {
        let seen = |words: &[&str]| together(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(seen(&["a", "a", "a"]), "a");
        assert_eq!(seen(&["b", "a", "b"]), "a; or b");
    }
}
