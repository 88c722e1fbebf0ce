//! What a question is about, as far as a demo can tell.

use super::ask::Ask;
use super::region::Told;
use super::sum::{self, Sum};

const GREETINGS: [&str; 9] = ["hello", "hi", "hey", "hallo", "greetings", "howdy", "good", "guten", "welcome"];

/// The longest message that is only a greeting, in words.
const MAX_GREETING_WORDS: usize = 6;

/// The longest word whose letters are counted.
const MAX_LETTERS: usize = 60;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Greeting,
    /// "What can you do?"
    Guide,
    Sky,
    Sum(Sum),
    Letters {
        letter: char,
        word: String,
        count: usize,
    },
    /// Images, without a question that is known.
    Pictures,
    /// Tools have answered.
    ToolsSaid,
    /// A region was told to go down or to come back.
    Region(Told),
    Other,
}

impl Subject {
    /// What `ask` is about; `words` are those of its question.
    pub(super) fn of(ask: &Ask, words: &[String]) -> Self {
        if let Some(told) = ask.told {
            Self::Region(told)
        } else if !ask.results.is_empty() {
            Self::ToolsSaid
        } else {
            match Self::of_question(&ask.question, words) {
                Self::Other if !ask.images.is_empty() => Self::Pictures,
                subject => subject,
            }
        }
    }

    fn of_question(question: &str, words: &[String]) -> Self {
        let says = |word: &str| words.iter().any(|said| said == word);
        if (says("sky") && says("blue")) || (says("himmel") && says("blau")) {
            Self::Sky
        } else if let Some(letters) = letters(words) {
            letters
        } else if let Some(sum) = sum::find(question) {
            Self::Sum(sum)
        } else if is_greeting(words) {
            Self::Greeting
        } else if words.first().is_some_and(|word| matches!(word.as_str(), "help" | "hilfe"))
            || super::words::has(words, &["what", "can", "you", "do"])
            || super::words::has(words, &["what", "can", "i", "try"])
        {
            Self::Guide
        } else {
            Self::Other
        }
    }
}

fn is_greeting(words: &[String]) -> bool {
    let mut said = words.iter().map(String::as_str);
    let first = said.next().unwrap_or_default();
    let whole = match first {
        "good" => matches!(said.next(), Some("morning" | "day" | "afternoon" | "evening")),
        "guten" => matches!(said.next(), Some("morgen" | "tag" | "abend")),
        _ => true,
    };
    whole && GREETINGS.contains(&first) && words.len() <= MAX_GREETING_WORDS
}

/// "how many r in strawberry", "How many r's are there in the word strawberry?", "how often does the letter r appear in …".
fn letters(words: &[String]) -> Option<Subject> {
    let start = words.windows(2).position(|pair| pair == ["how", "many"] || pair == ["how", "often"])?;
    let mut rest = words.iter().skip(start + 2).map(String::as_str);
    let letter = rest.find(|word| !matches!(*word, "times" | "does" | "do" | "is" | "the" | "letter" | "letters"))?;
    let mut chars = letter.chars();
    let letter = chars.next().filter(|c| c.is_alphabetic())?;
    // "rs" is what is left of "r's".
    if !matches!(chars.as_str(), "" | "s") {
        return None;
    }
    rest.find(|word| *word == "in")?;
    let word = rest.find(|word| !matches!(*word, "the" | "word"))?;
    // One letter is an article ("how many ms in a second"), and no question about letters.
    if !(2..=MAX_LETTERS).contains(&word.chars().count()) || !word.chars().all(char::is_alphabetic) {
        return None;
    }
    Some(Subject::Letters { letter, word: word.to_owned(), count: word.chars().filter(|c| *c == letter).count() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn subject(question: &str) -> Subject {
        Subject::of(&Ask::first(question), &words(question))
    }

    #[test]
    fn letters_are_counted() {
        for question in [
            "How many r in strawberry?",
            "how many r's are in the word \"Strawberry\"",
            "How many Rs are there in strawberry",
            "How often does the letter r appear in strawberry?",
            "How many times is the letter R in strawberry",
        ] {
            let Subject::Letters { letter, word, count } = subject(question) else { panic!("{question}") };
            assert_eq!((letter, word.as_str(), count), ('r', "strawberry", 3), "{question}");
        }
        assert!(matches!(subject("How many z in strawberry"), Subject::Letters { count: 0, .. }));
        assert!(matches!(subject("How many ö in Öl-Öfen"), Subject::Letters { letter: 'ö', count: 1, .. }));
        for other in ["How many people live in Rome?", "how many ms in a second", "how many r in", "how many"] {
            assert_eq!(subject(other), Subject::Other, "{other}");
        }
    }

    #[test]
    fn the_known_subjects_are_recognised() {
        assert_eq!(subject("Why is the sky blue?"), Subject::Sky);
        assert_eq!(subject("Hi, why is the sky so blue today?"), Subject::Sky);
        assert_eq!(subject("Hello!"), Subject::Greeting);
        assert_eq!(subject("good morning, demo"), Subject::Greeting);
        assert_eq!(subject("Guten Tag!"), Subject::Greeting);
        assert_eq!(subject("Warum ist der Himmel blau?"), Subject::Sky);
        assert_eq!(subject("Hilfe!"), Subject::Guide);
        assert_eq!(subject("What can you do?"), Subject::Guide);
        assert!(matches!(subject("what is 17*23+4?"), Subject::Sum(_)));
        for other in
            ["good", "Good ideas for dinner", "Hidden things", "", "Hi there, can you tell me a story about a dragon?"]
        {
            assert_eq!(subject(other), Subject::Other, "{other}");
        }
    }
}
