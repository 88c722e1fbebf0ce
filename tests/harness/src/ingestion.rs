//! Application Insights' ingestion endpoint: takes batches of items (`POST /v2/track`, a gzipped JSON array) and keeps
//! them, or fails as it is told to.

use std::fmt;
use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::upstream::{Reply, Request, Upstream};

/// Batches are unpacked this far; a real one of 512 items is below a mebibyte.
const MAX_BATCH_BYTES: u64 = 64 * 1024 * 1024;

/// The running endpoint. Dropping it closes it.
pub struct Ingestion {
    server: Upstream,
}

impl fmt::Debug for Ingestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingestion").field("address", &self.server.address()).finish_non_exhaustive()
    }
}

impl Ingestion {
    /// Starts on a free port of 127.0.0.1 and accepts everything.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub async fn start() -> Self {
        #[expect(clippy::expect_used, reason = "a test without loopback can only fail")]
        Self::start_on(0).await.expect("a free port on 127.0.0.1")
    }

    /// Starts on this port of 127.0.0.1; 0 stands for any free one.
    pub async fn start_on(port: u16) -> std::io::Result<Self> {
        let this = Self { server: Upstream::start_on(port).await? };
        this.accept();
        Ok(this)
    }

    /// From now on batches are accepted.
    pub fn accept(&self) {
        self.server.respond(|request| {
            let items = items(request).len();
            let body = serde_json::json!({ "itemsReceived": items, "itemsAccepted": items, "errors": [] });
            Reply::status(200).body(body.to_string())
        });
    }

    /// From now on a batch gets the answer that this chooses, which may look into it with [`unpacked`].
    pub fn respond(&self, choose: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        self.server.respond(choose);
    }

    /// From now on every batch gets this answer.
    pub fn answer(&self, reply: Reply) {
        self.server.always(reply);
    }

    /// What `APPLICATIONINSIGHTS_CONNECTION_STRING` is to be.
    pub fn connection_string(&self) -> String {
        format!("InstrumentationKey=00000000-0000-0000-0000-00000000abcd;IngestionEndpoint={}/", self.server.url())
    }

    /// All requests so far, whatever they got.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.server.forget();
    }

    /// All items so far, in the order in which they arrived.
    pub fn items(&self) -> Vec<Value> {
        self.requests().iter().flat_map(items).collect()
    }

    /// Waits until the items satisfy `what`; false when that takes longer than `within`.
    pub async fn wait_for(&self, what: impl Fn(&[Value]) -> bool, within: Duration) -> bool {
        let end = tokio::time::Instant::now() + within;
        loop {
            if what(&self.items()) {
                return true;
            }
            if tokio::time::Instant::now() > end {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The items of one batch; none if it cannot be read.
fn items(request: &Request) -> Vec<Value> {
    serde_json::from_slice(&unpacked(request)).unwrap_or_default()
}

/// A batch's JSON; nothing if it cannot be unpacked.
pub fn unpacked(request: &Request) -> Vec<u8> {
    let mut text = Vec::new();
    let unpacked = GzDecoder::new(&*request.body).take(MAX_BATCH_BYTES).read_to_end(&mut text);
    if unpacked.is_ok() { text } else { Vec::new() }
}
