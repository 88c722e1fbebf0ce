//! A script cut into single waits and events, one at a time and only when asked: an answer in flight holds its text and a
//! position, not thousands of prepared events.

use std::time::Duration;
use std::vec::IntoIter;

use super::step::{Event, Step, Tokens, Voice};

/// The longest piece, in characters; most are one word with the space before it, as tokens are.
const MAX_PIECE_CHARS: usize = 12;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Wait(Duration),
    Send(Event),
}

/// A text on its way out.
#[derive(Debug)]
struct Saying {
    voice: Voice,
    text: String,
    pace: Duration,
    /// Bytes said.
    at: usize,
    /// Whether the pause before the next piece is over.
    rested: bool,
}

/// The waits and events of a script, in order.
#[derive(Debug)]
pub(super) struct Beats {
    steps: IntoIter<Step>,
    saying: Option<Saying>,
    tokens: Tokens,
}

impl Beats {
    pub(super) fn new(steps: Vec<Step>, prompt_tokens: usize) -> Self {
        let tokens = Tokens { prompt: prompt_tokens, ..Tokens::default() };
        Self { steps: steps.into_iter(), saying: None, tokens }
    }

    /// The next beat of the text being said; none when there is none, or it is said.
    fn go_on_saying(&mut self) -> Option<Beat> {
        let saying = self.saying.as_mut()?;
        let piece = pieces(saying.text.get(saying.at..).unwrap_or_default()).next()?;
        if !saying.rested {
            saying.rested = true;
            return Some(Beat::Wait(saying.pace));
        }
        saying.rested = false;
        saying.at += piece.len();
        match saying.voice {
            Voice::Thought | Voice::InlineThought => self.tokens.reasoning += 1,
            Voice::Answer | Voice::Refusal | Voice::Arguments => self.tokens.answer += 1,
        }
        Some(Beat::Send(Event::Piece(saying.voice, piece.to_owned())))
    }
}

impl Iterator for Beats {
    type Item = Beat;

    fn next(&mut self) -> Option<Beat> {
        loop {
            if let Some(beat) = self.go_on_saying() {
                return Some(beat);
            }
            match self.steps.next()? {
                Step::Say { voice, text, pace } => {
                    self.saying = Some(Saying { voice, text, pace, at: 0, rested: false });
                }
                Step::Hide { text, pace } => {
                    let thoughts = pieces(&text).count();
                    self.tokens.reasoning += thoughts;
                    return Some(Beat::Wait(pace.saturating_mul(u32::try_from(thoughts).unwrap_or(u32::MAX))));
                }
                Step::Pause(time) => return Some(Beat::Wait(time)),
                Step::Send(event) => return Some(Beat::Send(event)),
                Step::Usage => return Some(Beat::Send(Event::Usage(self.tokens))),
            }
        }
    }
}

/// `text` in pieces that join to exactly `text`: white space and the word behind it, long ones cut.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut in_word = false;
        let end = rest
            .char_indices()
            .enumerate()
            .find(|(length, (_, c))| {
                let over = *length == MAX_PIECE_CHARS || (in_word && c.is_whitespace());
                in_word |= !c.is_whitespace();
                over
            })
            .map_or(rest.len(), |(_, (at, _))| at);
        let (piece, behind) = rest.split_at_checked(end)?;
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_text() {
        for text in [
            "",
            " ",
            "one",
            "one two\n\nthree  ",
            "  a",
            "Donaudampfschifffahrt",
            "äöü€𝄞 ".repeat(20).as_str(),
            "\n\n\n",
        ] {
            let cut: Vec<&str> = pieces(text).collect();
            assert_eq!(cut.concat(), text);
            assert!(cut.iter().all(|piece| !piece.is_empty() && piece.chars().count() <= MAX_PIECE_CHARS));
        }
        assert_eq!(pieces("Why is it?\n").collect::<Vec<_>>(), ["Why", " is", " it?", "\n"]);
    }

    #[test]
    fn each_piece_waits_its_pace_and_is_counted() {
        let pace = Duration::from_millis(5);
        let steps = vec![
            Step::Say { voice: Voice::Thought, text: "a b".to_owned(), pace },
            Step::Say { voice: Voice::Thought, text: String::new(), pace },
            Step::Pause(Duration::from_secs(1)),
            Step::Say { voice: Voice::Answer, text: "c".to_owned(), pace },
            Step::Hide { text: "d e f".to_owned(), pace },
            Step::Usage,
        ];
        let piece = |voice, text: &str| Beat::Send(Event::Piece(voice, text.to_owned()));
        assert_eq!(
            Beats::new(steps, 9).collect::<Vec<_>>(),
            [
                Beat::Wait(pace),
                piece(Voice::Thought, "a"),
                Beat::Wait(pace),
                piece(Voice::Thought, " b"),
                Beat::Wait(Duration::from_secs(1)),
                Beat::Wait(pace),
                piece(Voice::Answer, "c"),
                Beat::Wait(pace * 3),
                Beat::Send(Event::Usage(Tokens { prompt: 9, reasoning: 5, answer: 1 })),
            ]
        );
    }
}
