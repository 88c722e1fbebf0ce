//! Small text tools: words, bounds, and quoting what a stranger wrote inside Markdown.

use std::fmt::Write as _;

/// The words of `text` in lower case: runs of letters, digits and `_`. An apostrophe inside a word is dropped ("what's"
/// is `whats`), a point between two digits is kept ("1.5").
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        if c.is_alphanumeric() || c == '_' {
            word.extend(c.to_lowercase());
        } else if c == '.' && word.ends_with(|d: char| d.is_ascii_digit()) && next.is_some_and(|d| d.is_ascii_digit()) {
            word.push(c);
        } else if matches!(c, '\'' | '’') && !word.is_empty() && next.is_some_and(char::is_alphabetic) {
            // Dropped: "don't" and "dont" steer alike.
        } else if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether `phrase` occurs in `words`, word for word.
pub(super) fn has(words: &[String], phrase: &[&str]) -> bool {
    words.windows(phrase.len()).any(|window| window == phrase)
}

/// The first `max` characters of `text`, with "…" when something was left out; line breaks and runs of white space become
/// one space, other control characters go.
pub(super) fn bounded(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        if length > 0 {
            out.push(' ');
            length += 1;
        }
        for c in word.chars().filter(|c| !c.is_control()) {
            if length >= max {
                out.push('…');
                return out;
            }
            out.push(c);
            length += 1;
        }
    }
    out
}

/// `text` so that Markdown, inline math and HTML show it as it stands.
///
/// Where a backslash would itself open something (`\[` is display math to many renderers) it is an entity instead; the
/// point and the colon are only touched where they would make a bare address a link.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            '\\' | '[' | ']' | '<' | '>' | '&' | '$' => {
                let _ = write!(out, "&#{};", u32::from(c)); // writing to a String cannot fail
            }
            '`' | '*' | '_' | '~' | '|' | '@' => out.extend(['\\', c]),
            '.' if next.is_some_and(char::is_alphanumeric) => out.push_str("\\."),
            ':' if next == Some('/') => out.push_str("\\:"),
            _ => out.push(c),
        }
    }
    out
}

/// A bounded, escaped quotation in quotation marks.
pub(super) fn quoted(text: &str, max: usize) -> String {
    format!("“{}”", escaped(&bounded(text, max)))
}

/// "1 word", "2 words".
pub(super) fn count(number: usize, singular: &str) -> String {
    format!("{number} {singular}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_and_keep_decimal_points() {
        assert_eq!(words("Don't WAIT 1.5s. fail_with"), ["dont", "wait", "1.5s", "fail_with"]);
        assert!(words(" .,' ").is_empty());
    }

    #[test]
    fn a_quotation_is_bounded_and_on_one_line() {
        assert_eq!(bounded("a\n\n b\tc", 10), "a b c");
        assert_eq!(bounded("abcdef", 3), "abc…");
        assert_eq!(bounded("abc", 3), "abc");
        assert_eq!(bounded("a\u{0}b\u{1b}", 9), "ab");
    }

    #[test]
    fn a_quotation_cannot_open_markdown_math_html_or_links() {
        assert_eq!(escaped("*a* _b_ `c`"), r"\*a\* \_b\_ \`c\`");
        assert_eq!(escaped("<b>&amp;</b>"), "&#60;b&#62;&#38;amp;&#60;/b&#62;");
        assert_eq!(escaped("[x](y) \\( $z$"), "&#91;x&#93;(y) &#92;( &#36;z&#36;");
        assert_eq!(escaped("https://a.b www.c.d e@f.g"), r"https\://a\.b www\.c\.d e\@f\.g");
        assert_eq!(escaped("Why is the sky blue?"), "Why is the sky blue?");
    }
}
