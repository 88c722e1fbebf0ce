use super::*;
use crate::beats::{Beat, Beats};

fn beats(question: &str) -> Vec<Beat> {
    match Script::write(&Ask::first(question)) {
        Script::Stream(steps) => Beats::new(steps, 0).collect(),
        Script::Refuse { refusal, .. } => panic!("{question}: {refusal:?}"),
    }
}

fn events(question: &str) -> Vec<Event> {
    let sent = |beat| {
        if let Beat::Send(event) = beat { Some(event) } else { None }
    };
    beats(question).into_iter().filter_map(sent).collect()
}

fn said(events: &[Event], by: Voice) -> String {
    let piece = |event: &Event| match event {
        Event::Piece(voice, text) if *voice == by => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(piece).collect()
}

/// Everything that is no piece, by which the shape of a stream is known.
fn frame(question: &str) -> Vec<Event> {
    events(question).into_iter().filter(|event| !matches!(event, Event::Piece(..) | Event::Usage(_))).collect()
}

#[test]
fn a_whole_answer_thinks_answers_counts_and_is_done() {
    let events = events("Why is the sky blue?");
    let stop = [Event::PromptFilter, Event::Role, Event::Finish(Finish::Stop), Event::Done];
    assert_eq!(frame("Why is the sky blue?"), stop);
    let pieces_by = |by| events.iter().filter(|e| matches!(e, Event::Piece(voice, _) if *voice == by)).count();
    let usage = events.iter().rev().nth(1).unwrap();
    let Event::Usage(tokens) = usage else { panic!("{usage:?}") };
    assert_eq!((tokens.reasoning, tokens.answer), (pieces_by(Voice::Thought), pieces_by(Voice::Answer)));
    assert!(said(&events, Voice::Thought).contains("Rayleigh"));
    let ask = Ask::first("Why is the sky blue?");
    assert_eq!(said(&events, Voice::Answer), answer::write(&ask, &Subject::Sky, &Wishes::read(&[])));
}

#[test]
fn usage_comes_only_when_asked_for() {
    let mut ask = Ask::first("x");
    ask.include_usage = false;
    let Script::Stream(steps) = Script::write(&ask) else { panic!("refused") };
    assert!(!steps.contains(&Step::Usage));
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
        let pace = Wishes::read(&words(question)).pace.thoughts();
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
    use Event::{Broken, Done, Error, PromptFilter, Role};
    let filtered = Event::Finish(Finish::ContentFilter);
    for (code, last) in [
        ("rate_limited", vec![Error(Fault::RateLimited)]),
        ("upstream_error", vec![Error(Fault::Error)]),
        ("content_filter", vec![filtered, Done]),
        ("upstream_protocol", vec![Broken]),
        ("upstream_truncated", vec![]),
        ("upstream_timeout", vec![]),
    ] {
        for (place, answered) in [("midway", true), ("after the thoughts", false)] {
            let question = format!("fail with {code} {place}");
            let expected: Vec<Event> = [PromptFilter, Role].into_iter().chain(last.clone()).collect();
            assert_eq!(frame(&question), expected, "{question}");
            let events = events(&question);
            assert!(!said(&events, Voice::Thought).is_empty());
            assert_eq!(!said(&events, Voice::Answer).is_empty(), answered, "{question}");
        }
    }
    assert_eq!(beats("fail with upstream_timeout").last(), Some(&Beat::Wait(STALL)));
    assert_eq!(frame("fail with upstream_timeout at once"), [PromptFilter, Role]);
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
