//! The thoughts: plain text about the question, true and without pretence.

use std::fmt::Write as _;

use super::ask::Ask;
use super::subject::Subject;
use super::sum::Sum;
use super::wishes::Length;
use super::words::{bounded, count};

/// How many words of the question the thoughts repeat, and walk through when they are long.
const WORDS_REPEATED: usize = 12;
const WORDS_WALKED: usize = 60;

/// How many steps of longer thoughts stand in one paragraph.
const STEPS_A_PARAGRAPH: u64 = 8;

/// The longest word that is repeated.
const MAX_WORD_CHARS: usize = 24;

/// A few sentences about this question. Only its words are repeated, not its signs, so there is nothing to escape.
pub(super) fn usual(ask: &Ask, words: &[String], subject: &Subject, length: Length) -> String {
    let mut text = if words.is_empty() {
        "The message holds no words, only signs. ".to_owned()
    } else {
        let said: Vec<String> = words.iter().take(WORDS_REPEATED).map(|word| bounded(word, MAX_WORD_CHARS)).collect();
        let more = if words.len() > WORDS_REPEATED { " …" } else { "" };
        format!("The question says: {}{more}. ", said.join(" "))
    };
    if ask.turn > 1 {
        let _ = write!(text, "This is turn {}, so something was asked before; I should say that I noticed. ", ask.turn);
    }
    text.push_str(&about(ask, words, subject, length));
    text
}

/// The first paragraph, for whom one thought is enough.
pub(super) fn least(usual: &str) -> &str {
    usual.split_once("\n\n").map_or(usual, |(first, _)| first)
}

/// One thought more than usual.
pub(super) fn more(usual: &str) -> String {
    format!(
        "{usual}\n\nA high effort was asked for, so once more from the start: do I claim anything that I do not know? The \
         facts were given to me, and what I computed I computed exactly. It can stay as it is."
    )
}

fn about(ask: &Ask, words: &[String], subject: &Subject, length: Length) -> String {
    match subject {
        Subject::Greeting => "That is a greeting. I should greet back, and since nobody can guess what a demo \
            understands, I should say what can be tried."
            .to_owned(),
        Subject::Guide => "Somebody wants to know what works here. The best answer is a list of things to try, each of \
            which really does something."
            .to_owned(),
        Subject::Sky => "This is one of the few things I was given an answer for. Sunlight holds all colours, and the \
            molecules of the air are far smaller than the wavelength of light, so this is Rayleigh scattering.\n\nHow \
            much stronger is blue scattered than red? The strength goes with one over the fourth power of the \
            wavelength. With 450 nm for blue and 700 nm for red that is 700/450 = 1.56, and 1.56 to the fourth is 5.9: \
            nearly six times.\n\nThen why not violet, which is shorter still? The sun sends less of it, some is absorbed \
            high up, and our eyes are less sensitive to it. I should say that too, because it is the next question."
            .to_owned(),
        Subject::Sum(Sum { expression, value: Ok(value) }) => format!(
            "There is a sum in it: `{expression}`. Parentheses come first, then multiplication and division, then addition \
             and subtraction, each from left to right.\n\nI compute with exact fractions: the \
             result is {value}, and nothing was rounded on the way."
        ),
        Subject::Sum(Sum { value: Err(_), .. }) => "There is a sum in it, but I do not get a value for it. I should say \
            why, and not make up a number."
            .to_owned(),
        Subject::Letters { letter, word, count: found } => format!(
            "I am to count the letter {letter} in {word}. Letter by letter: {}.\n\nThat makes {found}.",
            spelled(*letter, word)
        ),
        Subject::Pictures => format!(
            "{} came with it. I cannot see, but the beginning of an image file says what kind it is and how \
             large.\n\nI should say just that, and not pretend to have looked.",
            count(ask.images.len(), "image"),
        ),
        Subject::ToolsSaid => format!(
            "{} came back from the tools. I was asked to use them, so I should pass on what they say and add nothing.",
            count(ask.results.len(), "answer"),
        ),
        Subject::Region(_) => "That is no question but an order about the regions that answer. I should say what \
            became of it, and what to do next."
            .to_owned(),
        Subject::Other => {
            let longest = words.iter().max_by_key(|word| word.chars().count());
            let longest = longest.map_or(String::new(), |word| {
                let letters = count(word.chars().count(), "letter");
                format!("The longest word is {}, with {letters}. ", bounded(word, MAX_WORD_CHARS))
            });
            let rest = if length == Length::Short {
                "and to leave it there, since a short answer was asked for."
            } else {
                "not to guess an answer, and to show instead what the page can display: a list, a table, code, \
                 formulas and a link."
            };
            format!(
                "{longest}What would a good answer need? Knowledge, and I have none: I am a demo and no language \
                 model.\n\nSo the honest way is to say what I understood, {rest}"
            )
        }
    }
}

