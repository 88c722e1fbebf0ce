//! What the words of the question tell the demo to do. Words count as words, in any case: "slowly" is one, "fastidious"
//! holds none.

use std::time::Duration;

use super::character::Character;
use super::fault::{Fault, Telling, When};
use super::words::has;

/// The longest pause that can be asked for.
const MAX_PAUSE: Duration = Duration::from_mins(10);

/// How much of an unknown failure's name is repeated.
const UNKNOWN_CODE_CHARS: usize = 40;

/// Everything that can be asked for beside the question itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) pace: Pace,
    pub(super) length: Length,
    pub(super) thinking: Thinking,
    /// Silence before the first event, on top of the usual moment.
    pub(super) wait: Duration,
    /// Silence between thoughts and answer, or in the middle of the answer.
    pub(super) silence: Duration,
    pub(super) silence_midway: bool,
    /// Thoughts are counted and take their time, but are not told.
    pub(super) hidden: bool,
    /// Thoughts come as `<think>…</think>` in the content.
    pub(super) inline_tags: bool,
    pub(super) ending: Ending,
    pub(super) telling: Telling,
    /// A failure was asked for by a name that is none.
    pub(super) unknown_fault: Option<String>,
}

/// How fast pieces follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Usual,
    /// Usual, for the model that is quick.
    Brisk,
    Slow,
    Fast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Usual,
    Long,
    Short,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    Usual,
    Longer,
    None,
}

/// How the answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Finish reason `stop`.
    Whole,
    /// Finish reason `length`, half-way.
    Length,
    /// Finish reason `stop`, and then the filter says that the answer was not fit to be shown.
    LateVerdict,
    /// The model declines, in the field that is there for it.
    Refusal,
    Fault(Fault, When),
}

impl Pace {
    /// Between the request and the first event.
    pub(super) fn first(self) -> Duration {
        match self {
            Self::Usual | Self::Slow => Duration::from_millis(300),
            Self::Brisk => Duration::from_millis(150),
            Self::Fast => Duration::from_millis(20),
        }
    }

    /// Before each piece of the thoughts.
    pub(super) fn thoughts(self) -> Duration {
        match self {
            Self::Usual => Duration::from_millis(25),
            Self::Brisk => Duration::from_millis(12),
            Self::Slow => Duration::from_millis(150),
            Self::Fast => Duration::from_millis(2),
        }
    }

    /// Before each piece of the answer.
    pub(super) fn answer(self) -> Duration {
        match self {
            Self::Usual => Duration::from_millis(18),
            Self::Brisk => Duration::from_millis(9),
            Self::Slow | Self::Fast => self.thoughts(),
        }
    }
}

impl Wishes {
    /// Finds the wishes among the lower-case words of a question to `character`.
    pub(super) fn read(words: &[String], character: Character) -> Self {
        let longer_thoughts = asks_to_think_longer(words);
        let (fault, unknown_fault) = fault(words);
        let ending = if let Some(fault) = fault {
            Ending::Fault(fault, fault.place(place(words)))
        } else if has(words, &["late", "filter", "verdict"]) {
            Ending::LateVerdict
        } else if has(words, &["refuse", "to", "answer"]) {
            Ending::Refusal
        } else if has(words, &["cut", "by", "length"]) {
            Ending::Length
        } else {
            Ending::Whole
        };
        Self {
            pace: if wants(words, &["slow", "slowly", "slower"]) {
                Pace::Slow
            } else if wants(words, &["fast", "faster"]) {
                Pace::Fast
            } else {
                match character {
                    Character::Thorough => Pace::Usual,
                    Character::Quick => Pace::Brisk,
                }
            },
            length: if wants(words, &["long"]) || (wants(words, &["longer"]) && !longer_thoughts) {
                Length::Long
            } else if wants(words, &["short", "shorter"]) {
                Length::Short
            } else {
                Length::Usual
            },
            thinking: if has(words, &["no", "thoughts"]) || has(words, &["without", "thoughts"]) {
                Thinking::None
            } else if longer_thoughts {
                Thinking::Longer
            } else {
                Thinking::Usual
            },
            wait: pause_after(words, &["wait"], &["first"]),
            silence: pause_after(words, &["silence", "silent"], &[]),
            silence_midway: fault.is_none() && wants(words, &["midway"]),
            hidden: has(words, &["hide", "your", "thoughts"]) || has(words, &["hidden", "thoughts"]),
            inline_tags: has(words, &["inline", "tags"]),
            ending,
            telling: telling(words),
            unknown_fault,
        }
    }

