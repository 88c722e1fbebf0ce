//! One chat turn in time: upstream's body in, a stream of lines out, with the clocks in between.
//!
//! All is pulled. A turn is polled by the connection that reads it, and polls upstream in turn; there is no task and no
//! channel between the two. So a slow reader slows upstream, and a reader who leaves drops the turn and with it the
//! upstream request, at once. A turn has two sides, and each has its type: [`Turn`] until the first event or the first
//! heartbeat interval, while a failure is still an HTTP status; [`Lines`] from then on, when it is the last line.

mod drain;
mod grace;
mod lines;
mod time;
mod woken;

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body::Body;

pub use self::grace::Grace;
pub use self::lines::Lines;
use self::time::{Due, Time, Wait};
use crate::error::{ChatError, Code, causes};
use crate::inbound::slots::Slot;
use crate::models::{Again, Opened, Opening};
use crate::protocol::sse::Decoder;
use crate::protocol::{Next, Reader};
use crate::report::record::Record;
use crate::settings::Clocks;
use crate::surface::{End, Start, Surface};

/// A turn whose first line has not been sent.
#[derive(Debug)]
pub struct Turn<B> {
    source: Source<B>,
    /// When upstream may be asked again, as the head of its answer said.
    retry_after: Option<Duration>,
    /// `MAX_EVENT_BYTES`
    max_event_bytes: usize,
    decoder: Decoder,
    reader: Reader,
    /// What may follow a failure before the first output.
    again: Option<Again<B>>,
    surface: Surface,
    asked: Asked,
    /// What is to be sent next.
    lines: Vec<u8>,
    /// More than one event came together.
    is_burst: bool,
    /// How the turn ends, when that is known but lines go before it.
    end: Option<Result<(), ChatError>>,
    time: Time,
    grace: Grace,
    record: Record,
    _slot: Slot,
}

/// Who is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The model's name, as it is offered.
    pub model: String,
    /// The deployment that answers, or is asked first.
    pub deployment: String,
}

/// A future that is waited for now and then.
struct Awaited<T>(BoxFuture<'static, T>);

impl<T> std::fmt::Debug for Awaited<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Awaited")
    }
}

/// Where events come from.
#[derive(Debug)]
enum Source<B> {
    /// Upstream has not answered yet.
    Opening(Awaited<Result<Opened<B>, ChatError>>),
    /// Upstream answers.
    Answering(B),
    /// Upstream's request is closed.
    Closed,
}

/// What a poll found.
enum Step {
    /// At least one event came; there may be lines.
    Events,
    /// No line for a heartbeat interval.
    Silence,
    /// The answer is over: whole, or broken.
    End(Result<(), ChatError>),
}

impl<B> Turn<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error,
{
    /// A turn that waits for `opening`, whose answer goes out by `surface`. `grace` tells when the program must stop. The
    /// clocks start now, but for the whole answer's, which started with the record, when the request arrived.
    pub fn new(
        opening: Opening<B>,
        asked: Asked,
        surface: Surface,
        grace: Grace,
        clocks: Clocks,
        record: Record,
        slot: Slot,
    ) -> Self {
        Self {
            source: Source::Opening(Awaited(opening)),
            retry_after: None,
            max_event_bytes: clocks.max_event_bytes,
            decoder: Decoder::new(clocks.max_event_bytes),
            reader: Reader::default(),
            again: None,
            surface,
            asked,
            lines: Vec::new(),
            is_burst: false,
            end: None,
            time: Time::new(clocks, record.started()),
            grace,
            record,
            _slot: slot,
        }
    }

    /// Waits for the answer to begin, at most one heartbeat interval.
    ///
    /// # Errors
    /// The turn failed before its first line.
    pub async fn begin(mut self) -> Result<Lines<B>, ChatError> {
        let begun = std::future::poll_fn(|cx| {
            loop {
                match ready!(self.poll_step(cx)) {
                    // Events that say no more than that there will be an answer: it can still fail with a status.
                    Step::Events if !self.reader.has_begun() => {}
                    step => return Poll::Ready(step),
                }
            }
        });
        match begun.await {
            Step::End(Err(error)) => {
                self.record.failed(&error);
                return Err(error);
            }
            Step::End(whole) => self.end = Some(whole),
            Step::Events | Step::Silence => {}
        }
        self.record.begins();
        let first_lines = std::mem::replace(&mut self.lines, Vec::with_capacity(512));
        let Asked { model, deployment } = &self.asked;
        let start = Start { request_id: self.record.request_id(), model, deployment };
        self.surface.start(&mut self.lines, &start);
        self.lines.extend_from_slice(&first_lines);
        // It goes as it is: what follows is shorter.
        self.lines.shrink_to_fit();
        self.is_burst = false;
        Ok(Lines::of(self))
    }

