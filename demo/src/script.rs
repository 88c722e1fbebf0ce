//! Puts everything in order before anything is sent: a conversation's end in, the steps of its answer out.

use std::time::Duration;

use super::answer;
use super::ask::Ask;
use super::beats::pieces;
use super::budget;
use super::character::Effort;
use super::fault::{Fault, RETRY_AFTER_SECONDS, Refusal, Telling, When};
use super::protocol::Protocol;
use super::step::{Event, Finish, Step, Voice};
use super::subject::Subject;
use super::summary;
use super::thoughts;
use super::tool::{self, Call};
use super::wishes::{Ending, Thinking, Wishes};
use super::words::words;

/// How long "longer" thoughts last at the pace.
const LONGER_THOUGHTS: Duration = Duration::from_mins(1);

/// The most pieces that "longer" thoughts have, however fast they come.
const MAX_THOUGHT_PIECES: usize = 2_400;

/// How long a stream that stalls stays open. Any client's clock is shorter; a bound keeps a forgotten one from staying.
const STALL: Duration = Duration::from_hours(1);

/// What a model says that declines.
const REFUSAL: &str =
    "I'm sorry, I can't help with that. (Asked for in the demo: nothing is wrong with your question.)";

/// What will be sent.
#[derive(Debug)]
pub(super) enum Script {
    /// An HTTP answer after a moment.
    Refuse { wait: Duration, refusal: Refusal },
    /// Headers at once, then these.
    Stream {
        /// Seconds for the `Retry-After` header: a limit that is told inside the stream names its time outside.
        retry_after: Option<u16>,
        steps: Vec<Step>,
    },
}

impl Script {
    /// Writes the answer to `ask`.
    pub(super) fn write(ask: &Ask) -> Self {
        let words = words(&ask.question);
        let wishes = Wishes::read(&words, ask.terms.character);
        let wait = wishes.pace.first().saturating_add(wishes.wait);
        if let Ending::Fault(fault, When::AtOnce) = wishes.ending
            && let Some(refusal) = fault.refusal(ask.terms.protocol)
        {
            return Self::Refuse { wait, refusal };
        }
        let mut steps = vec![Step::Pause(wait), Step::Send(Event::Opened)];
        let mut retry_after = None;
        match wishes.ending {
            Ending::Fault(fault, When::InStream) => {
                retry_after = (fault == Fault::RateLimited).then_some(RETRY_AFTER_SECONDS);
                if wishes.telling == Telling::ReasonFirst {
                    steps.push(Step::Send(Event::Started));
                }
                fail(fault, When::InStream, wishes.telling, ask, &mut steps);
            }
            Ending::Fault(fault, When::AtOnce) => {
                steps.push(Step::Send(Event::Started));
                fail(fault, When::AtOnce, wishes.telling, ask, &mut steps);
            }
            _ => {
                steps.push(Step::Send(Event::Started));
                respond(ask, &words, &wishes, &mut steps);
            }
        }
        if let Some(max) = ask.terms.max_tokens {
            steps = budget::cut(steps, max, |steps| close(ask, steps));
        }
        Self::Stream { retry_after, steps }
    }
}

/// Thoughts, and an answer that ends as it shall.
fn respond(ask: &Ask, words: &[String], wishes: &Wishes, steps: &mut Vec<Step>) {
    let subject = Subject::of(ask, words);
    think(&thoughts(ask, words, &subject, wishes), &subject, ask, wishes, steps);
    if wishes.silence > Duration::ZERO && !wishes.silence_midway {
        steps.push(Step::Pause(wishes.silence));
    }
    let answer = answer::write(ask, words, &subject, wishes);
    let answer = budget::stopped(&answer, &ask.terms.stop);
    let say = |text: &str| Step::Say { voice: Voice::Answer, text: text.to_owned(), pace: wishes.pace.answer() };
    match wishes.ending {
        Ending::Whole => {
            // Once the tools have answered there is nothing to call.
            let tools = if ask.results.is_empty() { ask.terms.tools.as_slice() } else { &[] };
            let calls = tool::calls(tools, &ask.terms.choice, &ask.question, words);
            if calls.is_empty() {
                say_whole(answer, wishes, steps);
                steps.push(Step::Send(Event::Finish(Finish::Stop)));
            } else {
                call(calls, wishes, steps);
                steps.push(Step::Send(Event::Finish(Finish::ToolCalls)));
            }
            close(ask, steps);
        }
        Ending::Refusal => {
            let pace = wishes.pace.answer();
            steps.push(Step::Say { voice: Voice::Refusal, text: REFUSAL.to_owned(), pace });
            steps.push(Step::Send(Event::Finish(Finish::Stop)));
            close(ask, steps);
        }
        Ending::Length => {
            steps.extend([say(first_half(answer)), Step::Send(Event::Finish(Finish::Length))]);
            close(ask, steps);
        }
        Ending::LateVerdict => {
            let end_offset = answer.chars().count();
            steps.extend([
                say(answer),
                Step::Send(Event::Finish(Finish::Stop)),
                // The asynchronous filter is a moment behind the text.
                Step::Pause(Duration::from_millis(500)),
                Step::Send(Event::LateVerdict { end_offset }),
            ]);
            close(ask, steps);
        }
        Ending::Fault(fault, when) => {
            match when {
                When::Midway => steps.push(say(first_half(answer))),
                When::AtEnd => steps.extend([say(answer), Step::Send(Event::ItemDone)]),
                When::AtOnce | When::InStream | When::AfterThoughts => {}
            }
            fail(fault, when, wishes.telling, ask, steps);
        }
    }
}

