//! Which of a model's deployments is asked next. Pure: what became of earlier tries and the time in, a deployment out.
//!
//! A deployment that failed is left alone for a while. When that is over one request asks it again, as a probe, while the
//! others keep to those that answer. When all are left alone the one that is due first is asked: better to ask than to
//! refuse. What is known here is this instance's own.

use std::time::Duration;

use tokio::time::Instant;

/// How long a deployment over its rate limit is left alone: what it asks for, within these bounds.
const LIMITED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(120));
/// The same, where it asks for nothing.
const LIMITED_UNTOLD: Duration = Duration::from_secs(10);
/// How long one that failed is left alone at first; each further failure doubles it.
const FAILED: Duration = Duration::from_secs(5);
/// And at most.
const FAILED_AT_MOST: Duration = Duration::from_secs(60);
/// How long one that refuses the identity, or is not known, is left alone: assignments take minutes to work.
const REFUSED: Duration = Duration::from_secs(60);

/// Deployments that a model may have.
const MAX_DEPLOYMENTS: usize = crate::settings::MAX_DEPLOYMENTS;

/// What became of asking a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It answers.
    Answered,
    /// It answers, and says that this was the last request, or token, of its limit for so long.
    Exhausted(Duration),
    /// It is over its rate limit, and asks for this pause.
    Limited(Option<Duration>),
    /// It failed, or could not be reached, or was lost.
    Failed,
    /// It does not take the identity, or does not know the deployment.
    Refused,
    /// Nothing that says how it is: the request itself was wrong, or was given up.
    Nothing,
}

/// What is known of one deployment.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Until when it is left alone.
    until: Option<Instant>,
    /// Failures one after the other.
    failures: u32,
    /// A request is finding out whether it answers again.
    is_probed: bool,
}

/// What is known of a model's deployments, in their order.
#[derive(Debug)]
pub(crate) struct Health {
    states: Vec<State>,
}

/// A deployment to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Its place in the order.
    pub(crate) index: usize,
    /// Whether this request finds out for the others. It must tell what became of it, whatever that is.
    pub(crate) is_probe: bool,
}

/// The deployments that one request has asked in vain since its last pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tried(u16);

impl Tried {
    pub(crate) fn add(&mut self, index: usize) {
        self.0 |= Self::bit(index);
    }

    fn has(self, index: usize) -> bool {
        self.0 & Self::bit(index) != 0
    }

    fn bit(index: usize) -> u16 {
        u32::try_from(index).ok().and_then(|index| 1_u16.checked_shl(index)).unwrap_or_default()
    }
}

impl Health {
    /// Nothing is known yet of so many deployments, at most [`MAX_DEPLOYMENTS`].
    pub(crate) fn new(deployments: usize) -> Self {
        Self { states: vec![State::default(); deployments.min(MAX_DEPLOYMENTS)] }
    }

    /// The first deployment in the order that is not left alone and that this request has not asked. `None`: there is no
    /// such one.
    pub(crate) fn choose(&mut self, tried: Tried, now: Instant) -> Option<Choice> {
        let is_free = |state: &State| state.until.is_none_or(|until| until <= now && !state.is_probed);
        let index = (0..)
            .zip(&self.states)
            .find_map(|(index, state)| (!tried.has(index) && is_free(state)).then_some(index))?;
        let state = self.states.get_mut(index)?;
        let is_probe = state.until.is_some();
        state.is_probed |= is_probe;
        Some(Choice { index, is_probe })
    }

    /// The deployment to ask when none is free: the one that is due first.
    pub(crate) fn choose_anyway(&self) -> Choice {
        let due = (0..).zip(&self.states).min_by_key(|(_, state)| state.until).map(|(index, _)| index);
        Choice { index: due.unwrap_or_default(), is_probe: false }
    }

