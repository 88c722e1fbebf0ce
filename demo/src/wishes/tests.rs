use super::*;
use crate::words::words;

fn read(text: &str) -> Wishes {
    Wishes::read(&words(text), Character::Thorough)
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn an_ordinary_question_wishes_nothing() {
    for text in [
        "Why is the sky blue?",
        "How long is a day, and how fast is light?",
        "A fastidious longing for shortbread and slowness",
        "The sound of silence",
        "I had to wait 30 minutes at the station",
        "",
    ] {
        let wishes = read(text);
        assert_eq!(wishes, read("x"), "{text}");
        assert!(wishes.spoken().is_empty());
    }
}

#[test]
fn pace_length_and_thinking_are_words_in_any_case() {
    assert_eq!(read("Answer SLOWLY.").pace, Pace::Slow);
    assert_eq!(read("be fast!").pace, Pace::Fast);
    assert_eq!(read("a long answer").length, Length::Long);
    assert_eq!(read("a longer answer").length, Length::Long);
    assert_eq!(read("Short, please").length, Length::Short);
    assert_eq!(read("no thoughts").thinking, Thinking::None);
    assert_eq!(read("think longer").thinking, Thinking::Longer);
    assert_eq!(read("think longer").length, Length::Usual);
    assert_eq!(read("think a bit longer and be short").length, Length::Short);
    assert!(read("with inline tags").inline_tags);
}

#[test]
fn the_quick_model_is_brisk_unless_it_is_told_otherwise() {
    let quick = |text: &str| Wishes::read(&words(text), Character::Quick);
    assert_eq!(quick("x").pace, Pace::Brisk);
    assert_eq!(quick("slowly").pace, Pace::Slow);
    assert!(quick("x").pace.answer() < read("x").pace.answer());
    assert!(quick("x").spoken().is_empty());
}

#[test]
fn thoughts_can_be_hidden_and_answers_refused() {
    assert!(read("Hide your thoughts, please").hidden && read("hidden thoughts").hidden);
    assert!(!read("What thoughts hide behind it?").hidden);
    assert_eq!(read("refuse to answer").ending, Ending::Refusal);
    assert_eq!(read("Why did he refuse the offer?").ending, Ending::Whole);
}

#[test]
fn pauses_have_units_and_a_bound() {
    assert_eq!(read("silence for 20 s").silence, seconds(20));
    assert_eq!(read("silence 20s").silence, seconds(20));
    assert_eq!(read("silence for 2 minutes").silence, seconds(120));
    assert_eq!(read("silence for 1.5 s").silence, Duration::from_millis(1500));
    assert_eq!(read("silence for 7").silence, seconds(7));
    assert_eq!(read("silence for 99999999999999999999 minutes").silence, MAX_PAUSE);
    assert_eq!(read("wait 30 s first").wait, seconds(30));
    assert_eq!(read("Wait for 250ms first.").wait, Duration::from_millis(250));
    assert_eq!(read("silence for a while").silence, Duration::ZERO);
}

#[test]
fn failures_are_found_by_code_with_their_place() {
    for (fault, code) in Fault::ALL {
        assert_eq!(read(&format!("please fail with {code}")).ending, Ending::Fault(fault, fault.place(None)));
    }
    assert_eq!(read("Fail with Content Filter").ending, Ending::Fault(Fault::ContentFilter, When::AtOnce));
    assert_eq!(read("fail with upstream_error midway").ending, Ending::Fault(Fault::Error, When::Midway));
    let after = Ending::Fault(Fault::RateLimited, When::AfterThoughts);
    assert_eq!(read("fail with rate_limited after the thoughts").ending, after);
    assert_eq!(read("fail with upstream_timeout at once").ending, Ending::Fault(Fault::Timeout, When::AtOnce));
    assert_eq!(read("fail with upstream_truncated at the end").ending, Ending::Fault(Fault::Truncated, When::AtEnd));
    assert_eq!(read("fail with rate_limited in the stream").ending, Ending::Fault(Fault::RateLimited, When::InStream));
    assert_eq!(read("late filter verdict").ending, Ending::LateVerdict);
    assert_eq!(read("cut by length").ending, Ending::Length);
}

#[test]
fn a_failure_is_told_in_four_ways() {
    for (words, telling) in [
        ("", Telling::ReasonLast),
        ("reason first", Telling::ReasonFirst),
        ("reason alone", Telling::ReasonAlone),
        ("without a reason", Telling::NoReason),
    ] {
        assert_eq!(read(&format!("fail with upstream_error midway, {words}")).telling, telling);
    }
}

#[test]
fn a_silence_may_be_midway() {
    assert!(read("silence for 3 s midway").silence_midway);
    assert!(!read("silence for 3 s").silence_midway);
    let failing = read("silence for 3 s, fail with upstream_error midway");
    assert!(!failing.silence_midway, "the failure is midway");
}

#[test]
fn an_unknown_failure_is_given_back_bounded() {
    let wishes = read("fail with teapot midway");
    assert_eq!((wishes.ending, wishes.unknown_fault.as_deref()), (Ending::Whole, Some("teapot")));
    assert_eq!(read(&format!("fail with {}", "x".repeat(99))).unknown_fault, Some("x".repeat(UNKNOWN_CODE_CHARS)));
    assert_eq!(read("fail with").unknown_fault, None);
}
