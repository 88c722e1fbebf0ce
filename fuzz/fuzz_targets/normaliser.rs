//! Any bytes from upstream, and well-formed answers made of any text: lines are JSON, text arrives whole, and an answer
//! that was cut off is never a success.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use reasoning_chat::error::Code;
use reasoning_chat::protocol::chat::Reader;
use reasoning_chat::protocol::sse::Decoder;
use reasoning_chat::protocol::Next;
use reasoning_chat_fuzz::cuts;
use serde::de::IgnoredAny;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    any_bytes(data);
    built(data);
});

/// What the decoder and the answer make of a stream.
struct Relayed {
    lines: Vec<u8>,
    end: Result<(), Code>,
    /// By the target's own reading: an event that was taken had a finish reason.
    finished: bool,
    /// By the target's own reading: a filter result said so, in an event that was taken.
    filtered: bool,
    told_finish_reason: String,
}

fn relay<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Relayed {
    let mut decoder = Decoder::new(1 << 20);
    let mut answer = Reader::default();
    let (mut lines, mut finished, mut filtered) = (Vec::new(), false, false);
    let mut end = None;
    'stream: for piece in pieces {
        let mut events = decoder.feed(piece);
        while let Some(event) = events.next().expect("the bound is far") {
            let data = event.data.text();
            let before = lines.len();
            match answer.event(&event, &mut lines) {
                Ok(Next::Failed) => unreachable!("a chunk tells the reason"),
                Ok(Next::Event) => {
                    let (finishes, filters) = look(&data);
                    finished |= finishes;
                    filtered |= filters;
                }
                Ok(Next::End) => {
                    assert_eq!(data, "[DONE]");
                    break 'stream;
                }
                Err(error) => {
                    // As the turn does: an event that is refused leaves nothing.
                    lines.truncate(before);
                    check_error(&error, &data);
                    end = Some(Err(error.code()));
                    break 'stream;
                }
            }
            assert_eq!(answer.answer().is_finished(), finished, "{data}");
        }
    }
    let end = end.unwrap_or_else(|| answer.end(&mut lines).map_err(|error| error.code()));
    let told_finish_reason = answer.answer().finish_reason().to_owned();
    for told in [answer.answer().finish_reason(), answer.answer().usage()] {
        assert!(serde_json::from_str::<IgnoredAny>(told).is_ok() && !told.contains(['\n', '\r']), "{told:?}");
    }
    Relayed { lines, end, finished, filtered, told_finish_reason }
}

/// The codes that a stream's events can lead to, and no words of upstream's.
fn check_error(error: &reasoning_chat::error::ChatError, data: &str) {
    assert!(
        matches!(
            error.code(),
            Code::UpstreamProtocol
                | Code::UpstreamError
                | Code::RateLimited
                | Code::ContentFilter
                | Code::ContextLengthExceeded
                | Code::UpstreamAuth
                | Code::UpstreamMisconfigured
                | Code::UpstreamRejected
        ),
        "{:?}",
        error.code()
    );
    assert!(error.text().len() < 200 && error.cause().is_none_or(|cause| cause.len() < 6000), "{data}");
    serde_json::from_slice::<Value>(&error.to_json("r")).expect("an error is JSON");
}

/// An event by another reading: has it a finish reason, has it a filter's verdict?
fn look(data: &str) -> (bool, bool) {
    // Read liberally: of two members of one name the last one counts, and what is no object has none.
    fn members(json: &str) -> HashMap<String, &RawValue> {
        serde_json::from_str(json).unwrap_or_default()
    }
    let chunk = members(data);
    let list = |name: &str| chunk.get(name).map_or_else(Vec::new, |raw| elements(raw));
    let choices: Vec<_> = list("choices").into_iter().map(|choice| members(choice.get())).collect();
    // A reason that says nothing is none.
    let finished = choices
        .iter()
        .filter_map(|choice| choice.get("finish_reason"))
        .any(|raw| raw.get().starts_with('"') && !matches!(raw.get(), "\"\"" | "\"null\""));
    let mut results = choices
        .iter()
        .filter_map(|choice| choice.get("content_filter_results"))
        .chain(chunk.get("prompt_filter_results"));
    (finished, results.any(|results| says_filtered(results.get())))
}