    /// Waits for the whole answer, at most until `limit` after the request arrived, and hands out its choice lines as they
    /// come. Answers what read it.
    ///
    /// # Errors
    /// What broke the answer; what `take` says; `too_late` where the limit passed.
    pub async fn whole(
        mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), ChatError>,
        limit: Duration,
        too_late: ChatError,
    ) -> Result<Reader, ChatError> {
        let deadline = self.record.started() + limit;
        let read = async {
            loop {
                let step = std::future::poll_fn(|cx| self.poll_step(cx)).await;
                take(&self.lines)?;
                self.lines.clear();
                match step {
                    Step::Events | Step::Silence => {}
                    Step::End(end) => return end,
                }
            }
        };
        match tokio::time::timeout_at(deadline, read).await.unwrap_or(Err(too_late)) {
            Ok(()) => {
                self.record.begins();
                self.record.done(self.reader.answer());
                Ok(std::mem::take(&mut self.reader))
            }
            Err(error) => {
                self.record.failed(&error);
                Err(error)
            }
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Some(end) = self.end.take() {
            return Poll::Ready(Step::End(end));
        }
        if self.grace.is_over(cx) {
            let error = ChatError::new(Code::ShuttingDown, "The service is being restarted. Try again in a moment.");
            return Poll::Ready(self.break_off(error));
        }
        loop {
            // Asked before upstream: one that sends comments without pause must not hold the clocks.
            match self.time.due() {
                None => {}
                Some(Due::Heartbeat) => return Poll::Ready(Step::Silence),
                Some(Due::Limit(error)) => return Poll::Ready(self.break_off(error)),
                Some(Due::Failure) => {
                    self.source = Source::Closed;
                    let end = self.end_reading();
                    if let Some(step) = self.over(end) {
                        return Poll::Ready(step);
                    }
                }
            }
            match self.poll_source(cx) {
                Poll::Ready(Some(step)) => return Poll::Ready(step),
                Poll::Ready(None) => {}
                Poll::Pending => ready!(self.time.poll(cx)),
            }
        }
    }

    /// Polls upstream once. `None`: nothing that counts has come, or it came too late; ask what is due, and poll again.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Step>> {
        match &mut self.source {
            Source::Opening(opening) => match ready!(opening.0.poll_unpin(cx)) {
                _ if self.time.is_over() => Poll::Ready(None),
                Ok(Opened { body, reader, wait, deployment, tag, call, again }) => {
                    self.retry_after = wait;
                    self.record.answered(call, tag);
                    self.asked.deployment = deployment;
                    self.again = again;
                    self.decoder = reader.decoder(self.max_event_bytes);
                    self.reader = reader;
                    self.source = Source::Answering(body);
                    Poll::Ready(None)
                }
                Err(error) => {
                    self.source = Source::Closed;
                    Poll::Ready(Some(Step::End(Err(error))))
                }
            },
            Source::Answering(body) => match ready!(Pin::new(body).poll_frame(cx)) {
                _ if self.time.is_over() => Poll::Ready(None),
                Some(Ok(frame)) => Poll::Ready(frame.into_data().ok().and_then(|bytes| self.read(&bytes))),
                Some(Err(error)) => {
                    let lost = ChatError::new(
                        Code::UpstreamError,
                        "The connection to the model was lost while it answered. Try again.",
                    );
                    Poll::Ready(Some(self.break_off(lost.caused_by(causes(&error)))))
                }
                None => {
                    self.source = Source::Closed;
                    let end = self.end_reading();
                    Poll::Ready(self.over(end))
                }
            },
            Source::Closed => Poll::Ready(Some(Step::End(self.end_reading()))),
        }
    }

    /// The answer is over. A failure before its first output may be another deployment's chance: then it is not over.
    fn over(&mut self, end: Result<(), ChatError>) -> Option<Step> {
        match (end, self.again.take()) {
            (Err(error), Some(again)) if !self.reader.answer().has_output() => {
                self.record.asks_again(error.code());
                self.time.asks_again();
                self.reader = Reader::default();
                self.source = Source::Opening(Awaited(again.after(error)));
                None
            }
            (end, _) => Some(Step::End(end)),
        }
    }

    /// Ends the reading of events: what was held back comes out.
    fn end_reading(&mut self) -> Result<(), ChatError> {
        let from = self.lines.len();
        let end = self.reader.end(&mut self.lines);
        self.surface.frame(&mut self.lines, from);
        end
    }

    /// Reads the events of one piece of upstream's body.
    fn read(&mut self, bytes: &[u8]) -> Option<Step> {
        let (mut any, mut is_whole, mut count) = (false, false, 0_u32);
        let from = self.lines.len();
        let mut events = self.decoder.feed(bytes);
        let end = loop {
            events.sift_above(self.reader.sifts_above());
            let event = match events.next() {
                Ok(Some(event)) => event,
                Ok(None) => break None,
                Err(too_large) => {
                    let cause = format!("an event is larger than {} bytes (MAX_EVENT_BYTES)", too_large.max_bytes);
                    let text = "The model's service sent more at once than this program accepts. Tell the operator.";
                    break Some(Err(ChatError::new(Code::UpstreamProtocol, text).caused_by(cause)));
                }
            };
            let before = self.lines.len();
            match self.reader.event(&event, &mut self.lines) {
                Ok(Next::Event) => any = true,
                Ok(Next::Failed) => {
                    any = true;
                    self.time.failure();
                }
                Ok(Next::End) => {
                    let end = self.reader.end(&mut self.lines);
                    is_whole = end.is_ok();
                    break Some(end);
                }
                Err(error) => {
                    self.lines.truncate(before);
                    let wait = self.retry_after.filter(|_| error.code() == Code::RateLimited);
                    break Some(Err(match wait {
                        Some(wait) => error.retry_after(wait),
                        None => error,
                    }));
                }
            }
            self.record.count_event();
            count += 1;
        };
        self.is_burst = count > 1;
        let answer = self.reader.answer();
        if any {
            self.time.event(match (answer.has_output() || answer.is_finished(), self.reader.is_silently_thinking()) {
                (false, _) => Wait::Output,
                (true, true) => Wait::Thought,
                (true, false) => Wait::Event,
            });
        }
        if answer.has_output() {
            self.record.first_token(self.time.now());
            // The conversation goes with it.
            self.again = None;
        }
        self.surface.frame(&mut self.lines, from);
        if end.is_some()
            && let Source::Answering(body) = std::mem::replace(&mut self.source, Source::Closed)
            && is_whole
        {
            // Nothing after it is interpreted.
            drain::to_end(body);
        }
        match end {
            Some(end) if !any || end.is_err() && self.again.is_some() => self.over(end),
            end => {
                self.end = end;
                any.then_some(Step::Events)
            }
        }
    }

    /// Writes the last word, and tells of the turn.
    fn close(&mut self, end: Result<(), ChatError>) {
        self.source = Source::Closed;
        match end {
            Ok(()) => {
                let (answer, record) = (self.reader.answer(), &self.record);
                let end = End { answer, elapsed: record.elapsed(), first_token: record.first_token_after() };
                self.surface.done(&mut self.lines, &end);
                self.record.done(self.reader.answer());
            }
            Err(error) => {
                // Text that was held back as a possible tag is still the model's.
                let _ = self.end_reading();
                self.surface.error(&mut self.lines, &error, self.record.request_id());
                self.record.failed(&error);
            }
        }
    }

    /// Upstream is given up. If its finish reason has come, nothing of the answer is lost.
    fn break_off(&mut self, error: ChatError) -> Step {
        self.source = Source::Closed;
        if self.reader.answer().is_finished() {
            tracing::debug!(cause = error.cause(), code = error.code().as_str(), "the stream did not end by itself");
            return Step::End(self.end_reading());
        }
        Step::End(Err(error))
    }
}

#[cfg(test)]
mod tests;
