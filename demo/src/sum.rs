//! Finds a sum in a question and computes it: `+ - * /` and parentheses, exactly.

use std::iter::Peekable;
use std::str::Chars;

use super::fraction::Fraction;

/// The longest expression that is computed, in characters.
const MAX_CHARS: usize = 200;

/// The deepest nesting of parentheses and signs: the evaluator calls itself, and its stack shall not be a guest's to fill.
const MAX_DEPTH: usize = 32;

/// An expression as it was written, and what it gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) expression: String,
    pub(super) value: Result<Fraction, NoValue>,
}

/// Why an expression has no value here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoValue {
    DivisionByZero,
    TooLarge,
    TooLong,
    TooDeep,
    /// It is not an expression after all: a date, a range, a telephone number, a lone number.
    NotASum,
}

/// The words that may stand before a sum, and after it. A stray "24/7" or "2024-11-05" is not asked to be computed.
const BEFORE: [&str; 9] = ["is", "what's", "whats", "compute", "calculate", "evaluate", "of", "much", "please"];
const AFTER: [&str; 8] = ["please", "and", "but", "with", "then", "slowly", "fast", "equal"];

/// The first sum that `text` asks to compute.
pub(super) fn find(text: &str) -> Option<Sum> {
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let start = at + rest.find(is_part)?;
        let run = text.get(start..)?;
        let end = start + run.find(|c| !is_part(c)).unwrap_or(run.len());
        at = end;
        let run = text.get(start..end)?;
        let expression = run.trim_end_matches([' ', '.', '(', '-', '+', '*', '/']);
        let written_end = start + expression.len();
        let expression = expression.trim_start();
        if asked_before(text.get(..start)?) && asked_after(text.get(written_end..)?) {
            let value = evaluate(expression);
            if value != Err(NoValue::NotASum) {
                return Some(Sum { expression: expression.chars().take(MAX_CHARS).collect(), value });
            }
        }
    }
    None
}

fn is_part(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | '*' | '/' | '(' | ')' | ' ' | '×' | '·' | '÷' | '−')
}

fn asked_before(text: &str) -> bool {
    let text = text.trim_end_matches([' ', ':', '\n']);
    text.is_empty()
        || text.split_whitespace().next_back().is_some_and(|word| BEFORE.contains(&word.to_lowercase().as_str()))
}

fn asked_after(text: &str) -> bool {
    let word = text.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    word.is_empty() || AFTER.contains(&word.to_lowercase().as_str())
}

/// Computes an expression with at least one operation.
pub(super) fn evaluate(expression: &str) -> Result<Fraction, NoValue> {
    if !expression.contains(|c: char| c.is_ascii_digit()) {
        return Err(NoValue::NotASum);
    }
    if expression.chars().count() > MAX_CHARS {
        return Err(NoValue::TooLong);
    }
    let mut evaluator = Evaluator { chars: expression.chars().peekable(), depth: 0, operations: 0 };
    let value = evaluator.sum()?;
    if evaluator.next().is_some() || evaluator.operations == 0 {
        return Err(NoValue::NotASum);
    }
    Ok(value)
}

struct Evaluator<'a> {
    chars: Peekable<Chars<'a>>,
    depth: usize,
    operations: usize,
}

