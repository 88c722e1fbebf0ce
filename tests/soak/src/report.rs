//! What the soak says: a line now and then, the sums at the end, and whether all is well.

use std::fmt::Write as _;
use std::time::Duration;

use crate::memory::Course;
use crate::process::Figures;
use crate::program::Ended;
use crate::recorder::Told;
use crate::tally::Sums;

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

/// All that the verdict hangs on.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) duration: Duration,
    pub(crate) sums: Sums,
    /// After one request, before the load.
    pub(crate) before: Figures,
    /// Under load, after the warm-up; memory is the median of a tenth of the time.
    pub(crate) warm: Figures,
    /// Under load, at its end; memory is the median of a tenth of the time.
    pub(crate) end: Figures,
    /// After the load, all connections closed.
    pub(crate) after: Figures,
    /// Upstream's answers that were open two seconds after the last client.
    pub(crate) left_open: usize,
    /// Connections that the host in front may keep when all clients have gone.
    pub(crate) kept_connections: usize,
    /// Clients that did not come to an end.
    pub(crate) unfinished: usize,
    /// At the first upstream, at the second.
    pub(crate) upstream_requests: (usize, usize),
    /// Memory in the last hour.
    pub(crate) memory: Course,
    /// Telemetry.
    pub(crate) told: Told,
    pub(crate) tokens_issued: usize,
    pub(crate) identity_requests: usize,
    /// Soft and hard.
    pub(crate) outages: (usize, usize),
    pub(crate) ended: Ended,
    /// Words of conversations, tokens or upstream in the program's log.
    pub(crate) secrets_in_log: usize,
}

/// One line on the way.
pub(crate) fn progress(elapsed: Duration, open: usize, upstream: usize, sums: &Sums, now: &Figures) -> String {
    format!(
        "{:>5} s  turns {}, unexpected {}, no token {}; pieces {}, text {:.1} MB; bulk {} turns, {} pieces; \
         open {open}, upstream {upstream}; fds {}, threads {}, rss {} KiB, cpu {:.1} s",
        elapsed.as_secs(),
        sums.turns(),
        sums.unexpected,
        sums.no_token,
        sums.pieces,
        megabytes(sums.bytes),
        sums.bulk.0,
        sums.bulk_pieces,
        now.descriptors,
        now.threads,
        now.rss,
        now.cpu,
    )
}

/// One line on the way, of telemetry.
pub(crate) fn telling(told: &Told) -> String {
    format!(
        "         telemetry: {:?} in {} batches, {} refused; lost {} by the metric; only clients know {}, only the recorder {}",
        told.items, told.batches, told.refused_batches, told.lost_by_metric, told.only_answered, told.only_told
    )
}

