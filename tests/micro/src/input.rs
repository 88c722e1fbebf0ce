//! What upstream sends, as the pieces in which it is read.

use bench_events::dialect::{Dialect, Shape};
use bench_events::event::{self, Field};
use bytes::Bytes;
use reasoning_chat::settings::Api;

/// Bytes of one read that knows nothing of events.
const READ: usize = 4096;

/// One way in which an answer comes.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// In tables and on the command line.
    pub(crate) name: &'static str,
    /// The whole answer, whose last piece holds finish reason, usage and `[DONE]`; or its beginning.
    pub(crate) pieces: Vec<Bytes>,
    /// In what it comes.
    pub(crate) api: Api,
}

/// The names of all inputs.
///
/// Unchanged choices, one or sixteen events a piece, or cut by reads of 4 KiB; thoughts between tags, one a piece;
/// and texts of so many bytes, one a piece, where the others have 20. One a piece too, the same with random letters that
/// hide their lengths, and as events of the Responses API, without and with such letters.
pub(crate) const NAMES: [&str; 10] = [
    "one",
    "sixteen",
    "cut",
    "think",
    "text-500",
    "text-4096",
    "text-65536",
    "chat-padded",
    "responses",
    "responses-padded",
];

impl Input {
    /// An answer of `events` events.
    pub(crate) fn of(name: &str, events: u32) -> Option<Self> {
        Self::new(name, events, true)
    }

    /// An answer of which `events` events have come, and no end.
    pub(crate) fn open(name: &str, events: u32) -> Option<Self> {
        Self::new(name, events, false)
    }

    fn new(name: &str, events: u32, has_end: bool) -> Option<Self> {
        let name = NAMES.into_iter().find(|known| *known == name)?;
        let dialect = Dialect::named(name).unwrap_or(Dialect::Chat);
        let text = name.strip_prefix("text-").map_or(Some(event::MIN_TEXT), |text| text.parse().ok())?;
        let shape = Shape { dialect, variant: 0, events, text };
        let mut all: Vec<Vec<u8>> = (0..events)
            .map(|number| if name == "think" { thinking(number, events) } else { shape.event(number).into_bytes() })
            .collect();
        all.extend(has_end.then(|| shape.end().into_bytes()));
        let pieces = match name {
            "sixteen" => all.chunks(16).map(|events| events.concat().into()).collect(),
            "cut" => all.concat().chunks(READ).map(Bytes::copy_from_slice).collect(),
            // The texts that come whole once more are longer than a read.
            _ if dialect.is_responses() => {
                all.iter().flat_map(|events| events.chunks(READ)).map(Bytes::copy_from_slice).collect()
            }
            _ => all.into_iter().map(Bytes::from).collect(),
        };
        Some(Self { name, pieces, api: if dialect.is_responses() { Api::Responses } else { Api::Chat } })
    }
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
