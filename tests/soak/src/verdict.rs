//! What must hold at the end, and what of it does not.

use std::time::Duration;

use crate::report::Report;

/// Memory may grow by this part since the warm-up, or by [`MARGIN_KIB`] if that is more: the allocator keeps what a
/// burst once needed, and bursts of slow readers come by chance. In twenty minutes at 100 streams it is passed by a leak of
/// two bytes a line, or of 400 bytes a turn.
const MARGIN_PERCENT: u64 = 10;
/// A shorter soak tells memory but does not judge it: it ends before memory is steady.
const JUDGES_MEMORY_FROM: Duration = Duration::from_secs(600);
/// From here on memory must be flat in the last hour, or in the last two thirds of a run that is no hour and a half.
const JUDGES_FLATNESS_FROM: Duration = Duration::from_secs(3600);
/// How flat: the rise in the last hour by the line through it.
const FLAT_PERCENT: f64 = 1.0;
/// Pieces of text that must have been compared, a second of such a run: a hundred million in an hour and a half.
const PIECES_A_SECOND: u64 = 18_519;
/// See [`MARGIN_PERCENT`].
const MARGIN_KIB: u64 = 4 * 1024;

impl Report {
    /// Everything that is not as it must be; empty when all is well.
    pub(crate) fn faults(&self) -> Vec<String> {
        let all =
            [self.faults_of_turns(), self.faults_of_process(), self.faults_of_memory(), self.faults_of_telemetry()];
        all.into_iter().flatten().collect()
    }

    fn faults_of_turns(&self) -> Vec<String> {
        let promised = PIECES_A_SECOND * self.duration.as_secs();
        let (hashed, is_long) = (self.sums.hashed(), self.duration >= JUDGES_FLATNESS_FROM);
        broken([
            (self.sums.unexpected == 0, format!("{} turns were not as they must be", self.sums.unexpected)),
            (self.sums.compared > 0, "nothing was compared".to_owned()),
            (!self.has_bulk || self.sums.bulk.compared > 0, "no bulk turn was compared".to_owned()),
            (
                !(self.has_bulk && is_long) || hashed >= promised,
                format!("{hashed} pieces were compared, not {promised}"),
            ),
            (self.unfinished == 0, format!("{} clients did not come to an end", self.unfinished)),
            (self.left_open == 0, format!("{} of upstream's answers were left open", self.left_open)),
        ])
    }

    fn faults_of_process(&self) -> Vec<String> {
        let (before, after) = (self.before.descriptors, self.after.descriptors);
        broken([
            (after <= before + self.kept_connections, format!("file descriptors grew: {before} before, {after} after")),
            (self.end.threads <= self.warm.threads, "threads grew".to_owned()),
            (self.ended.code == Some(0), format!("the program ended with {:?}", self.ended.code)),
            (self.ended.errors.is_empty(), "the program wrote to standard error".to_owned()),
            (self.secrets_in_log == 0, "the log holds what it must not".to_owned()),
        ])
    }

    fn faults_of_memory(&self) -> Vec<String> {
        let margin = (self.warm.rss * MARGIN_PERCENT / 100).max(MARGIN_KIB);
        let (grows, rises) = (self.end.rss > self.warm.rss + margin, self.memory.percent() > FLAT_PERCENT);
        broken([
            (self.duration < JUDGES_MEMORY_FROM || !grows, format!("memory grew by more than {margin} KiB")),
            (
                self.duration < JUDGES_FLATNESS_FROM || !rises,
                format!("memory rose by {:.2} % in the last hour", self.memory.percent()),
            ),
        ])
    }

    fn faults_of_telemetry(&self) -> Vec<String> {
        let (told, lost) = (&self.told, self.lost());
        let verdicts = told.count("EventData");
        broken([
            (told.secrets == 0, "telemetry told what it must not".to_owned()),
            (
                told.only_recorder <= told.headless,
                format!("telemetry told {} requests that nobody made, or twice", told.only_recorder),
            ),
            (
                told.only_clients <= lost,
                format!("{} requests are missing in telemetry, {lost} items were told as lost", told.only_clients),
            ),
            (
                verdicts <= told.verdicts && told.verdicts - verdicts <= lost,
                format!("telemetry told {verdicts} verdicts of {}, {lost} items were told as lost", told.verdicts),
            ),
        ])
    }

    /// Items that the program said it lost, at its end.
    pub(crate) fn lost(&self) -> u64 {
        let lines = self.ended.log.lines().filter(|line| line.contains("telemetry items were lost"));
        let lines = lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.filter_map(|line| line.get("lost")?.as_u64()).sum()
    }
}

/// What does not hold.
fn broken<const N: usize>(all: [(bool, String); N]) -> Vec<String> {
    all.into_iter().filter(|(holds, _)| !holds).map(|(_, what)| what).collect()
}
