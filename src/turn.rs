//! One chat turn in time: upstream's body in, a stream of lines out, with the clocks in between.
//!
//! All is pulled. A turn is polled by the connection that reads it, and polls upstream in turn; there is no task and no
//! channel between the two. So a slow reader slows upstream, and a reader who leaves drops the turn and with it the
//! upstream request, at once. A turn has two sides, and each has its type: [`Turn`] until the first event or the first
//! heartbeat interval, while a failure is still an HTTP status; [`Lines`] from then on, when it is the last line.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream};
use http_body::Body;
use tokio::time::{Instant, Sleep};

use crate::answer::{Answer, Next};
use crate::error::{ChatError, Code};
use crate::line;
use crate::record::Record;
use crate::settings::Clocks;
use crate::slots::Slot;
use crate::sse::Decoder;
use crate::upstream::causes;

/// A turn whose first line has not been sent.
#[derive(Debug)]
pub struct Turn<B> {
    source: Source<B>,
    decoder: Decoder,
    answer: Answer,
    /// What is to be sent next.
    lines: Vec<u8>,
    /// How the turn ends, when that is known but lines go before it.
    end: Option<Result<(), ChatError>>,
    time: Time,
    /// Ready when open answers must end.
    grace_over: Pending<()>,
    record: Record,
    _slot: Slot,
}

/// A future that is waited for now and then.
struct Pending<T>(BoxFuture<'static, T>);

impl<T> std::fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending")
    }
}

/// Where events come from.
#[derive(Debug)]
enum Source<B> {
    /// Upstream has not answered yet.
    Opening(Pending<Result<B, ChatError>>),
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
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    /// A turn that waits for `opening`. `grace_over` resolves when the program must stop. The clocks start now, but for
    /// the whole answer's, which started with the record, when the request arrived.
    pub fn new(
        opening: BoxFuture<'static, Result<B, ChatError>>,
        grace_over: BoxFuture<'static, ()>,
        deployment: &str,
        clocks: Clocks,
        record: Record,
        slot: Slot,
    ) -> Self {
        let mut lines = Vec::with_capacity(512);
        line::start(&mut lines, record.request_id(), deployment);
        Self {
            source: Source::Opening(Pending(opening)),
            decoder: Decoder::new(clocks.max_event_bytes),
            answer: Answer::default(),
            lines,
            end: None,
            time: Time::new(clocks, record.started()),
            grace_over: Pending(grace_over),
            record,
            _slot: slot,
        }
    }

    /// Waits for upstream's first event, at most one heartbeat interval.
    ///
    /// # Errors
    /// The turn failed before its first line.
    pub async fn begin(mut self) -> Result<Lines<B>, ChatError> {
        match std::future::poll_fn(|cx| self.poll_step(cx)).await {
            Step::End(Err(error)) => {
                self.record.failed(&error);
                return Err(error);
            }
            Step::End(whole) => self.end = Some(whole),
            Step::Events | Step::Silence => {}
        }
        Ok(Lines { turn: self, ended: false })
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Some(end) = self.end.take() {
            return Poll::Ready(Step::End(end));
        }
        if self.grace_over.0.poll_unpin(cx).is_ready() {
            let error = ChatError::new(Code::ShuttingDown, "The service is being restarted. Try again in a moment.");
            return Poll::Ready(self.break_off(error));
        }
        loop {
            // Looked at before upstream: one that sends comments without pause must not hold the clocks.
            match self.time.due(Instant::now()) {
                None => {}
                Some(Due::Heartbeat) => return Poll::Ready(Step::Silence),
                Some(Due::Limit(error)) => return Poll::Ready(self.break_off(error)),
            }
            match self.poll_source(cx) {
                Poll::Ready(Some(step)) => return Poll::Ready(step),
                Poll::Ready(None) => {}
                Poll::Pending => ready!(self.time.poll(cx)),
            }
        }
    }

