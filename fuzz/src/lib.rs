//! What the fuzz targets share.

use std::collections::HashSet;

/// The program's own words: texts that it is known to say of itself, whatever it was given.
///
/// Texts must not quote what they are about. A fuzzer learns the program's words and puts them into its inputs, so that
/// "the text holds a piece of the input" alone would blame the innocent. Texts that were heard before, in answer to
/// probes that hold none of those words, are innocent.
#[derive(Debug, Default)]
pub struct OwnWords(HashSet<String>);

impl OwnWords {
    /// Learns a text that the program said of a probe.
    pub fn learn(&mut self, text: &str) {
        self.0.insert(without_numbers(text));
    }

    /// The first piece of `len` characters that `text` shares with one of the `secrets`; none where the text is known.
    pub fn quoted<'t, S: AsRef<str>>(
        &self,
        text: &'t str,
        secrets: impl IntoIterator<Item = S>,
        len: usize,
    ) -> Option<&'t str> {
        if self.0.contains(&without_numbers(text)) {
            return None;
        }
        let pieces = pieces(text, len);
        secrets.into_iter().find_map(|secret| pieces.iter().find(|piece| secret.as_ref().contains(**piece)).copied())
    }
}

/// Positions and counts differ from text to text.
fn without_numbers(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if !letter.is_ascii_digit() {
            plain.push(letter);
        } else if !plain.ends_with('#') {
            plain.push('#');
        }
    }
    plain
}

/// All pieces of `len` characters.
fn pieces(text: &str, len: usize) -> Vec<&str> {
    let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    starts.push(text.len());
    starts.windows(len + 1).map(|window| &text[window[0]..window[len]]).collect()
}

/// Positions in `0..=len`, chosen by the input itself: its last bytes decide. So inputs stay plain text, and the fuzzer
/// moves the cuts by changing an end that the format rarely cares for.
pub fn cuts(data: &[u8], len: usize) -> Vec<usize> {
    let mut cuts = vec![0, len];
    let mut state = data.len();
    for byte in data.iter().rev().take(6) {
        state = state.wrapping_mul(31).wrapping_add(usize::from(*byte));
        cuts.push(state % (len + 1));
    }
    cuts.sort_unstable();
    cuts
}
