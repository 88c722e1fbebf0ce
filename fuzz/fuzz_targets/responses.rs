//! Any bytes from a service of the Responses API, and well-formed answers made of any text, repeated wherever services
//! repeat it: lines are JSON, text arrives whole and once, whatever was sifted, and an answer without its end is never a
//! success.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reasoning_chat::error::{ChatError, Code};
use reasoning_chat::protocol::sse::Decoder;
use reasoning_chat::protocol::{Next, Reader};
use reasoning_chat::settings::Api;
use reasoning_chat_fuzz::cuts;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{json, Value};

/// Smaller than the largest inputs, so that the bound is reached.
const MAX_BYTES: usize = 4096;

fuzz_target!(|data: &[u8]| {
    any_bytes(data);
    built(data);
});

/// What the decoder and the reader make of a stream.
#[derive(Debug, PartialEq)]
struct Relayed {
    lines: Vec<u8>,
    end: Result<String, Code>,
}

/// `sifted`: from so many bytes on, once the reader lets repetitions be sifted.
fn relay<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, max_bytes: usize, sifted: Option<usize>) -> Relayed {
    let mut reader = Reader::new(Api::Responses, false);
    let mut decoder = reader.decoder(max_bytes);
    let mut lines = Vec::new();
    let read = read(pieces, sifted, &mut reader, &mut decoder, &mut lines);
    let end = read.and_then(|ended| match reader.end(&mut lines) {
        Ok(()) => {
            assert!(ended && reader.answer().is_finished(), "a success without its end");
            Ok(reader.answer().finish_reason().to_owned())
        }
        Err(error) => {
            check_error(&error);
            Err(error.code())
        }
    });
    Relayed { lines, end }
}

/// Whether the stream said that it was over.
fn read<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    sifted: Option<usize>,
    reader: &mut Reader,
    decoder: &mut Decoder,
    lines: &mut Vec<u8>,
) -> Result<bool, Code> {
    for piece in pieces {
        let mut events = decoder.feed(piece);
        loop {
            events.sift_above(reader.sifts_above().map(|above| sifted.unwrap_or(above)));
            let event = match events.next() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(_) => return Err(Code::UpstreamProtocol),
            };
            let before = lines.len();
            match reader.event(&event, lines) {
                Ok(Next::Event | Next::Failed) => {}
                Ok(Next::End) => return Ok(true),
                Err(error) => {
                    // As the turn does: an event that is refused leaves nothing.
                    lines.truncate(before);
                    check_error(&error);
                    return Err(error.code());
                }
            }
        }
    }
    Ok(false)
}

/// The codes that a stream's events can lead to, and no words of the service's.
fn check_error(error: &ChatError) {
    assert!(
        matches!(
            error.code(),
            Code::UpstreamProtocol
                | Code::UpstreamError
                | Code::UpstreamTruncated
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
    assert!(error.text().len() < 200 && error.cause().is_none_or(|cause| cause.len() < 6000));
}

/// Each line is one JSON object of the known fields, with its `\n` and no other.
fn check_lines(lines: &[u8]) -> Vec<Line<'_>> {
    let lines = std::str::from_utf8(lines).expect("lines are UTF-8");
    assert!(lines.is_empty() || lines.ends_with('\n'), "{lines:?}");
    lines
        .split_terminator('\n')
        .map(|line| {
            assert!(line.starts_with("{\"index\":0") && line.ends_with('}') && !line.contains('\r'), "{line:?}");
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
        })
        .collect()
}

/// A choice line, strictly: nothing else passes, nothing comes twice, and no text holds half a character.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(rename = "index")]
    _index: u32,
    delta: Delta,
    #[serde(rename = "finish_reason")]
    _finish_reason: Option<String>,
    #[serde(borrow, default, rename = "content_filter_results")]
    _results: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "content_filter_offsets")]
    _offsets: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delta {
    #[serde(default, rename = "role")]
    _role: Option<String>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default, rename = "tool_calls")]
    _tool_calls: Option<Value>,
}

fn any_bytes(data: &[u8]) {
    let cuts = cuts(data, data.len());
    for sifted in [None, Some(32)] {
        let whole = relay([data], MAX_BYTES, sifted);
        check_lines(&whole.lines);
        let cut = relay(cuts.windows(2).map(|cut| &data[cut[0]..cut[1]]), MAX_BYTES, sifted);
        assert_eq!(cut, whole, "cut at {cuts:?}");
    }
}

