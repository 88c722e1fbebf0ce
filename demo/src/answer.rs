//! The answer in Markdown: a heading, a reaction to the question, the tour, and a note on what this is.

use super::ask::Ask;
use super::fault::Fault;
use super::long;
use super::region::{State, Told};
use super::subject::Subject;
use super::sum::{NoValue, Sum};
use super::tool;
use super::tour;
use super::wishes::{Length, Wishes};
use super::words::{count, quoted};

/// How much of a question is quoted, and of the one before.
const QUOTED_CHARS: usize = 160;
const QUOTED_BEFORE_CHARS: usize = 80;

/// How much is repeated of what a tool said, and of a tool's name.
const RESULT_CHARS: usize = 600;
const TOOL_NAME_CHARS: usize = 64;

/// The whole answer; `words` are those of the question.
pub(super) fn write(ask: &Ask, words: &[String], subject: &Subject, wishes: &Wishes) -> String {
    let mut parts = vec![format!("## {}", heading(subject)), reaction(ask, subject)];
    if !ask.images.is_empty() {
        parts.push(images(ask));
    }
    if ask.results.is_empty() && tool::asked_for(words) {
        parts.push(known_tools(ask));
    }
    if ask.turn > 1 {
        parts.push(turn(ask));
    }
    if let Some(code) = &wishes.unknown_fault {
        parts.push(known_failures(code));
    }
    let spoken = wishes.spoken();
    if !spoken.is_empty() {
        parts.push(format!("As you asked, I give you {}.", listed(&spoken)));
    }
    let guided = matches!(subject, Subject::Greeting | Subject::Guide);
    if guided {
        parts.push(tour::guide());
    }
    if wishes.length != Length::Short {
        parts.push(tour::write(ask, wishes, guided));
    }
    if wishes.length == Length::Long {
        parts.push(long::write());
    }
    parts.push(note(wishes.length).to_owned());
    parts.join("\n\n")
}

fn heading(subject: &Subject) -> &'static str {
    match subject {
        Subject::Greeting => "Hello!",
        Subject::Guide => "What you can try",
        Subject::Sky => "Why the sky is blue",
        Subject::Sum(_) => "A sum",
        Subject::Letters { .. } => "Letters, counted",
        Subject::Pictures => "What the images say",
        Subject::ToolsSaid => "What the tools say",
        Subject::Region(Told::Left(_)) => "This region is down",
        Subject::Region(Told::OnlyOne) => "The last region stays up",
        Subject::Region(Told::Returned) => "All regions are up",
        Subject::Other => "A demo answers",
    }
}

fn reaction(ask: &Ask, subject: &Subject) -> String {
    match subject {
        Subject::Greeting => "Nice to see you. I am the demo model built into this program: no language model, but I \
            stream thoughts and answers as one does, and I react to a few things."
            .to_owned(),
        Subject::Guide => "I am the demo model built into this program. I know few things, but each of these really \
            works."
            .to_owned(),
        Subject::Sky => r"Sunlight holds all colours. On its way through the air it meets molecules that are much smaller
than the wavelength of light, and these scatter short waves far more than long ones (**Rayleigh scattering**):

\[ I \propto \frac{1}{\lambda^4} \]

Blue light at 450 nm is scattered \((700/450)^4 \approx 5.9\) times as strongly as red light at 700 nm, so from every part of
the sky blue reaches your eye. Violet is scattered even more, but the sun sends less of it and our eyes see it less well. In the
evening light has a longer way through the air: most of the blue is lost on it, and the sun looks red."
            .replace("\n\n", "\0")
            .replace('\n', " ")
            .replace('\0', "\n\n"),
        Subject::Sum(Sum { expression, value: Ok(value) }) => {
            format!("`{expression}` is **{value}**. That was really computed, with exact fractions.")
        }
        Subject::Sum(Sum { expression, value: Err(reason) }) => {
            let reason = match reason {
                NoValue::DivisionByZero => "it divides by zero, and that has no result",
                NoValue::TooLarge => "its numbers get larger than this demo computes with (thirty digits)",
                NoValue::TooLong => "it is longer than the 200 characters this demo reads; this is its beginning",
                NoValue::TooDeep | NoValue::NotASum => "it is nested deeper than the 32 levels this demo follows",
            };
            format!("I have no value for `{expression}`: {reason}.")
        }
        Subject::Letters { letter, word, count: found } => {
            let times = count(*found, "time");
            format!("The letter “{letter}” is **{times}** in “{word}”, which has {} in all. That was really counted.", {
                count(word.chars().count(), "letter")
            })
        }
        Subject::Pictures => "I am the demo model built into this program and cannot see, but I can read how an image \
            file begins."
            .to_owned(),
        Subject::ToolsSaid => {
            let said: Vec<String> = ask.results.iter().map(|said| format!("- {}", quoted(said, RESULT_CHARS))).collect();
            format!("You asked me to use a tool, and this is what came back:\n\n{}", said.join("\n"))
        }
        Subject::Region(told) => region(ask, *told),
        Subject::Other => format!(
            "You wrote {}: {}. I am the demo model built into this program and no language model, so I do not know the \
             answer. What I can do is show you how an answer looks here.",
            count(ask.words, "word"),
            quoted(&ask.question, QUOTED_CHARS),
        ),
    }
}