    /// Polls upstream once. `None`: nothing that counts has come; poll again.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Step>> {
        match &mut self.source {
            Source::Opening(opening) => match ready!(opening.0.poll_unpin(cx)) {
                Ok(body) => {
                    self.source = Source::Answering(body);
                    Poll::Ready(None)
                }
                Err(error) => {
                    self.source = Source::Closed;
                    Poll::Ready(Some(Step::End(Err(error))))
                }
            },
            Source::Answering(body) => match ready!(Pin::new(body).poll_frame(cx)) {
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
                    Poll::Ready(Some(Step::End(self.answer.end(&mut self.lines))))
                }
            },
            Source::Closed => Poll::Ready(Some(Step::End(self.answer.end(&mut self.lines)))),
        }
    }

    /// Reads the events of one piece of upstream's body.
    fn read(&mut self, bytes: &[u8]) -> Option<Step> {
        self.lines.reserve(bytes.len());
        let mut any = false;
        let mut events = self.decoder.feed(bytes);
        let end = loop {
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
            match self.answer.event(&event, &mut self.lines) {
                Ok(Next::Event) => any = true,
                Ok(Next::End) => break Some(self.answer.end(&mut self.lines)),
                Err(error) => {
                    self.lines.truncate(before);
                    break Some(Err(error));
                }
            }
            self.record.count_event();
        };
        if any {
            let now = Instant::now();
            self.time.event(now);
            if self.answer.has_token() {
                self.record.first_token(now);
            }
        }
        if end.is_some() {
            // Nothing after it is read.
            self.source = Source::Closed;
        }
        match end {
            Some(end) if !any => Some(Step::End(end)),
            end => {
                self.end = end;
                any.then_some(Step::Events)
            }
        }
    }

    /// Upstream is given up. If its finish reason has come, nothing of the answer is lost.
    fn break_off(&mut self, error: ChatError) -> Step {
        self.source = Source::Closed;
        if self.answer.is_finished() {
            tracing::debug!(cause = error.cause(), code = error.code().as_str(), "the stream did not end by itself");
            return Step::End(self.answer.end(&mut self.lines));
        }
        Step::End(Err(error))
    }
}

/// A turn whose first line is on its way: a stream of whole lines, the last of which is `done` or `error`.
#[derive(Debug)]
pub struct Lines<B> {
    turn: Turn<B>,
    ended: bool,
}

impl<B> Stream for Lines<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.turn.lines.is_empty() {
            if this.ended {
                return Poll::Ready(None);
            }
            // A fault of ours ends this answer with its line, and no other.
            let step = std::panic::catch_unwind(AssertUnwindSafe(|| this.turn.poll_step(cx))).unwrap_or_else(|_| {
                let error = ChatError::new(Code::Internal, "This program failed. Tell the operator.");
                Poll::Ready(Step::End(Err(error.caused_by("a panic; see the standard error stream"))))
            });
            let Turn { lines, answer, record, source, .. } = &mut this.turn;
            match ready!(step) {
                Step::Events => {}
                Step::Silence => line::heartbeat(lines, record.elapsed()),
                Step::End(Ok(())) => {
                    this.ended = true;
                    *source = Source::Closed;
                    line::done(lines, answer, record.elapsed(), record.first_token_after());
                    record.done(answer);
                }
                Step::End(Err(error)) => {
                    this.ended = true;
                    *source = Source::Closed;
                    // Text that was held back as a possible tag is still the model's.
                    let _ = answer.end(lines);
                    line::error(lines, &error, record.request_id());
                    record.failed(&error);
                }
            }
        }
        this.turn.time.line(Instant::now());
        Poll::Ready(Some(Ok(std::mem::take(&mut this.turn.lines).into())))
    }
}

/// The turn's clocks. One timer serves all: it is set to what is due next, and only ever moved when it fires or when
/// something is due before it, so that an event costs no timer.
#[derive(Debug)]
struct Time {
    clocks: Clocks,
    started: Instant,
    opened: Instant,
    last_event: Option<Instant>,
    /// Until there is one, when the turn began.
    last_line: Instant,
    timer: Pin<Box<Sleep>>,
}

