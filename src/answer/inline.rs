//! Thoughts inside the content: `<think>…</think>` at the start of an answer, as R1 writes it on older routes and under
//! llama.cpp. The tags may be cut anywhere between events. Some chat templates write the first tag themselves, so that
//! the content begins inside the block; nothing in the stream says so, and a setting has to.
//!
//! In: the content's text, piece by piece. Out: the same text, told apart. All that lies outside the leading block
//! comes out as it went in, white space before the block included.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// White space that is held back while the answer's first character is awaited. Bytes.
const MAX_LEADING_SPACE: usize = 256;

/// Where in the answer we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing but white space, or the beginning of a tag, has come.
    #[default]
    Start,
    /// Inside the leading block.
    Thinking,
    /// Past it, or there was none: all is content from here on.
    Answering,
}

/// One choice's text so far.
#[derive(Debug, Default)]
pub(crate) struct InlineThoughts {
    place: Place,
    /// What may be part of a tag, and is not told yet. At most `MAX_LEADING_SPACE` and a tag.
    held: String,
    /// The content begins inside the block.
    starts_inside: bool,
}

/// How a piece of content passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// As content, untouched.
    Content,
    /// As thoughts, untouched.
    Thoughts,
    /// A tag may be in it, or part of one.
    Mixed,
}

/// Whether a string begins with the escape of a character, or of half of one, that is no part of a tag.
fn beyond_ascii(inside: &[u8]) -> bool {
    inside.starts_with(b"\\u") && !inside.starts_with(b"\\u00")
}

/// What a piece of content turned out to be, in this order. Any of the three may be empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Content before the block.
    pub(crate) before: String,
    /// Thoughts.
    pub(crate) thoughts: String,
    /// Content after the block, or where there is none.
    pub(crate) after: String,
}

impl InlineThoughts {
    /// At the start of a choice. `starts_inside`: its content begins inside the block, with the tag or without it.
    pub(crate) fn new(starts_inside: bool) -> Self {
        Self { starts_inside, ..Self::default() }
    }

    /// Whether all that comes now is content, and nothing is held back.
    pub(crate) fn is_past(&self) -> bool {
        self.place == Place::Answering && self.held.is_empty()
    }

    /// Whether nothing is held back.
    pub(crate) fn is_clear(&self) -> bool {
        self.held.is_empty()
    }

    /// From here on all is content: upstream tells thoughts apart itself, or the answer's first character is no tag.
    pub(crate) fn stop_looking(&mut self) {
        if self.place == Place::Start {
            self.place = Place::Answering;
        }
    }

    /// How the next piece passes: the inside of a JSON string, which is not decoded, for nearly all pieces are plain.
    /// Content or thoughts are passed on untouched; a piece that is mixed is for [`Self::push`].
    pub(crate) fn route(&mut self, inside: &str) -> Route {
        let raw = inside.as_bytes();
        match self.place {
            Place::Answering if self.is_clear() => Route::Content,
            Place::Start
                if self.is_clear()
                    && !self.starts_inside
                    && (!matches!(raw.first(), Some(b' ' | b'<' | b'\\')) || beyond_ascii(raw)) =>
            {
                self.stop_looking();
                Route::Content
            }
            // Some encoders write < as \u003c; an escape beyond ASCII is no part of a tag.
            Place::Thinking
                if self.is_clear()
                    && memchr::memchr(b'<', raw).is_none()
                    && !memchr::memchr_iter(b'\\', raw)
                        .any(|at| raw.get(at..).is_some_and(|at| at.starts_with(b"\\u00"))) =>
            {
                Route::Thoughts
            }
            _ => Route::Mixed,
        }
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, text: &str) -> Told {
        let mut told = Told::default();
        self.held.push_str(text);
        if self.place == Place::Start {
            self.find_open(&mut told);
        }
        if self.place == Place::Thinking {
            self.find_close(&mut told);
        }
        if self.place == Place::Answering {
            told.after.push_str(&std::mem::take(&mut self.held));
        }
        told
    }

    /// The answer is over: what was held back was no tag.
    pub(crate) fn finish(&mut self) -> Told {
        let held = std::mem::take(&mut self.held);
        match self.place {
            Place::Thinking => Told { thoughts: held, ..Told::default() },
            // Nothing but white space, or a piece of the tag that the template wrote already.
            Place::Start if self.starts_inside => Told { thoughts: held, ..Told::default() },
            Place::Start | Place::Answering => Told { after: held, ..Told::default() },
        }
    }