/// "s, t, r (1), a, w, …"
fn spelled(letter: char, word: &str) -> String {
    let mut found = 0;
    let letters: Vec<String> = word
        .chars()
        .map(|c| {
            if c == letter {
                found += 1;
                format!("{c} ({found})")
            } else {
                c.to_string()
            }
        })
        .collect();
    letters.join(", ")
}

/// The usual thoughts and then steps through the words of the question, until `enough` says that the text is.
pub(super) fn longer(usual: &str, words: &[String], enough: impl Fn(&str) -> bool) -> String {
    let mut text = format!(
        "{usual}\n\nI was asked to think longer. A demo has no deeper thoughts, so I go through the words one by one and \
         check a few numbers on the way. All of it is true, and none of it matters.\n"
    );
    let mut walk = words.iter().take(WORDS_WALKED).cycle();
    let mut number = 0_u64;
    while !enough(&text) {
        number += 1;
        // Paragraph by paragraph, so that a summary has parts that can be read.
        let gap = if number > 1 && number % STEPS_A_PARAGRAPH == 1 { "\n\n" } else { "\n" };
        let _ = write!(text, "{gap}Step {number}. {}", remark(number));
        if let Some(word) = walk.next() {
            let word = bounded(word, MAX_WORD_CHARS);
            let vowels = word.chars().filter(|c| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u')).count();
            let letters = count(word.chars().count(), "character");
            let backwards: String = word.chars().rev().collect();
            let _ = write!(
                text,
                " The word {word} has {letters}; {vowels} of them {} among a, e, i, o and u; read backwards it is \
                 {backwards}.",
                if vowels == 1 { "is" } else { "are" }
            );
        }
    }
    text
}

/// A true sentence about a small number.
fn remark(number: u64) -> String {
    match number % 3 {
        0 => format!("The numbers from 1 to {number} add up to {}.", number * (number + 1) / 2),
        1 => format!("The square of {number} is {}.", number * number),
        _ => match (2..number).take_while(|d| d * d <= number).find(|d| number.is_multiple_of(*d)) {
            Some(divisor) => format!("{number} is no prime number: it is {divisor} times {}.", number / divisor),
            None => format!("{number} is a prime number."),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_repeat_words_without_signs() {
        let ask = Ask::first("Is *this* <b>safe</b>?");
        let words = crate::words::words(&ask.question);
        let text = usual(&ask, &words, &Subject::Other, Length::Usual);
        assert!(text.starts_with("The question says: is this b safe b. "), "{text}");
        assert!(text.contains("The longest word is safe") || text.contains("The longest word is this"));
    }

    #[test]
    fn counting_is_spelled_out() {
        assert_eq!(spelled('r', "strawberry"), "s, t, r (1), a, w, b, e, r (2), r (3), y");
    }

    #[test]
    fn remarks_are_true() {
        assert_eq!(remark(2), "2 is a prime number.");
        assert_eq!(remark(35), "35 is no prime number: it is 5 times 7.");
        assert_eq!(remark(9), "The numbers from 1 to 9 add up to 45.");
        assert_eq!(remark(10), "The square of 10 is 100.");
    }

    #[test]
    fn effort_takes_thoughts_away_or_adds_one() {
        assert_eq!(least("a\n\nb\n\nc"), "a");
        assert_eq!(least("a"), "a");
        assert!(more("a").starts_with("a\n\nA high effort"));
    }

    #[test]
    fn longer_thoughts_end_when_it_is_enough_even_without_words() {
        let text = longer("x", &[], |text| text.len() > 5_000);
        assert!((5_001..5_200).contains(&text.len()));
    }
}
