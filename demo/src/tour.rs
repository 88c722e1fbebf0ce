//! What every usual answer shows after its reaction: each kind of Markdown once, filled with facts of this request.

use super::ask::Ask;
use super::fault::Fault;
use super::wishes::Wishes;

/// Everything that can be tried, for those who ask or greet.
pub(super) fn guide() -> String {
    let codes: Vec<String> = Fault::ALL.iter().map(|(_, code)| format!("`{code}`")).collect();
    format!(
        "### Ask\n\n\
     - `Why is the sky blue?`\n\
     - `What is 17*23+4?`, or another sum with `+ - * /` and parentheses\n\
     - `How many r in strawberry?`, or another letter in another word\n\
     - anything else, and a second question after it\n\
     - something with an **image**: I say what its header says\n\
     - **use the tool** and its name, where the request brings tools along\n\n\
     ### Tell me how\n\n\
     - **slowly** or **fast**; **a long answer** or **short**\n\
     - **think longer** (about a minute), **no thoughts**, or **hide your thoughts**, which are then counted only\n\
     - **wait 30 s first**, or **silence for 20 s** between thoughts and answer (**midway**: in the answer), to see \
     heartbeats\n\
     - **inline tags**: thoughts inside the text, as some models send them\n\
     - **cut by length**; **late filter verdict**, which takes the answer back; **refuse to answer**\n\n\
     ### Make me fail\n\n\
     - **fail with rate_limited**, or with another of these: {}\n\
     - add **midway**, **after the thoughts**, **at the end** or **in the stream** (before the first word), and most of \
     them come inside the answer\n\
     - by the Responses API also **reason first**, **reason alone** or **without a reason**: how a failure is told\n\
     - **region down** or **region unreachable**, ask again, and another region answers, where there is one; **region up** \
     ends it",
        codes.join(", ")
    )
}

/// A list, a table, code, math and a link. After the guide, which is lists itself, the list of next things is left out.
pub(super) fn write(ask: &Ask, wishes: &Wishes, guided: bool) -> String {
    let mut parts = vec![table(ask, wishes), code(), math(ask), link()];
    if !guided {
        parts.insert(0, list());
    }
    parts.join("\n\n")
}

fn list() -> String {
    "### A list: what to try next\n\n\
     - Ask `Why is the sky blue?` or `What is 17*23+4?`\n\
     - Add **slowly**, **short** or **a long answer** to any question\n\
     - Write **silence for 20 s** and watch the connection being kept alive\n\
     - Write **fail with upstream_error midway** and see what a failure looks like\n\
     - Say **hello** for everything else"
        .to_owned()
}

fn table(ask: &Ask, wishes: &Wishes) -> String {
    let terms = &ask.terms;
    let mut asked = format!("| Model | {} |\n", terms.deployment);
    for (what, value) in [("Reasoning effort", terms.effort_name.as_deref()), ("Region", ask.region)] {
        if let Some(value) = value {
            asked.extend(["| ", what, " | ", value, " |\n"]);
        }
    }
    let (thoughts, answer) = (wishes.pace.thoughts().as_millis(), wishes.pace.answer().as_millis());
    format!(
        "### A table: your request in numbers\n\n\
         | What | Value |\n\
         | :--- | ---: |\n\
         {asked}\
         | Words in your message | {} |\n\
         | Turn of the conversation | {} |\n\
         | Tokens of the prompt, estimated | {} |\n\
         | Pause before a piece of the thoughts | {thoughts} ms |\n\
         | Pause before a piece of the answer | {answer} ms |",
        ask.words, ask.turn, ask.prompt_tokens,
    )
}

fn code() -> String {
    r#"### Code: the same from a terminal

```bash
# 7071 is the port unless you chose another one
curl --no-buffer http://127.0.0.1:7071/api/chat/stream \
  --header 'Content-Type: application/json' \
  --data '{"messages": [{"role": "user", "content": "Why is the sky blue?"}]}'
```"#
        .to_owned()
}

/// With one word the sum would be dull, so it counts to ten at least.
fn math(ask: &Ask) -> String {
    let n = ask.words.clamp(10, 1_000_000);
    format!(
        "### Math\n\nInline, Euler's identity \\(e^{{i\\pi}} + 1 = 0\\); and set apart, the sum of the numbers from 1 to \
         {n}:\n\n$$\n\\sum_{{k=1}}^{{{n}}} k = \\frac{{{n} \\cdot {}}}{{2}} = {}\n$$",
        n + 1,
        n * (n + 1) / 2,
    )
}

fn link() -> String {
    "### A link\n\nAll of this is written in Markdown, which [can be learned in ten minutes](https://commonmark.org/help/)."
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tour_is_about_this_request() {
        let ask = Ask::first("one two three");
        let wishes = Wishes::read(&["slowly".to_owned()], crate::character::Character::Thorough);
        let text = write(&ask, &wishes, false);
        assert!(text.contains("| Model | demo |\n| Words"), "{text}");
        assert!(text.contains("| Words in your message | 3 |"));
        assert!(text.contains("| Pause before a piece of the answer | 150 ms |"));
        assert!(text.contains(r"\sum_{k=1}^{10} k = \frac{10 \cdot 11}{2} = 55"), "{text}");
    }

    #[test]
    fn nothing_overflows_for_the_longest_question() {
        let mut ask = Ask::first("x");
        ask.words = usize::MAX;
        assert!(math(&ask).contains("500000500000"));
    }
}
