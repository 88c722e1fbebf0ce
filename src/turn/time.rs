//! A turn's clocks: what is due when.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::woken::Woken;
use crate::error::{ChatError, Code};
use crate::settings::Clocks;

/// The turn's clocks. One timer serves all: it is set to what is due next, and only ever moved when it fires or when
/// something is due before it, so that an event costs no timer.
#[derive(Debug)]
pub(super) struct Time {
    clocks: Clocks,
    started: Instant,
    opened: Instant,
    /// What is waited for, and since when.
    wait: (Wait, Instant),
    /// Upstream failed without a reason; so long one is waited for.
    reason_until: Option<Instant>,
    /// Until there is one, when the turn began.
    last_line: Instant,
    /// The time of the last look at the clock, which is taken for the time of all that follows until the next.
    now: Instant,
    /// Nothing is due before. What is due next may be later: an event puts it off without a word here.
    not_before: Instant,
    timer: Pin<Box<Sleep>>,
    /// Whom the timer wakes.
    woken: Woken,
}

pub(super) enum Due {
    Heartbeat,
    Limit(ChatError),
    /// Upstream failed, and no reason has come.
    Failure,
}

/// What the model is waited for. Models that hide their thoughts are silent for minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Its first output, since upstream was opened.
    Output,
    /// The end of a thought of which nothing comes, since the last event.
    Thought,
    /// The next event, since the last one.
    Event,
}

/// Azure tells the reason of a failure in the event that follows, mostly at once.
const REASON_TIMEOUT: Duration = Duration::from_secs(1);

impl Time {
    pub(super) fn new(clocks: Clocks, started: Instant) -> Self {
        let opened = Instant::now();
        let timer = Box::pin(tokio::time::sleep_until(opened + clocks.heartbeat));
        let wait = (Wait::Output, opened);
        let (now, not_before, last_line) = (opened, opened, opened);
        let woken = Woken::default();
        Self { clocks, started, opened, wait, reason_until: None, last_line, now, not_before, timer, woken }
    }

    /// Looks at the clock, since something has come: whether it is too late for that. Then something else than a heartbeat is due.
    pub(super) fn is_over(&mut self) -> bool {
        self.now = Instant::now();
        self.now >= self.not_before && self.over().is_some()
    }

    /// When the clock was looked at last.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// An event came, and the model is waited for again.
    pub(super) fn event(&mut self, wait: Wait) {
        let since = if wait == Wait::Output { self.opened } else { self.now };
        let (before, _) = std::mem::replace(&mut self.wait, (wait, since));
        if before != wait {
            self.not_before = self.now;
        }
    }

    /// Upstream failed, and says why at once or not at all.
    pub(super) fn failure(&mut self) {
        self.reason_until.get_or_insert(self.now + REASON_TIMEOUT);
        self.not_before = self.now;
    }

    /// Another deployment is asked; what the last one said counts no more. The time to the first output goes on.
    pub(super) fn asks_again(&mut self) {
        self.wait = (Wait::Output, self.opened);
        self.reason_until = None;
        self.not_before = self.now;
    }

    pub(super) fn line(&mut self) {
        self.last_line = self.now;
    }

    /// Until when the next event, or the first output, must come, and the setting that says so.
    fn event_limit(&self) -> (Instant, &'static str) {
        let (wait, since) = self.wait;
        match wait {
            Wait::Output | Wait::Thought => (since + self.clocks.first_event, "FIRST_EVENT_TIMEOUT"),
            Wait::Event => (since + self.clocks.idle, "IDLE_TIMEOUT"),
        }
    }

    /// What was due at the last look at the clock. A heartbeat is due once.
    pub(super) fn due(&mut self) -> Option<Due> {
        let now = self.now;
        if now < self.not_before {
            return None;
        }
        if let Some(over) = self.over() {
            return Some(over);
        }
        if now >= self.last_line + self.clocks.heartbeat {
            self.last_line = now;
            return Some(Due::Heartbeat);
        }
        let next =
            self.event_limit().0.min(self.started + self.clocks.answer).min(self.last_line + self.clocks.heartbeat);
        self.not_before = self.reason_until.map_or(next, |until| next.min(until));
        None
    }

    /// What was due at the last look at the clock and ends the waiting for upstream.
    fn over(&self) -> Option<Due> {
        let now = self.now;
        let (event_limit, setting) = self.event_limit();
        if now >= self.started + self.clocks.answer {
            return Some(Due::Limit(timed_out("The answer took too long", "ANSWER_TIMEOUT")));
        }
        if self.reason_until.is_some_and(|until| now >= until) {
            return Some(Due::Failure);
        }
        (now >= event_limit).then(|| Due::Limit(timed_out("The model did not go on in time", setting)))
    }

    /// Ready when it is time to ask [`Time::due`] again, which has just said that nothing is. The clock has been looked at then.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_past = self.timer.is_elapsed() && self.timer.deadline() < self.not_before;
        if is_past || self.timer.deadline() > self.not_before {
            self.timer.as_mut().reset(self.not_before);
        } else if self.woken.is(cx) && !self.timer.is_elapsed() {
            return Poll::Pending;
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            self.woken.set(cx);
            return Poll::Pending;
        }
        self.now = Instant::now();
        Poll::Ready(())
    }
}

fn timed_out(what: &str, setting: &'static str) -> ChatError {
    ChatError::new(Code::UpstreamTimeout, format!("{what} ({setting}). Try again.")).caused_by(setting)
}
