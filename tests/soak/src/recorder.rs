//! Application Insights of the soak: takes the program's batches, keeps counts and no items, and has outages.
//!
//! What is told of a request is matched with what its client saw, by the request's id. Both sides keep only what the other
//! has not got yet, so the book does not grow.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use harness::ingestion::{Ingestion, unpacked};
use harness::upstream::{Reply, Request};
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// Words that every prompt or answer has, none of which may be told: of the questions, of upstream's own, of tokens, and
/// letters that only the texts have.
const SECRETS: [&str; 9] =
    ["soak question", "soak bulk", "internals", "Bearer", "token-", "漢", "\\u6f22", "🙂", "\\ud83d"];
/// An outage that the program's retries outlast, and one that costs items.
const SHORT: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(100);

/// What was told so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Items by kind, and requests by name.
    pub(crate) items: BTreeMap<String, u64>,
    pub(crate) batches: u64,
    pub(crate) refused_batches: u64,
    pub(crate) secrets: u64,
    /// What the metric of lost items said.
    pub(crate) lost_by_metric: u64,
    /// Short and long.
    pub(crate) outages: (u64, u64),
    /// Requests that only one side knows: clients, the recorder.
    pub(crate) only_answered: usize,
    pub(crate) only_told: usize,
    /// Verdicts that clients gave and that were taken.
    pub(crate) verdicts: u64,
    /// Turns whose client never saw a head.
    pub(crate) headless: u64,
}

/// The book of both sides.
#[derive(Debug, Default)]
pub(crate) struct Book {
    told: Mutex<(Told, HashSet<u64>, HashSet<u64>)>,
}

impl Book {
    /// A client has an answer's head, with this id.
    pub(crate) fn answered(&self, id: &str) {
        let mut book = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(id);
        if !book.2.remove(&key) {
            book.1.insert(key);
        }
    }

    /// A client left before there was a head, so that its id is not known.
    pub(crate) fn headless(&self) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).0.headless += 1;
    }

    /// A client said what it thinks of an answer.
    pub(crate) fn verdict(&self) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).0.verdicts += 1;
    }

    /// A snapshot.
    pub(crate) fn told(&self) -> Told {
        let book = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (only_answered, only_told) = (book.1.len(), book.2.len());
        Told { only_answered, only_told, ..book.0.clone() }
    }

    /// Takes a batch.
    fn take(&self, request: &Request) -> usize {
        let text = unpacked(request);
        let items: Vec<Value> = serde_json::from_slice(&text).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut book = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        book.0.batches += 1;
        book.0.secrets += SECRETS.iter().map(|secret| u64::from(text.contains(secret))).sum::<u64>();
        for item in &items {
            let data = item.get("data").and_then(|data| data.get("baseData"));
            let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
            let mut kind = text(item.get("data").and_then(|data| data.get("baseType")));
            if kind == "RequestData" {
                kind = text(data.and_then(|data| data.get("name")));
                let id = data.and_then(|data| data.get("properties")).and_then(|all| all.get("InvocationId"));
                let key = key(id.and_then(Value::as_str).unwrap_or_default());
                if !kind.ends_with("feedback") && !book.1.remove(&key) {
                    // Two of the same are seen as well: the second one has no client.
                    book.2.insert(key);
                }
            }
            for metric in data.and_then(|data| data.get("metrics")).and_then(Value::as_array).into_iter().flatten() {
                if metric.get("name").and_then(Value::as_str) == Some("chat.telemetry.lost") {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
                    let lost = metric.get("value").and_then(Value::as_f64).unwrap_or_default() as u64;
                    book.0.lost_by_metric += lost;
                }
            }
            *book.0.items.entry(kind).or_default() += 1;
        }
        items.len()
    }
}

fn key(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// The recorder.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) ingestion: Ingestion,
    pub(crate) book: Arc<Book>,
}

impl Recorder {
    pub(crate) async fn start() -> Self {
        let this = Self { ingestion: Ingestion::start().await, book: Arc::default() };
        this.accept();
        this
    }

    fn accept(&self) {
        let book = Arc::clone(&self.book);
        self.ingestion.respond(move |request| {
            let items = book.take(request);
            let body = format!("{{\"itemsReceived\":{items},\"itemsAccepted\":{items},\"errors\":[]}}");
            Reply::status(200).body(body)
        });
    }

    /// Refuses, or does not answer, for a time after each pause; the last outage ends well before `until`.
    pub(crate) async fn run_outages(&self, pause: Duration, until: Instant) {
        let replies = [Reply::status(500), Reply::silent(), Reply::status(429), Reply::refuse(), Reply::status(503)];
        for (number, reply) in replies.into_iter().cycle().enumerate() {
            let time = if number % 4 == 1 { LONG } else { SHORT };
            sleep(pause).await;
            // Retries, and the queue behind them, need their time.
            if Instant::now() + time + LONG > until {
                return;
            }
            let book = Arc::clone(&self.book);
            self.ingestion.respond(move |_| {
                book.told.lock().unwrap_or_else(PoisonError::into_inner).0.refused_batches += 1;
                reply.clone()
            });
            sleep(time).await;
            self.accept();
            let mut book = self.book.told.lock().unwrap_or_else(PoisonError::into_inner);
            if time == LONG { book.0.outages.1 += 1 } else { book.0.outages.0 += 1 }
        }
    }
}
