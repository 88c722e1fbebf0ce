//! Whether memory is flat: what is made of a figure a second.
//!
//! Slow readers and long answers make resident memory jump by megabytes for seconds, and what a connection once needed it
//! keeps for minutes. So each minute counts by its median, and the rise is that of the line through all minutes by Theil
//! and Sen: the median of the slopes between any two of them, which no few minutes can bend, at the beginning or the end.
//! The medians of the first and the last tenth are told beside it; they hang on twelve minutes of sixty.

/// Samples of a point: a minute's.
const POINT: usize = 60;

/// Memory over some time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Course {
    /// The median over the whole time, KiB.
    pub(crate) level: u64,
    /// By the line: KiB from the time's beginning to its end.
    pub(crate) rise: f64,
    /// Medians of the first and of the last tenth, KiB.
    pub(crate) tenths: (u64, u64),
}

impl Course {
    /// Of samples of resident memory in KiB, one a second.
    pub(crate) fn of(samples: &[u64]) -> Self {
        let points: Vec<f64> = samples.chunks(POINT).map(|minute| float(median(minute.to_vec()))).collect();
        let mut slopes = Vec::new();
        for (at, from) in points.iter().enumerate() {
            for (steps, to) in (1_u32..).zip(points.iter().skip(at + 1)) {
                slopes.push((to - from) / f64::from(steps));
            }
        }
        slopes.sort_by(f64::total_cmp);
        let slope = slopes.get(slopes.len() / 2).copied().unwrap_or_default();
        let tenth = (samples.len() / 10).max(1);
        let first = samples.get(..tenth).unwrap_or_default();
        let last = samples.get(samples.len().saturating_sub(tenth)..).unwrap_or_default();
        Self {
            level: median(samples.to_vec()),
            rise: slope * float(u64::try_from(samples.len()).unwrap_or_default()) / float(POINT as u64),
            tenths: (median(first.to_vec()), median(last.to_vec())),
        }
    }

    /// The rise in percent of the level.
    pub(crate) fn percent(&self) -> f64 {
        100.0 * self.rise / float(self.level.max(1))
    }

    /// The same of the tenths.
    pub(crate) fn percent_of_tenths(&self) -> f64 {
        let (first, last) = self.tenths;
        100.0 * (float(last) - float(first)) / float(first.max(1))
    }
}

/// The one in the middle.
pub(crate) fn median(mut samples: Vec<u64>) -> u64 {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "KiB are far below what it holds")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_no_rise_and_a_leak_is_one() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut samples = |leak: u64| -> Vec<u64> {
            let jump = |random: &mut fastrand::Rng| if random.u8(..8) == 0 { 5000 } else { random.u64(..300) };
            (0..3600).map(|second| 25_000 + jump(&mut random) + second * leak / 3600).collect()
        };
        let flat = Course::of(&samples(0));
        assert!(flat.percent().abs() < 0.1 && flat.percent_of_tenths().abs() < 0.3, "{flat:?}");
        let leaking = Course::of(&samples(500));
        assert!((1.7..2.3).contains(&leaking.percent()), "{leaking:?}");
    }
}
