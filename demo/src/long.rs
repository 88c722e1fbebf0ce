//! The additional sections of a long answer: prose on how an answer gets here, and tables of numbers between it.

use std::fmt::Write as _;

use super::words::words;

/// How long the sections get together, in words, before they end.
const WORDS: usize = 2_000;

/// The most sections, should the words not add up.
const MAX_SECTIONS: u64 = 60;

/// What happens between a question and the page, in the order in which it happens.
const PROSE: [(&str, &str); 8] = [
    (
        "One question",
        "A conversation is sent whole, every time. The program keeps nothing between two requests, so what the model knows of \
         the earlier turns is what the page sends along with the new question. That makes each answer independent of the \
         program that gives it: it can be stopped, replaced or multiplied, and no conversation is lost, because none was \
         stored. The price is that long conversations take longer to send and to read, and at some length the model \
         refuses them. Then it is time to begin a new one.",
    ),
    (
        "One request further",
        "The program checks the conversation before it passes it on: its size, its roles, its order. The system prompt is \
         added here, because it belongs to whoever runs the program and not to whoever asks. Then a single request goes to \
         the model's server, with a token in place of a key. There is no key that could be copied, lost or published; the \
         token names an identity, and the identity has one role that lets it ask a model and do nothing else.",
    ),
    (
        "Thoughts first",
        "A reasoning model writes for itself before it writes for you. What it writes then is not the answer, and often not \
         even close to it: it tries, doubts, repeats and corrects itself. Some servers send these thoughts in a field of \
         their own, some put them between two tags at the start of the text. The program sorts that out, and the page \
         shows the thoughts apart, where you may read them or leave them alone. They are the reason why the first word of \
         an answer may take a while.",
    ),
    (
        "Small pieces",
        "An answer arrives in pieces of about one word. Each piece travels as one line of JSON, and a line is complete when \
         its line break has come. This is a simple agreement, and its simplicity is its strength: a terminal can show it, a \
         script can filter it, and a page needs only a few lines to read it. A piece is passed on in the moment in which it \
         arrives. Nobody waits for a buffer to fill, and nothing pretends to type.",
    ),
    (
        "Silence",
        "A connection on which nothing happens looks dead to everything between the two ends: proxies, balancers and \
         routers close what is silent for too long. A model that thinks hard may well be silent for that long. So after \
         some seconds without a piece the program sends a heartbeat, a line that says only how much time has passed. The \
         page need not show it; it is enough that bytes flow. You can see it if you ask for a silence.",
    ),
    (
        "Going away",
        "When you close the page, nobody reads the answer any more, and writing it on would only cost money. The program \
         notices that the connection is gone and lets go of its own request to the model at once. This works because \
         nothing in between runs ahead: each piece is fetched when the one before was delivered. A slow reader makes the \
         whole line slow, and a reader that has left ends it.",
    ),
    (
        "When it breaks",
        "Much can go wrong on such a way: a name is misspelt, a role is missing, a limit is reached, a server restarts in \
         the middle of a sentence. The agreement is that every answer ends with exactly one last line. It says either that \
         the answer is whole, or what happened, in words for people and with a code for programs, and whether it makes \
         sense to try again. An answer without that line was cut off on the way, and the page can tell you so.",
    ),
    (
        "What a filter does",
        "In front of a model and behind it stand filters. The one in front may refuse a question; then there is no answer at \
         all. The one behind reads along while the answer is written, and it may be a little late: its verdict can come when \
         the text has already been shown. Then the page has to take the answer back. This is rare, and it surprises people \
         all the more. You can see it here if you ask for a late filter verdict.",
    ),
];

/// The sections: prose while there is some, and numbers after each.
pub(super) fn write() -> String {
    let mut text = String::from("### The long version: how an answer gets to you\n\nYou asked for length. Here it is.");
    let mut prose = PROSE.iter();
    for section in 0..MAX_SECTIONS {
        if words(&text).len() >= WORDS {
            break;
        }
        if let Some((title, paragraph)) = prose.next() {
            let _ = write!(text, "\n\n### {title}\n\n{paragraph}");
        }
        text.push_str("\n\n");
        text.push_str(&numbers(section));
    }
    text
}

/// A section of numbers, another one for each `section`.
fn numbers(section: u64) -> String {
    let from = section / 4 * 10 + 1;
    let to = from + 9;
    match section % 4 {
        0 => {
            let rows = rows(from..=to, |n| format!("| {n} | {} | {} |", n * n, n * n * n));
            format!(
                "#### Squares and cubes from {from} to {to}\n\nThe difference of two neighbouring squares is always the \
                 next odd number.\n\n| Number | Square | Cube |\n| ---: | ---: | ---: |\n{rows}"
            )
        }
        1 => {
            let rows = rows((from..=to).map(|n| n * 5), |c| format!("| {c} °C | {} °F |", c * 9 / 5 + 32));
            format!(
                "#### Temperatures\n\nFrom Celsius to Fahrenheit by \\(F = \\frac{{9}}{{5}} C + 32\\), in steps of five \
                 degrees.\n\n| Celsius | Fahrenheit |\n| ---: | ---: |\n{rows}"
            )
        }
        2 => {
            let rows = rows((from..=to).map(|n| n % 64), |n| format!("2^{n} = {}", 1_u128 << n));
            format!("#### Powers of two\n\nEach line is twice the one before.\n\n```text\n{rows}\n```")
        }
        _ => {
            let rows = rows(from..=to, |n| {
                let divisors: Vec<String> = (1..=n).filter(|d| n.is_multiple_of(*d)).map(|d| d.to_string()).collect();
                format!("- **{n}**: {}", divisors.join(", "))
            });
            format!("#### Divisors from {from} to {to}\n\nA number with exactly two divisors is prime.\n\n{rows}")
        }
    }
}

fn rows(numbers: impl IntoIterator<Item = u64>, row: impl Fn(u64) -> String) -> String {
    numbers.into_iter().map(row).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_version_has_its_length_and_all_its_prose() {
        let text = write();
        assert!((WORDS..WORDS + 400).contains(&words(&text).len()));
        assert!(PROSE.iter().all(|(title, _)| text.contains(title)));
    }

    #[test]
    fn numbers_are_right_in_every_section() {
        assert!(numbers(0).contains("| 7 | 49 | 343 |"));
        assert!(numbers(1).contains("| 20 °C | 68 °F |"));
        assert!(numbers(2).contains("2^10 = 1024"));
        assert!(numbers(7).contains("- **12**: 1, 2, 3, 4, 6, 12"));
        assert!((0..MAX_SECTIONS).all(|section| !numbers(section).is_empty()));
    }
}
