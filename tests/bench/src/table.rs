//! Results as Markdown.

use std::fmt::Write as _;

use crate::results::Results;
use crate::sample::Summary;

/// Names of metrics, which are also the headings; each says its unit.
pub(crate) mod metric {
    pub(crate) const RATE: &str = "events/s";
    pub(crate) const CPU: &str = "CPU, µs an event";
    pub(crate) const BUSY: &str = "CPUs the relay used";
    pub(crate) const HARNESS: &str = "CPUs that upstream and load generator used";
    pub(crate) const P50: &str = "delay p50, µs";
    pub(crate) const P99: &str = "delay p99, µs";
    pub(crate) const START: &str = "start, ms";
    pub(crate) const COLD: &str = "cold start, ms";
    pub(crate) const CANCEL: &str = "upstream closed after its reader left, ms";
    pub(crate) const RESIDENT: &str = "resident, MiB";
    pub(crate) const PROPORTIONAL: &str = "proportional, MiB";
    pub(crate) const WHOLE: &str = "open streams that ended whole";
    pub(crate) const EACH: &str = "each open stream above idle, KiB";
    pub(crate) const BY_LENGTH: &str = "CPU by answer's length, µs an event";
    pub(crate) const BY_SIZE: &str = "CPU by event's size, µs an event";
    pub(crate) const PER_BYTE: &str = "CPU by event's size, ns a byte from upstream";
    pub(crate) const BY_PROTOCOL: &str = "CPU by protocol and surface, µs an event";
    pub(crate) const HANDSHAKES: &str = "TLS handshakes";
    pub(crate) const THROTTLED: &str = "periods in which the quota was used up, of 100";
    pub(crate) const BY_STREAMS: &str = "CPU by streams, µs an event";
}

/// Relays whose numbers are set against each other: the first's divided by the second's.
pub(crate) type Ratio<'a> = (&'a str, &'a str);

/// A metric's table: a row for each scenario, a column for each relay, then the ratios.
pub(crate) fn table(results: &Results, metric: &str, peers: &[String], ratios: &[Ratio<'_>]) -> String {
    let scenarios = results.scenarios(metric);
    let peers: Vec<&String> =
        peers.iter().filter(|peer| scenarios.iter().any(|one| results.get(one, metric, peer).is_some())).collect();
    let has = |name: &str| peers.iter().any(|peer| peer.as_str() == name);
    let ratios: Vec<_> = ratios.iter().filter(|(above, below)| has(above) && has(below)).collect();
    if scenarios.is_empty() {
        return String::new();
    }
    let mut text = format!("| {metric} |");
    for peer in &peers {
        let _ = write!(text, " {peer} |");
    }
    for (above, below) in &ratios {
        let _ = write!(text, " {above} / {below} |");
    }
    let columns = 1 + peers.len() + ratios.len();
    let _ = write!(text, "\n|---|{}\n", "---:|".repeat(columns - 1));
    for scenario in scenarios {
        let _ = write!(text, "| {scenario} |");
        for peer in &peers {
            let _ = write!(text, " {} |", cell(results.get(scenario, metric, peer)));
        }
        for (above, below) in &ratios {
            let both = results.get(scenario, metric, above).zip(results.get(scenario, metric, below));
            let ratio = both.filter(|(_, below)| below.median > 0.0).map(|(above, below)| above.median / below.median);
            let _ = write!(text, " {} |", ratio.map_or("–".to_owned(), number));
        }
        text.push('\n');
    }
    text.push('\n');
    text
}

/// A median; `~` when the machine was noisy all the time.
pub(crate) fn cell(summary: Option<Summary>) -> String {
    summary.map_or("–".to_owned(), |summary| {
        format!("{}{}", if summary.noisy { "~" } else { "" }, number(summary.median))
    })
}

/// Three significant digits, thousands set apart.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1.0 && value.fract() == 0.0 {
        return grouped(value);
    }
    if size < 10.0 {
        return format!("{value:.2}");
    }
    if size < 100.0 {
        return format!("{value:.1}");
    }
    grouped(value)
}

/// Without a fraction.
fn grouped(value: f64) -> String {
    let whole = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && text != "-" {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0.00"),
            (6.0, "6"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1234.0, "1,234"),
            (1_234_567.0, "1,234,567"),
            (-1500.0, "-1,500"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_table_has_ratios_of_those_that_were_there() {
        let mut results = Results::default();
        results.add("one", "m", "a", 3.0, 0.0);
        results.add("one", "m", "b", 2.0, 0.9);
        results.add("one", "m", "b", 2.0, 0.9);
        results.add("two", "m", "a", 5.0, 0.0);
        let peers = ["a", "b", "c"].map(str::to_owned);
        let text = table(&results, "m", &peers, &[("a", "b"), ("a", "c")]);
        assert_eq!(
            text,
            "| m | a | b | a / b |\n|---|---:|---:|---:|\n| one | 3 | ~2 | 1.50 |\n| two | 5 | – | – |\n\n"
        );
    }
}
