//! Many small events: answers of thousands of pieces, of which the wire's bytes are made once and then played again and
//! again, so that a hundred million of them cost little beyond their relaying. All that a client gets of them is hashed,
//! piece by piece, and compared with what was sent. The last piece is the turn's own.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use harness::upstream::{Reply, Split};
use ring::digest::{Context, Digest, SHA256};

use crate::framing::Framing;
use crate::kind::Kind;
use crate::script::Piece;
use crate::way::Protocol;
use crate::{chat_script, responses_script, text};

/// The question's words; the number after them is the turn's.
pub(crate) const QUESTION: &str = "soak bulk question";
/// Stands in the wire's bytes for the turn's own piece, which is as long; no text has capitals.
const OWN: &str = "OWNPIECEOFTHETURN";
/// Texts for each protocol.
const TEXTS: u64 = 8;
/// Pieces of a text.
const PIECES: usize = 5000;
/// Characters of a piece, at most.
const CHARS: usize = 12;
/// Bytes of a write, at most; the mean is half of it. A dozen events, as under load, and some in parts.
const WRITE: usize = 6000;
/// Between two writes.
const PACE: Duration = Duration::from_millis(25);

/// All texts.
#[derive(Debug)]
pub(crate) struct Bulk {
    texts: [Vec<Text>; 2],
}

/// A text on the wire.
struct Text {
    wire: Vec<u8>,
    /// Where the turn's own piece is: once, or wherever the protocol repeats it.
    places: Vec<usize>,
    cuts: Vec<usize>,
    /// Of all pieces but the own one.
    hash: PieceHash,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text")
    }
}

/// SHA-256 over pieces, each with its field and its end, so that none can be in two, or in another field.
#[derive(Clone)]
pub(crate) struct PieceHash(Context);

impl PieceHash {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn add(&mut self, is_thought: bool, piece: &str) {
        self.0.update(if is_thought { b"t" } else { b"c" });
        self.0.update(piece.as_bytes());
        // No text has this byte.
        self.0.update(b"\xff");
    }

    pub(crate) fn finish(self) -> Digest {
        self.0.finish()
    }
}

/// What must come of a turn.
#[derive(Debug)]
pub(crate) struct Promised {
    pub(crate) pieces: usize,
    pub(crate) hash: Digest,
}

impl Bulk {
    /// The texts of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        let texts = |protocol| (0..TEXTS).map(|number| Text::new(seed ^ (number + 1) << 32, protocol)).collect();
        Self { texts: [Protocol::Chat, Protocol::Responses].map(texts) }
    }

    /// What upstream answers in this turn.
    pub(crate) fn reply(&self, protocol: Protocol, number: u64) -> Option<Reply> {
        let text = self.text(protocol, number)?;
        let mut wire = text.wire.clone();
        let own = own(number);
        for place in &text.places {
            wire.get_mut(*place..place + own.len())?.copy_from_slice(own.as_bytes());
        }
        Some(Reply::sse(wire).split(Split::At(text.cuts.clone())).pace(PACE))
    }

    /// What must arrive of it.
    pub(crate) fn promised(&self, protocol: Protocol, number: u64) -> Option<Promised> {
        let mut hash = self.text(protocol, number)?.hash.clone();
        hash.add(false, &own(number));
        Some(Promised { pieces: PIECES + 1, hash: hash.finish() })
    }

    fn text(&self, protocol: Protocol, number: u64) -> Option<&Text> {
        let [chat, responses] = &self.texts;
        let texts = if protocol == Protocol::Chat { chat } else { responses };
        texts.get(usize::try_from(number / 4 % TEXTS).ok()?)
    }
}

impl Text {
    fn new(seed: u64, protocol: Protocol) -> Self {
        let mut random = Rng::with_seed(seed);
        let random = &mut random;
        let thoughts = random.usize(1..PIECES);
        let mut hash = PieceHash::new();
        let mut pieces: Vec<Piece> = Vec::with_capacity(PIECES + 1);
        for number in 0..PIECES {
            let is_thought = number < thoughts;
            let chars = random.usize(1..CHARS);
            let text = text::text(random, chars);
            hash.add(is_thought, &text);
            pieces.push((if is_thought { "reasoning_content" } else { "content" }, text));
        }
        pieces.push(("content", OWN.to_owned()));
        let mut frames = Framing::draw(random);
        match protocol {
            Protocol::Chat => {
                chat_script::pieces(&mut frames, random, &pieces);
                chat_script::end(&mut frames, random, Kind::Whole, "stop", pieces.len());
            }
            Protocol::Responses => {
                let mut writer = responses_script::Writer::new(&mut frames, random, Kind::Whole);
                for piece in &pieces {
                    writer.piece(piece);
                }
                writer.end("stop", pieces.len());
            }
        }
        let wire = frames.into_bytes().to_vec();
        let places = wire.windows(OWN.len()).enumerate().filter(|(_, bytes)| *bytes == OWN.as_bytes());
        let places = places.map(|(at, _)| at).collect();
        let mut cuts = Vec::new();
        let mut at = 0;
        while at < wire.len() {
            at += random.usize(1..WRITE);
            cuts.push(at);
        }
        Self { wire, places, cuts, hash }
    }
}

/// The piece that no other turn has, as long as what stands for it.
fn own(number: u64) -> String {
    format!("turn {number:>12}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_turn_has_a_piece_of_its_own_and_a_hash_of_its_own() {
        assert_eq!(own(u64::from(u32::MAX)).len(), OWN.len());
        let bulk = Bulk { texts: [Protocol::Chat, Protocol::Responses].map(|of| vec![Text::new(1, of)]) };
        let [chat, responses] = &bulk.texts;
        assert_eq!((chat[0].places.len(), responses[0].places.len()), (1, 5));
        let hash = |number| bulk.promised(Protocol::Chat, number).unwrap().hash.as_ref().to_vec();
        assert_ne!(hash(1), hash(2));
        assert_eq!(hash(1), hash(1));
    }
}
