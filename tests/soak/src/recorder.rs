//! Application Insights of the soak: takes the program's batches, keeps counts and no items, and has outages.

use std::sync::Arc;
use std::time::Duration;

use harness::ingestion::{Ingestion, unpacked};
use harness::upstream::Reply;
use tokio::time::{Instant, sleep};

use crate::book::Book;

/// An outage that the program's retries outlast, and one that costs items.
const SHORT: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(100);
/// Of this many outages one is long, the second.
const LONG_ONE_IN: usize = 4;

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
            let items = book.take(&unpacked(request));
            Reply::status(200).body(format!("{{\"itemsReceived\":{items},\"itemsAccepted\":{items},\"errors\":[]}}"))
        });
    }

    /// Refuses, or does not answer, for a time after each pause; the last outage ends well before `until`, so that the
    /// program gets through with what waits.
    pub(crate) async fn run_outages(&self, pause: Duration, until: Instant) {
        let replies = [Reply::status(500), Reply::silent(), Reply::status(429), Reply::refuse(), Reply::status(503)];
        for (number, reply) in replies.into_iter().cycle().enumerate() {
            let is_long = number % LONG_ONE_IN == 1;
            let time = if is_long { LONG } else { SHORT };
            sleep(pause).await;
            if Instant::now() + time + LONG > until {
                return;
            }
            let book = Arc::clone(&self.book);
            self.ingestion.respond(move |_| {
                book.refused();
                reply.clone()
            });
            sleep(time).await;
            self.accept();
            self.book.outage(is_long);
        }
    }
}
