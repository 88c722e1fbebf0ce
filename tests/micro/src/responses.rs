//! An answer of the Responses API: deltas as a deployment on Azure sends them, by a recording.

use bench_events::event;

/// Random letters, of which each delta has some.
const PADDING: &str = "98paylPVBKIcK5A";

/// The events of an answer: a thought's summary, then a text, `events` deltas together, and its end.
pub(crate) fn answer(events: u32, padded: bool) -> Vec<String> {
    let mut all: Vec<String> = (0..events).map(|number| delta(number, events, padded)).collect();
    let end = r#"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":1,"output_tokens":2}}}"#;
    all.push(format!("event: response.completed\ndata: {end}\n\n"));
    all
}

fn delta(number: u32, events: u32, padded: bool) -> String {
    let thinks = number < events / 2;
    let (kind, item, index) = if thinks {
        ("reasoning_summary_text", 0, r#","summary_index":0"#)
    } else {
        ("output_text", 1, r#","content_index":0,"logprobs":[]"#)
    };
    let text = event::text(0, number, event::MIN_TEXT);
    // As long as the text is short, and other letters each time.
    let turned = (number % 15) as usize;
    let (head, tail) = PADDING.split_at(turned);
    let padding = if padded { format!(r#","obfuscation":"{tail}{head}""#) } else { String::new() };
    format!(
        "event: response.{kind}.delta\ndata: {{\"type\":\"response.{kind}.delta\"{index},\"delta\":\"{text}\",\
         \"item_id\":\"msg_84e6c329644b2594b0b4b848a5e3d74ea7d14a3351014cdd0{item}\"{padding},\"output_index\":{item},\
         \"sequence_number\":{number}}}\n\n"
    )
}
