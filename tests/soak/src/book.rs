//! The book of telemetry: what the program told, against what clients saw.
//!
//! A request is matched by its id. Both sides keep only what the other has not got yet, so the book does not grow; a
//! request that is told twice has no client the second time.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// Words that every prompt or answer has, none of which may be told: of the questions, of upstream's own, of tokens, and
/// letters that only the texts have.
const SECRETS: [&str; 9] =
    ["soak question", "soak bulk", "internals", "Bearer", "token-", "漢", "\\u6f22", "🙂", "\\ud83d"];

/// What was told so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Items by kind, and requests by name.
    pub(crate) items: BTreeMap<String, u64>,
    pub(crate) batches: u64,
    pub(crate) refused_batches: u64,
    /// Batches with a word that must not be told, once for each such word.
    pub(crate) secrets: u64,
    /// What the metric of lost items said.
    pub(crate) lost_by_metric: u64,
    /// Short and long.
    pub(crate) outages: (u64, u64),
    /// Requests that only their clients know.
    pub(crate) only_clients: u64,
    /// Requests that no client knows.
    pub(crate) only_recorder: u64,
    /// Verdicts that clients gave and that were taken.
    pub(crate) verdicts: u64,
    /// Turns whose client never saw a head, and so no id.
    pub(crate) headless: u64,
}

impl Told {
    /// Items of this kind.
    pub(crate) fn count(&self, kind: &str) -> u64 {
        self.items.get(kind).copied().unwrap_or_default()
    }

    /// Requests for an answer.
    pub(crate) fn requests(&self) -> u64 {
        let requests = self.items.iter().filter(|(name, _)| name.starts_with("POST ") && !is_feedback(name));
        requests.map(|(_, count)| count).sum()
    }
}

fn is_feedback(name: &str) -> bool {
    name.ends_with("/feedback")
}

/// The book of both sides.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    told: Told,
    clients: HashSet<u64>,
    recorder: HashSet<u64>,
}

impl Book {
    /// A client has an answer's head, with this id; none came if it is empty.
    pub(crate) fn answered(&self, id: &str) {
        let mut pages = self.pages();
        let key = key(id);
        if id.is_empty() {
            pages.told.headless += 1;
        } else if !pages.recorder.remove(&key) {
            pages.clients.insert(key);
        }
    }

    /// A client said what it thinks of an answer.
    pub(crate) fn verdict(&self) {
        self.pages().told.verdicts += 1;
    }

    /// A batch is refused.
    pub(crate) fn refused(&self) {
        self.pages().told.refused_batches += 1;
    }

    /// An outage is over.
    pub(crate) fn outage(&self, is_long: bool) {
        let outages = &mut self.pages().told.outages;
        *(if is_long { &mut outages.1 } else { &mut outages.0 }) += 1;
    }

    /// A snapshot.
    pub(crate) fn told(&self) -> Told {
        let pages = self.pages();
        let count = |keys: &HashSet<u64>| u64::try_from(keys.len()).unwrap_or(u64::MAX);
        let (only_clients, only_recorder) = (count(&pages.clients), count(&pages.recorder));
        Told { only_clients, only_recorder, ..pages.told.clone() }
    }

    /// Takes a batch's JSON. Answers how many items it has.
    pub(crate) fn take(&self, batch: &[u8]) -> usize {
        let items: Vec<Value> = serde_json::from_slice(batch).unwrap_or_default();
        let batch = String::from_utf8_lossy(batch);
        let mut pages = self.pages();
        pages.told.batches += 1;
        pages.told.secrets += SECRETS.iter().map(|secret| u64::from(batch.contains(secret))).sum::<u64>();
        for item in &items {
            pages.item(item);
        }
        items.len()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn item(&mut self, item: &Value) {
        let text = |pointer| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let mut kind = text("/data/baseType");
        if kind == "RequestData" {
            kind = text("/data/baseData/name");
            let key = key(text("/data/baseData/properties/InvocationId"));
            if !is_feedback(kind) && !self.clients.remove(&key) {
                self.recorder.insert(key);
            }
        }
        let metrics = item.pointer("/data/baseData/metrics").and_then(Value::as_array);
        for metric in metrics.into_iter().flatten() {
            if metric.get("name").and_then(Value::as_str) == Some("chat.telemetry.lost") {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
                let lost = metric.get("value").and_then(Value::as_f64).unwrap_or_default() as u64;
                self.told.lost_by_metric += lost;
            }
        }
        *self.told.items.entry(kind.to_owned()).or_default() += 1;
    }
}

fn key(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(ids: &[&str]) -> Vec<u8> {
        let item = |id: &&str| {
            serde_json::json!({ "data": { "baseType": "RequestData", "baseData": {
                "name": "POST /api/chat/stream", "properties": { "InvocationId": id }
            } } })
        };
        serde_json::to_vec(&ids.iter().map(item).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_is_missing_and_what_comes_twice_is_seen_and_all_else_is_forgotten() {
        let book = Book::default();
        for id in ["a", "b", "c", ""] {
            book.answered(id);
        }
        assert_eq!(book.take(&batch(&["d", "b", "a"])), 3);
        book.answered("d");
        assert_eq!((book.told().only_clients, book.told().only_recorder, book.told().headless), (1, 0, 1));
        book.take(&batch(&["b"]));
        assert_eq!((book.told().only_clients, book.told().only_recorder, book.told().requests()), (1, 1, 4));
    }

    #[test]
    fn what_must_not_be_told_is_seen() {
        let book = Book::default();
        book.take(&batch(&["a"]));
        assert_eq!(book.told().secrets, 0);
        book.take(&batch(&["soak question number 7"]));
        assert_eq!(book.told().secrets, 1);
    }
}
