//! A scripted upstream: an HTTP/1.1 server on loopback that plays replies with exact bytes and exact timing.
//!
//! What comes in are scripts ([`Reply`]); what goes out are the requests it received and the fate of each answer
//! ([`Counts`]). It sits on a bare TCP socket, because the interesting upstreams are the broken ones: cut in the middle
//! of a chunk, reset, silent. While it plays it also reads, so an answer that the client abandons is noticed even when
//! the script has nothing to write.

mod chunks;
mod gate;
mod play;
mod reply;
mod request;

use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

pub use chunks::{chunk, finish, sse, thought};
pub use gate::Gate;
pub use reply::{Ending, Reply, Split};
pub use request::Request;

use crate::lock::locked;

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Accepted connections.
    pub connections: usize,
    /// Requests received whole.
    pub requests: usize,
    /// Answers being played, their silences included.
    pub open: usize,
    /// Answers whose client left before the script's end.
    pub aborted: usize,
    /// Answers played to their end, whichever end the script has.
    pub completed: usize,
}

type Chooser = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// What connections share.
struct Stage {
    chooser: Mutex<Chooser>,
    queue: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<Request>>,
    aborts: Mutex<Vec<Instant>>,
    counts: watch::Sender<Counts>,
}

impl Stage {
    fn reply_to(&self, request: Request) -> Reply {
        let queued = locked(&self.queue).pop_front();
        let reply = queued.unwrap_or_else(|| locked(&self.chooser)(&request));
        locked(&self.requests).push(request);
        reply
    }

    fn opened(&self) {
        self.counts.send_modify(|counts| {
            counts.requests += 1;
            counts.open += 1;
        });
    }

    fn completed(&self) {
        self.counts.send_modify(|counts| {
            counts.open -= 1;
            counts.completed += 1;
        });
    }

    fn aborted(&self) {
        locked(&self.aborts).push(Instant::now());
        self.counts.send_modify(|counts| {
            counts.open -= 1;
            counts.aborted += 1;
        });
    }
}

/// The running server. Dropping it closes its listener and all its connections.
pub struct Upstream {
    address: SocketAddr,
    stage: Arc<Stage>,
    accepting: JoinHandle<()>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("address", &self.address)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// Starts on a free port of 127.0.0.1. Until told otherwise it answers 501.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub async fn start() -> Self {
        #[expect(clippy::expect_used, reason = "a test without loopback can only fail")]
        Self::start_on(0).await.expect("a free port on 127.0.0.1")
    }

    /// Starts on this port of 127.0.0.1; 0 stands for any free one.
    pub async fn start_on(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let stage = Arc::new(Stage {
            chooser: Mutex::new(Box::new(|_| {
                Reply::status(501).content_type("text/plain").body("nothing is scripted\n")
            })),
            queue: Mutex::default(),
            requests: Mutex::default(),
            aborts: Mutex::default(),
            counts: watch::Sender::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&stage)));
        Ok(Self { address, stage, accepting })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What every request gets once the queue of [`then`](Self::then) is empty.
    pub fn always(&self, reply: Reply) {
        self.respond(move |_| reply.clone());
    }

    /// As [`always`](Self::always), with a reply that depends on the request.
    pub fn respond(&self, choose: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        *locked(&self.stage.chooser) = Box::new(choose);
    }

    /// Queues a reply for one request, first in, first out.
    pub fn then(&self, reply: Reply) {
        locked(&self.stage.queue).push_back(reply);
    }

    /// All requests so far, in the order of their last bytes.
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.stage.requests).clone()
    }

    /// Forgets the requests and the times of aborts told so far; the counts stay. For runs too long to keep them.
    pub fn forget(&self) {
        locked(&self.stage.requests).clear();
        locked(&self.stage.aborts).clear();
    }

    /// A snapshot of the counts.
    pub fn counts(&self) -> Counts {
        self.stage.counts.borrow().clone()
    }

    /// Answers being played.
    pub fn open(&self) -> usize {
        self.counts().open
    }

    /// Answers whose client left before the script's end.
    pub fn aborted(&self) -> usize {
        self.counts().aborted
    }

    /// Answers played to their end.
    pub fn completed(&self) -> usize {
        self.counts().completed
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.counts().connections
    }

    /// When each abort was noticed, in order.
    pub fn aborts(&self) -> Vec<Instant> {
        locked(&self.stage.aborts).clone()
    }

    /// Waits until the counts satisfy `what`; false when that takes longer than `within`.
    pub async fn wait_for(&self, what: impl Fn(&Counts) -> bool, within: Duration) -> bool {
        let mut counts = self.stage.counts.subscribe();
        timeout(within, counts.wait_for(|counts| what(counts))).await.is_ok_and(|waited| waited.is_ok())
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Owns the connections' tasks: they end with it.
async fn accept(listener: TcpListener, stage: Arc<Stage>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if let Ok((stream, _)) = listener.accept().await {
            stage.counts.send_modify(|counts| counts.connections += 1);
            connections.spawn(play::serve(stream, Arc::clone(&stage)));
        }
    }
}
