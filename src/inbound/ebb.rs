//! What answers took goes back to the system.
//!
//! The C library would keep it for the next ones: 240 MiB after 5,000 answers; and under load what lies free between pieces in
//! use, which grows for hours. An instance on Azure pays for memory by the second, and is judged by it.

use std::time::Duration;

use super::slots::Slots;

/// Between two looks. To give back takes as long as the free pages take to be walked, 9 ms for 240 MiB, and they have to be
/// asked for again: seldom enough that neither is felt.
const PAUSE: Duration = Duration::from_secs(20);
/// Looks after the last answer's beginning or end that still give back: connections close a moment later.
const LOOKS: u32 = 2;

/// Calls `give_back` every now and then while answers begin or end. Goes on for as long as the program runs; while nothing
/// happens it does nothing. No thread of its own: whoever allocates waits for the call meanwhile, wherever it is made.
pub async fn after_answers(slots: Slots, give_back: fn() -> bool) {
    let (mut seen, mut looks) = (slots.changes(), 0);
    loop {
        tokio::time::sleep(PAUSE).await;
        let changes = slots.changes();
        if std::mem::replace(&mut seen, changes) != changes {
            looks = LOOKS;
        }
        if looks > 0 {
            looks -= 1;
            let gave = give_back();
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
    async fn memory_goes_back_while_answers_begin_or_end_and_once_more_after() {
        static TIMES: AtomicUsize = AtomicUsize::new(0);
        let times = || TIMES.load(Ordering::Relaxed);
        let slots = Slots::new(StreamLimits { max: 10, max_per_user: 1 });
        tokio::spawn(after_answers(slots.clone(), || {
            TIMES.fetch_add(1, Ordering::Relaxed);
            true
        }));
        let minute = || tokio::time::sleep(Duration::from_secs(60));

        minute().await;
        assert_eq!(times(), 0, "nobody came");
        let answer = slots.take(None).unwrap();
        minute().await;
        assert_eq!(times(), 2, "one began");
        minute().await;
        assert_eq!(times(), 2, "nothing happens");
        drop(answer);
        minute().await;
        assert_eq!(times(), 4, "it ended");
        for _ in 0..10 {
            drop(slots.take(None).unwrap());
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        assert_eq!(times(), 9, "once each 20 s, not for each answer");
    }
}
