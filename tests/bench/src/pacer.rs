//! Paced answers: each event is written when it is due, to the tens of microseconds.
//!
//! tokio's clock has steps of a millisecond and would send the events of many streams in bursts, so there is one thread
//! that sleeps from event to event. Phases are spread at random, as those of real answers are.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::answer::http_chunk;
use crate::clock;
use crate::socket::Socket;
use bench_events::event::{self, Field};

/// How late the kernel may wake the thread, to wake it together with others. Nanoseconds; its default is 50,000.
const TIMER_SLACK: u64 = 1000;

/// Digits of a stamp. With the space behind it, the shortest text of an event.
pub(crate) const STAMP: usize = 19;

/// A stamp as an event's text.
pub(crate) fn stamp_text(stamp: u64) -> String {
    format!("{stamp:0STAMP$} ")
}

/// Writes the events of all paced streams.
#[derive(Debug)]
pub(crate) struct Pacer {
    state: Mutex<State>,
    added: Condvar,
}

#[derive(Debug, Default)]
struct State {
    streams: HashMap<u64, Stream>,
    due: BinaryHeap<Reverse<(u64, u64)>>,
    next_id: u64,
}

#[derive(Debug)]
struct Stream {
    socket: Arc<Socket>,
    /// Nanoseconds.
    interval: u64,
    stamps: Vec<u64>,
    /// Bytes of an event that the socket did not take; it is given up then, and the answer will lack its end.
    broken: bool,
}

/// A paced stream, as long as it is held.
pub(crate) struct Paced {
    pacer: Arc<Pacer>,
    id: u64,
}

impl Paced {
    /// No more events. Gives the stamps of those that were written.
    pub(crate) fn stop(self) -> Vec<u64> {
        self.pacer.state().streams.remove(&self.id).map(|stream| stream.stamps).unwrap_or_default()
    }
}

/// An event's HTTP chunk, and where in it the stamp is.
struct Template {
    chunk: Vec<u8>,
    at: usize,
}

impl Template {
    fn new(field: Field) -> Self {
        let (before, after) = event::around(field);
        let mut chunk = Vec::new();
        http_chunk(format!("{before}{}{after}", stamp_text(0)).as_bytes(), &mut chunk);
        let at = memchr::memmem::find(&chunk, stamp_text(0).as_bytes()).unwrap_or_default();
        Self { chunk, at }
    }

    fn stamped(&mut self, stamp: u64) -> &[u8] {
        if let Some(place) = self.chunk.get_mut(self.at..=self.at + STAMP) {
            place.copy_from_slice(stamp_text(stamp).as_bytes());
        }
        &self.chunk
    }
}

impl Pacer {
    /// Starts its thread, on the CPU of this one. It ends with the process.
    pub(crate) fn start() -> Result<Arc<Self>, String> {
        let pacer = Arc::new(Self { state: Mutex::default(), added: Condvar::new() });
        let in_thread = Arc::clone(&pacer);
        let started = std::thread::Builder::new().name("pacer".to_owned()).spawn(move || in_thread.run());
        started.map_err(|error| format!("a thread: {error}"))?;
        Ok(pacer)
    }

    fn run(&self) {
        let _ = nix::sys::prctl::set_timerslack(TIMER_SLACK);
        let mut templates = [Template::new(Field::Thoughts), Template::new(Field::Content)];
        let mut state = self.state();
        loop {
            state = match write_due(&mut state, &mut templates) {
                None => self.added.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(next) => {
                    let wait = Duration::from_nanos(next.saturating_sub(clock::now()));
                    let waited = self.added.wait_timeout(state, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Adds a stream. Its first event comes within the interval, in nanoseconds.
    pub(crate) fn add(self: &Arc<Self>, socket: Arc<Socket>, interval: u64) -> Paced {
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        // The same phases in every run.
        let phase = fastrand::Rng::with_seed(id).u64(0..interval.max(1));
        state.due.push(Reverse((clock::now() + phase, id)));
        state.streams.insert(id, Stream { socket, interval, stamps: Vec::with_capacity(512), broken: false });
        drop(state);
        self.added.notify_one();
        Paced { pacer: Arc::clone(self), id }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes every event that is due. Gives the time of the next.
fn write_due(state: &mut State, templates: &mut [Template; 2]) -> Option<u64> {
    let State { streams, due, .. } = state;
    while let Some(Reverse((time, id))) = due.peek().copied() {
        let now = clock::now();
        if time > now {
            return Some(time);
        }
        due.pop();
        let Some(stream) = streams.get_mut(&id).filter(|stream| !stream.broken) else { continue };
        let [thoughts, content] = templates;
        let template = if Field::of_paced(stream.stamps.len()) == Field::Thoughts { thoughts } else { content };
        // As late as can be: formatting is not the relay's time.
        let chunk = template.stamped(now);
        stream.broken = !stream.socket.try_write_all(chunk);
        stream.stamps.push(now);
        due.push(Reverse((time + stream.interval, id)));
    }
    None
}
