//! What the soak has come to, in words.

use std::fmt::Write as _;
use std::time::Duration;

use crate::book::Told;
use crate::memory::Course;
use crate::process::Figures;
use crate::program::Ended;
use crate::tally::Sums;

/// A name and what there is to say.
type Row = (&'static str, String);

/// All that the verdict hangs on.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) duration: Duration,
    /// There were clients for bulk turns.
    pub(crate) has_bulk: bool,
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
    /// What telemetry told.
    pub(crate) told: Told,
    pub(crate) tokens_issued: usize,
    pub(crate) identity_requests: usize,
    /// Soft and hard.
    pub(crate) outages: (usize, usize),
    pub(crate) ended: Ended,
    /// Words of conversations, tokens or upstream in the program's log.
    pub(crate) secrets_in_log: usize,
}

impl Report {
    /// The sums, in words.
    pub(crate) fn text(&self) -> String {
        let mut rows = self.turns();
        rows.extend(self.telemetry());
        rows.extend(self.process());
        let mut text = String::new();
        // Writing into memory does not fail.
        for (name, value) in &rows {
            let _ = writeln!(text, "{name:<46} {value}");
        }
        text.push_str("\nturns by kind: as planned, unexpected\n");
        for (kind, (good, bad)) in &self.sums.kinds {
            let name = format!("{kind:?}");
            let _ = writeln!(text, "  {name:<17} {good:>7} {bad:>4}");
        }
        text.push_str("\nturns by surface and model\n");
        for ((surface, model), turns) in &self.sums.ways {
            let surface = format!("{surface:?}");
            let _ = writeln!(text, "  {surface:<6} {model:<15} {turns:>7}");
        }
        for detail in &self.sums.details {
            let _ = writeln!(text, "  unexpected: {detail}");
        }
        text
    }

    fn turns(&self) -> Vec<Row> {
        let (sums, bulk) = (&self.sums, &self.sums.bulk);
        vec![
            ("turns", format!("{}, of them unexpected {}", sums.turns(), sums.unexpected)),
            ("whole answers", sums.whole().to_string()),
            ("told that there is no token", sums.no_token.to_string()),
            (
                "text compared",
                format!(
                    "{} answers, {} pieces, {} characters, {} bytes",
                    sums.compared, sums.pieces, sums.chars, sums.bytes
                ),
            ),
            (
                "bulk turns",
                format!(
                    "{} compared, {} without a token, {} unexpected",
                    bulk.compared, bulk.no_token, bulk.unexpected
                ),
            ),
            ("bulk text compared", format!("{} pieces, {} bytes", bulk.pieces, bulk.bytes)),
            ("pieces compared by hash", format!("{}; {} mismatches", sums.hashed(), sums.mismatches)),
            ("heartbeats", sums.heartbeats.to_string()),
            (
                "requests at upstream",
                format!("{}, and {} at the second deployments", self.upstream_requests.0, self.upstream_requests.1),
            ),
            ("upstream answers open at the end", self.left_open.to_string()),
            (
                "identity endpoint",
                format!(
                    "{} requests, {} tokens; {} soft and {} hard outages",
                    self.identity_requests, self.tokens_issued, self.outages.0, self.outages.1
                ),
            ),
        ]
    }

    fn telemetry(&self) -> Vec<Row> {
        let told = &self.told;
        let items = told.items.iter().map(|(kind, count)| format!("{kind} {count}"));
        vec![
            ("telemetry", items.collect::<Vec<_>>().join(", ")),
            (
                "telemetry's batches",
                format!(
                    "{}, {} refused; {} short and {} long outages",
                    told.batches, told.refused_batches, told.outages.0, told.outages.1
                ),
            ),
            (
                "requests that telemetry missed",
                format!(
                    "{}; items told as lost {}, by the metric {}",
                    told.only_clients,
                    self.lost(),
                    told.lost_by_metric
                ),
            ),
            (
                "requests that no client knows",
                format!("{}; clients that left before a head {}", told.only_recorder, told.headless),
            ),
            ("verdicts given", told.verdicts.to_string()),
        ]
    }

    fn process(&self) -> Vec<Row> {
        let all = [&self.before, &self.warm, &self.end, &self.after];
        let figure = |show: &dyn Fn(&Figures) -> String| all.map(show).join(" / ");
        let course = &self.memory;
        let cpu = self.after.cpu - self.before.cpu;
        let share = 100.0 * cpu / self.duration.as_secs_f64();
        vec![
            ("file descriptors, before / warm / end / after", figure(&|figures| figures.descriptors.to_string())),
            ("threads", figure(&|figures| figures.threads.to_string())),
            ("resident KiB", figure(&|figures| figures.rss.to_string())),
            ("peak resident KiB", self.after.peak.to_string()),
            (
                "resident memory in the last hour",
                format!(
                    "median {} KiB, rise {:.0} KiB, {:.2} %; first and last tenth {} and {} KiB, {:.2} %",
                    course.level,
                    course.rise,
                    course.percent(),
                    course.tenths.0,
                    course.tenths.1,
                    course.percent_of_tenths()
                ),
            ),
            ("processor", format!("{cpu:.1} s, {share:.1} % of one core")),
            ("exit code after the signal", format!("{:?}", self.ended.code)),
        ]
    }
}