    /// Takes note of what became of a try. `jitter`, from 0 to 1, spreads the times by a tenth each way, so that instances
    /// do not come back together.
    pub(crate) fn note(&mut self, choice: Choice, outcome: Outcome, now: Instant, jitter: f64) {
        let Some(state) = self.states.get_mut(choice.index) else { return };
        if choice.is_probe {
            state.is_probed = false;
        }
        let pause = match outcome {
            Outcome::Nothing => return,
            Outcome::Answered => {
                *state = State { is_probed: state.is_probed, ..State::default() };
                return;
            }
            Outcome::Exhausted(reset) => {
                state.failures = 0;
                reset.clamp(LIMITED.0, LIMITED.1)
            }
            Outcome::Limited(asked) => asked.map_or(LIMITED_UNTOLD, |asked| asked.clamp(LIMITED.0, LIMITED.1)),
            Outcome::Failed => {
                let pause = FAILED.saturating_mul(2_u32.saturating_pow(state.failures)).min(FAILED_AT_MOST);
                state.failures = state.failures.saturating_add(1);
                pause
            }
            Outcome::Refused => REFUSED,
        };
        let until = now + pause.mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0));
        state.until = Some(state.until.map_or(until, |known| known.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// No jitter.
    const EVEN: f64 = 0.5;

    fn first(health: &mut Health, now: Instant) -> Option<usize> {
        let choice = health.choose(Tried::default(), now)?;
        health.note(choice, Outcome::Nothing, now, EVEN);
        Some(choice.index)
    }

    fn plain(index: usize) -> Choice {
        Choice { index, is_probe: false }
    }

    #[test]
    fn the_order_is_kept_and_what_this_request_tried_is_passed_over() {
        let mut health = Health::new(3);
        let now = Instant::now();
        let mut tried = Tried::default();
        for index in 0..3 {
            assert_eq!(health.choose(tried, now), Some(plain(index)));
            tried.add(index);
        }
        assert_eq!(health.choose(tried, now), None);
    }

    #[test]
    fn each_outcome_leaves_a_deployment_alone_for_its_time() {
        for (outcome, seconds) in [
            (Outcome::Answered, 0),
            (Outcome::Nothing, 0),
            (Outcome::Exhausted(30 * SECOND), 30),
            (Outcome::Exhausted(Duration::ZERO), 1),
            (Outcome::Limited(None), 10),
            (Outcome::Limited(Some(30 * SECOND)), 30),
            (Outcome::Limited(Some(Duration::ZERO)), 1),
            (Outcome::Limited(Some(1000 * SECOND)), 120),
            (Outcome::Failed, 5),
            (Outcome::Refused, 60),
        ] {
            let mut health = Health::new(2);
            let now = Instant::now();
            health.note(plain(0), outcome, now, EVEN);
            let pause = seconds * SECOND;
            if let Some(just_before) = pause.checked_sub(Duration::from_millis(1)) {
                assert_eq!(first(&mut health, now + just_before), Some(1), "{outcome:?}");
            }
            assert_eq!(first(&mut health, now + pause), Some(0), "{outcome:?}");
        }
    }

    #[test]
    fn failures_double_the_time_up_to_a_minute_and_a_success_ends_it() {
        let mut health = Health::new(2);
        let mut now = Instant::now();
        for seconds in [5, 10, 20, 40, 60, 60] {
            health.note(plain(0), Outcome::Failed, now, EVEN);
            assert_eq!(first(&mut health, now + (seconds * SECOND).saturating_sub(Duration::from_millis(1))), Some(1));
            now += seconds * SECOND;
            assert_eq!(first(&mut health, now), Some(0));
        }
        health.note(plain(0), Outcome::Answered, now, EVEN);
        assert_eq!(first(&mut health, now), Some(0));
        health.note(plain(0), Outcome::Failed, now, EVEN);
        assert_eq!(first(&mut health, now + 5 * SECOND), Some(0), "it begins anew");
    }

    #[test]
    fn one_request_probes_while_the_others_stay_away() {
        let mut health = Health::new(2);
        let now = Instant::now();
        health.note(plain(0), Outcome::Limited(Some(30 * SECOND)), now, EVEN);
        let due = now + 30 * SECOND;
        let probe = health.choose(Tried::default(), due).unwrap();
        assert_eq!(probe, Choice { index: 0, is_probe: true });
        for _ in 0..100 {
            assert_eq!(health.choose(Tried::default(), due), Some(plain(1)));
        }
        health.note(probe, Outcome::Nothing, due, EVEN);
        let probe = health.choose(Tried::default(), due).unwrap();
        assert!(probe.is_probe, "one that was given up leaves the question to the next");
        health.note(probe, Outcome::Answered, due, EVEN);
        assert_eq!(health.choose(Tried::default(), due), Some(plain(0)));
    }

    #[test]
    fn when_all_are_left_alone_the_one_that_is_due_first_is_asked() {
        let mut health = Health::new(3);
        let now = Instant::now();
        for (index, seconds) in [(0, 30), (1, 10), (2, 20)] {
            health.note(plain(index), Outcome::Limited(Some(seconds * SECOND)), now, EVEN);
        }
        assert_eq!(health.choose(Tried::default(), now), None);
        assert_eq!(health.choose_anyway(), plain(1));
    }

    #[test]
    fn times_are_spread_by_a_tenth_each_way() {
        for (jitter, milliseconds) in [(0.0, 54_000), (1.0, 66_000)] {
            let mut health = Health::new(2);
            let now = Instant::now();
            health.note(plain(0), Outcome::Refused, now, jitter);
            let due = now + Duration::from_millis(milliseconds);
            assert_eq!(first(&mut health, due.checked_sub(Duration::from_millis(1)).unwrap()), Some(1));
            assert_eq!(first(&mut health, due + Duration::from_millis(1)), Some(0));
        }
    }

    proptest! {
        /// Whatever becomes of requests: there is always a deployment to ask, at most one probe each, and none is left
        /// alone for ever.
        #[test]
        fn no_deployment_is_lost(steps in prop::collection::vec((0..6_u8, 0..200_u32, any::<bool>()), 0..60)) {
            let mut health = Health::new(3);
            let mut now = Instant::now();
            let mut open: Vec<Choice> = Vec::new();
            for (kind, seconds, end) in steps {
                now += seconds * SECOND;
                let choice = health.choose(Tried::default(), now).unwrap_or_else(|| health.choose_anyway());
                let probes = open.iter().chain([&choice]).filter(|open| open.is_probe && open.index == choice.index).count();
                prop_assert!(probes <= 1);
                open.push(choice);
                if end {
                    let outcome = [
                        Outcome::Answered, Outcome::Failed, Outcome::Refused, Outcome::Limited(None), Outcome::Nothing,
                        Outcome::Exhausted(SECOND),
                    ][usize::from(kind)];
                    health.note(open.remove(0), outcome, now, EVEN);
                }
            }
            for choice in open {
                health.note(choice, Outcome::Nothing, now, EVEN);
            }
            now += 1000 * SECOND;
            for index in 0..3 {
                let choice = health.choose(Tried::default(), now).unwrap();
                prop_assert_eq!(choice.index, index);
                health.note(choice, Outcome::Failed, now, EVEN);
            }
        }
    }
}
