//! Pseudo-random text that holds what relays of text stumble over: escapes, quotes, line ends of every kind, characters
//! of one to four bytes, and words that mean something to one of the layers it passes.

use fastrand::Rng;

/// None of these, in whatever order, makes `</think>`: no piece begins with `>` or with `k>`.
const PIECES: [&str; 28] = [
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "\"",
    "\\",
    "\\u003c",
    "é",
    "ß ",
    "漢字",
    "🙂",
    "👩‍👩‍👧",
    "\u{2028}",
    "\u{1}",
    "\u{7f}",
    "\u{feff}",
    "<",
    "</",
    "</thin",
    "<think>",
    "data: ",
    "[DONE]",
    "\n\ndata: [DONE]\n\n",
    "{\"error\":\"no\"}",
    "event: error\n",
    ": ",
    "}\n{",
    "&lt;",
];

/// About this many characters; the first is a letter, so that no text begins with a tag.
pub(crate) fn text(random: &mut Rng, chars: usize) -> String {
    let mut text = String::with_capacity(chars * 2);
    let mut length = 0;
    while length < chars {
        let before = text.len();
        if before == 0 || random.u8(..) < 200 {
            text.extend(std::iter::repeat_with(|| random.lowercase()).take(1 + length % 9));
            text.push(' ');
        } else {
            text.push_str(random.choice(PIECES).unwrap_or_default());
        }
        length += text.get(before..).unwrap_or_default().chars().count();
    }
    text
}

/// The text in order, in pieces of one to `max` characters.
pub(crate) fn cut<'a>(random: &mut Rng, text: &'a str, max: usize) -> Vec<&'a str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let chars = random.usize(1..=max.max(1));
        let at = rest.char_indices().nth(chars).map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_repeat_by_seed_and_never_hold_the_closing_tag() {
        for seed in 0..50 {
            let text = |seed| text(&mut Rng::with_seed(seed), 2000);
            assert_eq!(text(seed), text(seed));
            assert!(!text(seed).contains("</think>"));
            assert!(text(seed).starts_with(|first: char| first.is_ascii_lowercase()));
        }
    }

    #[test]
    fn cutting_loses_nothing() {
        let mut random = Rng::with_seed(1);
        let text = text(&mut random, 500);
        let pieces = cut(&mut random, &text, 5);
        assert!(pieces.len() > 50);
        assert_eq!(pieces.concat(), text);
    }
}
