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

/// The parts of a summary of `thoughts`: a paragraph each.
pub(super) fn parts(thoughts: &str, subject: &Subject) -> Vec<String> {
    let mut titles = titles(subject).iter();
    let paragraphs = thoughts.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    let part = |paragraph: &str| {
        let title = titles.next().map_or_else(|| further(paragraph), |title| (*title).to_owned());
        format!("**{title}**\n\n{paragraph}")
    };
    paragraphs.map(part).collect()
}

/// The title of a further thought, by the number of its step where it has one.
fn further(paragraph: &str) -> String {
    let step = paragraph.strip_prefix("Step ").and_then(|rest| rest.split_once('.'));
    step.map_or_else(|| "Going on".to_owned(), |(number, _)| format!("Going on from step {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_paragraph_is_a_part_with_its_title() {
        assert_eq!(
            parts("a\nb\n\nc\n\n\n\nd\n\nStep 9. e", &Subject::Other),
            [
                "**Reading the question**\n\na\nb",
                "**Staying honest**\n\nc",
                "**Going on**\n\nd",
                "**Going on from step 9**\n\nStep 9. e",
            ]
        );
        assert!(parts("", &Subject::Sky).is_empty());
    }
}
