//! A turn's clocks: what is due when.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

use crate::error::{ChatError, Code};
use crate::settings::Clocks;

/// The turn's clocks. One timer serves all: it is set to what is due next, and only ever moved when it fires or when
/// something is due before it, so that an event costs no timer.
#[derive(Debug)]
pub(super) struct Time {
    clocks: Clocks,
    started: Instant,
    opened: Instant,
    last_event: Option<Instant>,
    /// The model has not put anything out yet: models that hide their thoughts are silent for minutes.
    awaits_output: bool,
    /// Until there is one, when the turn began.
    last_line: Instant,
    /// The time of the last look at the clock, which is taken for the time of all that this look leads to.
    now: Instant,
    timer: Pin<Box<Sleep>>,
}

pub(super) enum Due {
    Heartbeat,
    Limit(ChatError),
}

impl Time {
    pub(super) fn new(clocks: Clocks, started: Instant) -> Self {
        let opened = Instant::now();
        let timer = Box::pin(tokio::time::sleep_until(opened + clocks.heartbeat));
        Self { clocks, started, opened, last_event: None, awaits_output: true, last_line: opened, now: opened, timer }
    }

    /// When [`Time::due`] was asked last.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// An event came. `awaits_output`: the model has put nothing out so far.
    pub(super) fn event(&mut self, awaits_output: bool) {
        self.last_event = Some(self.now);
        self.awaits_output = awaits_output;
    }

    pub(super) fn line(&mut self) {
        self.last_line = self.now;
    }

    /// Until when the next event, or the first output, must come, and the setting that says so.
    fn event_limit(&self) -> (Instant, &'static str) {
        match self.last_event {
            Some(last) if !self.awaits_output => (last + self.clocks.idle, "IDLE_TIMEOUT"),
            _ => (self.opened + self.clocks.first_event, "FIRST_EVENT_TIMEOUT"),
        }
    }

    /// Looks at the clock: what is due. A heartbeat is due once.
    pub(super) fn due(&mut self) -> Option<Due> {
        let now = Instant::now();
        self.now = now;
        let (event_limit, setting) = self.event_limit();
        if now >= self.started + self.clocks.answer {
            return Some(Due::Limit(timed_out("The answer took too long", "ANSWER_TIMEOUT")));
        }
        if now >= event_limit {
            return Some(Due::Limit(timed_out("The model did not go on in time", setting)));
        }
        if now >= self.last_line + self.clocks.heartbeat {
            self.last_line = now;
            return Some(Due::Heartbeat);
        }
        None
    }

    /// Ready when it is time to ask [`Time::due`].
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let next =
            self.event_limit().0.min(self.started + self.clocks.answer).min(self.last_line + self.clocks.heartbeat);
        if self.timer.deadline() > next || self.timer.is_elapsed() {
            self.timer.as_mut().reset(next);
        }
        self.timer.as_mut().poll(cx)
    }
}

fn timed_out(what: &str, setting: &'static str) -> ChatError {
    ChatError::new(Code::UpstreamTimeout, format!("{what} ({setting}). Try again.")).caused_by(setting)
}
