//! The wait that upstream asks for in words, where no header says it. Pure.

use std::time::Duration;

/// A wait that is told at most: longer ones are read as none. Quotas of a month exist.
const MAX_WAIT: Duration = Duration::from_secs(31 * 24 * 3600);

/// So many units of that many seconds.
pub(crate) fn of(number: f64, seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number * seconds).ok().filter(|wait| *wait <= MAX_WAIT)
}

/// `retry after 33 seconds`, `try again in 1m30.5s`, `replenished in 22.14:18:12`.
pub(super) fn asked_in(message: &str) -> Option<Duration> {
    let message = message.to_ascii_lowercase();
    ["retry after ", "retry in ", "try again in ", "try again after ", "replenished in ", "reset in ", "wait "]
        .into_iter()
        .find_map(|words| length(message.split_once(words)?.1))
}

/// A length of time at the beginning of a text: `33 seconds`, `26s`, `850ms`, `1m30.5s`, `2h`, `00:23:05`, `22.14:18:12`.
pub(super) fn length(text: &str) -> Option<Duration> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, ':' | '.')).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    if number.contains(':') {
        return clock(number.trim_end_matches('.'));
    }
    let rest = rest.trim_start();
    let word = rest.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at_checked(word)?;
    let seconds = match unit {
        "ms" | "millisecond" | "milliseconds" => 0.001,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    };
    let first = of(number.parse().ok()?, seconds)?;
    let more = after.starts_with(|letter: char| letter.is_ascii_digit()).then(|| length(after)).flatten();
    first.checked_add(more.unwrap_or_default()).filter(|wait| *wait <= MAX_WAIT)
}

/// `hh:mm:ss`, with days before a point.
fn clock(text: &str) -> Option<Duration> {
    let (days, time) = text.split_once('.').filter(|(days, _)| !days.contains(':')).unwrap_or(("0", text));
    let mut seconds: f64 = days.parse().ok()?;
    let mut parts = time.split(':');
    for times in [24.0, 60.0, 60.0] {
        seconds = seconds * times + parts.next()?.parse::<f64>().ok()?;
    }
    of(seconds, 1.0).filter(|_| parts.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_from_words() {
        for (message, ms) in [
            ("Please retry after 33 seconds.", 33_000),
            ("Please try again in 1.574s. Visit", 1574),
            ("Please try again in 9m38.016s.", 578_016),
            ("try again in 850ms", 850),
            ("Try again in 2 minutes", 120_000),
            ("Quota will be replenished in 00:23:05.", 1_385_000),
            ("Out of call volume quota. Quota will be replenished in 22.14:18:12.", 1_952_292_000),
            ("Rate limit reached, wait 1 minute", 60_000),
        ] {
            assert_eq!(asked_in(message), Some(Duration::from_millis(ms)), "{message}");
        }
        for message in [
            "",
            "retry after",
            "retry after that",
            "try again in a moment",
            "wait 5",
            "retry after 99999999999999999999999 days",
            "retry after 1.2.3 seconds",
            "replenished in 1:2",
            "replenished in 1:2:3:4",
            "replenished in ::",
            "try again in 31d1s",
        ] {
            assert_eq!(asked_in(message), None, "{message}");
        }
    }
}
