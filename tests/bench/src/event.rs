//! One event of an answer: its bytes from upstream, and what a relay has to make of it.

use std::fmt::Write as _;
use std::sync::LazyLock;

/// The shortest text of an event: it holds variant and number. Bytes.
pub const MIN_TEXT: u32 = 20;
/// What an event has around its text. Bytes, with `data: ` and the blank line: 523 with the shortest text, as Azure
/// sends the chunks of DeepSeek-R1 with content filter results.
const AROUND: usize = 503;
/// The first events of a paced answer are thoughts.
const PACED_THOUGHTS: u32 = 10;

const FILTERS: &str = concat!(
    r#"{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"#,
    r#""sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}"#
);

/// Where an event's text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// To the model's thoughts.
    Thoughts,
    /// To its answer.
    Content,
}

impl Field {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Thoughts => "reasoning_content",
            Self::Content => "content",
        }
    }

    /// Of the `number`-th event of `all`: the first half are thoughts.
    pub fn of(number: u32, all: u32) -> Self {
        if number < all / 2 { Self::Thoughts } else { Self::Content }
    }

    /// Of the `number`-th event of a paced answer.
    pub fn of_paced(number: usize) -> Self {
        if number < PACED_THOUGHTS as usize { Self::Thoughts } else { Self::Content }
    }
}

/// How a relay passes an event on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As it came.
    Events,
    /// A line for each choice, with what this program lets pass, as it came.
    Lines,
    /// A chunk of a chat completion for each choice, as an OpenAI client has it, with what this program lets pass.
    Chunks,
    /// A line for each choice, written anew: only its text can be compared.
    Json,
    /// A chunk for each choice, written anew by another gateway: only its text can be compared.
    Rewritten,
}

/// The JSON of an event's text, `bytes` long: every event of every variant has its own, with an escape or a letter
/// beyond ASCII now and then.
pub fn text(variant: u32, number: u32, bytes: u32) -> String {
    let bytes = bytes.max(MIN_TEXT) as usize;
    let end = match number % 8 {
        3 => "é",
        7 => "\\n",
        _ => " ",
    };
    let mut text = String::with_capacity(bytes);
    let _ = write!(text, "{variant:02}.{number:07} ");
    let letters = b'a'..=b'z';
    let filler = letters.cycle().skip((variant + number) as usize % 26).map(char::from);
    text.extend(filler.take(bytes - text.len() - end.len()));
    text + end
}

/// What stands before and after the text of an event as upstream sends it.
pub fn around(field: Field) -> &'static (String, String) {
    static BUILT: LazyLock<[(String, String); 2]> =
        LazyLock::new(|| [build_around(Field::Thoughts), build_around(Field::Content)]);
    let [thoughts, content] = &*BUILT;
    if field == Field::Thoughts { thoughts } else { content }
}

fn build_around(field: Field) -> (String, String) {
    let before =
        format!("data: {{\"choices\":[{{\"content_filter_results\":{FILTERS},\"delta\":{{\"{}\":\"", field.name());
    let after = "\"},\"finish_reason\":null,\"index\":0,\"logprobs\":null}],\"created\":1763900000,\"id\":\"chatcmpl-";
    let last =
        "\",\"model\":\"DeepSeek-R1\",\"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"fp_8d2f6a\"}\n\n";
    let id = AROUND.saturating_sub(before.len() + after.len() + last.len());
    let id: String = "0123456789abcdef".chars().cycle().take(id).collect();
    let after = [after, &id, last].concat();
    (before, after)
}

/// What stands before and after the text of an event's line.
pub fn around_line(field: Field) -> &'static (String, String) {
    static BUILT: LazyLock<[(String, String); 2]> =
        LazyLock::new(|| [build_around_line(Field::Thoughts), build_around_line(Field::Content)]);
    let [thoughts, content] = &*BUILT;
    if field == Field::Thoughts { thoughts } else { content }
}

