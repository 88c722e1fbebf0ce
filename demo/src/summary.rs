//! Thoughts as a summary tells them: in parts, each with a bold title.

use super::subject::Subject;

/// The titles of the first thoughts on a subject.
fn titles(subject: &Subject) -> &'static [&'static str] {
    match subject {
        Subject::Greeting => &["Greeting back"],
        Subject::Guide => &["Listing what works"],
        Subject::Sky => &["Naming the effect", "Comparing blue and red", "Wondering about violet"],
        Subject::Sum(_) => &["Finding the sum", "Computing exactly"],
        Subject::Letters { .. } => &["Going letter by letter", "Adding up"],
        Subject::Pictures => &["Looking at what was sent", "Staying honest"],
        Subject::ToolsSaid => &["Hearing what the tools say"],
        Subject::Region(_) => &["Minding the regions"],
        Subject::Other => &["Reading the question", "Staying honest"],
    }
}

/// The title of every further thought.
const FURTHER: &str = "Going on";

/// The parts of a summary of `thoughts`: a paragraph each.
pub(super) fn parts(thoughts: &str, subject: &Subject) -> Vec<String> {
    let titles = titles(subject).iter().copied().chain(std::iter::repeat(FURTHER));
    let paragraphs = thoughts.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    titles.zip(paragraphs).map(|(title, paragraph)| format!("**{title}**\n\n{paragraph}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_paragraph_is_a_part_with_its_title() {
        assert_eq!(
            parts("a\nb\n\nc\n\n\n\nd\n", &Subject::Other),
            ["**Reading the question**\n\na\nb", "**Staying honest**\n\nc", "**Going on**\n\nd"]
        );
        assert!(parts("", &Subject::Sky).is_empty());
    }
}