fn elements(raw: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// Whether JSON holds `"filtered": true`: a search through the tree where one can be built, and otherwise letter by
/// letter, so that nothing that stands beside the verdict can hide it.
fn says_filtered(json: &str) -> bool {
    fn in_tree(value: &Value) -> bool {
        match value {
            Value::Object(members) => {
                members.iter().any(|(name, value)| name == "filtered" && *value == Value::Bool(true) || in_tree(value))
            }
            Value::Array(elements) => elements.iter().any(in_tree),
            _ => false,
        }
    }
    // Of two members of one name a tree keeps the last; the first counts too.
    if serde_json::from_str(json).is_ok_and(|tree| in_tree(&tree)) {
        return true;
    }
    let mut rest = json;
    while let Some((_, inside)) = rest.split_once('"') {
        let mut escaped = false;
        let end = inside.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let Some(end) = end else { return false };
        rest = &inside[end + 1..];
        let name = serde_json::from_str::<String>(&format!("\"{}\"", &inside[..end]));
        if name.is_ok_and(|name| name == "filtered") {
            if let Some(value) = rest.trim_start().strip_prefix(':') {
                if value.trim_start().starts_with("true") {
                    return true;
                }
            }
        }
    }
    false
}

/// Each line is one JSON object of the known fields, with its `\n` and no other.
fn check_lines(lines: &[u8]) -> Vec<Line<'_>> {
    let lines = std::str::from_utf8(lines).expect("lines are UTF-8");
    assert!(lines.is_empty() || lines.ends_with('\n'), "{lines:?}");
    lines
        .split_terminator('\n')
        .map(|line| {
            assert!(line.starts_with("{\"index\":") && line.ends_with('}') && !line.contains('\r'), "{line:?}");
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
        })
        .collect()
}

/// A choice line, strictly: nothing else passes, and nothing comes twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    index: u32,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(rename = "finish_reason")]
    _finish_reason: Option<&'a RawValue>,
    #[serde(rename = "logprobs")]
    _logprobs: Option<&'a RawValue>,
    #[serde(rename = "content_filter_results")]
    _results: Option<&'a RawValue>,
    #[serde(rename = "content_filter_offsets")]
    _offsets: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delta<'a> {
    #[serde(rename = "role")]
    _role: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(rename = "refusal")]
    _refusal: Option<&'a RawValue>,
    #[serde(rename = "tool_calls")]
    _tool_calls: Option<&'a RawValue>,
}

fn any_bytes(data: &[u8]) {
    let whole = relay([data]);
    let whole = check_end(&whole);
    let cuts = cuts(data, data.len());
    let cut = relay(cuts.windows(2).map(|cut| &data[cut[0]..cut[1]]));
    assert_eq!(check_end(&cut), whole, "cut at {cuts:?}");
    for cut in cuts {
        let _ = check_end(&relay([&data[..cut]]));
    }
}

/// What holds for every stream. The answer is what must not depend on how the bytes were cut.
fn check_end(relayed: &Relayed) -> (&[u8], Result<(), Code>) {
    check_lines(&relayed.lines);
    assert!(relayed.end.is_err() || relayed.finished, "a success without a finish reason");
    assert!(relayed.end != Err(Code::UpstreamTruncated) || !relayed.finished, "cut off after its finish reason");
    assert!(
        !relayed.filtered || relayed.told_finish_reason == "\"content_filter\"",
        "a verdict was lost: {}",
        String::from_utf8_lossy(&relayed.lines)
    );
    (&relayed.lines, relayed.end)
}

/// A whole answer, made of the input's text: cut into events, told in different dialects and escapes. A control
/// character begins an event and says how it is written.
fn built(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let crlf = if data.len() % 2 == 0 { "\n" } else { "\r\n" };
    let mut stream = String::from(if data.len() % 3 == 0 { "\u{FEFF}" } else { ": hello\n\n" });
    let mut expected: [Expected; 2] = Default::default();
    let mut rest = &*text;
    while let Some(style) = rest.chars().next() {
        let body = &rest[style.len_utf8()..];
        let end = body.find(|letter| letter < '\x09').unwrap_or(body.len());
        let (said, after) = body.split_at(end);
        rest = after;
        let style = style as u32;
        let index = (style >> 3 & 1) as usize;
        let expected = &mut expected[index];
        let delta = match style & 7 {
            0 | 1 => content(expected, &plain(said)),
            2 => content(expected, &escaped(said)),
            3 => content(expected, &html_safe(said)),
            4 => thought(expected, "reasoning_content", &escaped(said)),
            5 => thought(expected, "reasoning", &plain(said)),
            6 => format!("{},{}", thought(expected, "reasoning", &plain(said)), content(expected, &plain(said))),
            // Characters beyond the basic plane, each half in an event of its own.
            _ => {
                let escaped = escaped(said);
                let mut rest = &*escaped;
                while let Some(at) = rest.find("\\ud8").or_else(|| rest.find("\\ud9")).filter(|at| at + 6 < rest.len())
                {
                    let (half, after) = rest.split_at(at + 6);
                    push(&mut stream, index, &content(expected, half), "null", crlf);
                    rest = after;
                }
                content(expected, rest)
            }
        };
        push(&mut stream, index, &delta, "null", crlf);
    }
    let last = if data.len() % 5 == 0 { content(&mut expected[0], "<thi") } else { String::new() };
    let before_finish = stream.len();
    push(&mut stream, 0, &last, "\"stop\"", crlf);
    let after_finish = stream.len();
    stream.push_str(&format!(
        "data: {{\"choices\":[],\"usage\":{{\"n\":1}}}}{crlf}{crlf}data: [DONE]{crlf}{crlf}data: junk"
    ));

    let stream = stream.as_bytes();
    let cuts = cuts(data, stream.len());
    let relayed = relay(cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]));
    assert_eq!(relayed.end, Ok(()), "{}", String::from_utf8_lossy(stream));
    assert_eq!(relayed.told_finish_reason, "\"stop\"");
    let lines = check_lines(&relayed.lines);
    for (index, expected) in (0..).zip(&expected) {
        expected.check(lines.iter().filter(|line| line.index == index).filter_map(|line| line.delta.as_ref()));
    }

    for at in cuts {
        let cut = relay([&stream[..at]]);
        let _ = check_end(&cut);
        // The blank line's first letter may already end the event.
        if at + 2 * crlf.len() < after_finish || at < before_finish {
            assert_eq!(cut.end, Err(Code::UpstreamTruncated), "cut at {at}");
        } else if at >= after_finish {
            assert_eq!(cut.end, Ok(()), "cut at {at}");
        }
    }
}

