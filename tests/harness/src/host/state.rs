//! What the host's tasks share: the phase the handler is in, and the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::log::{Channel, Journal, Level, LogLine, Stream};
use super::process::Signal;

/// Where the handler stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Being started, or started again; requests wait.
    Starting,
    /// It has answered a ping. It also counts as ready after a clean exit, which the host takes for a success.
    Ready,
    /// The host has stopped for good, for this reason.
    Stopped(String),
}

/// The handler as others see it.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) phase: Phase,
    pub(super) starts: usize,
    pub(super) pid: Option<u32>,
}

/// What the supervisor can be told.
#[derive(Debug)]
pub(super) enum Order {
    /// Send a signal and go by the restart rules.
    Signal(Signal, oneshot::Sender<()>),
    /// A call ran into `functionTimeout`: kill the handler and start another, unless this start is already over.
    Replace { start: usize },
    /// Stop: perhaps send a signal first and wait this long, then kill. The answer is the exit status.
    Stop { signal: Option<Signal>, wait: Duration, done: oneshot::Sender<Option<std::process::ExitStatus>> },
}

/// Shared by all tasks of one host.
#[derive(Debug)]
pub(super) struct Shared {
    /// The handler's port.
    pub(super) port: u16,
    status: watch::Sender<Status>,
    journal: Journal,
    /// Counts changes of status and log, for those who wait.
    changes: watch::Sender<u64>,
    orders: mpsc::Sender<Order>,
    giving_up: AtomicBool,
}

impl Shared {
    pub(super) fn new(port: u16, echo: bool) -> (Arc<Self>, mpsc::Receiver<Order>) {
        let (orders, receiver) = mpsc::channel(16);
        let shared = Self {
            port,
            status: watch::Sender::new(Status { phase: Phase::Starting, starts: 0, pid: None }),
            journal: Journal::new(echo),
            changes: watch::Sender::new(0),
            orders,
            giving_up: AtomicBool::new(false),
        };
        (Arc::new(shared), receiver)
    }

    pub(super) fn log(&self, line: LogLine) {
        self.journal.add(line);
        self.changed();
    }

    /// Logs a line of the host's own.
    pub(super) fn say(&self, level: Level, text: impl Into<String>) {
        self.log(LogLine { level, stream: Stream::Host, channel: Channel::System, text: text.into() });
    }

    pub(super) fn lines(&self) -> Vec<LogLine> {
        self.journal.lines()
    }

    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    pub(super) fn watch_changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Gives an order; false when the supervisor is gone.
    pub(super) async fn order(&self, order: Order) -> bool {
        self.orders.send(order).await.is_ok()
    }

    /// Waits while the handler is starting; true when it is ready. After `wait` the host gives up and stops itself.
    pub(super) async fn ready(&self, wait: Duration) -> bool {
        let mut status = self.status.subscribe();
        let settled = async {
            let settled = status.wait_for(|status| status.phase != Phase::Starting).await;
            settled.is_ok_and(|status| status.phase == Phase::Ready)
        };
        if let Ok(ready) = timeout(wait, settled).await {
            return ready;
        }
        if !self.giving_up.swap(true, Ordering::Relaxed) {
            self.say(Level::Error, "a request waited for the handler in vain; the host stops");
            let (done, _) = oneshot::channel();
            self.order(Order::Stop { signal: None, wait: Duration::ZERO, done }).await;
        }
        false
    }

    /// Ends when the host has stopped.
    pub(super) async fn stopped(&self) {
        let mut status = self.status.subscribe();
        let _ = status.wait_for(|status| matches!(status.phase, Phase::Stopped(_))).await;
    }
}
