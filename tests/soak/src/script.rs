//! What upstream sends in a turn, byte for byte, and what of it a reader must get.

use bytes::Bytes;
use fastrand::Rng;
use harness::upstream::Split;

use crate::framing::Framing;
use crate::kind::Kind;
use crate::plan::{Dialect, PIECE_CHARS};
use crate::responses_script::Writer;
use crate::way::Protocol;
use crate::{chat_script, fault, text};

/// The program's `MAX_EVENT_BYTES` here.
pub(crate) const MAX_EVENT_BYTES: usize = 64 * 1024;
/// The least number of events before a break: the first of them is out, so that the break is in the middle.
const EVENTS_BEFORE_BREAK: usize = 5;
/// Characters of a piece of a flood.
const FLOOD_PIECE_CHARS: usize = 1000;

/// A piece of text, with the field of chat completions that carries it.
pub(crate) type Piece = (&'static str, String);

/// A scripted answer.
#[derive(Debug)]
pub(crate) struct Script {
    /// The whole body.
    pub(crate) body: Bytes,
    /// How it is cut into writes.
    pub(crate) split: Split,
    /// Pieces of text that were sent; the count of tokens too, so that a reader can tell this answer from another turn's.
    pub(crate) pieces: usize,
    /// Whether each piece makes exactly one line: not where tags in the content are told apart.
    pub(crate) one_line_each: bool,
    /// The thoughts that were sent.
    pub(crate) thoughts: String,
    /// The content that was sent.
    pub(crate) content: String,
    /// The finish reason, where there is one.
    pub(crate) finish: &'static str,
}

impl Script {
    pub(crate) fn new(
        random: &mut Rng,
        kind: Kind,
        protocol: Protocol,
        dialect: Dialect,
        thoughts: &str,
        content: &str,
    ) -> Self {
        let max = if kind.is_flood() { FLOOD_PIECE_CHARS } else { PIECE_CHARS };
        let mut deltas = deltas(random, dialect, thoughts, content, max);
        if kind.breaks() {
            deltas.truncate(random.usize(EVENTS_BEFORE_BREAK..=deltas.len().max(EVENTS_BEFORE_BREAK)));
        }
        let (thoughts, content) = told(dialect, &deltas);
        let finish = if random.bool() { "stop" } else { "length" };

        let mut frames = Framing::draw(random);
        match protocol {
            Protocol::Chat => {
                chat_script::pieces(&mut frames, random, &deltas);
                if !kind.breaks() {
                    chat_script::end(&mut frames, random, kind, finish, deltas.len());
                }
            }
            Protocol::Responses => {
                let mut writer = Writer::new(&mut frames, random, kind);
                for piece in &deltas {
                    writer.piece(piece);
                }
                if !kind.breaks() {
                    writer.end(finish, deltas.len());
                }
            }
        }
        fault::add(&mut frames, random, kind, protocol);
        let split = if kind.is_flood() { Split::Every(16 * 1024) } else { frames.cuts(random) };
        let one_line_each = dialect != Dialect::Inline;
        Self { body: frames.into_bytes(), split, pieces: deltas.len(), one_line_each, thoughts, content, finish }
    }
}

/// Each piece of text with the field that carries it; the first is the role's empty content.
fn deltas(random: &mut Rng, dialect: Dialect, thoughts: &str, content: &str, max: usize) -> Vec<Piece> {
    let field = match dialect {
        Dialect::ReasoningContent => "reasoning_content",
        Dialect::Reasoning => "reasoning",
        Dialect::Inline => {
            let text = format!("<think>{thoughts}</think>{content}");
            return pieces(random, "content", &text, max);
        }
        Dialect::Silent => return pieces(random, "content", content, max),
    };
    let mut deltas = pieces(random, field, thoughts, max);
    deltas.extend(pieces(random, "content", content, max));
    deltas
}

fn pieces(random: &mut Rng, field: &'static str, text: &str, max: usize) -> Vec<Piece> {
    text::cut(random, text, max).into_iter().map(|piece| (field, piece.to_owned())).collect()
}

/// The deltas put together by the plainest rule there is; the program does it piece by piece.
fn told(dialect: Dialect, deltas: &[Piece]) -> (String, String) {
    let joined = |what: &dyn Fn(&str) -> bool| -> String {
        deltas.iter().filter(|(field, _)| what(field)).map(|(_, text)| text.as_str()).collect()
    };
    let (thoughts, content) = (joined(&|field| field != "content"), joined(&|field| field == "content"));
    if dialect != Dialect::Inline {
        return (thoughts, content);
    }
    match content.strip_prefix("<think>") {
        Some(inside) => match inside.split_once("</think>") {
            Some((thoughts, content)) => (thoughts.to_owned(), content.to_owned()),
            None => (inside.to_owned(), String::new()),
        },
        None => (String::new(), content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(kind: Kind, protocol: Protocol, dialect: Dialect) -> Script {
        let mut random = Rng::with_seed(3);
        let (thoughts, content) = (text::text(&mut random, 300), text::text(&mut random, 300));
        let script = Script::new(&mut random, kind, protocol, dialect, &thoughts, &content);
        if !kind.breaks() {
            assert_eq!((script.thoughts.as_str(), script.content.as_str()), (thoughts.as_str(), content.as_str()));
        }
        script
    }

    #[test]
    fn a_whole_answer_holds_all_of_the_text_in_every_dialect() {
        for protocol in [Protocol::Chat, Protocol::Responses] {
            for dialect in [Dialect::ReasoningContent, Dialect::Reasoning, Dialect::Inline] {
                let script = script(Kind::Whole, protocol, dialect);
                assert!(script.pieces > 50);
                assert!(matches!(script.split, Split::At(cuts) if cuts.is_sorted() && cuts.len() > 20));
            }
        }
    }

    #[test]
    fn a_broken_answer_holds_the_beginning() {
        for kind in [Kind::Cut, Kind::LongEvent, Kind::EndlessLine, Kind::Malformed] {
            let broken = script(kind, Protocol::Chat, Dialect::ReasoningContent);
            assert!(broken.pieces >= EVENTS_BEFORE_BREAK && !broken.thoughts.is_empty(), "{kind:?}");
            assert_eq!(broken.body.len() > MAX_EVENT_BYTES, matches!(kind, Kind::LongEvent | Kind::EndlessLine));
        }
    }
}
