//! Upstream's events become the answer's lines. Pure and synchronous; nothing here waits or knows the time.
//!
//! In: [`Event`]s, in order. Out: choice lines, appended to a buffer, and at the end whether the answer was whole.
//! Whatever passes unchanged is copied as upstream wrote it; only thoughts that hide in the content are written anew.

mod chunk;
mod inline;
mod lines;

use serde_json::value::RawValue;

use self::chunk::{Choice, Chunk};
use self::inline::{InlineThoughts, Place, Told};
use self::lines::{Lines, Piece, Text, Texts};
use crate::error::{ChatError, Code};
use crate::filter;
use crate::json::{self, Object};
use crate::refusal::Account;
use crate::sse::Event;

/// Choices that one answer may have. This program asks for one; the bound is for what upstream may invent.
const MAX_CHOICES: u32 = 16;

/// What follows after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More events.
    Event,
    /// Nothing: upstream said `[DONE]`.
    End,
}

/// What is known of an answer while it comes.
#[derive(Debug, Default)]
pub struct Answer {
    thoughts: Vec<InlineThoughts>,
    /// Upstream's last finish reason, as it wrote it.
    finish_reason: Option<Box<str>>,
    /// Upstream's last usage, as it wrote it.
    usage: Option<Box<str>>,
    /// A filter result said `"filtered": true`.
    filtered: bool,
    /// Any thought, content, refusal or tool call has come.
    has_token: bool,
}

impl Answer {
    /// Takes one event and appends its choice lines, each with its `\n`, to `lines`.
    ///
    /// # Errors
    /// Upstream reports a failure, or the event is not what a chat completion stream holds.
    pub fn event(&mut self, event: &Event<'_>, lines: &mut Vec<u8>) -> Result<Next, ChatError> {
        let data = event.data.as_ref();
        if event.name == "error" {
            return Err(Account::read(data).into_stream_error());
        }
        if data == "[DONE]" {
            return Ok(Next::End);
        }
        if data.is_empty() {
            return Ok(Next::Event);
        }
        let Object(chunk) =
            serde_json::from_str::<Object<Chunk<'_>>>(data).map_err(|error| unreadable(&error, data))?;
        if chunk.error.is_some() {
            return Err(Account::read(data).into_stream_error());
        }
        let mut out = Lines::new(lines, data);
        if let Some(usage) = chunk.usage {
            if !usage.get().starts_with('{') {
                return Err(wrong_type("usage"));
            }
            self.usage = Some(usage.get().replace(['\n', '\r'], " ").into());
        }
        self.filtered |= chunk.prompt_filter_results.is_some_and(filter::any_filtered);
        for Object(choice) in chunk.choices.into_iter().flatten() {
            self.choice(&choice, &mut out)?;
        }
        Ok(Next::Event)
    }

    /// The stream is over. Appends what was still held back.
    ///
    /// # Errors
    /// `upstream_truncated`: no finish reason ever came, whatever else did.
    pub fn end(&mut self, lines: &mut Vec<u8>) -> Result<(), ChatError> {
        let mut out = Lines::new(lines, "");
        for (index, inline) in (0..).zip(&mut self.thoughts) {
            out.told(index, &inline.finish());
        }
        if self.finish_reason.is_some() {
            return Ok(());
        }
        Err(ChatError::new(Code::UpstreamTruncated, "The answer broke off before its end. Try again.")
            .caused_by("the stream ended without a finish reason"))
    }

    /// Whether a finish reason has come: from here on a lost connection loses nothing of the answer.
    pub fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Whether any thought, content, refusal or tool call has come.
    pub fn has_token(&self) -> bool {
        self.has_token
    }

    /// The finish reason of the whole answer, as JSON. A filter's verdict counts even when it came after `stop`.
    pub fn finish_reason(&self) -> &str {
        if self.filtered { "\"content_filter\"" } else { self.finish_reason.as_deref().unwrap_or("null") }
    }

    /// Upstream's count of tokens, as JSON.
    pub fn usage(&self) -> &str {
        self.usage.as_deref().unwrap_or("null")
    }

