//! Ends a script early: by the bound on tokens, and by a stop sequence.

use super::beats::pieces;
use super::step::{Event, Finish, Step};

/// Cuts `steps` after `max` pieces of text, thoughts included. Where something is left out, `ending` follows.
pub(super) fn cut(steps: Vec<Step>, max: usize, ending: impl FnOnce(&mut Vec<Step>)) -> Vec<Step> {
    let mut left = max;
    let mut kept = Vec::with_capacity(steps.len());
    for step in steps {
        match step {
            Step::Say { voice, text, pace } => {
                let (text, whole) = first(text, &mut left);
                kept.push(Step::Say { voice, text, pace });
                if !whole {
                    return cut_here(kept, ending);
                }
            }
            Step::Hide { text, pace } => {
                let (text, whole) = first(text, &mut left);
                kept.push(Step::Hide { text, pace });
                if !whole {
                    return cut_here(kept, ending);
                }
            }
            other => kept.push(other),
        }
    }
    kept
}

fn cut_here(mut kept: Vec<Step>, ending: impl FnOnce(&mut Vec<Step>)) -> Vec<Step> {
    kept.push(Step::Send(Event::Finish(Finish::Length)));
    ending(&mut kept);
    kept
}

/// The first `left` pieces of `text`, and whether that is all of it.
fn first(mut text: String, left: &mut usize) -> (String, bool) {
    let (said, end) = pieces(&text).take(*left).fold((0, 0), |(said, end), piece| (said + 1, end + piece.len()));
    *left -= said;
    let whole = end == text.len();
    text.truncate(end);
    (text, whole)
}

/// `text` up to the first of the stop sequences.
pub(super) fn stopped<'a>(text: &'a str, stop: &[String]) -> &'a str {
    let end = stop.iter().filter_map(|sequence| text.find(sequence.as_str())).min();
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::step::Voice;

    #[test]
    fn no_more_pieces_than_allowed_are_said() {
        let say = |voice, text: &str| Step::Say { voice, text: text.to_owned(), pace: Duration::ZERO };
        let steps =
            || vec![say(Voice::Thought, "a b"), say(Voice::Answer, "c d"), Step::Send(Event::Finish(Finish::Stop))];
        let ended = |max| cut(steps(), max, |kept| kept.push(Step::Usage));
        assert_eq!(ended(4), steps());
        let length = Step::Send(Event::Finish(Finish::Length));
        assert_eq!(ended(3), [say(Voice::Thought, "a b"), say(Voice::Answer, "c"), length.clone(), Step::Usage]);
        assert_eq!(ended(1), [say(Voice::Thought, "a"), length, Step::Usage]);
    }

    #[test]
    fn the_first_stop_sequence_ends_a_text() {
        let stop = |stop: &[&str]| stop.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(stopped("one two three", &stop(&["three", " two", "four"])), "one");
        assert_eq!(stopped("one", &stop(&[])), "one");
        assert_eq!(stopped("äöü", &stop(&["ü"])), "äö");
    }
}