/// A whole answer, made of the input's text. A control character begins a part and says what it is, how it is cut into
/// deltas, and where it comes again.
fn built(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut stream = String::from("event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}\n\n");
    // A reasoning item: tags in the content are no thoughts then.
    push(
        &mut stream,
        &json!({ "type": "response.output_item.added", "output_index": 99, "item": { "type": "reasoning" } }),
    );
    let mut expected = [const { String::new() }; 3];
    let mut output = Vec::new();
    let mut rest = &*text;
    let mut at = 0;
    while let Some(style) = rest.chars().next() {
        let body = &rest[style.len_utf8()..];
        let end = body.find(|letter| letter < '\x09').unwrap_or(body.len());
        let (said, after) = body.split_at(end);
        rest = after;
        let style = style as u32;
        let role = (style % 3) as usize;
        let [kind, part_kind, part_type, list, item] = [
            ["reasoning_summary_text", "reasoning_summary_part", "summary_text", "summary", "reasoning"],
            ["output_text", "content_part", "output_text", "content", "message"],
            ["refusal", "content_part", "refusal", "content", "message"],
        ][role];
        let field = if role == 2 { "refusal" } else { "text" };
        if !said.is_empty() {
            let paragraph = if expected[role].is_empty() { "" } else { "\n\n" };
            expected[role].push_str(&format!("{paragraph}{said}"));
        }
        let part = json!({ "type": part_type, field: said });
        let value = json!({ "type": item, list: [part.clone()] });
        push(
            &mut stream,
            &json!({ "type": "response.output_item.added", "output_index": at, "item": { "type": item } }),
        );
        let [in_pieces, again, part_again, item_again] = [1, 2, 4, 8].map(|bit| style >> 2 & bit != 0);
        if in_pieces || !(again || part_again || item_again) {
            for delta in escaped_pieces(said, style) {
                stream.push_str(&format!(
                    "data: {{\"type\":\"response.{kind}.delta\",\"output_index\":{at},\"delta\":\"{delta}\",\"obfuscation\":\"x\"}}\n\n"
                ));
            }
        }
        if again {
            push(&mut stream, &json!({ "type": format!("response.{kind}.done"), "output_index": at, field: said }));
        }
        if part_again {
            push(
                &mut stream,
                &json!({ "type": format!("response.{part_kind}.done"), "output_index": at, "part": part }),
            );
        }
        if item_again {
            push(&mut stream, &json!({ "type": "response.output_item.done", "output_index": at, "item": value }));
        }
        output.push(value);
        at += 1;
    }
    let before_end = stream.len();
    push(
        &mut stream,
        &json!({ "type": "response.completed", "response": { "output": output, "status": "completed" } }),
    );

    let stream = stream.as_bytes();
    let cuts = cuts(data, stream.len());
    for sifted in [None, Some(data.len() * 7 + 256)] {
        let relayed = relay(cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]), 1 << 20, sifted);
        assert_eq!(relayed.end, Ok("\"stop\"".to_owned()), "{}", String::from_utf8_lossy(stream));
        let mut told = [const { String::new() }; 3];
        for Line { delta, .. } in check_lines(&relayed.lines) {
            let texts = [delta.reasoning_content, delta.content, delta.refusal];
            for (told, text) in told.iter_mut().zip(texts) {
                told.push_str(&text.unwrap_or_default());
            }
        }
        assert_eq!(told, expected, "{}", String::from_utf8_lossy(stream));
    }
    for at in cuts {
        let cut = relay([&stream[..at]], 1 << 20, None);
        check_lines(&cut.lines);
        if at < before_end {
            assert_eq!(cut.end, Err(Code::UpstreamTruncated), "cut at {at}");
        }
    }
}

fn push(stream: &mut String, event: &Value) {
    stream.push_str(&format!("data: {event}\n\n"));
}

/// The bodies of JSON strings that make up a text: with or without escapes, characters cut into their halves.
fn escaped_pieces(text: &str, style: u32) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for unit in text.encode_utf16() {
        let last = pieces.last_mut().expect("there is one");
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() => last.push(char::from(byte)),
            _ => last.push_str(&format!("\\u{unit:04x}")),
        }
        if u32::from(unit) % 5 == style % 5 {
            pieces.push(String::new());
        }
    }
    pieces
}