fn build_around_line(field: Field) -> (String, String) {
    let before = format!("{{\"index\":0,\"delta\":{{\"{}\":\"", field.name());
    (before, format!("\"}},\"finish_reason\":null,\"logprobs\":null,\"content_filter_results\":{FILTERS}}}\n"))
}

/// The end of an answer as upstream sends it: finish reason, usage, `[DONE]`.
pub fn end() -> String {
    let rest =
        "\"created\":1763900000,\"id\":\"chatcmpl-end\",\"model\":\"DeepSeek-R1\",\"object\":\"chat.completion.chunk\"";
    format!(
        "data: {{\"choices\":[{{\"content_filter_results\":{{}},\"delta\":{{}},\"finish_reason\":\"stop\",\"index\":0,\"logprobs\":null}}],{rest}}}\n\n\
         data: {{\"choices\":[],{rest},\"usage\":{USAGE}}}\n\ndata: [DONE]\n\n"
    )
}

const USAGE: &str = "{\"completion_tokens\":500,\"prompt_tokens\":12,\"total_tokens\":512}";

/// The line of the event with the finish reason.
pub const LAST_LINE: &str =
    "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\",\"logprobs\":null,\"content_filter_results\":{}}\n";

/// How the first line begins.
pub const START: &[u8] = b"{\"start\":{\"request_id\":\"";

/// How a chunk goes on up to its choices.
pub const CHOICES: &str = "\"choices\":[";
/// The rest of the first chunk, of an answer's role.
pub const ROLE_CHUNK: &str =
    "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null,\"logprobs\":null}]}\n\n";
/// The rest of the last chunk.
pub const LAST_CHUNK: &str = "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\",\"logprobs\":null}]}\n\n";
/// What stands behind the last chunk.
pub const DONE: &str = "data: [DONE]\n\n";

/// Whether `line` is what this program says after a whole answer of chat completions.
pub fn is_done(line: &[u8]) -> bool {
    is_done_with(line, USAGE, "shown")
}

/// The same of an answer that cost this, and told its thoughts in this way.
pub(crate) fn is_done_with(line: &[u8], usage: &str, thoughts: &str) -> bool {
    let begins = format!(
        "{{\"done\":{{\"finish_reason\":\"stop\",\"usage\":{usage},\"thoughts\":\"{thoughts}\",\"elapsed_ms\":"
    );
    line.starts_with(begins.as_bytes())
        && line.ends_with(b"}}\n")
        && memchr::memchr(b'\n', line) == Some(line.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_size_and_is_json() {
        for field in [Field::Thoughts, Field::Content] {
            for number in 0..16 {
                for bytes in [MIN_TEXT, 500, 4096] {
                    let (before, after) = around(field);
                    let text = text(3, number, bytes);
                    let event = format!("{before}{text}{after}");
                    assert_eq!(event.len(), 503 + bytes as usize);
                    let json = event.strip_prefix("data: ").unwrap().trim_end();
                    let json: serde_json::Value = serde_json::from_str(json).unwrap();
                    assert!(json["choices"][0]["delta"][field.name()].is_string());
                    let (before, after) = around_line(field);
                    let line: serde_json::Value = serde_json::from_str(&format!("{before}{text}{after}")).unwrap();
                    assert_eq!(line["delta"], json["choices"][0]["delta"]);
                }
            }
        }
    }

    #[test]
    fn texts_differ() {
        let mut texts: Vec<_> =
            (0..7).flat_map(|variant| (0..600).map(move |number| text(variant, number, 20))).collect();
        texts.sort();
        let all = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), all);
    }

    #[test]
    fn done_is_told_from_everything_else() {
        let done = format!(
            "{{\"done\":{{\"finish_reason\":\"stop\",\"usage\":{USAGE},\"thoughts\":\"shown\",\"elapsed_ms\":3,\"first_token_ms\":1}}}}\n"
        );
        assert!(is_done(done.as_bytes()));
        assert!(!is_done(done.trim_end().as_bytes()));
        assert!(!is_done(done.repeat(2).as_bytes()));
        assert!(!is_done(done.replace("stop", "length").as_bytes()));
    }
}
