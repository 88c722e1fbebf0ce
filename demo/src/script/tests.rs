use super::*;
use crate::beats::{Beat, Beats};
use crate::character::Character;
use crate::step::Tokens;

fn steps(ask: &Ask) -> Vec<Step> {
    match Script::write(ask) {
        Script::Stream { steps, .. } => steps,
        Script::Refuse { refusal, .. } => panic!("{}: {refusal:?}", ask.question),
    }
}

fn beats(question: &str) -> Vec<Beat> {
    Beats::new(steps(&Ask::first(question)), 0).collect()
}

fn events_of(ask: &Ask) -> Vec<Event> {
    let sent = |beat| {
        if let Beat::Send(event) = beat { Some(event) } else { None }
    };
    Beats::new(steps(ask), 0).filter_map(sent).collect()
}

fn events(question: &str) -> Vec<Event> {
    events_of(&Ask::first(question))
}

fn said(events: &[Event], by: Voice) -> String {
    let piece = |event: &Event| match event {
        Event::Piece(voice, text) if *voice == by => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(piece).collect()
}

/// Everything that is no piece, by which the shape of a stream is known.
fn frame_of(ask: &Ask) -> Vec<Event> {
    events_of(ask).into_iter().filter(|event| !matches!(event, Event::Piece(..) | Event::Usage(_))).collect()
}

fn frame(question: &str) -> Vec<Event> {
    frame_of(&Ask::first(question))
}

#[test]
fn a_whole_answer_thinks_answers_counts_and_is_done() {
    let events = events("Why is the sky blue?");
    let stop = [Event::Opened, Event::Started, Event::Finish(Finish::Stop), Event::Done];
    assert_eq!(frame("Why is the sky blue?"), stop);
    let pieces_by = |by| events.iter().filter(|e| matches!(e, Event::Piece(voice, _) if *voice == by)).count();
    let usage = events.iter().rev().nth(1).unwrap();
    let Event::Usage(tokens) = usage else { panic!("{usage:?}") };
    assert_eq!((tokens.reasoning, tokens.answer), (pieces_by(Voice::Thought), pieces_by(Voice::Answer)));
    assert!(said(&events, Voice::Thought).contains("Rayleigh"));
    let ask = Ask::first("Why is the sky blue?");
    let plain = Wishes::read(&[], Character::Thorough);
    assert_eq!(said(&events, Voice::Answer), answer::write(&ask, &[], &Subject::Sky, &plain));
}

#[test]
fn usage_comes_only_when_asked_for() {
    let mut ask = Ask::first("x");
    ask.terms.include_usage = false;
    assert!(!steps(&ask).contains(&Step::Usage));
}

#[test]
fn waits_come_where_they_were_asked_for() {
    let usual = beats("x");
    assert_eq!(usual[0], Beat::Wait(Duration::from_millis(300)));
    let waiting = beats("wait 30 s first, then silence for 20 s");
    assert_eq!(waiting[0], Beat::Wait(Duration::from_millis(30_300)));
    let silence = waiting.iter().position(|beat| *beat == Beat::Wait(Duration::from_secs(20))).unwrap();
    assert!(matches!(waiting[silence - 1], Beat::Send(Event::Piece(Voice::Thought, _))));
    assert!(matches!(waiting[silence + 2], Beat::Send(Event::Piece(Voice::Answer, _))));
}

#[test]
fn longer_thoughts_last_about_a_minute() {
    for question in ["think longer", "think longer, and slowly"] {
        let pace = Wishes::read(&words(question), Character::Thorough).pace.thoughts();
        let pieces = events(question).iter().filter(|e| matches!(e, Event::Piece(Voice::Thought, _))).count();
        let lasts = pace * u32::try_from(pieces).unwrap();
        assert!((Duration::from_mins(1)..Duration::from_secs(68)).contains(&lasts), "{question}: {lasts:?}");
    }
    let pieces = events("think longer, fast").iter().filter(|e| matches!(e, Event::Piece(Voice::Thought, _))).count();
    assert!((MAX_THOUGHT_PIECES..MAX_THOUGHT_PIECES + 60).contains(&pieces), "{pieces}");
}

#[test]
fn thoughts_can_be_absent_or_inside_cut_tags() {
    assert_eq!(said(&events("no thoughts"), Voice::Thought), "");
    let inline = events("inline tags");
    assert_eq!(said(&inline, Voice::Thought), "");
    let content = said(&inline, Voice::InlineThought);
    assert!(content.starts_with("<think>\nThe question says: inline tags. ") && content.ends_with("\n</think>\n\n"));
    let whole = |part: &str| inline.iter().any(|e| matches!(e, Event::Piece(_, text) if text.contains(part)));
    assert!(!whole("<think>") && !whole("</think>"));
    assert!(!said(&events("no thoughts, inline tags"), Voice::InlineThought).contains('<'));
}

#[test]
fn failures_at_once_are_refusals() {
    for (fault, code) in Fault::ALL {
        let script = Script::write(&Ask::first(&format!("fail with {code}")));
        let refused = matches!(script, Script::Refuse { .. });
        assert_eq!(refused, !matches!(fault, Fault::Timeout | Fault::Truncated), "{code}");
    }
}

#[test]
fn failures_inside_the_answer_have_their_shape() {
    use Event::{Broken, Done, Error, ItemDone, Opened, Started};
    let error = |fault| Error(fault, Telling::ReasonLast);
    let filtered = Event::Finish(Finish::ContentFilter);
    for (code, last) in [
        ("rate_limited", vec![error(Fault::RateLimited)]),
        ("upstream_error", vec![error(Fault::Error)]),
        ("content_filter", vec![filtered, Done]),
        ("upstream_protocol", vec![Broken]),
        ("upstream_truncated", vec![]),
        ("upstream_timeout", vec![]),
    ] {
        for (place, answered) in [("midway", true), ("after the thoughts", false)] {
            let question = format!("fail with {code} {place}");
            let expected: Vec<Event> = [Opened, Started].into_iter().chain(last.clone()).collect();
            assert_eq!(frame(&question), expected, "{question}");
            let events = events(&question);
            assert!(!said(&events, Voice::Thought).is_empty());
            assert_eq!(!said(&events, Voice::Answer).is_empty(), answered, "{question}");
        }
        let in_stream: Vec<Event> = [Opened].into_iter().chain(last.clone()).collect();
        assert_eq!(frame(&format!("fail with {code} in the stream")), in_stream);
        let at_end: Vec<Event> = [Opened, Started, ItemDone].into_iter().chain(last).collect();
        assert_eq!(frame(&format!("fail with {code} at the end")), at_end);
    }
    assert_eq!(beats("fail with upstream_timeout").last(), Some(&Beat::Wait(STALL)));
    assert_eq!(frame("fail with upstream_timeout at once"), [Opened, Started]);
}

#[test]
fn an_answer_can_be_cut_by_length_or_taken_back() {
    assert_eq!(frame("cut by length")[2..], [Event::Finish(Finish::Length), Event::Done]);
    let (cut, whole) = (events("cut by length"), events("late filter verdict"));
    let end_offset = said(&whole, Voice::Answer).chars().count();
    assert!(said(&cut, Voice::Answer).chars().count() < end_offset);
    let late = [Event::Finish(Finish::Stop), Event::LateVerdict { end_offset }, Event::Done];
    assert_eq!(frame("late filter verdict")[2..], late);
}

#[test]
fn any_question_gets_an_answer() {
    let long = format!("what is {}1", "(".repeat(5_000));
    for question in ["?", "…", "\u{0}", "fail with", "how many", "what is", &long, "éß𝄞 silence for", "wait"] {
        assert!(!said(&events(question), Voice::Answer).is_empty(), "{question}");
    }
}

fn tokens(events: &[Event]) -> Tokens {
    let usage = |event: &Event| if let Event::Usage(tokens) = event { Some(*tokens) } else { None };
    events.iter().find_map(usage).unwrap()
}

#[test]
fn hidden_thoughts_take_their_time_and_are_counted() {
    let (told, hidden) = (events("x"), events("x, hide your thoughts"));
    assert_eq!(said(&hidden, Voice::Thought), "");
    assert!(hidden.contains(&Event::HiddenThought));
    assert!(tokens(&hidden).reasoning >= tokens(&told).reasoning);
    let thought = |beat: &&Beat| matches!(beat, Beat::Wait(time) if *time > Duration::from_secs(1));
    assert!(beats("x, hide your thoughts").iter().any(|beat| thought(&beat)));
    assert_eq!(tokens(&events("no thoughts, hide your thoughts")).reasoning, 0);
}

#[test]
fn the_responses_api_is_told_a_summary_if_it_asks_for_one() {
    let mut ask = Ask::by_responses("Why is the sky blue?");
    let events = events_of(&ask);
    let parts = events.iter().filter(|event| **event == Event::SummaryPart).count();
    assert_eq!(parts, 3);
    let summary = said(&events, Voice::Thought);
    assert_eq!(summary.matches("**").count(), 2 * parts);
    assert!(summary.starts_with("**Naming the effect**\n\nThe question says: why is the sky blue."), "{summary}");
    ask.terms.tells_thoughts = false;
    assert!(frame_of(&ask).contains(&Event::HiddenThought));
    assert_eq!(said(&events_of(&ask), Voice::Thought), "");
}

#[test]
fn effort_and_model_say_how_much_is_thought() {
    let thoughts = |effort| {
        let mut ask = Ask::first("Why is the sky blue?");
        ask.terms.effort = effort;
        said(&events_of(&ask), Voice::Thought).split("\n\n").filter(|paragraph| !paragraph.is_empty()).count()
    };
    assert_eq!([Effort::None, Effort::Less, Effort::Usual, Effort::More].map(thoughts), [0, 1, 3, 4]);
}

#[test]
fn a_bound_on_tokens_ends_an_answer_wherever_it_is() {
    for max in [1, 5, 200] {
        let mut ask = Ask::first("Why is the sky blue?");
        ask.terms.max_tokens = Some(max);
        let events = events_of(&ask);
        assert_eq!(tokens(&events).reasoning + tokens(&events).answer, max);
        assert_eq!(frame_of(&ask)[2..], [Event::Finish(Finish::Length), Event::Done]);
    }
    let mut ask = Ask::first("Why is the sky blue?");
    (ask.terms.max_tokens, ask.terms.stop) = (Some(1_000_000), vec!["Rayleigh".to_owned()]);
    assert_eq!(frame_of(&ask)[2..], [Event::Finish(Finish::Stop), Event::Done]);
    assert!(said(&events_of(&ask), Voice::Answer).ends_with("(**"));
}

#[test]
fn tools_are_called_when_asked_for() {
    let mut ask = Ask::first("use the tool look_up");
    let parameters = serde_json::json!({"type": "object", "properties": {"city": {"type": "string"}}});
    ask.terms.tools =
        serde_json::from_value(serde_json::json!([{"name": "look_up", "parameters": parameters}])).unwrap();
    let call = [Event::Call("look_up".to_owned()), Event::Finish(Finish::ToolCalls), Event::Done];
    assert_eq!(frame_of(&ask)[2..], call);
    assert_eq!(said(&events_of(&ask), Voice::Arguments), r#"{"city":"Berlin"}"#);
    ask.results = vec!["rain".to_owned()];
    assert_eq!(frame_of(&ask)[2..], [Event::Finish(Finish::Stop), Event::Done]);
    assert!(said(&events_of(&ask), Voice::Answer).contains("- “rain”"));
}

#[test]
fn a_model_can_decline() {
    let events = events("refuse to answer");
    assert!(said(&events, Voice::Refusal).starts_with("I'm sorry"));
    assert_eq!(said(&events, Voice::Answer), "");
    assert_eq!(frame("refuse to answer")[2..], [Event::Finish(Finish::Stop), Event::Done]);
}

#[test]
fn a_silence_can_come_in_the_middle_of_the_answer() {
    let beats = beats("silence for 20 s midway");
    let silence = beats.iter().position(|beat| *beat == Beat::Wait(Duration::from_secs(20))).unwrap();
    assert!(matches!(beats[silence - 1], Beat::Send(Event::Piece(Voice::Answer, _))));
    assert!(matches!(beats[silence + 2], Beat::Send(Event::Piece(Voice::Answer, _))));
}

#[test]
fn failures_of_the_responses_api_are_told_as_asked() {
    let frame = |words: &str| frame_of(&Ask::by_responses(&format!("no thoughts, fail with {words}")));
    let prompt = Event::Error(Fault::ContentFilter, Telling::ReasonLast);
    assert_eq!(frame("content_filter in the stream"), [Event::Opened, prompt]);
    let first = Event::Error(Fault::ContextLength, Telling::ReasonFirst);
    assert_eq!(frame("context_length_exceeded in the stream, reason first"), [Event::Opened, Event::Started, first]);
    assert_eq!(frame("upstream_protocol in the stream"), [Event::Opened, Event::Foreign]);
    let blocked = [Event::Opened, Event::Started, Event::Finish(Finish::ContentFilter), Event::Done];
    assert_eq!(frame("content_filter midway"), blocked);
    let limited = Script::write(&Ask::by_responses("fail with rate_limited in the stream"));
    assert!(matches!(limited, Script::Stream { retry_after: Some(RETRY_AFTER_SECONDS), .. }), "{limited:?}");
}

#[test]
fn a_tool_that_has_answered_is_not_called_again() {
    let calls = |results: &[&str]| {
        let mut ask = Ask::first("use the tool now");
        ask.terms.tools = serde_json::from_value(serde_json::json!([{"name": "now"}])).unwrap();
        ask.results = results.iter().map(|result| (*result).to_owned()).collect();
        let Script::Stream { steps, .. } = Script::write(&ask) else { panic!("a stream") };
        steps.iter().any(|step| matches!(step, Step::Send(Event::Call(_))))
    };
    assert!(calls(&[]) && !calls(&["noon"]));
}
