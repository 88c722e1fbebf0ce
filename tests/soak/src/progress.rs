//! What the soak says on the way.

use std::sync::atomic::Ordering;

use crate::book::Told;
use crate::process::Figures;
use crate::stage::Stage;

/// How far it is.
pub(crate) fn line(second: u64, stage: &Stage, now: &Figures) -> String {
    let sums = stage.load.tally.sums();
    format!(
        "{second:>5} s  turns {}, unexpected {}, no token {}; bulk {} turns; pieces {}; open {}, upstream {}; fds {}, \
         threads {}, rss {} KiB, cpu {:.1} s",
        sums.turns(),
        sums.unexpected,
        sums.no_token,
        sums.bulk.compared,
        sums.hashed(),
        stage.load.open.load(Ordering::Relaxed),
        stage.upstreams.open(),
        now.descriptors,
        now.threads,
        now.rss,
        now.cpu,
    )
}

/// What telemetry has told.
pub(crate) fn of_telemetry(told: &Told) -> String {
    format!(
        "         telemetry: {} requests in {} batches, {} batches refused; lost by the metric {}; only clients know {}, \
         only the recorder {}",
        told.requests(),
        told.batches,
        told.refused_batches,
        told.lost_by_metric,
        told.only_clients,
        told.only_recorder
    )
}