/// The answer, with a silence in the middle where one is wanted.
fn say_whole(answer: &str, wishes: &Wishes, steps: &mut Vec<Step>) {
    let say = |text: &str| Step::Say { voice: Voice::Answer, text: text.to_owned(), pace: wishes.pace.answer() };
    if wishes.silence > Duration::ZERO && wishes.silence_midway {
        let half = first_half(answer);
        let (first, second) = answer.split_at_checked(half.len()).unwrap_or((answer, ""));
        steps.extend([say(first), Step::Pause(wishes.silence), say(second)]);
    } else {
        steps.push(say(answer));
    }
}

fn call(calls: Vec<Call>, wishes: &Wishes, steps: &mut Vec<Step>) {
    for Call { name, arguments } in calls {
        steps.push(Step::Send(Event::Call(name)));
        steps.push(Step::Say { voice: Voice::Arguments, text: arguments, pace: wishes.pace.answer() });
    }
}

fn thoughts(ask: &Ask, words: &[String], subject: &Subject, wishes: &Wishes) -> String {
    if ask.terms.effort == Effort::None {
        return String::new();
    }
    let usual = || thoughts::usual(ask, words, subject, wishes.length);
    match (wishes.thinking, ask.terms.effort) {
        (Thinking::None, _) => String::new(),
        (Thinking::Usual, Effort::Less) => thoughts::least(&usual()).to_owned(),
        (Thinking::Usual, Effort::More) => thoughts::more(&usual()),
        (Thinking::Usual, _) => usual(),
        (Thinking::Longer, _) => {
            let pace = wishes.pace.thoughts().as_millis().max(1);
            let wanted =
                usize::try_from(LONGER_THOUGHTS.as_millis() / pace).unwrap_or(usize::MAX).min(MAX_THOUGHT_PIECES);
            // No step has more pieces than characters, so counting can start late and stays cheap.
            thoughts::longer(&usual(), words, |text| text.len() > wanted && pieces(text).count() >= wanted)
        }
    }
}

/// The thoughts, where and as the wishes and the protocol want them. Tags are cut at odd places, because real ones are.
fn think(text: &str, subject: &Subject, ask: &Ask, wishes: &Wishes, steps: &mut Vec<Step>) {
    if text.is_empty() {
        return;
    }
    let pace = wishes.pace.thoughts();
    let say = |voice, text: &str| Step::Say { voice, text: text.to_owned(), pace };
    if wishes.hidden {
        steps.extend([Step::Send(Event::HiddenThought), Step::Hide { text: text.to_owned(), pace }]);
    } else if wishes.inline_tags {
        steps.extend(["<", "thi", "nk>\n", text, "\n</t", "hink", ">\n\n"].map(|text| say(Voice::InlineThought, text)));
    } else if !ask.terms.tells_thoughts {
        steps.extend([Step::Send(Event::HiddenThought), Step::Hide { text: text.to_owned(), pace }]);
    } else if ask.terms.protocol == Protocol::Responses {
        for part in summary::parts(text, subject) {
            steps.extend([Step::Send(Event::SummaryPart), say(Voice::Thought, &part)]);
        }
    } else {
        steps.push(say(Voice::Thought, text));
    }
}

fn close(ask: &Ask, steps: &mut Vec<Step>) {
    if ask.terms.include_usage {
        steps.push(Step::Usage);
    }
    steps.push(Step::Send(Event::Done));
}

/// A failure in the stream, at the point where the steps are. After an error nothing more comes, not even `[DONE]`.
fn fail(fault: Fault, when: When, telling: Telling, ask: &Ask, steps: &mut Vec<Step>) {
    let by_responses = ask.terms.protocol == Protocol::Responses;
    match fault {
        // A blocked prompt is an error; a blocked answer is one that is not complete. Chat completions know only the latter.
        Fault::ContentFilter if !(by_responses && when == When::InStream) => {
            steps.push(Step::Send(Event::Finish(Finish::ContentFilter)));
            close(ask, steps);
        }
        Fault::Protocol if by_responses && when == When::InStream => steps.push(Step::Send(Event::Foreign)),
        Fault::Protocol => steps.push(Step::Send(Event::Broken)),
        Fault::Timeout => steps.push(Step::Pause(STALL)),
        // The last three never get here: `Fault::place` has them at once, with a refusal.
        Fault::Truncated | Fault::Auth | Fault::Misconfigured | Fault::Rejected => {}
        Fault::ContentFilter | Fault::ContextLength | Fault::RateLimited | Fault::Error => {
            steps.push(Step::Send(Event::Error(fault, telling)));
        }
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
