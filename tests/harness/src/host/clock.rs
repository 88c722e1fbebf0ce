//! The three limits on one call, and what counts as activity.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::lock::locked;

/// The limits of every call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Silence in both directions. Starts with the call; any byte and the response headers start it anew.
    pub(super) idle: Duration,
    /// Silence towards and from the client, where held headers do not count.
    pub(super) front_idle: Option<Duration>,
    /// The whole call. Starts with it and is never started anew.
    pub(super) function: Option<Duration>,
}

/// Which limit passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    Idle,
    FrontIdle,
    Function,
}

/// One call's clocks.
#[derive(Debug)]
pub(super) struct Clock {
    limits: Limits,
    started: Instant,
    last: Mutex<Instant>,
    last_at_client: Mutex<Instant>,
    /// The call's end has been dealt with; whoever drops its parts later has nothing to report.
    settled: AtomicBool,
}

impl Clock {
    pub(super) fn start(limits: Limits) -> Self {
        let now = Instant::now();
        Self {
            limits,
            started: now,
            last: Mutex::new(now),
            last_at_client: Mutex::new(now),
            settled: AtomicBool::new(false),
        }
    }

    /// Something moved between the host and the handler only.
    pub(super) fn touch_handler(&self) {
        *locked(&self.last) = Instant::now();
    }

    /// Bytes moved from or to the client.
    pub(super) fn touch(&self) {
        self.touch_handler();
        *locked(&self.last_at_client) = Instant::now();
    }

    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }

    /// Ends when the idle limit or the whole call's limit has passed; never once the call is settled.
    pub(super) async fn call_expired(&self) -> Expired {
        loop {
            let idle = locked(&self.last).checked_add(self.limits.idle);
            let whole = self.limits.function.and_then(|limit| self.started.checked_add(limit));
            let (due, why) = match (idle, whole) {
                (Some(idle), Some(whole)) if whole < idle => (whole, Expired::Function),
                (Some(idle), _) => (idle, Expired::Idle),
                (None, Some(whole)) => (whole, Expired::Function),
                (None, None) => std::future::pending().await,
            };
            if due > Instant::now() {
                sleep_until(due).await;
            } else if self.is_settled() {
                std::future::pending::<()>().await;
            } else {
                return why;
            }
        }
    }

    /// Ends when the front end's idle limit has passed; never once the call is settled.
    pub(super) async fn front_expired(&self) -> Expired {
        loop {
            let due = self.limits.front_idle.and_then(|limit| locked(&self.last_at_client).checked_add(limit));
            let Some(due) = due else { std::future::pending().await };
            if due > Instant::now() {
                sleep_until(due).await;
            } else if self.is_settled() {
                std::future::pending::<()>().await;
            } else {
                return Expired::FrontIdle;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn activity_postpones_idleness_but_not_the_whole_calls_limit() {
        let limits = Limits {
            idle: Duration::from_secs(2),
            front_idle: Some(Duration::from_secs(3)),
            function: Some(Duration::from_secs(5)),
        };
        let clock = Clock::start(limits);
        let begin = Instant::now();
        let keep_busy = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                clock.touch_handler();
            }
        };
        tokio::select! {
            () = keep_busy => {}
            why = clock.front_expired() => assert_eq!((why, begin.elapsed().as_secs()), (Expired::FrontIdle, 3)),
        }
        clock.touch();
        assert_eq!((clock.call_expired().await, begin.elapsed().as_secs()), (Expired::Idle, 5));
        assert_eq!(
            Clock::start(Limits { idle: Duration::from_secs(9), ..limits }).call_expired().await,
            Expired::Function
        );
    }
}
