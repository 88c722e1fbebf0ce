//! How many answers may be open at once: in all, and for one user. There is no queue: who does not get a slot is told
//! so at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{ChatError, Code};
use crate::settings::StreamLimits;

/// All slots of this instance.
#[derive(Clone, Debug)]
pub struct Slots {
    limits: StreamLimits,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// How often one was taken or given back.
    changes: u64,
    /// Users with at least one open answer, so no more than `all`.
    by_user: HashMap<String, usize>,
}

/// One open answer; dropping it makes room.
#[derive(Debug)]
pub struct Slot {
    user: Option<String>,
    taken: Arc<Mutex<Taken>>,
}

impl Slots {
    /// All free.
    pub fn new(limits: StreamLimits) -> Self {
        Self { limits, taken: Arc::default() }
    }

    /// How many are taken.
    pub fn open(&self) -> usize {
        self.taken().all
    }

    /// How often one was taken or given back so far.
    pub(super) fn changes(&self) -> u64 {
        self.taken().changes
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot for a signed-in user, or for nobody in particular.
    ///
    /// # Errors
    /// `overloaded`, `rate_limited`
    pub fn take(&self, user: Option<&str>) -> Result<Slot, ChatError> {
        let mut taken = self.taken();
        if taken.all >= self.limits.max {
            // Spread, so that all who were turned away do not come back in the same second.
            let wait = Duration::from_secs(fastrand::u64(1..=5));
            return Err(ChatError::new(Code::Overloaded, "This instance is busy. Try again in a moment.")
                .retry_after(wait)
                .caused_by(format!("{} open answers (MAX_CONCURRENT_STREAMS)", self.limits.max)));
        }
        if let Some(user) = user {
            let of_user = taken.by_user.get(user).copied().unwrap_or_default();
            if of_user >= self.limits.max_per_user {
                let text = format!(
                    "You have {} answers open already (MAX_STREAMS_PER_USER). Stop one, or wait for it.",
                    self.limits.max_per_user
                );
                return Err(ChatError::new(Code::RateLimited, text).retry_after(Duration::from_secs(5)));
            }
            taken.by_user.insert(user.to_owned(), of_user + 1);
        }
        taken.all += 1;
        taken.changes += 1;
        Ok(Slot { user: user.map(str::to_owned), taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        taken.changes += 1;
        if let Some(user) = &self.user
            && let Some(of_user) = taken.by_user.get_mut(user)
        {
            *of_user -= 1;
            if *of_user == 0 {
                taken.by_user.remove(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<Slot, ChatError>) -> Code {
        result.map(|_| ()).unwrap_err().code()
    }

    #[test]
    fn bounds_hold_and_room_is_made() {
        let slots = Slots::new(StreamLimits { max: 3, max_per_user: 2 });
        let first = slots.take(Some("a")).unwrap();
        let _second = slots.take(Some("a")).unwrap();
        assert_eq!(code(slots.take(Some("a"))), Code::RateLimited);
        let third = slots.take(Some("b")).unwrap();
        assert_eq!(code(slots.take(None)), Code::Overloaded);
        assert_eq!(code(slots.take(Some("a"))), Code::Overloaded, "the instance's bound comes first");
        drop(third);
        assert_eq!(code(slots.take(Some("a"))), Code::RateLimited);
        drop(first);
        let _again = slots.take(Some("a")).unwrap();
        let _anonymous = slots.take(None).unwrap();
        assert_eq!(slots.taken.lock().unwrap().by_user.len(), 1, "who has no open answer is forgotten");
    }

    #[test]
    fn those_without_a_name_are_not_one_user() {
        let slots = Slots::new(StreamLimits { max: 5, max_per_user: 1 });
        let all: Vec<_> = (0..5).map(|_| slots.take(None).unwrap()).collect();
        assert_eq!(all.len(), 5);
    }
}
