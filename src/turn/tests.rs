use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::{mpsc, oneshot};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::watch;
use tokio::time::Instant;

use super::*;
use crate::inbound::slots::Slots;
use crate::report::telemetry::{Call, ModelTag, Trace};
use crate::settings::StreamLimits;

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

fn opened<B>(body: B) -> Opened<B> {
    Opened {
        body,
        reader: Reader::default(),
        wait: None,
        deployment: "r1".to_owned(),
        tag: ModelTag::default(),
        call: Call::none(),
        again: None,
    }
}

fn asked() -> Asked {
    Asked { model: "r1".to_owned(), deployment: "r1".to_owned() }
}

fn record() -> Record {
    Record::new("id".to_owned(), Trace::none())
}

/// Upstream's side of a turn.
struct Upstream {
    body: mpsc::UnboundedSender<Result<Frame<Bytes>, std::io::Error>>,
    answer: Option<oneshot::Sender<Result<Opened<TestBody>, ChatError>>>,
    waiting: Option<TestBody>,
}

impl Upstream {
    fn answers(&mut self) {
        let _ = self.answer.take().unwrap().send(Ok(opened(self.waiting.take().unwrap())));
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

fn turn_with_grace(over: &watch::Receiver<bool>) -> (Turn<TestBody>, Upstream) {
    turn_with(CLOCKS, over)
}

fn turn_with(clocks: Clocks, over: &watch::Receiver<bool>) -> (Turn<TestBody>, Upstream) {
    let (body, pieces) = mpsc::unbounded();
    let (answer, opening) = oneshot::channel();
    let upstream = Upstream { body, answer: Some(answer), waiting: Some(StreamBody::new(pieces)) };
    let opening = async { opening.await.unwrap() }.boxed();
    let slot = Slots::new(StreamLimits { max: 1, max_per_user: 1 }).take(None).unwrap();
    (Turn::new(opening, asked(), Surface::Lines, Grace::new(over), clocks, record(), slot), upstream)
}

fn never() -> watch::Receiver<bool> {
    watch::channel(false).1
}

fn turn() -> (Turn<TestBody>, Upstream) {
    turn_with_grace(&never())
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
            r#"{"start":{"request_id":"id","model":"r1","deployment":"r1"}}"#,
            r#"{"index":0,"delta":{"content":"Hi"}}"#,
            r#"{"index":0,"delta":{},"finish_reason":"stop"}"#,
            r#"{"done":{"finish_reason":"stop","usage":null,"thoughts":"none","elapsed_ms":0,"first_token_ms":0}}"#,
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
async fn ten_minutes_of_silence_are_forty_heartbeats() {
    let patient = Clocks { idle: Duration::from_secs(601), answer: Duration::from_secs(3600), ..CLOCKS };
    let (turn, mut upstream) = turn_with(patient, &never());
    upstream.answers();
    upstream.sends(HI);
    let lines = turn.begin().await.unwrap();
    let thinks = async {
        tokio::time::sleep(Duration::from_secs(600)).await;
        upstream.sends(STOP);
        upstream.sends("data: [DONE]\n\n");
    };
    let (told, ()) = tokio::join!(read(lines), thinks);
    let at: Vec<u64> = told.iter().filter(|(_, line)| line.contains("heartbeat")).map(|(at, _)| *at).collect();
    assert_eq!(at, (1..=40).map(|beat| beat * 15).collect::<Vec<_>>());
    assert!(told.last().unwrap().1.contains("done"));
}

#[tokio::test(start_paused = true)]
async fn each_clock_is_exact_to_the_millisecond() {
    let ms = Duration::from_millis(1);
    // An event one millisecond before the limit is in time; one after it is not.
    for (late, in_time) in [(Duration::ZERO, false), (ms, false), (Duration::from_millis(2), true)] {
        for (limit, first) in [(CLOCKS.first_event, true), (CLOCKS.idle, false)] {
            let (turn, mut upstream) = turn();
            upstream.answers();
            if !first {
                upstream.sends(HI);
            }
            let send = async {
                tokio::time::sleep((limit + ms).saturating_sub(late)).await;
                upstream.sends(HI);
                upstream.sends(STOP);
                upstream.sends("data: [DONE]\n\n");
            };
            let read_all = async { read(turn.begin().await.unwrap()).await };
            let (told, ()) = tokio::join!(read_all, send);
            let done = told.last().unwrap().1.contains("{\"done\"");
            assert_eq!(done, in_time, "limit {limit:?}, {late:?} before a millisecond after it");
        }
    }
}

/// Upstream's body as a fault of ours would be: it panics when it is polled again.
#[tokio::test(start_paused = true)]
async fn a_panic_in_an_answer_ends_it_with_internal() {
    let panics =
        futures::stream::once(async { Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(HI.as_bytes()))) }).chain(
            futures::stream::poll_fn(|_| -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
                panic!("on purpose")
            }),
        );
    let body = StreamBody::new(Box::pin(panics));
    let opening = async { Ok(opened(body)) }.boxed();
    let slot = Slots::new(StreamLimits { max: 1, max_per_user: 1 }).take(None).unwrap();
    let never = Grace::new(&never());
    let turn = Turn::new(opening, asked(), Surface::Lines, never, CLOCKS, record(), slot);
    let pieces: Vec<_> = turn.begin().await.unwrap().collect().await;
    let last = String::from_utf8(pieces.last().unwrap().as_ref().unwrap().to_vec()).unwrap();
    assert_eq!(error_code(&last), "internal");
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

/// Models that hide their thoughts send a role, or nothing, and then nothing for minutes.
#[tokio::test(start_paused = true)]
async fn a_silent_thinker_has_until_the_first_output_whatever_it_sends_before() {
    const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
    let patient = Clocks { first_event: Duration::from_secs(300), ..CLOCKS };
    for (thinks_for, whole) in [(299, true), (301, false)] {
        let (turn, mut upstream) = turn_with(patient, &never());
        upstream.answers();
        upstream.sends(ROLE);
        let lines = turn.begin().await.unwrap();
        let think = async {
            tokio::time::sleep(Duration::from_secs(thinks_for - 1)).await;
            upstream.sends(ROLE);
            tokio::time::sleep(SECOND).await;
            upstream.sends(HI);
            upstream.sends(STOP);
            upstream.sends("data: [DONE]\n\n");
        };
        let (told, ()) = tokio::join!(read(lines), think);
        let last = told.last().unwrap();
        assert_eq!(last.1.contains("{\"done\""), whole, "{last:?}");
        assert!(whole || (last.0 == 300 && last.1.contains("FIRST_EVENT_TIMEOUT")), "{last:?}");
        assert_eq!(told.iter().filter(|(_, line)| line.contains("heartbeat")).count(), 19, "every 15 s");
    }
}

#[tokio::test(start_paused = true)]
async fn once_the_finish_reason_is_here_an_answer_without_output_waits_no_longer_than_idle() {
    let (turn, mut upstream) = turn();
    upstream.answers();
    upstream.sends(STOP);
    let told = read(turn.begin().await.unwrap()).await;
    let last = told.last().unwrap();
    assert!(last.0 == 60 && last.1.contains("{\"done\""), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_reasons_say_nothing_is_truncated_lost_or_late_but_never_done() {
    for nothing in ["\"\"", "\"null\"", "null"] {
        let chunk =
            format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}},\"finish_reason\":{nothing}}}]}}\n\n");
        for (end, code) in [("eof", "upstream_truncated"), ("lost", "upstream_error"), ("silence", "upstream_timeout")]
        {
            let (turn, mut upstream) = turn();
            upstream.answers();
            upstream.sends(&chunk);
            match end {
                "eof" => upstream.body.close_channel(),
                "lost" => upstream.is_lost(),
                _ => {}
            }
            let told = read(turn.begin().await.unwrap()).await;
            assert_eq!(error_code(&told.last().unwrap().1), code, "{nothing}, {end}");
        }
    }
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
    let (end_grace, over) = watch::channel(false);
    let (turn, mut upstream) = turn_with_grace(&over);
    upstream.answers();
    upstream.sends(HI);
    let lines = turn.begin().await.unwrap();
    let stop = async {
        tokio::time::sleep(SECOND).await;
        end_grace.send_replace(true);
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

#[tokio::test(start_paused = true)]
async fn an_answer_in_one_piece_has_its_time_and_upstream_is_let_go_then() {
    let limit = Duration::from_secs(200);
    for (ends_after, in_time) in [(199, true), (201, false)] {
        let (_end, over) = watch::channel(false);
        let (turn, mut upstream) = turn_with_grace(&over);
        upstream.answers();
        let mut taken = Vec::new();
        let speaks = async {
            // A word now and then, so that no other clock runs out.
            for _ in 0..ends_after {
                upstream.sends(HI);
                tokio::time::sleep(SECOND).await;
            }
            upstream.sends(STOP);
            upstream.sends("data: [DONE]\n\n");
        };
        let take = |lines: &[u8]| {
            taken.extend_from_slice(lines);
            Ok(())
        };
        let whole = turn.whole(take, limit, ChatError::new(Code::StreamRequired, "Ask with stream: true."));
        let (read, ()) = tokio::join!(whole, speaks);
        match read {
            Ok(reader) => assert!(in_time && reader.answer().is_finished()),
            Err(error) => assert!(!in_time && error.code() == Code::StreamRequired),
        }
        assert!(String::from_utf8(taken).unwrap().starts_with("{\"index\":0,\"delta\":{\"content\":\"Hi\"}"));
        assert!(in_time || upstream.is_dropped(), "what follows an answer is read to its end");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_to_be_held_ends_an_answer_in_one_piece() {
    let (_end, over) = watch::channel(false);
    let (turn, mut upstream) = turn_with_grace(&over);
    upstream.answers();
    upstream.sends(HI);
    let full = |_: &[u8]| Err(ChatError::new(Code::UpstreamProtocol, "Too large."));
    let whole = turn.whole(full, SECOND, ChatError::new(Code::StreamRequired, "Ask with stream: true."));
    assert_eq!(whole.await.map(drop).unwrap_err().code(), Code::UpstreamProtocol);
    assert!(upstream.is_dropped());
}
