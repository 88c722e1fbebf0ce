//! After a crowd: the memory that many open answers took goes back to the system.
//!
//! The C library would keep it for the next crowd, which may never come: 240 MiB after 5,000 answers. An instance on
//! Azure pays for memory by the second, and is judged by it.

use std::time::Duration;

use super::slots::Slots;

/// Time for the last answers' connections to close, on either side.
const PAUSE: Duration = Duration::from_secs(20);

/// Calls `give_back` on a thread that may block, a while after most of a crowd has left, if it does not come back meanwhile.
/// Goes on for as long as the program runs.
pub async fn after_crowds(slots: Slots, give_back: fn() -> bool) {
    loop {
        slots.crowd_left().await;
        tokio::time::sleep(PAUSE).await;
        if slots.is_crowd_left() {
            slots.forget_crowd();
            let gave = tokio::task::spawn_blocking(give_back).await.unwrap_or_default();
            tracing::debug!(gave, "memory went back to the system");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::settings::StreamLimits;

    #[tokio::test(start_paused = true)]
    async fn memory_goes_back_once_after_each_crowd_and_not_while_it_comes_back() {
        static TIMES: AtomicUsize = AtomicUsize::new(0);
        let times = || TIMES.load(Ordering::Relaxed);
        let slots = Slots::new(StreamLimits { max: 1000, max_per_user: 1 });
        let crowd = |size| (0..size).map(|_| slots.take(None).unwrap()).collect::<Vec<_>>();
        tokio::spawn(after_crowds(slots.clone(), || {
            TIMES.fetch_add(1, Ordering::Relaxed);
            true
        }));
        let minute = || tokio::time::sleep(Duration::from_secs(60));

        drop(crowd(63));
        minute().await;
        assert_eq!(times(), 0, "a few are no crowd");

        let mut here = crowd(100);
        here.truncate(26);
        minute().await;
        assert_eq!(times(), 0, "more than a quarter is still here");
        here.truncate(25);
        minute().await;
        assert_eq!(times(), 1, "most have left");
        here.clear();
        minute().await;
        assert_eq!(times(), 1, "the rest were no crowd");

        drop(crowd(100));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let back = crowd(100);
        minute().await;
        assert_eq!(times(), 1, "it came back");
        drop(back);
        minute().await;
        assert_eq!(times(), 2);
    }
}