fn region(ask: &Ask, told: Told) -> String {
    let here = ask.region.map_or_else(|| "the only region there is".to_owned(), |name| format!("region **{name}**"));
    match told {
        Told::Left(state) => {
            let how = match state {
                State::Unreachable => "takes no more connections",
                State::Up | State::Down => "answers every request with status 503",
            };
            format!(
                "This was the last word from {here}: from now on it {how}. Ask anything, and another region will answer; \
                 the program's log says why. Say `region up` to end it."
            )
        }
        Told::OnlyOne => format!(
            "I am {here} that is up, so I stay: if I went too, nobody could hear `region up`. Failover needs two regions."
        ),
        Told::Returned => format!(
            "I am {here}, and all regions answer again. One that was down is asked again as soon as the program's pause \
             for it is over."
        ),
    }
}

fn images(ask: &Ask) -> String {
    let list: Vec<String> = ask.images.iter().map(|image| format!("- {image}")).collect();
    format!("I see {}:\n\n{}", count(list.len(), "image"), list.join("\n"))
}

fn known_tools(ask: &Ask) -> String {
    let names: Vec<String> = ask.terms.tools.iter().map(|tool| quoted(&tool.name, TOOL_NAME_CHARS)).collect();
    if names.is_empty() {
        "You asked for a tool, but no tools came with the request.".to_owned()
    } else {
        format!("I called no tool. After “use the tool” I understand {}.", listed(&names))
    }
}

fn turn(ask: &Ask) -> String {
    let before = ask.previous.as_deref().unwrap_or_default();
    format!("This is turn {} of our conversation; before, you asked {}.", ask.turn, quoted(before, QUOTED_BEFORE_CHARS))
}

/// `code` is of letters, digits, points and `_` only, so it can stand in a code span.
fn known_failures(code: &str) -> String {
    let known: Vec<String> = Fault::ALL.iter().map(|(_, code)| format!("- `{code}`")).collect();
    format!("I know no failure called `{code}`. After “fail with” I understand:\n\n{}", known.join("\n"))
}