    fn choice(&mut self, choice: &Choice<'_>, out: &mut Lines<'_>) -> Result<(), ChatError> {
        if let Some(reason) = choice.finish_reason.filter(|raw| !json::is_null(raw)) {
            if !json::is_string(reason) {
                return Err(wrong_type("finish_reason"));
            }
            self.finish_reason = Some(reason.get().into());
        }
        self.filtered |= choice.content_filter_results.is_some_and(filter::any_filtered);
        let finishes = choice.finish_reason.is_some_and(|raw| !json::is_null(raw));

        let index = choice.index;
        let inline = inline_thoughts(&mut self.thoughts, index)?;
        let Some(Object(delta)) = &choice.delta else {
            if finishes {
                out.told(index, &inline.finish());
            }
            out.choice(choice, None);
            return Ok(());
        };

        let reasoning = match (delta.reasoning_content, delta.reasoning) {
            (Some(thoughts), Some(other)) if !has_text(thoughts) && has_text(other) => Some(other),
            (thoughts, other) => thoughts.or(other),
        };
        check_text("delta.reasoning_content", reasoning)?;
        check_text("delta.content", delta.content)?;
        self.has_token |= [reasoning, delta.content, delta.refusal].into_iter().flatten().any(has_text)
            || delta.tool_calls.is_some_and(|raw| !json::is_null(raw));
        if reasoning.is_some_and(has_text) {
            inline.stop_looking();
        }

        let mut texts = Texts { content: delta.content.map(Text::Raw), reasoning: reasoning.map(Text::Raw) };
        let told = match delta.content.filter(|raw| has_text(raw)).map(|raw| (raw, route(inline, raw))) {
            None | Some((_, Route::Content)) => Told::default(),
            Some((raw, Route::Thoughts)) => {
                texts = Texts { content: None, reasoning: Some(Text::Raw(raw)) };
                Told::default()
            }
            Some((raw, Route::Mixed)) => {
                let text: String = serde_json::from_str(raw.get()).map_err(|error| unreadable(&error, raw.get()))?;
                texts.content = None;
                inline.push(&text)
            }
        };
        let held = if finishes { inline.finish() } else { Told::default() };
        // The last piece of text rides on the choice's own line, the others go before it.
        let mut pieces = told.pieces().into_iter().chain(held.pieces()).filter(|piece| !piece.is_empty());
        let mut last = pieces.next();
        for piece in pieces {
            if let Some(earlier) = last.replace(piece) {
                out.piece(index, earlier);
            }
        }
        match last {
            Some(Piece::Content(text)) => texts.content = Some(Text::New(text)),
            Some(Piece::Thoughts(text)) => texts.reasoning = Some(Text::New(text)),
            None => {}
        }
        out.choice(choice, Some((delta, texts)));
        Ok(())
    }
}

/// How a piece of content passes.
enum Route {
    /// As content, untouched.
    Content,
    /// As thoughts, untouched.
    Thoughts,
    /// A tag may be in it, or part of one.
    Mixed,
}

/// Chooses without decoding the string, for nearly all pieces are plain.
fn route(inline: &mut InlineThoughts, content: &RawValue) -> Route {
    let raw = content.get().as_bytes();
    match inline.place() {
        Place::Answering if inline.is_clear() => Route::Content,
        Place::Start if inline.is_clear() && !matches!(raw.get(1), Some(b' ' | b'<' | b'\\')) => {
            inline.stop_looking();
            Route::Content
        }
        // Some encoders write < as \u003c; an escape beyond ASCII is no part of a tag.
        Place::Thinking
            if inline.is_clear()
                && memchr::memchr(b'<', raw).is_none()
                && memchr::memmem::find(raw, b"\\u00").is_none() =>
        {
            Route::Thoughts
        }
        _ => Route::Mixed,
    }
}

fn inline_thoughts(all: &mut Vec<InlineThoughts>, index: u32) -> Result<&mut InlineThoughts, ChatError> {
    if index >= MAX_CHOICES {
        return Err(protocol(format!("choice index {index} is not below {MAX_CHOICES}")));
    }
    let at = index as usize;
    if all.len() <= at {
        all.resize_with(at + 1, InlineThoughts::default);
    }
    all.get_mut(at).ok_or_else(|| protocol("choice index"))
}

fn check_text(field: &str, raw: Option<&RawValue>) -> Result<(), ChatError> {
    if raw.is_none_or(|raw| json::is_string(raw) || json::is_null(raw)) { Ok(()) } else { Err(wrong_type(field)) }
}