impl Evaluator<'_> {
    /// The next character that is not a space, in ASCII.
    fn next(&mut self) -> Option<char> {
        while self.chars.next_if_eq(&' ').is_some() {}
        self.chars.peek().map(|c| match c {
            '×' | '·' => '*',
            '÷' => '/',
            '−' => '-',
            other => *other,
        })
    }

    fn take(&mut self) {
        self.chars.next();
    }

    fn sum(&mut self) -> Result<Fraction, NoValue> {
        let mut value = self.product()?;
        while let Some(operator @ ('+' | '-')) = self.next() {
            self.take();
            self.operations += 1;
            let right = self.product()?;
            let right = if operator == '-' { right.negated() } else { right };
            value = value.plus(right).ok_or(NoValue::TooLarge)?;
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<Fraction, NoValue> {
        let mut value = self.factor()?;
        while let Some(operator @ ('*' | '/')) = self.next() {
            self.take();
            self.operations += 1;
            let right = self.factor()?;
            value = if operator == '*' {
                value.times(right)
            } else if right.is_zero() {
                return Err(NoValue::DivisionByZero);
            } else {
                value.over(right)
            }
            .ok_or(NoValue::TooLarge)?;
        }
        Ok(value)
    }

    fn factor(&mut self) -> Result<Fraction, NoValue> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(NoValue::TooDeep);
        }
        let value = match self.next() {
            Some('-') => {
                self.take();
                self.factor()?.negated()
            }
            Some('(') => {
                self.take();
                let inner = self.sum()?;
                if self.next() != Some(')') {
                    return Err(NoValue::NotASum);
                }
                self.take();
                inner
            }
            _ => self.number()?,
        };
        self.depth -= 1;
        Ok(value)
    }

    fn number(&mut self) -> Result<Fraction, NoValue> {
        let (mut digits, mut scale, mut any, mut point) = (0_i128, 1_i128, false, false);
        while let Some(c) = self.chars.peek().copied() {
            if c == '.' && !point {
                point = true;
            } else if let Some(digit) = c.to_digit(10) {
                any = true;
                digits = digits.checked_mul(10).and_then(|d| d.checked_add(digit.into())).ok_or(NoValue::TooLarge)?;
                if point {
                    scale = scale.checked_mul(10).ok_or(NoValue::TooLarge)?;
                }
            } else {
                break;
            }
            self.take();
        }
        if any { Fraction::new(digits, scale).ok_or(NoValue::TooLarge) } else { Err(NoValue::NotASum) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_computed_exactly() {
        for (expression, value) in [
            ("17*23+4", "395"),
            ("2+3*4", "14"),
            ("(2 + 3) * 4", "20"),
            ("10 - 4 - 3", "3"),
            ("100/10/5", "2"),
            ("0.1+0.2", "0.3"),
            ("-(3 - 5)*-2", "-4"),
            ("7 ÷ 2 × 4 − 1", "13"),
            ("1/3", "1/3, about 0.3333333333…"),
        ] {
            assert_eq!(evaluate(expression).unwrap().to_string(), value, "{expression}");
        }
    }

    #[test]
    fn what_has_no_value_says_why() {
        assert_eq!(evaluate("1/(2-2)"), Err(NoValue::DivisionByZero));
        assert_eq!(evaluate(&format!("{}*2", "9".repeat(40))), Err(NoValue::TooLarge));
        assert_eq!(evaluate(&format!("1{}", "+1".repeat(200))), Err(NoValue::TooLong));
        assert_eq!(evaluate(&format!("{}1+1", "-".repeat(90))), Err(NoValue::TooDeep));
        assert_eq!(evaluate(&format!("{}1{}+1", "(".repeat(40), ")".repeat(40))), Err(NoValue::TooDeep));
        for not in ["", "5", "-5", "2**3", "(1+2", "1+2)", "1..2+3", "1+", "1 2+3", "()"] {
            assert_eq!(evaluate(not), Err(NoValue::NotASum), "{not}");
        }
    }

    #[test]
    fn a_sum_is_found_where_one_is_asked_for() {
        let found = |text| find(text).map(|sum| sum.expression);
        for text in
            ["what is 17*23+4?", "17*23+4", "Please compute: 17*23+4.", "What's 17*23+4 (answer slowly)", "17*23+4 ="]
        {
            assert_eq!(found(text).as_deref(), Some("17*23+4"), "{text}");
        }
        assert_eq!(found("It was 5. What is (1+2)*3, and why?").as_deref(), Some("(1+2)*3"));
        for text in
            ["Is there 24/7 support?", "On 2024-11-05 it rained", "What is -5?", "what is 24/7 support", "", "é 1+1 x"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
