//! Regions that can be told to go down and to come back, so that failover can be watched at home.

use std::sync::Arc;

use tokio::sync::watch;

use super::words::has;

/// How a region answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Up,
    /// With 503.
    Down,
    /// Not at all: connections are closed as soon as they are there.
    Unreachable,
}

/// What a question can tell the region that hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Answer this, and nothing after it.
    Leave(State),
    /// All regions are to answer.
    Return,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Left(State),
    /// No other region is up, and somebody has to hear that they shall return.
    OnlyOne,
    Returned,
}

/// One region, which knows of the others.
#[derive(Debug, Clone)]
pub(super) struct Region {
    index: usize,
    /// `None`: the only one there is.
    pub(super) name: Option<&'static str>,
    states: Arc<watch::Sender<Vec<State>>>,
}

impl Order {
    /// Finds an order among the lower-case words of a question.
    pub(super) fn read(words: &[String]) -> Option<Self> {
        [("down", Self::Leave(State::Down)), ("unreachable", Self::Leave(State::Unreachable)), ("up", Self::Return)]
            .into_iter()
            .find(|(word, _)| has(words, &["region", word]))
            .map(|(_, order)| order)
    }
}

impl Region {
    /// The only region.
    pub(super) fn lone() -> Self {
        Self { index: 0, name: None, states: Arc::new(watch::Sender::new(vec![State::Up])) }
    }

    /// Several, all of them up.
    pub(super) fn all<const N: usize>(names: [&'static str; N]) -> [Self; N] {
        let states = Arc::new(watch::Sender::new(vec![State::Up; N]));
        let mut index = 0;
        names.map(|name| {
            index += 1;
            Self { index: index - 1, name: Some(name), states: Arc::clone(&states) }
        })
    }

    pub(super) fn state(&self) -> State {
        self.states.borrow().get(self.index).copied().unwrap_or(State::Up)
    }

    /// Resolves when this region is unreachable.
    pub(super) async fn unreachable(&self) {
        let mut states = self.states.subscribe();
        let here = |states: &Vec<State>| states.get(self.index) == Some(&State::Unreachable);
        if states.wait_for(here).await.map(drop).is_err() {
            std::future::pending::<()>().await; // nobody is left who could tell
        }
    }

    /// Obeys an order. The last region that is up stays so.
    pub(super) fn obey(&self, order: Order) -> Told {
        let mut told = Told::OnlyOne;
        self.states.send_modify(|states| match order {
            Order::Return => {
                states.fill(State::Up);
                told = Told::Returned;
            }
            Order::Leave(state) => {
                let up = |(index, state): (usize, &State)| index != self.index && *state == State::Up;
                if states.iter().enumerate().any(up)
                    && let Some(here) = states.get_mut(self.index)
                {
                    *here = state;
                    told = Told::Left(state);
                }
            }
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    #[test]
    fn orders_are_two_words_beside_each_other() {
        let read = |text| Order::read(&words(text));
        assert_eq!(read("Region down!"), Some(Order::Leave(State::Down)));
        assert_eq!(read("please: region unreachable"), Some(Order::Leave(State::Unreachable)));
        assert_eq!(read("fast, region up"), Some(Order::Return));
        assert_eq!(read("Is the region really down?"), None);
    }

    #[test]
    fn the_last_region_that_is_up_stays_up() {
        let [east, west] = Region::all(["east", "west"]);
        let down = Order::Leave(State::Down);
        assert_eq!(east.obey(down), Told::Left(State::Down));
        assert_eq!((east.state(), west.state()), (State::Down, State::Up));
        assert_eq!(west.obey(down), Told::OnlyOne);
        assert_eq!(west.obey(Order::Return), Told::Returned);
        assert_eq!((east.state(), west.state()), (State::Up, State::Up));
        assert_eq!(west.obey(Order::Leave(State::Unreachable)), Told::Left(State::Unreachable));
        assert_eq!(Region::lone().obey(down), Told::OnlyOne);
    }
}