/// Whether a raw value is a string with something in it.
fn has_text(raw: &RawValue) -> bool {
    json::is_string(raw) && raw.get().len() > 2
}

fn protocol(cause: impl std::fmt::Display) -> ChatError {
    ChatError::new(Code::UpstreamProtocol, "The model's service sent something that is no answer. Tell the operator.")
        .caused_by(cause)
}

fn wrong_type(field: &str) -> ChatError {
    protocol(format!("an event's {field} has the wrong type"))
}

/// Position and size only: the event's text may hold the conversation.
fn unreadable(error: &serde_json::Error, data: &str) -> ChatError {
    protocol(format!(
        "an event of {} bytes is no chunk: {:?} fault at column {}",
        data.len(),
        error.classify(),
        error.column()
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines of some events, and how the answer ends.
    fn relay(events: &[&str]) -> (Vec<String>, Result<(String, String), Code>) {
        let mut answer = Answer::default();
        let mut lines = Vec::new();
        let mut end = None;
        for data in events {
            match answer.event(&Event { name: "", data: (*data).into() }, &mut lines) {
                Ok(Next::Event) => {}
                Ok(Next::End) => break,
                Err(error) => {
                    end = Some(Err(error.code()));
                    break;
                }
            }
        }
        let end = end.unwrap_or_else(|| answer.end(&mut lines).map_err(|error| error.code()));
        let end = end.map(|()| (answer.finish_reason().to_owned(), answer.usage().to_owned()));
        let lines = String::from_utf8(lines).unwrap();
        assert!(lines.is_empty() || lines.ends_with('\n'));
        (lines.lines().map(str::to_owned).collect(), end)
    }

    fn lines(events: &[&str]) -> Vec<String> {
        relay(events).0
    }

    fn code(event: &str) -> Code {
        relay(&[event]).1.unwrap_err()
    }

    const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

    fn content(text: &str) -> String {
        format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{}}}}}]}}"#, serde_json::to_string(text).unwrap())
    }

    #[test]
    fn what_passes_is_as_upstream_wrote_it_and_nothing_else_passes() {
        let event = r#"{"id":"x","system_fingerprint":"fp","obfuscation":"o","routing":{"a":1},"choices":[{"index":0,"delta":{"role":"assistant","content":"a\u00e9\n","function_call":null,"refusal":null,"tool_calls":[{"index":0, "id":"t"}],"reasoning_details":[]},"finish_reason":null,"logprobs":null,"content_filter_results":{"hate":{"filtered":false}},"matched_stop":7}],"usage":null}"#;
        assert_eq!(
            lines(&[event]),
            [
                r#"{"index":0,"delta":{"role":"assistant","content":"a\u00e9\n","refusal":null,"tool_calls":[{"index":0, "id":"t"}]},"finish_reason":null,"logprobs":null,"content_filter_results":{"hate":{"filtered":false}}}"#
            ]
        );
    }

    #[test]
    fn fields_that_were_not_sent_are_not_made_up() {
        assert_eq!(lines(&[r#"{"choices":[{"delta":{"content":"a"}}]}"#]), [r#"{"index":0,"delta":{"content":"a"}}"#]);
        assert_eq!(
            lines(&[r#"{"choices":[{"index":1,"delta":null,"finish_reason":null}]}"#]),
            [r#"{"index":1,"finish_reason":null}"#]
        );
    }

    #[test]
    fn events_without_choices_make_no_line_and_several_choices_make_one_each() {
        for event in ["", "{}", r#"{"choices":[]}"#, r#"{"choices":null,"prompt_filter_results":[]}"#] {
            assert!(lines(&[event]).is_empty(), "{event}");
        }
        let two = r#"{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]}"#;
        assert_eq!(lines(&[two]), [r#"{"index":0,"delta":{"content":"a"}}"#, r#"{"index":1,"delta":{"content":"b"}}"#]);
    }

    #[test]
    fn every_dialect_of_thoughts_is_reasoning_content() {
        let thought = r#"{"index":0,"delta":{"reasoning_content":"hmm"}}"#;
        for delta in [
            r#"{"reasoning_content":"hmm"}"#,
            r#"{"reasoning":"hmm"}"#,
            r#"{"reasoning":"hmm","reasoning_content":"hmm"}"#,
            r#"{"reasoning":null,"reasoning_content":"hmm"}"#,
            r#"{"reasoning":"hmm","reasoning_content":null}"#,
        ] {
            assert_eq!(lines(&[&format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#)]), [thought], "{delta}");
        }
        assert_eq!(
            lines(&[&content("<think>"), &content("hmm"), &content("</think>"), &content("Hi")]),
            [
                r#"{"index":0,"delta":{}}"#,
                thought,
                r#"{"index":0,"delta":{}}"#,
                r#"{"index":0,"delta":{"content":"Hi"}}"#
            ]
        );
    }

    #[test]
    fn a_piece_with_both_makes_two_lines_and_the_rest_rides_on_the_last() {
        let event = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"\u003cthink\u003ea\u003c/think\u003eb"},"finish_reason":"stop","logprobs":null}]}"#;
        assert_eq!(
            lines(&[event]),
            [
                r#"{"index":0,"delta":{"reasoning_content":"a"},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"role":"assistant","content":"b"},"finish_reason":"stop","logprobs":null}"#
            ]
        );
    }

    #[test]
    fn a_think_tag_later_in_the_answer_is_text() {
        let event = content("See <think>this</think>.");
        assert_eq!(lines(&[&event]), [r#"{"index":0,"delta":{"content":"See <think>this</think>."}}"#]);
        let after_reasoning =
            [r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hmm"}}]}"#, &content("<think>x")];
        assert_eq!(lines(&after_reasoning)[1], r#"{"index":0,"delta":{"content":"<think>x"}}"#);
    }

    #[test]
    fn what_was_held_back_as_a_tag_comes_out_with_the_end() {
        assert_eq!(
            lines(&[&content("<thin"), STOP]),
            [r#"{"index":0,"delta":{}}"#, r#"{"index":0,"delta":{"content":"<thin"},"finish_reason":"stop"}"#]
        );
        let (cut, end) = relay(&[&content("<think>a</th")]);
        assert_eq!(
            cut,
            [
                r#"{"index":0,"delta":{"reasoning_content":"a"}}"#,
                r#"{"index":0,"delta":{"reasoning_content":"</th"},"finish_reason":null}"#
            ]
        );
        assert_eq!(end, Err(Code::UpstreamTruncated));
    }

    #[test]
    fn each_choice_has_thoughts_of_its_own() {
        let event =
            |index: u32, text: &str| format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"{text}"}}}}]}}"#);
        let told = lines(&[&event(1, "<think>"), &event(0, "a"), &event(1, "b")]);
        assert_eq!(told[1], r#"{"index":0,"delta":{"content":"a"}}"#);
        assert_eq!(told[2], r#"{"index":1,"delta":{"reasoning_content":"b"}}"#);
    }

    #[test]
    fn the_last_finish_reason_and_usage_count() {
        let usage = r#"{"choices":[],"usage":{"total_tokens":7}}"#;
        assert_eq!(
            relay(&[STOP, usage, "[DONE]", "junk"]).1,
            Ok(("\"stop\"".to_owned(), r#"{"total_tokens":7}"#.to_owned()))
        );
        assert_eq!(relay(&[STOP]).1, Ok(("\"stop\"".to_owned(), "null".to_owned())), "[DONE] is not needed");
        assert_eq!(relay(&["[DONE]"]).1, Err(Code::UpstreamTruncated), "[DONE] is not enough");
        assert_eq!(relay(&[usage]).1, Err(Code::UpstreamTruncated));
    }

    #[test]
    fn a_filters_verdict_counts_whenever_it_comes() {
        let verdict = r#"{"choices":[{"index":0,"finish_reason":null,"content_filter_results":{"custom_blocklists":[{"filtered":true}]},"content_filter_offsets":{"check_offset":1}}]}"#;
        let (told, end) = relay(&[STOP, verdict, "[DONE]"]);
        assert_eq!(
            told[1],
            r#"{"index":0,"finish_reason":null,"content_filter_results":{"custom_blocklists":[{"filtered":true}]},"content_filter_offsets":{"check_offset":1}}"#
        );
        assert_eq!(end.unwrap().0, "\"content_filter\"");
    }

    #[test]
    fn what_is_no_chunk_is_a_protocol_fault() {
        for event in [
            "not JSON",
            "[DONE]x",
            " [DONE]",
            "[]",
            "null",
            "7",
            r#"{"choices":{}}"#,
            r#"{"choices":[[]]}"#,
            r#"{"choices":[{"index":"0"}]}"#,
            r#"{"choices":[{"index":-1}]}"#,
            r#"{"choices":[{"index":99,"delta":{}}]}"#,
            r#"{"choices":[{"delta":[]}]}"#,
            r#"{"choices":[{"delta":{"content":7}}]}"#,
            r#"{"choices":[{"delta":{"reasoning":{}}}]}"#,
            r#"{"choices":[{"finish_reason":7}]}"#,
            r#"{"usage":7}"#,
            r#"{"choices":[]}}"#,
        ] {
            assert_eq!(code(event), Code::UpstreamProtocol, "{event}");
        }
    }

    #[test]
    fn halves_of_a_character_in_two_events_pass_as_they_are() {
        let half = |escape: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{escape}"}}}}]}}"#);
        for before in ["a", "<think>a"] {
            let told = lines(&[&content(before), &half(r"\ud83d"), &half(r"\ude04")]);
            assert!(told[1].contains(r#"content":"\ud83d""#), "{told:?}");
            assert!(told[2].contains(r#"content":"\ude04""#), "{told:?}");
        }
    }

    #[test]
    fn a_failure_in_the_stream_is_told_by_field_or_by_name() {
        assert_eq!(code(r#"{"error":{"message":"m"},"choices":[]}"#), Code::UpstreamError);
        let mut answer = Answer::default();
        let event = Event { name: "error", data: r#"{"code":"429","message":"m"}"#.into() };
        assert_eq!(answer.event(&event, &mut Vec::new()).unwrap_err().code(), Code::RateLimited);
        assert!(lines(&[r#"{"error":null,"choices":[]}"#]).is_empty(), "null is no failure");
    }

    #[test]
    fn an_event_of_several_lines_is_one_line() {
        let event = "{\n\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":{\n\"a\":1}}],\n\"usage\":{\n\"b\":2}}";
        let (told, _) = relay(&[event]);
        assert_eq!(told, [r#"{"index":0,"delta":{"content":"a"},"logprobs":{ "a":1}}"#]);
        assert_eq!(
            code("{\"choices\":[{\"delta\":{\"content\":\"a\nb\"}}]}"),
            Code::UpstreamProtocol,
            "not inside text"
        );
    }

    proptest! {
        /// Whatever text a model says, in whatever pieces: it arrives whole, each line is JSON.
        #[test]
        fn text_arrives_whole(pieces in prop::collection::vec("(<think>|</think>|<|\\PC|\n){0,4}", 0..10)) {
            let events: Vec<String> = pieces.iter().map(|piece| content(piece)).chain([STOP.to_owned()]).collect();
            let (told, end) = relay(&events.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert!(end.is_ok());
            let (mut thoughts, mut text) = (String::new(), String::new());
            for line in told {
                let line: serde_json::Value = serde_json::from_str(&line).unwrap();
                thoughts.push_str(line["delta"]["reasoning_content"].as_str().unwrap_or_default());
                text.push_str(line["delta"]["content"].as_str().unwrap_or_default());
            }
            let whole: String = pieces.concat();
            let trimmed = whole.trim_ascii_start();
            if trimmed.starts_with("<think>") {
                let space = &whole[..whole.len() - trimmed.len()];
                let inside = trimmed.strip_prefix("<think>").unwrap();
                let (inside, after) = inside.split_once("</think>").unwrap_or((inside, ""));
                prop_assert_eq!(thoughts, inside);
                prop_assert_eq!(text, format!("{space}{after}"));
            } else {
                prop_assert_eq!((thoughts, text), (String::new(), whole));
            }
        }

        /// No event, however odd, makes a line that is not one JSON object.
        #[test]
        fn every_line_is_json(event in "(\\{|\\}|\\[|\\]|:|,|\"|choices|delta|content|index|error|null|true|7|\n| ){0,30}") {
            let (told, _) = relay(&[&event]);
            for line in told {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&line).unwrap().is_object());
            }
        }
    }
}