/// "a, b and c".
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn note(length: Length) -> &'static str {
    match length {
        Length::Short => {
            "*This is the built-in demo model. For a real one, set `AZURE_INFERENCE_ENDPOINT` and \
             `AZURE_DEEPSEEK_DEPLOYMENT`.*"
        }
        Length::Usual | Length::Long => {
            "---\n\n**This was the built-in demo model.** For a real one, set `AZURE_INFERENCE_ENDPOINT` to the address of \
             your Azure resource and `AZURE_DEEPSEEK_DEPLOYMENT` to the name of your deployment, then start the program \
             again. A server on your own computer works too, without any account: for Ollama, set the endpoint to \
             `http://127.0.0.1:11434/v1` and the deployment to the name of a model you have pulled."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::character::Character;
    use crate::words::words;

    fn answer_to(ask: &Ask) -> String {
        let words = words(&ask.question);
        write(ask, &words, &Subject::of(ask, &words), &Wishes::read(&words, Character::Thorough))
    }

    fn answer(question: &str) -> String {
        answer_to(&Ask::first(question))
    }

    #[test]
    fn the_usual_answer_shows_every_kind_of_markdown_and_what_to_set() {
        let text = answer("What is love?");
        for part in [
            "## ",
            "\n- ",
            "\n| ",
            "\n```bash\n",
            "\n```\n",
            r"\(",
            "\n$$\n",
            "](https://",
            "AZURE_INFERENCE_ENDPOINT",
            "AZURE_DEEPSEEK_DEPLOYMENT",
            "11434",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.contains("You wrote 3 words: “What is love?”."), "{text}");
    }

    #[test]
    fn known_subjects_are_answered() {
        assert!(answer("Why is the sky blue?").contains(r"\frac{1}{\lambda^4}"));
        assert!(answer("what is 17*23+4?").contains("`17*23+4` is **395**."));
        assert!(answer("what is 1/0?").contains("divides by zero"));
        assert!(answer("how many r in strawberry").contains("“r” is **3 times** in “strawberry”"));
        assert!(answer("hello").contains("fail with rate_limited"));
    }

    #[test]
    fn lengths_differ_as_asked() {
        let (short, usual, long) = (answer("short x"), answer("x"), answer("a long x"));
        assert!(short.split_whitespace().count() < 80, "{short}");
        let real_words = words(&long).len();
        assert!((2_000..4_000).contains(&real_words), "{real_words}");
        assert!(words(&usual).len() < 600);
        assert!(short.contains("I give you a short answer."));
    }

    #[test]
    fn a_quoted_question_is_escaped_and_bounded() {
        let text = answer(&format!("<img src=x> [a](b) {}", "many ".repeat(500)));
        assert!(text.contains("“&#60;img src=x&#62; &#91;a&#93;(b) many"), "{text}");
        assert!(!text.contains("<img"));
        assert!(text.lines().all(|line| line.chars().count() < 900));
    }

    #[test]
    fn a_follow_up_and_an_unknown_failure_are_noticed() {
        let mut ask = Ask::first("and now?");
        (ask.turn, ask.previous) = (3, Some("What is *it*?".to_owned()));
        let text = answer_to(&ask);
        assert!(text.contains(r"This is turn 3 of our conversation; before, you asked “What is \*it\*?”."), "{text}");
        let text = answer("fail with teapot");
        assert!(text.contains("no failure called `teapot`") && text.contains("- `upstream_truncated`"), "{text}");
    }

    #[test]
    fn images_tools_and_regions_are_spoken_of() {
        use crate::image::Image;
        let mut ask = Ask::first("What is this?");
        ask.images = vec![Image::of("data:image/gif;base64,R0lGODlhAQABAA=="), Image::Elsewhere];
        let text = answer_to(&ask);
        assert!(text.contains("I see 2 images:\n\n- GIF, 1 × 1 pixels, 10 bytes\n- an address"), "{text}");
        ask.question = "Why is the sky blue?".to_owned();
        assert!(answer_to(&ask).contains("Rayleigh") && answer_to(&ask).contains("GIF, 1 × 1"));

        assert!(answer("use the tool hammer").contains("no tools came with the request"));
        let mut ask = Ask::first("use the tool hammer");
        ask.terms.tools = serde_json::from_value(serde_json::json!([{"name": "saw"}, {"name": "get_nail"}])).unwrap();
        assert!(answer_to(&ask).contains(r"I understand “saw” and “get\_nail”."), "{}", answer_to(&ask));
        ask.results = vec!["<b>ouch</b>".to_owned()];
        assert!(answer_to(&ask).contains("- “&#60;b&#62;ouch&#60;/b&#62;”"));

        let mut ask = Ask::first("region down");
        (ask.region, ask.told) = (Some("east"), Some(Told::Left(State::Down)));
        assert!(answer_to(&ask).contains("last word from region **east**") && answer_to(&ask).contains("503"));
        (ask.region, ask.told) = (None, Some(Told::OnlyOne));
        assert!(answer_to(&ask).contains("I am the only region there is that is up"));
    }
}
