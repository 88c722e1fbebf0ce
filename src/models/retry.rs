//! When a request to upstream is sent again, and how long that waits. Pure; the numbers are those of the OpenAI SDKs
//! but for the longest wait, which is the client's to make.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

use crate::protocol::refusal::wait_of;

/// The first pause when upstream names none; it doubles with each try.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A pause that upstream asks for is honoured below this; a longer one ends the tries.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Whether an answer with this status may be different the next time.
pub(super) fn is_worth_retrying(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 409 | 429 | 500..)
}

/// Headers that ask for a wait, with the seconds of their unit, in the order in which they count. Gateways pass on their
/// provider's under a name of their own.
const WAIT_HEADERS: [(&str, f64); 5] = [
    ("retry-after-ms", 0.001),
    ("x-ms-retry-after-ms", 0.001),
    ("retry-after", 1.0),
    ("llm_provider-retry-after-ms", 0.001),
    ("llm_provider-retry-after", 1.0),
];

/// What the headers ask for, as a number or as a date. `now` is the wall clock.
pub(super) fn asked_pause(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    WAIT_HEADERS.iter().find_map(|(name, unit)| {
        let text = headers.get(*name)?.to_str().ok()?.trim();
        match text.parse() {
            Ok(number) => wait_of(number, *unit),
            Err(_) => Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()),
        }
    })
}

/// How long nothing is left of a rate limit, by the head of a success that says so: seconds, or `1m30s` and `80ms` as
/// OpenAI writes them.
pub(super) fn exhausted(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let of = |remaining: &str, until: &str| {
        let is_empty = text(remaining)? == "0";
        is_empty.then(|| text(until).and_then(reset).unwrap_or_default())
    };
    let requests = of("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests");
    requests.max(of("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"))
}

fn reset(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut rest = text;
    let mut all = 0.0;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at_checked(rest.find(|letter: char| letter.is_ascii_alphabetic())?)?;
        let unit_length = tail.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_length)?;
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        all += number.parse::<f64>().ok()? * seconds;
        rest = tail;
    }
    Duration::try_from_secs_f64(all).ok()
}

/// The pause before retry number `retry` (0 is the first), or `None` when upstream asks for too long a one.
/// `jitter`, from 0 to 1, takes up to a quarter off, so that many clients do not come back together.
pub(super) fn pause(retry: u32, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
    if let Some(asked) = asked {
        return (asked < MAX_PAUSE).then_some(asked);
    }
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(retry)).min(MAX_PAUSE);
    Some(pause.mul_f64(1.0 - 0.25 * jitter.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(pairs: &[(&'static str, &'static str)]) -> Option<Duration> {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        asked_pause(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777))
    }

    #[test]
    fn a_limit_that_is_used_up_says_until_when() {
        let limit = |pairs: &[(&'static str, &'static str)]| {
            let name = |name| http::HeaderName::from_static(name);
            exhausted(&pairs.iter().map(|(header, value)| (name(header), HeaderValue::from_static(value))).collect())
        };
        let requests = ("x-ratelimit-remaining-requests", "0");
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        for (reset, wait) in [("12", 12.0), ("1m30s", 90.0), ("80ms", 0.08), ("soon", 0.0)] {
            assert_eq!(limit(&[requests, ("x-ratelimit-reset-requests", reset)]), seconds(wait), "{reset}");
        }
        assert_eq!(limit(&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "3")]), seconds(3.0));
        assert_eq!(limit(&[requests]), Some(Duration::ZERO));
        assert_eq!(limit(&[("x-ratelimit-remaining-requests", "1"), ("x-ratelimit-reset-requests", "12")]), None);
        assert_eq!(limit(&[]), None);
    }

    #[test]
    fn headers_are_read_in_all_their_forms() {
        assert_eq!(asked(&[]), None);
        assert_eq!(asked(&[("retry-after", "3")]), Some(Duration::from_secs(3)));
        assert_eq!(asked(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        assert_eq!(asked(&[("retry-after-ms", "250"), ("retry-after", "3")]), Some(Duration::from_millis(250)));
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), Some(Duration::from_secs(10)));
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT")]), Some(Duration::ZERO));
        assert_eq!(asked(&[("llm_provider-retry-after", "33")]), Some(Duration::from_secs(33)));
        assert_eq!(asked(&[("llm_provider-retry-after", "33"), ("retry-after", "3")]), Some(Duration::from_secs(3)));
        assert_eq!(asked(&[("x-ms-retry-after-ms", "250")]), Some(Duration::from_millis(250)));
        assert_eq!(asked(&[("retry-after-ms", "soon"), ("retry-after", "3")]), Some(Duration::from_secs(3)));
        for odd in ["-1", "NaN", "inf", "1e300", "9999999999", "soon", ""] {
            assert_eq!(asked(&[("retry-after", odd)]), None, "{odd}");
        }
    }

    #[test]
    fn pauses_double_with_jitter_and_long_ones_are_the_clients() {
        let ms = Duration::from_millis;
        assert_eq!(pause(0, None, 0.0), Some(ms(500)));
        assert_eq!(pause(1, None, 0.0), Some(ms(1000)));
        assert_eq!(pause(1, None, 1.0), Some(ms(750)));
        assert_eq!(pause(30, None, 0.0), Some(MAX_PAUSE));
        assert_eq!(pause(0, Some(ms(4999)), 0.0), Some(ms(4999)));
        assert_eq!(pause(0, Some(ms(5000)), 0.0), None);
    }

    #[test]
    fn statuses() {
        let worth: Vec<u16> = [400, 401, 403, 404, 408, 409, 422, 429, 500, 503, 599]
            .into_iter()
            .filter(|status| is_worth_retrying(StatusCode::from_u16(*status).unwrap()))
            .collect();
        assert_eq!(worth, [408, 409, 429, 500, 503, 599]);
    }
}
