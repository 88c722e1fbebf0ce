//! What upstream sends, as the pieces in which it is read.

use bench_events::event::{self, Field};
use bytes::Bytes;
use reasoning_chat::settings::Api;

use crate::responses;

/// Bytes of one read that knows nothing of events.
const READ: usize = 4096;

/// One way in which an answer comes.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// In tables and on the command line.
    pub(crate) name: &'static str,
    /// The whole answer; the last piece holds finish reason, usage and `[DONE]`.
    pub(crate) pieces: Vec<Bytes>,
    /// In what it comes.
    pub(crate) api: Api,
}

/// The names of all inputs.
///
/// Unchanged choices, one or sixteen events a piece, or cut by reads of 4 KiB; thoughts between tags, one a piece;
/// and texts of so many bytes, one a piece, where the others have 20. The same texts as deltas of the Responses API, as
/// Azure sends them, without and with the random padding that hides their lengths.
pub(crate) const NAMES: [&str; 9] =
    ["one", "sixteen", "cut", "think", "text-500", "text-4096", "text-65536", "responses", "responses-padded"];

impl Input {
    /// An answer of `events` events.
    pub(crate) fn of(name: &str, events: u32) -> Option<Self> {
        let name = NAMES.into_iter().find(|known| *known == name)?;
        if name.starts_with("responses") {
            let all = responses::answer(events, name.ends_with("padded"));
            return Some(Self { name, pieces: all.into_iter().map(Bytes::from).collect(), api: Api::Responses });
        }
        let text = match name.split_once('-') {
            Some((_, text)) => text.parse().ok()?,
            None => event::MIN_TEXT,
        };
        let mut all: Vec<Vec<u8>> = (0..events)
            .map(|number| if name == "think" { thinking(number, events) } else { plain(number, events, text) })
            .collect();
        all.push(event::end().into_bytes());
        let pieces = match name {
            "sixteen" => all.chunks(16).map(|events| events.concat().into()).collect(),
            "cut" => all.concat().chunks(READ).map(Bytes::copy_from_slice).collect(),
            _ => all.into_iter().map(Bytes::from).collect(),
        };
        Some(Self { name, pieces, api: Api::Chat })
    }
}

/// An event whose choice passes unchanged.
fn plain(number: u32, events: u32, text: u32) -> Vec<u8> {
    let (before, after) = event::around(Field::of(number, events));
    format!("{before}{}{after}", event::text(0, number, text)).into_bytes()
}

/// An event of a model that writes its thoughts into the content, between tags.
fn thinking(number: u32, events: u32) -> Vec<u8> {
    let (before, after) = event::around(Field::Content);
    let text = event::text(0, number, event::MIN_TEXT);
    let text = if number == 0 {
        format!("<think>{text}")
    } else if number == events / 2 {
        format!("</think>{text}")
    } else {
        text
    };
    format!("{before}{text}{after}").into_bytes()
}
