//! An answer in the Responses API's events: each item announced, its text in pieces and then whole, three times over, as
//! the service does it, so that a reader must tell apart what is new.

use fastrand::Rng;

use crate::framing::Framing;
use crate::kind::Kind;
use crate::script::Piece;

/// An answer that is being written.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    frames: &'a mut Framing,
    random: &'a mut Rng,
    /// Whether texts come once more, whole.
    repeats: bool,
    number: u64,
    /// The item that is open: the field that its pieces have, and its text so far.
    open: Option<(&'static str, String)>,
    items: Vec<String>,
    has_begun: bool,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(frames: &'a mut Framing, random: &'a mut Rng, kind: Kind) -> Self {
        let repeats = kind != Kind::WithoutDone;
        let mut this = Self { frames, random, repeats, number: 0, open: None, items: Vec::new(), has_begun: false };
        for name in ["response.created", "response.in_progress"] {
            this.event(name, "\"response\":{\"id\":\"resp_soak\",\"status\":\"in_progress\",\"output\":[]}");
        }
        this
    }

    /// Adds a piece of text.
    pub(crate) fn piece(&mut self, (field, text): &Piece) {
        if self.open.as_ref().is_none_or(|(open, _)| open != field) {
            self.close();
            self.announce(field);
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            self.frames.output_begins();
        }
        let json = self.frames.string(self.random, text);
        let (name, place) = (text_event(field), self.place(field));
        self.event(&format!("{name}.delta"), &format!("{place},\"delta\":{json},\"obfuscation\":\"internals\""));
        if let Some((_, all)) = &mut self.open {
            all.push_str(text);
        }
    }

    /// Adds the end.
    pub(crate) fn end(mut self, finish: &str, tokens: usize) {
        self.close();
        let (name, status) = match finish {
            "length" => {
                ("response.incomplete", "\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"}")
            }
            _ => ("response.completed", "\"completed\""),
        };
        let output = if self.repeats { self.items.join(",") } else { String::new() };
        let total = tokens + 7;
        self.event(
            name,
            &format!(
                "\"response\":{{\"id\":\"resp_soak\",\"status\":{status},\"output\":[{output}],\"usage\":{{\
                 \"input_tokens\":7,\"output_tokens\":{tokens},\"total_tokens\":{total}}}}}"
            ),
        );
    }

    fn announce(&mut self, field: &'static str) {
        let item = self.items.len();
        let (kind, part) = match field {
            "content" => ("message", Some(("response.content_part", "output_text"))),
            "reasoning_content" => ("reasoning", Some(("response.reasoning_summary_part", "summary_text"))),
            _ => ("reasoning", None),
        };
        self.open = Some((field, String::new()));
        let inside = if kind == "message" { ",\"role\":\"assistant\",\"content\":[]" } else { ",\"summary\":[]" };
        self.event(
            "response.output_item.added",
            &format!("\"output_index\":{item},\"item\":{{\"id\":\"item_{item}\",\"type\":\"{kind}\"{inside}}}"),
        );
        if let Some((name, part)) = part {
            let place = self.place(field);
            let part = format!("{place},\"part\":{{\"type\":\"{part}\",\"text\":\"\"}}");
            self.event(&format!("{name}.added"), &part);
        }
    }

    fn close(&mut self) {
        let Some((field, text)) = self.open.take() else { return };
        let json = self.frames.string(self.random, &text);
        let place = self.place(field);
        let item = self.items.len();
        let part = |kind: &str| format!("{{\"type\":\"{kind}\",\"text\":{json}}}");
        let whole = match field {
            "content" => format!("\"type\":\"message\",\"role\":\"assistant\",\"content\":[{}]", part("output_text")),
            "reasoning_content" => format!("\"type\":\"reasoning\",\"summary\":[{}]", part("summary_text")),
            _ => format!("\"type\":\"reasoning\",\"summary\":[],\"content\":[{}]", part("reasoning_text")),
        };
        let whole = format!("{{\"id\":\"item_{item}\",{whole}}}");
        if self.repeats {
            self.event(&format!("{}.done", text_event(field)), &format!("{place},\"text\":{json}"));
            let parts = match field {
                "content" => Some(("response.content_part.done", "output_text")),
                "reasoning_content" => Some(("response.reasoning_summary_part.done", "summary_text")),
                _ => None,
            };
            if let Some((name, kind)) = parts {
                self.event(name, &format!("{place},\"part\":{}", part(kind)));
            }
            self.event("response.output_item.done", &format!("\"output_index\":{item},\"item\":{whole}"));
        }
        self.items.push(whole);
    }

    fn place(&self, field: &str) -> String {
        let item = self.items.len();
        let index = if field == "reasoning_content" { "summary_index" } else { "content_index" };
        format!("\"item_id\":\"item_{item}\",\"output_index\":{item},\"{index}\":0")
    }

    fn event(&mut self, name: &str, fields: &str) {
        let number = self.number;
        self.number += 1;
        let data = format!("{{\"type\":\"{name}\",\"sequence_number\":{number},{fields}}}");
        self.frames.named(self.random, name, &data);
    }
}

/// The events of a text, up to `.delta` and `.done`.
fn text_event(field: &str) -> &'static str {
    match field {
        "content" => "response.output_text",
        "reasoning_content" => "response.reasoning_summary_text",
        _ => "response.reasoning_text",
    }
}
