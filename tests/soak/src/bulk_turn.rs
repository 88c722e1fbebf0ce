//! A turn of many small events as its client lives it: every line read, every piece hashed, nothing kept.

use std::borrow::Cow;
use std::sync::Arc;

use reqwest::Client;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Duration, Instant, sleep, timeout};

use crate::bulk::{PieceHash, QUESTION};
use crate::identity::Tokens;
use crate::load::Load;
use crate::way::{Protocol, Surface, Way};

/// Longest silence.
const STANDSTILL: Duration = Duration::from_secs(30);
/// Bulk turns have numbers of their own; each is asked for in these words.
type Verdict = Result<Outcome, String>;

/// What became of a turn.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// So many pieces came, and their hash is that of what was sent.
    Compared { pieces: usize, bytes: u64 },
    /// There was no token; come back after so long.
    NoToken(Duration),
}

/// One client: turns until then.
pub(crate) async fn client(load: Arc<Load>, client: Client, first_after: Duration, until: Instant) {
    sleep(first_after).await;
    while Instant::now() < until {
        let number = load.next_bulk();
        let verdict = turn(&load, &client, number).await;
        load.tally.add_bulk(number, &verdict);
        if let Ok(Outcome::NoToken(pause)) = verdict {
            sleep(pause).await;
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
    if let Some(id) = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()) {
        load.book.answered(id);
    }
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
        return if wrong { Err("no token, out of an outage".to_owned()) } else { Ok(Outcome::NoToken(PAUSE)) };
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

/// Without a token, the next turn begins after this.
const PAUSE: Duration = Duration::from_secs(2);

/// What is read of a line or an event; all of it is written by the program, and the other turns hold it to its shape.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(default, borrow)]
    choices: Vec<Choice<'a>>,
    done: Option<serde::de::IgnoredAny>,
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(default, borrow)]
    content: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    reasoning_content: Option<Cow<'a, str>>,
}

struct Reader {
    surface: Surface,
    rest: Vec<u8>,
    pieces: usize,
    bytes: u64,
    is_done: bool,
    error: Option<String>,
    hash: PieceHash,
}

impl Reader {
    fn new(surface: Surface) -> Self {
        Self { surface, rest: Vec::new(), pieces: 0, bytes: 0, is_done: false, error: None, hash: PieceHash::new() }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(end) = rest.get(from..).unwrap_or_default().iter().position(|byte| *byte == b'\n') {
            self.line(rest.get(from..from + end).unwrap_or_default())?;
            from += end + 1;
        }
        rest.drain(..from);
        self.rest = rest;
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let data = match self.surface {
            Surface::Lines => line,
            _ if line.is_empty() => return Ok(()),
            _ => line.strip_prefix(b"data: ").ok_or("a line that is no data")?,
        };
        if self.is_done {
            return Err("a line after the end".to_owned());
        }
        if data == b"[DONE]" {
            self.is_done = true;
            return Ok(());
        }
        let line: Line<'_> =
            serde_json::from_slice(data).map_err(|error| format!("a line that is no JSON: {error}"))?;
        self.is_done |= line.done.is_some();
        if line.error.is_some() {
            self.error.get_or_insert_with(|| String::from_utf8_lossy(data).into_owned());
        }
        for delta in line.delta.iter().chain(line.choices.iter().map(|choice| &choice.delta)) {
            self.piece(true, delta.reasoning_content.as_deref());
            self.piece(false, delta.content.as_deref());
        }
        Ok(())
    }

    fn piece(&mut self, is_thought: bool, text: Option<&str>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        self.pieces += 1;
        self.bytes += u64::try_from(text.len()).unwrap_or_default();
        self.hash.add(is_thought, text);
    }
}
