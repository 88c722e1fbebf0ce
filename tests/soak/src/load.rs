//! The load: clients that take one turn after the other, until the time is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Client;
use tokio::time::{Instant, sleep};

use crate::answer::Last;
use crate::book::Book;
use crate::client;
use crate::identity::Identity;
use crate::judge::{Outcome, judge};
use crate::kind::Kind;
use crate::model::Model;
use crate::plan::Plan;

use crate::tally::Tally;

/// Turns that are not of the load have numbers from here on.
const EXTRA: u64 = 1 << 40;
/// After one turn in so many, its reader says what they think of the answer.
const SAYS_ONE_IN: u64 = 8;

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) seed: u64,
    pub(crate) behind_host: bool,
    /// Where the program is.
    pub(crate) base: String,
    pub(crate) model: Arc<Model>,
    pub(crate) identity: Identity,
    pub(crate) tally: Tally,
    pub(crate) book: Arc<Book>,
    /// Turns that have begun and not ended.
    pub(crate) open: AtomicUsize,
    next: AtomicU64,
    extra: AtomicU64,
    bulk: AtomicU64,
}

impl Load {
    pub(crate) fn new(
        (seed, behind_host): (u64, bool),
        base: String,
        model: Arc<Model>,
        identity: Identity,
        book: Arc<Book>,
    ) -> Self {
        Self {
            seed,
            behind_host,
            base,
            model,
            identity,
            book,
            tally: Tally::default(),
            open: AtomicUsize::new(0),
            next: AtomicU64::new(0),
            extra: AtomicU64::new(EXTRA),
            bulk: AtomicU64::new(0),
        }
    }

    /// One client: turns until then; the last one is taken to its end.
    pub(crate) async fn client(self: Arc<Self>, client: Client, first_after: Duration, until: Instant) {
        sleep(first_after).await;
        while Instant::now() < until {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let plan = Plan::new(self.seed, number, self.behind_host);
            if let Some(pause) = self.turn(&client, plan).await {
                sleep(pause).await;
            }
        }
    }

    /// The next bulk turn.
    pub(crate) fn next_bulk(&self) -> u64 {
        self.bulk.fetch_add(1, Ordering::Relaxed)
    }

    /// A turn beside the load, of this kind.
    pub(crate) async fn extra(&self, client: &Client, kind: Kind) {
        let number = self.extra.fetch_add(1, Ordering::Relaxed);
        self.run(client, Plan::with_kind(self.seed, number, kind), ()).await;
    }

    async fn turn(&self, client: &Client, plan: Plan) -> Option<Duration> {
        if plan.kind.costs_a_token() {
            let guard = self.identity.may_cost_a_token().await;
            self.run(client, plan, guard).await
        } else {
            self.run(client, plan, ()).await
        }
    }

    /// Takes a turn, judges and counts it. The answer is the pause that the program asked for when it had no token.
    async fn run<G>(&self, client: &Client, plan: Plan, until_head: G) -> Option<Duration> {
        let plan = Arc::new(plan);
        let registered = self.model.register(&plan);
        self.open.fetch_add(1, Ordering::Relaxed);
        let seen = client::turn(client, &self.base, &plan, until_head).await;
        self.open.fetch_sub(1, Ordering::Relaxed);
        let asked = registered.asked();
        drop(registered);
        self.book.answered(&seen.request_id);
        let tokens = self.identity.tokens(seen.started, seen.ended);
        let verdict = judge(&plan, &seen, tokens, asked);
        self.tally.add(&plan, &seen, asked, &verdict);
        let has_id = !seen.request_id.is_empty();
        if has_id && verdict == Ok(Outcome::Planned) && plan.number.is_multiple_of(SAYS_ONE_IN) {
            self.say(client, &seen.request_id).await;
        }
        match (verdict, seen.answer.last) {
            (Ok(Outcome::NoToken), Some(Last::Error { retry_after, .. })) => retry_after.map(Duration::from_secs),
            _ => None,
        }
    }

    /// Says what a reader thinks of this answer.
    async fn say(&self, client: &Client, request_id: &str) {
        let verdict = if request_id.ends_with(|last: char| last.is_ascii_digit()) { "up" } else { "down" };
        let body = format!("{{\"request_id\":\"{request_id}\",\"verdict\":\"{verdict}\"}}");
        let request = client.post(format!("{}/api/feedback", self.base)).header("content-type", "application/json");
        match request.body(body).send().await.map(|response| response.status().as_u16()) {
            Ok(204) => self.book.verdict(),
            other => self.tally.fault(format!("a verdict was answered with {other:?}")),
        }
    }
}
