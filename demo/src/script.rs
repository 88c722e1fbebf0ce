//! Puts everything in order before anything is sent: a conversation's end in, the steps of its answer out.

use std::time::Duration;

use super::answer;
use super::ask::Ask;
use super::beats::{Event, Finish, Voice, pieces};
use super::fault::{Fault, Refusal, When};
use super::subject::Subject;
use super::thoughts;
use super::wishes::{Ending, Thinking, Wishes};
use super::words::words;

/// How long "longer" thoughts last at the pace.
const LONGER_THOUGHTS: Duration = Duration::from_mins(1);

/// The most pieces that "longer" thoughts have, however fast they come.
const MAX_THOUGHT_PIECES: usize = 2_400;

/// How long a stream that stalls stays open. Any client's clock is shorter; a bound keeps a forgotten one from staying.
const STALL: Duration = Duration::from_hours(1);

/// What will be sent.
#[derive(Debug)]
pub(super) enum Script {
    /// An HTTP answer after a moment.
    Refuse { wait: Duration, refusal: Refusal },
    /// Headers at once, then these.
    Stream(Vec<Step>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Pause(Duration),
    /// Text, piece by piece, each after `pace`.
    Say {
        voice: Voice,
        text: String,
        pace: Duration,
    },
    Send(Event),
    /// The count of what was said so far.
    Usage,
}

impl Script {
    /// Writes the answer to `ask`.
    pub(super) fn write(ask: &Ask) -> Self {
        let words = words(&ask.question);
        let wishes = Wishes::read(&words);
        let wait = wishes.pace.first().saturating_add(wishes.wait);
        if let Ending::Fault(fault, When::AtOnce) = wishes.ending
            && let Some(refusal) = fault.refusal()
        {
            return Self::Refuse { wait, refusal };
        }
        let subject = Subject::of(&ask.question, &words);

        let mut steps = vec![Step::Pause(wait), Step::Send(Event::PromptFilter), Step::Send(Event::Role)];
        if let Ending::Fault(fault, When::AtOnce) = wishes.ending {
            fail(fault, ask, &mut steps);
            return Self::Stream(steps);
        }
        think(thoughts(ask, &words, &subject, &wishes), &wishes, &mut steps);
        if wishes.silence > Duration::ZERO {
            steps.push(Step::Pause(wishes.silence));
        }
        let answer = answer::write(ask, &subject, &wishes);
        let say = |text: &str| Step::Say { voice: Voice::Answer, text: text.to_owned(), pace: wishes.pace.answer() };
        match wishes.ending {
            Ending::Whole => {
                steps.extend([say(&answer), Step::Send(Event::Finish(Finish::Stop))]);
                close(ask, &mut steps);
            }
            Ending::Length => {
                steps.extend([say(first_half(&answer)), Step::Send(Event::Finish(Finish::Length))]);
                close(ask, &mut steps);
            }
            Ending::LateVerdict => {
                let end_offset = answer.chars().count();
                steps.extend([
                    say(&answer),
                    Step::Send(Event::Finish(Finish::Stop)),
                    // The asynchronous filter is a moment behind the text.
                    Step::Pause(Duration::from_millis(500)),
                    Step::Send(Event::LateVerdict { end_offset }),
                ]);
                close(ask, &mut steps);
            }
            Ending::Fault(fault, when) => {
                if when == When::Midway {
                    steps.push(say(first_half(&answer)));
                }
                fail(fault, ask, &mut steps);
            }
        }
        Self::Stream(steps)
    }
}

fn thoughts(ask: &Ask, words: &[String], subject: &Subject, wishes: &Wishes) -> String {
    let usual = || thoughts::usual(ask, words, subject, wishes.length);
    match wishes.thinking {
        Thinking::None => String::new(),
        Thinking::Usual => usual(),
        Thinking::Longer => {
            let pace = wishes.pace.thoughts().as_millis().max(1);
            let wanted =
                usize::try_from(LONGER_THOUGHTS.as_millis() / pace).unwrap_or(usize::MAX).min(MAX_THOUGHT_PIECES);
            // No step has more pieces than characters, so counting can start late and stays cheap.
            thoughts::longer(&usual(), words, |text| text.len() > wanted && pieces(text).count() >= wanted)
        }
    }
}

/// The thoughts, where the wishes want them. Tags are cut at odd places, because real ones are.
fn think(text: String, wishes: &Wishes, steps: &mut Vec<Step>) {
    if text.is_empty() {
        return;
    }
    let pace = wishes.pace.thoughts();
    if !wishes.inline_tags {
        steps.push(Step::Say { voice: Voice::Thought, text, pace });
        return;
    }
    let say = |text: &str| Step::Say { voice: Voice::InlineThought, text: text.to_owned(), pace };
    steps.extend(["<", "thi", "nk>\n"].map(say));
    steps.push(say(&text));
    steps.extend(["\n</t", "hink", ">\n\n"].map(say));
}

fn close(ask: &Ask, steps: &mut Vec<Step>) {
    if ask.include_usage {
        steps.push(Step::Usage);
    }
    steps.push(Step::Send(Event::Done));
}

/// A failure in the stream, at the point where the steps are. After an error nothing more comes, not even `[DONE]`.
fn fail(fault: Fault, ask: &Ask, steps: &mut Vec<Step>) {
    match fault {
        Fault::ContentFilter => {
            steps.push(Step::Send(Event::Finish(Finish::ContentFilter)));
            close(ask, steps);
        }
        Fault::Protocol => steps.push(Step::Send(Event::Broken)),
        Fault::Timeout => steps.push(Step::Pause(STALL)),
        // The others never get here: `Fault::place` has them at once, with a refusal.
        Fault::Truncated | Fault::ContextLength | Fault::Auth | Fault::Misconfigured | Fault::Rejected => {}
        Fault::RateLimited | Fault::Error => steps.push(Step::Send(Event::Error(fault))),
    }
}

/// The first half of `text`, to the end of a word.
fn first_half(text: &str) -> &str {
    let middle = text.floor_char_boundary(text.len() / 2);
    let (first, _) = text.split_at_checked(middle).unwrap_or((text, ""));
    first.rsplit_once(char::is_whitespace).map_or(first, |(words, _)| words)
}

#[cfg(test)]
mod tests;
