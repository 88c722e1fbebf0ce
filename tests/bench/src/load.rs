//! Load: streams that ask again as soon as their answer is whole, or that stay open together.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use crate::check::{Check, Stamps};
use crate::client::Connection;
use crate::clock;
use crate::paced::{OPEN_WITHIN, OPENING};
use crate::peer::{Peer, Running};
use crate::plan::{Mode, Plan};
use crate::sample::{Use, Window};
use crate::upstream::Upstream;
use bench_events::dialect::Dialect;
use bench_events::event;

/// Texts that differ; a prime, so that streams side by side have different ones.
const VARIANTS: u64 = 7;
/// Above so many bytes of all events' text, one text has to do: each is held in memory three times.
const ONE_VARIANT_ABOVE: u64 = 8 * 1024 * 1024;

/// What is asked for, over and over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) streams: u32,
    pub(crate) events: u32,
    pub(crate) text: u32,
    pub(crate) batch: u32,
    pub(crate) dialect: Dialect,
}

impl Shape {
    /// Chat completions, the shortest texts, an event a write.
    pub(crate) const fn plain(streams: u32, events: u32) -> Self {
        Self { streams, events, text: event::MIN_TEXT, batch: 1, dialect: Dialect::Chat }
    }
}

/// The next answer's number and text.
pub(crate) fn next_plan(shape: &Shape, mode: Mode) -> Plan {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let bytes = u64::from(shape.events) * u64::from(shape.text + 503);
    let variant = if bytes > ONE_VARIANT_ABOVE { 0 } else { u32::try_from(id % VARIANTS).unwrap_or_default() };
    Plan { id, variant, events: shape.events, text: shape.text, batch: shape.batch, mode, dialect: shape.dialect }
}

/// Asks once, and gives the stamps of the whole and right answer. `on_events` hears how many events have come.
///
/// # Errors
/// The answer is not what was called for.
pub(crate) async fn ask(
    connection: &mut Connection,
    peer: &Peer,
    upstream: &Upstream,
    plan: Plan,
    mut on_events: impl FnMut(f64),
) -> Result<Stamps, String> {
    let form = peer.form();
    let mut check = match plan.mode {
        Mode::Paced(_) => Check::of_paced(form),
        _ => Check::of(form, upstream.answers.get(plan)),
    };
    let request = plan.request(peer.path(), &peer.headers());
    connection
        .ask(&request, |bytes| {
            on_events(check.feed(bytes, clock::now())? * f64::from(plan.events));
            Ok(())
        })
        .await?;
    let stamps = check.end()?;
    if matches!(plan.mode, Mode::Paced(_)) && upstream.account(plan.id).stamps != stamps.sent {
        return Err("the stamps are not those that upstream sent".to_owned());
    }
    Ok(stamps)
}

/// What a closed loop gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throughput {
    /// Events that arrived in the window.
    pub(crate) events: f64,
    /// Answers that were checked, in the window or not.
    pub(crate) answers: u64,
    pub(crate) used: Use,
}

/// Streams in a closed loop for a while; the window opens after a warm-up.
///
/// # Errors
/// Any answer that is not whole and right.
pub(crate) async fn closed_loop(
    peer: &Peer,
    running: &Running,
    upstream: &Arc<Upstream>,
    shape: Shape,
    warm_up: Duration,
    window: Duration,
) -> Result<Throughput, String> {
    let local = LocalSet::new();
    let events = Rc::new(Cell::new(0.0_f64));
    let answers = Rc::new(Cell::new(0_u64));
    let stop = Rc::new(Cell::new(false));
    let begun = Rc::new(Cell::new(0));
    let address = running.address;
    // Built outside the window.
    for _ in 0..VARIANTS {
        let answer = upstream.answers.get(next_plan(&shape, Mode::Free));
        answer.wire();
        answer.body();
        answer.lines();
        answer.chunks();
    }
    local
        .run_until(async {
            let opening = Rc::new(Semaphore::new(OPENING));
            let mut streams = JoinSet::new();
            for _ in 0..shape.streams {
                let (events, answers, stop) = (Rc::clone(&events), Rc::clone(&answers), Rc::clone(&stop));
                let (peer, upstream, opening) = (peer.clone(), Arc::clone(upstream), Rc::clone(&opening));
                let begun = Rc::clone(&begun);
                streams.spawn_local(async move {
                    let permit = opening.acquire().await.map_err(|error| error.to_string())?;
                    let mut connection = Connection::open(address).await?;
                    drop(permit);
                    let mut first = true;
                    while !stop.get() {
                        let plan = next_plan(&shape, Mode::Free);
                        let count = |more| {
                            events.set(events.get() + more);
                            if std::mem::replace(&mut first, false) {
                                begun.set(begun.get() + 1);
                            }
                        };
                        ask(&mut connection, &peer, &upstream, plan, count).await?;
                        answers.set(answers.get() + 1);
                    }
                    Ok::<_, String>(())
                });
            }
            // Opening thousands of streams is not what is measured.
            let asked = Instant::now();
            while begun.get() < shape.streams && asked.elapsed() < OPEN_WITHIN {
                // None ends before it is told, but by a failure.
                if let Some(ended) = streams.try_join_next() {
                    ended.map_err(|error| error.to_string())??;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(warm_up).await;
            let before = events.get();
            let open = Window::open(running.tree());
            tokio::time::sleep(window).await;
            let used = open.close();
            let counted = events.get() - before;
            stop.set(true);
            while let Some(ended) = streams.join_next().await {
                ended.map_err(|error| error.to_string())??;
            }
            if counted <= 0.0 {
                return Err("not one event came in the whole window".to_owned());
            }
            Ok(Throughput { events: counted, answers: answers.get(), used })
        })
        .await
}
