//! A turn of many small events as its client lives it: every line read, every piece hashed, nothing kept.

use std::sync::Arc;

use reqwest::Client;
use serde_json::json;
use tokio::time::{Duration, Instant, sleep, timeout};

use crate::bulk::QUESTION;
use crate::bulk_reader::Reader;
use crate::identity::Tokens;
use crate::load::Load;
use crate::way::{Protocol, Way};

/// Longest silence.
const STANDSTILL: Duration = Duration::from_secs(30);
/// Without a token, the next turn begins after this.
const PAUSE: Duration = Duration::from_secs(2);

/// The outcome, or what is not as it must be.
type Verdict = Result<Outcome, String>;

/// What became of a turn.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// So many pieces came, and their hash is that of what was sent.
    Compared { pieces: usize, bytes: u64 },
    /// There was no token.
    NoToken,
}

/// One client: turns until then.
pub(crate) async fn client(load: Arc<Load>, client: Client, first_after: Duration, until: Instant) {
    sleep(first_after).await;
    while Instant::now() < until {
        let number = load.next_bulk();
        let verdict = turn(&load, &client, number).await;
        load.tally.add_bulk(number, &verdict);
        if let Ok(Outcome::NoToken) = verdict {
            sleep(PAUSE).await;
        }
    }
}

async fn turn(load: &Load, client: &Client, number: u64) -> Verdict {
    let protocol = if number.is_multiple_of(2) { Protocol::Chat } else { Protocol::Responses };
    let way = Way::of_bulk(protocol, number / 2 % 2 == 1);
    let started = Instant::now();
    let messages = [json!({ "role": "user", "content": format!("{QUESTION} {number}") })];
    let request = client.post(format!("{}{}", load.base, way.path())).header("content-type", "application/json");
    let request = request.body(way.request(&messages).to_string());
    let response = timeout(STANDSTILL, request.send()).await.map_err(|_| "no answer")?;
    let mut response = response.map_err(|error| format!("no answer: {error:?}"))?;
    load.book.answered(response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default());
    let status = response.status().as_u16();
    let mut reader = Reader::new(way.surface);
    let mut refusal = Vec::new();
    while let Some(bytes) =
        timeout(STANDSTILL, response.chunk()).await.map_err(|_| "standstill")?.map_err(|error| format!("{error:?}"))?
    {
        if status == 200 { reader.feed(&bytes)? } else { refusal.extend_from_slice(&bytes) }
    }
    let told = String::from_utf8_lossy(&refusal);
    let error = reader.error.take().unwrap_or_default();
    if told.contains("identity_unavailable") || error.contains("identity_unavailable") {
        let wrong = load.identity.tokens(started, Instant::now()) == Tokens::Up || reader.pieces > 0;
        return if wrong { Err("no token, out of an outage".to_owned()) } else { Ok(Outcome::NoToken) };
    }
    if status != 200 || !error.is_empty() {
        return Err(format!("status {status}, {told} {error}"));
    }
    let promised = load.model.bulk.promised(protocol, number).ok_or("no such turn")?;
    let (pieces, bytes, is_done, hash) = (reader.pieces, reader.bytes, reader.is_done, reader.hash.finish());
    if !is_done || pieces != promised.pieces {
        return Err(format!("{pieces} pieces of {}, end {is_done}", promised.pieces));
    }
    if hash.as_ref() != promised.hash.as_ref() {
        return Err(crate::judge::MISMATCH.to_owned());
    }
    Ok(Outcome::Compared { pieces, bytes })
}
