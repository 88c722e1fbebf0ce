//! Exact fractions, so that 0.1 + 0.2 is 0.3 and nothing is rounded before it is shown.

use std::fmt;

/// Numerators and denominators stay below this, so that one more digit of a division always fits.
const LIMIT: i128 = 10_i128.pow(30);

/// Digits after the point that are shown.
const SHOWN_DIGITS: usize = 10;

/// A fraction in lowest terms with a positive denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    /// The fraction in lowest terms; none for a denominator of zero or beyond the limit.
    pub(super) fn new(numerator: i128, denominator: i128) -> Option<Self> {
        let divisor = greatest_common_divisor(numerator.checked_abs()?, denominator.checked_abs()?);
        let divisor = if denominator < 0 { -divisor } else { divisor };
        let (numerator, denominator) = (numerator.checked_div(divisor)?, denominator.checked_div(divisor)?);
        (denominator != 0 && numerator.abs() < LIMIT && denominator < LIMIT).then_some(Self { numerator, denominator })
    }

    pub(super) fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub(super) fn negated(self) -> Self {
        Self { numerator: -self.numerator, ..self }
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Self::new(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?)
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        Self::new(self.numerator.checked_mul(other.numerator)?, self.denominator.checked_mul(other.denominator)?)
    }

    /// None for a division by zero, too: ask `is_zero` first to tell.
    pub(super) fn over(self, other: Self) -> Option<Self> {
        self.times(Self::new(other.denominator, other.numerator)?)
    }
}

/// "395", "0.3", or where the digits do not end "25/6, about 4.1666666666…": cut off, not rounded, as the dots say.
impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.numerator < 0 { "-" } else { "" };
        let (top, bottom) = (self.numerator.abs(), self.denominator);
        let mut rest = top % bottom;
        let mut digits = String::new();
        while rest != 0 && digits.len() < SHOWN_DIGITS {
            rest *= 10;
            digits.push_str(&(rest / bottom).to_string());
            rest %= bottom;
        }
        let whole = top / bottom;
        match (digits.is_empty(), rest == 0) {
            (true, _) => write!(f, "{sign}{whole}"),
            (false, true) => write!(f, "{sign}{whole}.{digits}"),
            (false, false) => write!(f, "{sign}{top}/{bottom}, about {sign}{whole}.{digits}…"),
        }
    }
}

fn greatest_common_divisor(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_shown_exactly_or_with_dots() {
        let shown = |n, d| Fraction::new(n, d).unwrap().to_string();
        assert_eq!(shown(395, 1), "395");
        assert_eq!(shown(-6, 4), "-1.5");
        assert_eq!(shown(3, -10), "-0.3");
        assert_eq!(shown(25, 6), "25/6, about 4.1666666666…");
        assert_eq!(shown(0, -5), "0");
    }

    #[test]
    fn zero_denominators_and_huge_numbers_are_none() {
        assert_eq!(Fraction::new(1, 0), None);
        assert_eq!(Fraction::new(0, 0), None);
        assert_eq!(Fraction::new(LIMIT, 1), None);
        assert_eq!(Fraction::new(i128::MIN, 1), None);
        let big = Fraction::new(LIMIT - 1, 1).unwrap();
        assert_eq!(big.times(big), None);
        assert_eq!(big.plus(big), None);
        assert_eq!(big.over(Fraction::new(0, 1).unwrap()), None);
    }
}
