//! A closing tag of thoughts in an answer that told none: its opening tag was written by the chat template, and the
//! thoughts before it passed for the answer. Nothing can be mended then, but the operator can be told of the setting.

const CLOSE: &[u8] = b"</think>";

/// Looks for the tag in the content's pieces, however they cut it.
#[derive(Debug, Default)]
pub(crate) struct StrayClose {
    /// How much of the tag the last bytes were.
    matched: usize,
    found: bool,
}

impl StrayClose {
    /// Takes the next piece of content, a JSON string.
    pub(crate) fn look(&mut self, string: &str) {
        let mut rest = string.trim_matches('"').as_bytes();
        while !self.found {
            if self.matched == 0 {
                let Some(at) = memchr::memchr(b'<', rest) else { return };
                rest = rest.get(at..).unwrap_or_default();
            }
            let Some((byte, after)) = rest.split_first() else { return };
            rest = after;
            // The tag begins with the only `<` in it.
            self.matched =
                if CLOSE.get(self.matched) == Some(byte) { self.matched + 1 } else { usize::from(*byte == b'<') };
            self.found = self.matched == CLOSE.len();
        }
    }

    /// Whether it has come.
    pub(crate) fn is_found(&self) -> bool {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::StrayClose;

    #[test]
    fn the_tag_is_found_however_it_is_cut() {
        let text = "a < b <</think> c";
        for cut in 0..text.len() {
            let mut stray = StrayClose::default();
            stray.look(&format!("\"{}\"", &text[..cut]));
            stray.look(&format!("\"{}\"", &text[cut..]));
            assert!(stray.is_found(), "cut at {cut}");
        }
        for other in ["", "</thinking>", "<think>", "</ think>", "< /think>"] {
            let mut stray = StrayClose::default();
            stray.look(&format!("\"{other}\""));
            assert!(!stray.is_found(), "{other}");
        }
    }
}