enum Due {
    Heartbeat,
    Limit(ChatError),
}

impl Time {
    fn new(clocks: Clocks, started: Instant) -> Self {
        let opened = Instant::now();
        let timer = Box::pin(tokio::time::sleep_until(opened + clocks.heartbeat));
        Self { clocks, started, opened, last_event: None, last_line: opened, timer }
    }

    fn event(&mut self, now: Instant) {
        self.last_event = Some(now);
    }

    fn line(&mut self, now: Instant) {
        self.last_line = now;
    }

    /// Until when the next event must come, and the setting that says so.
    fn event_limit(&self) -> (Instant, &'static str) {
        match self.last_event {
            None => (self.opened + self.clocks.first_event, "FIRST_EVENT_TIMEOUT"),
            Some(last) => (last + self.clocks.idle, "IDLE_TIMEOUT"),
        }
    }

    /// What is due; a heartbeat is due once.
    fn due(&mut self, now: Instant) -> Option<Due> {
        let (event_limit, setting) = self.event_limit();
        if now >= self.started + self.clocks.answer {
            return Some(Due::Limit(timed_out("The answer took too long", "ANSWER_TIMEOUT")));
        }
        if now >= event_limit {
            return Some(Due::Limit(timed_out("The model did not go on in time", setting)));
        }
        if now >= self.last_line + self.clocks.heartbeat {
            self.last_line = now;
            return Some(Due::Heartbeat);
        }
        None
    }

    /// Ready when it is time to ask [`Time::due`].
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let next =
            self.event_limit().0.min(self.started + self.clocks.answer).min(self.last_line + self.clocks.heartbeat);
        if self.timer.deadline() > next || self.timer.is_elapsed() {
            self.timer.as_mut().reset(next);
        }
        self.timer.as_mut().poll(cx)
    }
}

