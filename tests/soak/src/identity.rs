//! The identity endpoint of the soak, with tokens of a minute, and its outages.
//!
//! There are two kinds. In a *soft* one the endpoint fails, hangs or is slow while the program holds a good token: no
//! client may notice. In a *hard* one upstream refuses that token first: everybody must be told `identity_unavailable`,
//! and nobody anything else. Turns that cost the program its token must not begin in an outage, or a soft one became a
//! hard one; a lock sees to that.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use harness::identity::{Behaviour, IdentityEndpoint};
use tokio::sync::{RwLock, RwLockReadGuard};
use tokio::time::{Instant, sleep};

/// A token's life; renewed at half of it.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long an outage takes.
const OUTAGE: Duration = Duration::from_secs(6);
/// After a hard outage: the time in which a fetch that began in it may still fail, with the library's retries (5 s) and
/// the program's pause after a failure (2 s).
const AFTER_HARD: Duration = Duration::from_secs(10);
/// After a soft outage: the time until a fetch that began in it has been given up (10 s).
const AFTER_SOFT: Duration = Duration::from_secs(12);

/// Whether a token could be had during some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// All the time.
    Up,
    /// At no time.
    Down,
    /// A hard outage began or ended meanwhile: it depends on when the program asked.
    Uncertain,
}

/// Makes upstream refuse the program's token.
type LoseToken = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// One hard outage; `None` is not yet.
#[derive(Clone, Copy, Debug)]
struct Outage {
    begun: Instant,
    down: Option<Instant>,
    up: Option<Instant>,
}

/// The endpoint.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) endpoint: IdentityEndpoint,
    /// Held for reading by turns that cost the token, for writing in outages.
    costs: RwLock<()>,
    hard: Mutex<Vec<Outage>>,
    soft: Mutex<usize>,
}

impl Identity {
    pub(crate) async fn start() -> Self {
        let endpoint = IdentityEndpoint::start().await;
        endpoint.set(Behaviour::lifetime(LIFETIME));
        Self { endpoint, costs: RwLock::default(), hard: Mutex::default(), soft: Mutex::default() }
    }

    /// Waits until a turn may cost the program its token; until the guard is dropped there is no outage.
    pub(crate) async fn may_cost_a_token(&self) -> RwLockReadGuard<'_, ()> {
        self.costs.read().await
    }

    /// Soft and hard outages so far.
    pub(crate) fn outages(&self) -> (usize, usize) {
        let hard = self.hard.lock().unwrap_or_else(PoisonError::into_inner).len();
        (*self.soft.lock().unwrap_or_else(PoisonError::into_inner), hard)
    }

    /// Whether tokens could be had from one time to the other.
    pub(crate) fn tokens(&self, from: Instant, to: Instant) -> Tokens {
        let outages = self.hard.lock().unwrap_or_else(PoisonError::into_inner);
        let states = outages.iter().map(|outage| {
            if to < outage.begun || outage.up.is_some_and(|up| from > up + AFTER_HARD) {
                Tokens::Up
            } else if outage.down.is_some_and(|down| from >= down) && outage.up.is_none_or(|up| to <= up) {
                Tokens::Down
            } else {
                Tokens::Uncertain
            }
        });
        states.fold(Tokens::Up, |all, state| if state == Tokens::Up { all } else { state })
    }

    /// Makes an outage after each `pause`, the two kinds in turn, as long as the next one ends before `until`.
    /// `lose_token` makes upstream refuse the token at hand; what comes of that must be `identity_unavailable`.
    pub(crate) async fn run_outages(&self, pause: Duration, until: Instant, lose_token: LoseToken) {
        let soft = [
            Behaviour::failing(500, "internals"),
            Behaviour::hanging(),
            Behaviour::failing(400, "{\"internals\":\"token-body\"}"),
            Behaviour { lifetime: LIFETIME, ..Behaviour::slow(Duration::from_secs(4)) },
            Behaviour::failing(200, "<html>internals</html>"),
        ];
        for behaviour in soft.into_iter().cycle() {
            sleep(pause).await;
            if Instant::now() + OUTAGE + AFTER_HARD > until {
                return;
            }
            let costs = self.costs.write().await;
            self.hard_outage(&lose_token).await;
            drop(costs);
            sleep(pause).await;
            if Instant::now() + OUTAGE + AFTER_SOFT > until {
                return;
            }
            let costs = self.costs.write().await;
            *self.soft.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            self.endpoint.set(behaviour);
            sleep(OUTAGE).await;
            self.endpoint.set(Behaviour::lifetime(LIFETIME));
            sleep(AFTER_SOFT).await;
            drop(costs);
        }
    }

    async fn hard_outage(&self, lose_token: &LoseToken) {
        let outage = Outage { begun: Instant::now(), down: None, up: None };
        self.hard.lock().unwrap_or_else(PoisonError::into_inner).push(outage);
        self.endpoint.set(Behaviour::failing(503, "internals"));
        // A renewal that is under way comes to its end.
        sleep(Duration::from_millis(500)).await;
        lose_token().await;
        self.amend(|outage| outage.down = Some(Instant::now()));
        sleep(OUTAGE).await;
        self.amend(|outage| outage.up = Some(Instant::now()));
        self.endpoint.set(Behaviour::lifetime(LIFETIME));
        sleep(AFTER_HARD).await;
    }

    fn amend(&self, change: impl Fn(&mut Outage)) {
        if let Some(outage) = self.hard.lock().unwrap_or_else(PoisonError::into_inner).last_mut() {
            change(outage);
        }
    }
}
