//! How much of the program an input passes through.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use http_body::{Body, Frame};
use reasoning_chat::inbound::slots::Slots;
use reasoning_chat::protocol::sse::Decoder;
use reasoning_chat::protocol::{Next, Reader};
use reasoning_chat::report::record::Record;
use reasoning_chat::report::telemetry::{Call, ModelTag, Trace};
use reasoning_chat::settings::{Clocks, StreamLimits};
use reasoning_chat::turn::{Asked, Grace, Lines, Turn};

use reasoning_chat::models::Opened;
use reasoning_chat::surface::Surface;
use tokio::sync::watch;

use crate::input::Input;

const MAX_EVENT_BYTES: usize = 1024 * 1024;
const LONG: Duration = Duration::from_secs(3600);

/// A level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Bytes to events.
    Decode,
    /// Bytes to lines, a new output buffer for each piece.
    Answer,
    /// The whole turn, polled as a connection does: with clocks, record and slot.
    Turn,
    /// The same for an OpenAI client.
    Chunks,
}

impl Level {
    /// All of them, inside out.
    pub(crate) const ALL: [Self; 4] = [Self::Decode, Self::Answer, Self::Turn, Self::Chunks];

    /// In tables and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Answer => "answer",
            Self::Turn => "turn",
            Self::Chunks => "chunks",
        }
    }

    /// Passes an answer through. Gives the bytes that came out, so that nothing can be left out.
    ///
    /// # Errors
    /// It was not whole.
    pub(crate) fn pass(self, input: &Input) -> Result<usize, String> {
        match self {
            Self::Decode => decode(input),
            Self::Answer => answer(input),
            Self::Turn => turn(input, Surface::Lines, b"{\"done\":"),
            Self::Chunks => turn(input, Surface::chunks("id", "r1", true), b"data: [DONE]"),
        }
    }
}

fn decode(input: &Input) -> Result<usize, String> {
    let mut decoder = Decoder::new(MAX_EVENT_BYTES);
    let mut out = 0;
    for piece in &input.pieces {
        let mut events = decoder.feed(piece);
        while let Some(event) = events.next().map_err(|_| "an event is too large")? {
            out += std::hint::black_box(event.data.bytes().len());
        }
    }
    Ok(out)
}

fn answer(input: &Input) -> Result<usize, String> {
    let mut answer = Reader::new(input.api, false);
    let mut decoder = answer.decoder(MAX_EVENT_BYTES);
    let mut out = 0;
    let mut over = false;
    for piece in &input.pieces {
        let mut lines = Vec::with_capacity(piece.len());
        let mut events = decoder.feed(piece);
        while let Some(event) = events.next().map_err(|_| "an event is too large")? {
            let next = answer.event(&event, &mut lines).map_err(|error| format!("{error:?}"))?;
            over = next == Next::End;
        }
        out += std::hint::black_box(lines).len();
    }
    if over && answer.answer().is_finished() { Ok(out) } else { Err("the answer has no end".to_owned()) }
}

/// Upstream's body, all of which is here. Then it ends, or says no more.
struct Pieces {
    pieces: std::vec::IntoIter<Bytes>,
    goes_on: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.pieces.next() {
            None if self.goes_on => {
                // What is counted is the turn's, not this list.
                self.pieces = Vec::new().into_iter();
                Poll::Pending
            }
            piece => Poll::Ready(piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }
}

thread_local! {
    /// The clocks need one; its making is not the turn's.
    static RUNTIME: Option<tokio::runtime::Runtime> =
        tokio::runtime::Builder::new_current_thread().enable_time().build().ok();
}

/// `end` begins the last line of a whole answer.
fn turn(input: &Input, surface: Surface, end: &[u8]) -> Result<usize, String> {
    let run = async {
        let body = Pieces { pieces: input.pieces.clone().into_iter(), goes_on: false };
        let mut lines = begin(input, body, surface).await?;
        let mut out = 0;
        let mut last = Bytes::new();
        while let Some(Ok(piece)) = lines.next().await {
            out += piece.len();
            last = piece;
        }
        let done = last.split(|byte| *byte == b'\n').any(|line| line.starts_with(end));
        if done { Ok(out) } else { Err("the answer has no end".to_owned()) }
    };
    RUNTIME.with(|runtime| runtime.as_ref().ok_or("no runtime")?.block_on(run))
}

/// A turn whose upstream says no more after the first pieces of an answer, all of which have been read.
///
/// # Errors
/// It has not begun.
pub(crate) fn open(input: &Input) -> Result<Lines<impl Body<Data = Bytes> + use<>>, String> {
    let run = async {
        let body = Pieces { pieces: input.pieces.clone().into_iter(), goes_on: true };
        let mut lines = begin(input, body, Surface::Lines).await?;
        while let Some(Some(_)) = lines.next().now_or_never() {}
        Ok(lines)
    };
    RUNTIME.with(|runtime| runtime.as_ref().ok_or("no runtime")?.block_on(run))
}

async fn begin(input: &Input, body: Pieces, surface: Surface) -> Result<Lines<Pieces>, String> {
    let clocks = Clocks {
        connect: LONG,
        first_event: LONG,
        idle: LONG,
        answer: LONG,
        heartbeat: LONG,
        max_retries: 0,
        max_event_bytes: MAX_EVENT_BYTES,
    };
    let slots = Slots::new(StreamLimits { max: 1, max_per_user: 1 });
    let slot = slots.take(None).map_err(|error| format!("{error:?}"))?;
    let opening = std::future::ready(Ok(Opened {
        body,
        reader: Reader::new(input.api, false),
        wait: None,
        deployment: "r1".to_owned(),
        tag: ModelTag::default(),
        call: Call::none(),
        again: None,
    }));
    let turn = Turn::new(
        opening.boxed(),
        Asked { model: "r1".to_owned(), deployment: "r1".to_owned() },
        surface,
        Grace::new(&watch::channel(false).1),
        clocks,
        Record::new("id".to_owned(), Trace::none()),
        slot,
    );
    turn.begin().await.map_err(|error| format!("{error:?}"))
}