impl Report {
    /// Everything that is not as it must be; empty when all is well.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let promised = PIECES_A_SECOND * self.duration.as_secs();
        let mut must = |holds: bool, what: String| {
            if !holds {
                faults.push(what);
            }
        };
        must(self.sums.unexpected == 0, format!("{} turns were not as they must be", self.sums.unexpected));
        must(self.sums.bulk.0 > 0 || self.sums.bulk == (0, 0, 0), "no bulk turn was compared".to_owned());
        must(
            self.duration < JUDGES_FLATNESS_FROM || self.memory.percent() <= FLAT_PERCENT,
            format!("memory rose by {:.2} % in the last hour", self.memory.percent()),
        );
        must(
            self.duration < JUDGES_FLATNESS_FROM || self.pieces() >= promised,
            format!("{} pieces were compared, not {promised}", self.pieces()),
        );
        must(self.told.secrets == 0, "telemetry told what it must not".to_owned());
        must(
            count(self.told.only_told) <= self.told.headless,
            format!("telemetry told {} requests that nobody made, or twice", self.told.only_told),
        );
        must(
            count(self.told.only_answered) <= self.lost(),
            format!(
                "{} requests are missing in telemetry, {} items were told as lost",
                self.told.only_answered,
                self.lost()
            ),
        );
        must(self.sums.compared > 0, "nothing was compared".to_owned());
        must(self.unfinished == 0, format!("{} clients did not come to an end", self.unfinished));
        must(self.left_open == 0, format!("{} of upstream's answers were left open", self.left_open));
        must(
            self.after.descriptors <= self.before.descriptors + self.kept_connections,
            format!("file descriptors grew: {} before, {} after", self.before.descriptors, self.after.descriptors),
        );
        must(
            self.duration < JUDGES_MEMORY_FROM || self.end.rss <= self.warm.rss + self.margin(),
            format!("memory grew by more than {} KiB", self.margin()),
        );
        must(self.end.threads <= self.warm.threads, "threads grew".to_owned());
        must(self.ended.code == Some(0), format!("the program ended with {:?}", self.ended.code));
        must(self.ended.errors.is_empty(), "the program wrote to standard error".to_owned());
        must(self.secrets_in_log == 0, "the log holds what it must not".to_owned());
        faults
    }

    /// Pieces of text that were compared by hash.
    fn pieces(&self) -> u64 {
        self.sums.pieces + self.sums.bulk_pieces
    }

    /// Items that the program said it lost, at its end.
    fn lost(&self) -> u64 {
        let fields = ["lost", "dropped_span_count"];
        let lost = self.ended.log.lines().filter(|line| line.contains("were lost") || line.contains("were dropped"));
        lost.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .flat_map(|line| {
                fields.map(|field| line.get(field).and_then(serde_json::Value::as_u64).unwrap_or_default())
            })
            .sum()
    }

    fn margin(&self) -> u64 {
        (self.warm.rss * MARGIN_PERCENT / 100).max(MARGIN_KIB)
    }

    /// The sums, in words.
    pub(crate) fn text(&self) -> String {
        let Self { sums, before, warm, end, after, .. } = self;
        let mut rows: Vec<(String, String)> = vec![
            ("turns".into(), format!("{}, of them unexpected {}", sums.turns(), sums.unexpected)),
            ("whole answers".into(), sums.whole().to_string()),
            ("told that there is no token".into(), sums.no_token.to_string()),
            (
                "text compared".into(),
                format!(
                    "{} answers, {} characters, {} bytes; {} mismatches",
                    sums.compared, sums.chars, sums.bytes, sums.mismatches
                ),
            ),
            (
                "bulk turns".into(),
                format!("{} compared, {} without a token, {} unexpected", sums.bulk.0, sums.bulk.1, sums.bulk.2),
            ),
            (
                "pieces compared by hash".into(),
                format!(
                    "{}: {} of bulk turns ({} bytes), {} of others",
                    self.pieces(),
                    sums.bulk_pieces,
                    sums.bulk_bytes,
                    sums.pieces
                ),
            ),
            ("turns by way".into(), format!("{:?}", sums.ways)),
            ("telemetry".into(), format!("{:?}, lost {}", self.told, self.lost())),
            (
                "memory in the last hour".into(),
                format!(
                    "{:?}: {:.2} % by the line, {:.2} % by its tenths",
                    self.memory,
                    self.memory.percent(),
                    self.memory.percent_of_tenths()
                ),
            ),
            ("heartbeats".into(), sums.heartbeats.to_string()),
            ("requests at the upstreams".into(), format!("{:?}", self.upstream_requests)),
            ("upstream answers open at the end".into(), self.left_open.to_string()),
            (
                "identity endpoint".into(),
                format!(
                    "{} requests, {} tokens; {} soft and {} hard outages",
                    self.identity_requests, self.tokens_issued, self.outages.0, self.outages.1
                ),
            ),
        ];
        let all = [before, warm, end, after];
        let mut figure = |name: &str, show: &dyn Fn(&Figures) -> String| {
            rows.push((name.to_owned(), all.map(show).join(" / ")));
        };
        figure("file descriptors, before / warm / end / after", &|figures| figures.descriptors.to_string());
        figure("threads", &|figures| figures.threads.to_string());
        figure("resident KiB", &|figures| figures.rss.to_string());
        rows.push(("peak resident KiB".into(), after.peak.to_string()));
        let cpu = after.cpu - before.cpu;
        let share = 100.0 * cpu / self.duration.as_secs_f64();
        rows.push(("processor".into(), format!("{cpu:.1} s, {share:.1} % of one core")));
        rows.push(("exit code after the signal".into(), format!("{:?}", self.ended.code)));
        let mut text = String::new();
        // Writing into memory does not fail.
        for (name, value) in &rows {
            let _ = writeln!(text, "{name:<46} {value}");
        }
        text.push_str("\nturns by kind: as planned, unexpected\n");
        for (kind, (good, bad)) in &sums.kinds {
            let name = format!("{kind:?}");
            let _ = writeln!(text, "  {name:<17} {good:>7} {bad:>4}");
        }
        for detail in &sums.details {
            let _ = writeln!(text, "  unexpected: {detail}");
        }
        text
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