    /// The wishes in words, for the demo to say that it follows them. Failures are not announced.
    pub(super) fn spoken(&self) -> Vec<String> {
        let mut spoken = Vec::new();
        match self.pace {
            Pace::Usual | Pace::Brisk => {}
            Pace::Slow => spoken.push("a slow pace".to_owned()),
            Pace::Fast => spoken.push("a fast pace".to_owned()),
        }
        match self.length {
            Length::Usual => {}
            Length::Long => spoken.push("a long answer".to_owned()),
            Length::Short => spoken.push("a short answer".to_owned()),
        }
        match self.thinking {
            Thinking::Usual => {}
            Thinking::Longer => spoken.push("longer thoughts".to_owned()),
            Thinking::None => spoken.push("no thoughts".to_owned()),
        }
        if self.wait > Duration::ZERO {
            spoken.push(format!("a wait of {} s before the first word", self.wait.as_secs_f64()));
        }
        if self.silence > Duration::ZERO {
            let place = if self.silence_midway { "in the middle of" } else { "before" };
            spoken.push(format!("a silence of {} s {place} the answer", self.silence.as_secs_f64()));
        }
        if self.hidden {
            spoken.push("thoughts that are not told".to_owned());
        }
        if self.inline_tags {
            spoken.push("thoughts inside tags in the content".to_owned());
        }
        spoken
    }
}

/// Whether one of `choices` is said and is not itself the question: "how long is a day?" asks for no long answer.
fn wants(words: &[String], choices: &[&str]) -> bool {
    let mut before = "";
    for word in words {
        if before != "how" && choices.contains(&word.as_str()) {
            return true;
        }
        before = word;
    }
    false
}

/// "think longer", "think a bit longer", "longer thoughts".
fn asks_to_think_longer(words: &[String]) -> bool {
    has(words, &["longer", "thoughts"])
        || words
            .windows(2)
            .chain(words.windows(3))
            .chain(words.windows(4))
            .any(|window| window.first().is_some_and(|w| w == "think") && window.last().is_some_and(|w| w == "longer"))
}

/// The failure after "fail with". Its code may be written in several words; one that is none is given back.
fn fault(words: &[String]) -> (Option<Fault>, Option<String>) {
    let Some(at) = words.windows(2).position(|pair| pair == ["fail", "with"]) else {
        return (None, None);
    };
    let rest: Vec<&str> = words.iter().skip(at + 2).take(3).map(String::as_str).collect();
    for length in 1..=rest.len() {
        let code = rest.iter().take(length).copied().collect::<Vec<_>>().join("_");
        if let Some(fault) = Fault::named(&code) {
            return (Some(fault), None);
        }
    }
    (None, rest.first().map(|code| code.chars().take(UNKNOWN_CODE_CHARS).collect()))
}

/// Where a failure shall happen.
fn place(words: &[String]) -> Option<When> {
    if wants(words, &["midway"]) {
        Some(When::Midway)
    } else if has(words, &["at", "the", "end"]) {
        Some(When::AtEnd)
    } else if has(words, &["in", "the", "stream"]) {
        Some(When::InStream)
    } else if has(words, &["after", "the", "thoughts"]) || has(words, &["after", "thoughts"]) {
        Some(When::AfterThoughts)
    } else if has(words, &["at", "once"]) {
        Some(When::AtOnce)
    } else {
        None
    }
}

/// How a failure inside the stream is told.
fn telling(words: &[String]) -> Telling {
    if has(words, &["reason", "first"]) {
        Telling::ReasonFirst
    } else if has(words, &["reason", "alone"]) {
        Telling::ReasonAlone
    } else if has(words, &["without", "a", "reason"]) {
        Telling::NoReason
    } else {
        Telling::ReasonLast
    }
}

/// A pause given as one of `verbs`, at most one other word, a time, and one of `then` when there are any. What bears no
/// time is no wish: "the sound of silence" is a song.
fn pause_after(words: &[String], verbs: &[&str], then: &[&str]) -> Duration {
    for (at, _) in words.iter().enumerate().filter(|(_, word)| verbs.contains(&word.as_str())) {
        for skip in 1..=2 {
            if let Some((pause, used)) = words.get(at + skip..).and_then(time)
                && (then.is_empty() || words.get(at + skip + used).is_some_and(|word| then.contains(&word.as_str())))
            {
                return pause;
            }
        }
    }
    Duration::ZERO
}

/// A time at the start of `words`, bounded, and how many words it took: "20 s", "20s", "2 minutes"; seconds without a unit.
fn time(words: &[String]) -> Option<(Duration, usize)> {
    let first = words.first()?;
    let split = first.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(first.len());
    let (number, rest) = first.split_at_checked(split)?;
    let number: f64 = number.parse().ok()?;
    let (scale, used) = if rest.is_empty() {
        words.get(1).and_then(|word| unit(word)).map_or((1.0, 1), |scale| (scale, 2))
    } else {
        (unit(rest)?, 1)
    };
    let seconds = (number * scale).clamp(0.0, MAX_PAUSE.as_secs_f64());
    Some((Duration::try_from_secs_f64(seconds).ok()?, used))
}

/// Seconds in a unit of time.
fn unit(word: &str) -> Option<f64> {
    match word {
        "ms" | "milliseconds" => Some(0.001),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1.0),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