    fn find_open(&mut self, told: &mut Told) {
        let text = self.held.trim_ascii_start();
        let space = self.held.len() - text.len();
        if let Some(thoughts) = text.strip_prefix(OPEN) {
            let thoughts = thoughts.to_owned();
            self.held.truncate(space);
            told.before = std::mem::replace(&mut self.held, thoughts);
            self.place = Place::Thinking;
        } else if !OPEN.starts_with(text) || space > MAX_LEADING_SPACE {
            self.place = if self.starts_inside { Place::Thinking } else { Place::Answering };
        }
    }

    fn find_close(&mut self, told: &mut Told) {
        if let Some((thoughts, rest)) = self.held.split_once(CLOSE) {
            thoughts.clone_into(&mut told.thoughts);
            self.held = rest.to_owned();
            self.place = Place::Answering;
        } else {
            let keep = (1..CLOSE.len()).rev().find(|len| CLOSE.get(..*len).is_some_and(|tag| self.held.ends_with(tag)));
            let held = self.held.split_off(self.held.len() - keep.unwrap_or(0));
            told.thoughts = std::mem::replace(&mut self.held, held);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The whole text told apart: content before, thoughts, content after.
    fn tell<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String, String) {
        tell_with(InlineThoughts::default(), pieces)
    }

    fn tell_with<'a>(
        mut inline: InlineThoughts,
        pieces: impl IntoIterator<Item = &'a str>,
    ) -> (String, String, String) {
        let mut told: Vec<Told> = pieces.into_iter().map(|piece| inline.push(piece)).collect();
        assert!(inline.held.len() <= MAX_LEADING_SPACE + CLOSE.len(), "what is held back is bounded");
        told.push(inline.finish());
        (
            told.iter().map(|told| told.before.as_str()).collect(),
            told.iter().map(|told| told.thoughts.as_str()).collect(),
            told.iter().map(|told| told.after.as_str()).collect(),
        )
    }

    fn parts(before: &str, thoughts: &str, after: &str) -> (String, String, String) {
        (before.to_owned(), thoughts.to_owned(), after.to_owned())
    }

    #[test]
    fn every_cut_gives_the_same() {
        let text = "\n<think>a < b, </thin k> and </thin</think>\n\nIt is <think>so</think>.";
        for first in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            for second in first..=text.len() {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                assert_eq!(
                    tell(pieces),
                    parts("\n", "a < b, </thin k> and </thin", "\n\nIt is <think>so</think>."),
                    "cut at {first} and {second}"
                );
            }
        }
    }

    #[test]
    fn an_answer_without_a_block_is_not_touched() {
        for text in [
            "",
            " ",
            "Hi",
            "  Hi <think>x</think>",
            "<thin",
            "<thinking>no</thinking>",
            "< think>",
            "<<think>x</think>",
        ] {
            assert_eq!(tell([text]), parts("", "", text));
            assert_eq!(tell(text.split_inclusive(|_| true)), parts("", "", text));
        }
    }

    #[test]
    fn thoughts_that_never_end_are_thoughts() {
        assert_eq!(tell(["<think>", "a</th", "ink"]), parts("", "a</think", ""));
        assert_eq!(tell(["<think></think>", "a"]), parts("", "", "a"));
    }

    #[test]
    fn content_that_begins_inside_the_block_is_thoughts_up_to_the_tag() {
        for text in ["Hm, a < b.</think>\n\nYes", "<think>Hm, a < b.</think>\n\nYes"] {
            for cut in 0..=text.len() {
                let told = tell_with(InlineThoughts::new(true), [&text[..cut], &text[cut..]]);
                assert_eq!(told, parts("", "Hm, a < b.", "\n\nYes"), "cut at {cut}");
            }
        }
        assert_eq!(tell_with(InlineThoughts::new(true), ["Hm"]), parts("", "Hm", ""));
        assert_eq!(tell_with(InlineThoughts::new(true), [" <th"]), parts("", " <th", ""));
    }

    #[test]
    fn white_space_is_held_back_within_bounds() {
        let space = " ".repeat(10_000);
        assert_eq!(tell(space.split_inclusive(' ')), parts("", "", &space));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_doubled_or_reordered(pieces in prop::collection::vec("(<think>|</think>|<|/|think|>|[a-z é\n]){0,3}", 0..12)) {
            let whole: String = pieces.concat();
            let (before, thoughts, after) = tell(pieces.iter().map(String::as_str));
            let with_tags = [
                format!("{before}{after}"),
                format!("{before}<think>{thoughts}"),
                format!("{before}<think>{thoughts}</think>{after}"),
            ];
            prop_assert!(with_tags.contains(&whole));
            prop_assert_eq!(tell([whole.as_str()]), (before, thoughts, after));
        }
    }
}