fn timed_out(what: &str, setting: &'static str) -> ChatError {
    ChatError::new(Code::UpstreamTimeout, format!("{what} ({setting}). Try again.")).caused_by(setting)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt as _;
    use futures::channel::{mpsc, oneshot};
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;
    use crate::settings::StreamLimits;
    use crate::slots::Slots;

    type Pieces = mpsc::UnboundedReceiver<Result<Frame<Bytes>, std::io::Error>>;
    type TestBody = StreamBody<Pieces>;

    const SECOND: Duration = Duration::from_secs(1);
    const CLOCKS: Clocks = Clocks {
        connect: SECOND,
        first_event: Duration::from_secs(120),
        idle: Duration::from_secs(60),
        answer: Duration::from_secs(540),
        heartbeat: Duration::from_secs(15),
        max_retries: 0,
        max_event_bytes: 1024,
    };
    const HI: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

    /// Upstream's side of a turn.
    struct Upstream {
        body: mpsc::UnboundedSender<Result<Frame<Bytes>, std::io::Error>>,
        answer: Option<oneshot::Sender<Result<TestBody, ChatError>>>,
        waiting: Option<TestBody>,
    }

    impl Upstream {
        fn answers(&mut self) {
            let _ = self.answer.take().unwrap().send(Ok(self.waiting.take().unwrap()));
        }

        fn sends(&self, bytes: &str) {
            let _ = self.body.unbounded_send(Ok(Frame::data(Bytes::copy_from_slice(bytes.as_bytes()))));
        }

        fn is_lost(&self) {
            let _ = self.body.unbounded_send(Err(std::io::ErrorKind::ConnectionReset.into()));
        }

        fn is_dropped(&self) -> bool {
            self.answer.as_ref().map_or(self.body.is_closed(), oneshot::Sender::is_canceled)
        }
    }

    fn turn_with_grace(grace_over: BoxFuture<'static, ()>) -> (Turn<TestBody>, Upstream) {
        let (body, pieces) = mpsc::unbounded();
        let (answer, opening) = oneshot::channel();
        let upstream = Upstream { body, answer: Some(answer), waiting: Some(StreamBody::new(pieces)) };
        let opening = async { opening.await.unwrap() }.boxed();
        let slot = Slots::new(StreamLimits { max: 1, max_per_user: 1 }).take(None).unwrap();
        (Turn::new(opening, grace_over, "r1", CLOCKS, Record::new("id".to_owned()), slot), upstream)
    }

    fn turn() -> (Turn<TestBody>, Upstream) {
        turn_with_grace(std::future::pending().boxed())
    }

    /// What a reader gets until the end, each piece with the second at which it came.
    async fn read(lines: Lines<TestBody>) -> Vec<(u64, String)> {
        let start = Instant::now();
        lines
            .map(|piece| {
                let text = String::from_utf8(piece.unwrap().to_vec()).unwrap();
                let at = start.elapsed().as_secs();
                text.lines().map(|line| (at, line.to_owned())).collect::<Vec<_>>()
            })
            .concat()
            .await
    }

    fn error_code(line: &str) -> String {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["code"].as_str().unwrap_or_default().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_answer() {
        let (turn, mut upstream) = turn();
        upstream.answers();
        upstream.sends(HI);
        upstream.sends(STOP);
        upstream.sends("data: [DONE]\n\ndata: junk\n\n");
        let told = read(turn.begin().await.unwrap()).await;
        let told: Vec<&str> = told.iter().map(|(_, line)| line.as_str()).collect();
        assert_eq!(
            told,
            [
                r#"{"start":{"request_id":"id","deployment":"r1"}}"#,
                r#"{"index":0,"delta":{"content":"Hi"}}"#,
                r#"{"index":0,"delta":{},"finish_reason":"stop"}"#,
                r#"{"done":{"finish_reason":"stop","usage":null,"elapsed_ms":0,"first_token_ms":0}}"#,
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_before_the_first_event_is_an_error_and_not_a_line() {
        for (first, code) in [
            ("data: {\"error\":{\"code\":\"429\"}}\n\n", Code::RateLimited),
            ("data: [DONE]\n\n", Code::UpstreamTruncated),
            ("data: junk\n\n", Code::UpstreamProtocol),
        ] {
            let (turn, mut upstream) = turn();
            upstream.answers();
            upstream.sends(first);
            assert_eq!(turn.begin().await.map(|_| ()).unwrap_err().code(), code);
            assert!(upstream.is_dropped());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_one_event_the_same_failure_is_the_last_line_however_the_bytes_are_cut() {
        let bytes = format!("{HI}data: junk\n\n{HI}");
        for at in [bytes.len(), HI.len(), HI.len() + 3] {
            let (turn, mut upstream) = turn();
            upstream.answers();
            upstream.sends(&bytes[..at]);
            upstream.sends(&bytes[at..]);
            let told = read(turn.begin().await.unwrap()).await;
            assert_eq!(told.len(), 3, "start, one choice, one error: {told:?}");
            assert_eq!(error_code(&told[2].1), "upstream_protocol");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_before_the_first_event_is_broken_by_start_and_heartbeats_then_by_the_limit() {
        let (turn, upstream) = turn();
        let begun = Instant::now();
        let lines = turn.begin().await.unwrap();
        assert_eq!(begun.elapsed(), CLOCKS.heartbeat);
        let told = read(lines).await;
        let seconds: Vec<u64> = told.iter().map(|(at, _)| *at).collect();
        assert_eq!(seconds, [0, 15, 30, 45, 60, 75, 90, 105], "from the start line on");
        assert_eq!(told[1].1, r#"{"heartbeat":{"elapsed_ms":30000}}"#);
        let last = &told.last().unwrap().1;
        assert_eq!(error_code(last), "upstream_timeout");
        assert!(last.contains("FIRST_EVENT_TIMEOUT"), "{last}");
        assert!(upstream.is_dropped());
    }

    #[tokio::test(start_paused = true)]
    async fn comments_are_no_events_and_do_not_hold_the_clock() {
        let (turn, mut upstream) = turn();
        upstream.answers();
        upstream.sends(HI);
        let lines = turn.begin().await.unwrap();
        let keep_alive = async {
            while !upstream.is_dropped() {
                upstream.sends(": keep-alive\n\n");
                tokio::time::sleep(SECOND).await;
            }
        };
        let (told, ()) = tokio::join!(read(lines), keep_alive);
        let last = told.last().unwrap();
        assert_eq!(last.0, 60);
        assert!(last.1.contains("IDLE_TIMEOUT"), "{}", last.1);
        let heartbeats = told.iter().filter(|(_, line)| line.contains("heartbeat")).count();
        assert_eq!(heartbeats, 3, "at 15, 30 and 45 s");
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_at_the_last_moment_keeps_the_answer_alive() {
        let (turn, mut upstream) = turn();
        upstream.answers();
        upstream.sends(HI);
        let lines = turn.begin().await.unwrap();
        let late = async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(59_999)).await;
                upstream.sends(HI);
            }
            upstream.sends(STOP);
            upstream.sends("data: [DONE]\n\n");
        };
        let (told, ()) = tokio::join!(read(lines), late);
        assert!(told.last().unwrap().1.contains("done"), "{told:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_goes_on_for_ever_ends_at_its_limit() {
        let (turn, mut upstream) = turn();
        upstream.answers();
        upstream.sends(HI);
        let lines = turn.begin().await.unwrap();
        let chatter = async {
            while !upstream.is_dropped() {
                tokio::time::sleep(SECOND).await;
                upstream.sends(HI);
            }
        };
        let (told, ()) = tokio::join!(read(lines), chatter);
        let last = told.last().unwrap();
        assert_eq!(last.0, 540);
        assert!(last.1.contains("ANSWER_TIMEOUT"), "{}", last.1);
    }

    #[tokio::test(start_paused = true)]
    async fn once_the_finish_reason_is_here_a_lost_or_silent_connection_costs_nothing() {
        for lost in [true, false] {
            let (turn, mut upstream) = turn();
            upstream.answers();
            upstream.sends(HI);
            upstream.sends(STOP);
            if lost {
                upstream.is_lost();
            }
            let told = read(turn.begin().await.unwrap()).await;
            assert!(told.last().unwrap().1.contains(r#"{"done":{"finish_reason":"stop""#), "{told:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_connection_is_told() {
        let (turn, mut upstream) = turn();
        upstream.answers();
        upstream.sends(HI);
        upstream.is_lost();
        let told = read(turn.begin().await.unwrap()).await;
        assert_eq!(error_code(&told.last().unwrap().1), "upstream_error");
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_grace_period_is_over_open_answers_say_so() {
        let (end_grace, over) = oneshot::channel::<()>();
        let (turn, mut upstream) = turn_with_grace(async { over.await.unwrap() }.boxed());
        upstream.answers();
        upstream.sends(HI);
        let lines = turn.begin().await.unwrap();
        let stop = async {
            tokio::time::sleep(SECOND).await;
            end_grace.send(()).unwrap();
        };
        let (told, ()) = tokio::join!(read(lines), stop);
        assert_eq!(error_code(&told.last().unwrap().1), "shutting_down");
        assert!(upstream.is_dropped());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_leaves_closes_upstream() {
        let (turn, mut upstream) = turn();
        upstream.answers();
        upstream.sends(HI);
        let mut lines = turn.begin().await.unwrap();
        lines.next().await.unwrap().unwrap();
        assert!(!upstream.is_dropped());
        drop(lines);
        assert!(upstream.is_dropped());
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_over_the_bound_is_a_protocol_fault() {
        let (turn, mut upstream) = turn();
        upstream.answers();
        upstream.sends(HI);
        upstream.sends(&format!("data: {}", "x".repeat(CLOCKS.max_event_bytes)));
        let told = read(turn.begin().await.unwrap()).await;
        assert_eq!(error_code(&told.last().unwrap().1), "upstream_protocol");
    }
}