fn push(stream: &mut String, index: usize, delta: &str, finish: &str, line_end: &str) {
    let chunk = format!(
        "{{\"id\":\"c\",\"choices\":[{{\"index\":{index},\"delta\":{{{delta}}},\"finish_reason\":{finish}}}]}}"
    );
    // Now and then an event of two lines.
    let chunk = if delta.len() % 7 == 3 { chunk.replacen("[{", &format!("[{line_end}data: {{"), 1) } else { chunk };
    stream.push_str(&format!("data: {chunk}{line_end}{line_end}"));
}

/// What was said in one choice. Bodies of JSON strings, as they were written: halves of a character stand alone in
/// one event, and have to arrive together.
#[derive(Default)]
struct Expected {
    content: String,
    thoughts: String,
    /// How much content had come when the first thought of its own came.
    content_before_thoughts: Option<usize>,
}

fn content(expected: &mut Expected, body: &str) -> String {
    expected.content.push_str(body);
    format!("\"content\":\"{body}\"")
}

fn thought(expected: &mut Expected, field: &str, body: &str) -> String {
    if !body.is_empty() && expected.content_before_thoughts.is_none() {
        expected.content_before_thoughts = Some(expected.content.len());
    }
    expected.thoughts.push_str(body);
    format!("\"{field}\":\"{body}\"")
}

impl Expected {
    /// The reader's content and thoughts, against what was said minus the tags of the leading block.
    fn check<'a>(&self, deltas: impl Iterator<Item = &'a Delta<'a>>) {
        let (mut content, mut thoughts) = (String::new(), String::new());
        for delta in deltas {
            content.push_str(delta.content.map_or("", body));
            thoughts.push_str(delta.reasoning_content.map_or("", body));
        }
        let (content, thoughts) = (decoded(&content), decoded(&thoughts));
        let said = decoded(&self.content);
        let own_thoughts = decoded(&self.thoughts);

        let trimmed = said.trim_ascii_start();
        let space = &said[..said.len() - trimmed.len()];
        if space.len() > 256 {
            // So much space is passed on unread; whether a block follows it depends on where the events are cut.
            return;
        }
        // Thoughts of their own before the tag is whole: upstream tells them apart itself.
        let before = self.content_before_thoughts.map(|at| decoded(&self.content[..at]));
        let looked = before.is_none_or(|before| before.trim_ascii_start().starts_with("<think>"));
        match trimmed.strip_prefix("<think>").filter(|_| looked) {
            Some(inside) => {
                let (inside, after) = inside.split_once("</think>").unwrap_or((inside, ""));
                assert_eq!(content, format!("{space}{after}"));
                if own_thoughts.is_empty() {
                    assert_eq!(thoughts, inside);
                } else {
                    let sorted = |text: &str| {
                        let mut letters: Vec<char> = text.chars().collect();
                        letters.sort_unstable();
                        letters
                    };
                    assert_eq!(sorted(&thoughts), sorted(&format!("{inside}{own_thoughts}")));
                }
            }
            None => assert_eq!((content, thoughts), (said, own_thoughts)),
        }
    }
}

/// A raw JSON string's body; nothing where it is `null`.
fn body(raw: &RawValue) -> &str {
    raw.get().strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default()
}

fn decoded(body: &str) -> String {
    serde_json::from_str(&format!("\"{body}\"")).unwrap_or_else(|error| panic!("{error}: {body:?}"))
}

fn plain(text: &str) -> String {
    let json = serde_json::to_string(text).expect("text serialises");
    json[1..json.len() - 1].to_owned()
}

/// Everything but letters as \u escapes.
fn escaped(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect()
}

/// As encoders write what may stand in a page.
fn html_safe(text: &str) -> String {
    plain(text).replace('/', "\\/").replace('<', "\\u003C").replace('>', "\\u003e")
}
