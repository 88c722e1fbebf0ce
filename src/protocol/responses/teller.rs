//! Tells an answer's texts, piece by piece, as choice lines: each part in its place, with a blank line between what are
//! paragraphs, once however often the service repeats it, and with whole characters only.

use serde_json::value::RawValue;

use super::measure::Measure;
use super::protocol;
use crate::answer::halves::{Half, replace_lone};
use crate::answer::inline::{InlineThoughts, Route};
use crate::answer::lines::{Kind, Lines};
use crate::answer::stray::StrayClose;
use crate::answer::{Answer, Told};
use crate::error::ChatError;
use crate::json;

/// Parts that one answer may have; those of long research have some hundreds.
const MAX_PARTS: usize = 4096;

/// A paragraph ends: the inside of a JSON string.
const BLANK_LINE: &str = "\\n\\n";

/// A text of the answer. Items are known by their place in the output alone: behind some gateways their ids change from
/// event to event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its item's place in the output.
    pub(super) item: u32,
    pub(super) role: Role,
    /// Its place among the item's texts of this role; a call's place among all calls.
    pub(super) index: u32,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A summary of the model's thoughts.
    Summary,
    /// The model's thoughts in its own words.
    Thought,
    /// The answer's text.
    Content,
    Refusal,
    /// A function call's arguments.
    Call,
}

impl Role {
    pub(super) fn is_thought(self) -> bool {
        matches!(self, Self::Summary | Self::Thought)
    }

    /// Whether texts of the two roles are one text to the reader.
    fn joins(self, other: Self) -> bool {
        self == other || self.is_thought() && other.is_thought()
    }
}

/// What has been told so far.
#[derive(Debug)]
pub(super) struct Teller {
    /// In the order in which they began.
    parts: Vec<(Part, Measure)>,
    /// The one that was told last, by its place in `parts`, and its unfinished character.
    current: usize,
    half: Half,
    /// Thoughts inside the content; not looked for once the service tells thoughts apart itself.
    inline: InlineThoughts,
    stray: StrayClose,
}

impl Teller {
    /// `starts_in_thoughts`: the content begins inside a think block (`STARTS_IN_THOUGHTS`).
    pub(super) fn new(starts_in_thoughts: bool) -> Self {
        Self {
            parts: Vec::new(),
            current: 0,
            half: Half::default(),
            inline: InlineThoughts::new(starts_in_thoughts),
            stray: StrayClose::default(),
        }
    }

    /// The service tells thoughts apart itself.
    pub(super) fn knows_thoughts(&mut self) {
        self.inline.stop_looking();
    }

    /// Whether anything of an item has been told.
    pub(super) fn has_told(&self, item: u32) -> bool {
        self.parts.iter().rev().any(|(part, told)| part.item == item && (part.role == Role::Call || !told.is_empty()))
    }

    /// How many calls there are.
    pub(super) fn calls(&self) -> u32 {
        self.parts.iter().fold(0, |calls, (part, _)| calls + u32::from(part.role == Role::Call))
    }

    /// The call that an item is, if it has begun.
    pub(super) fn call(&self, item: u32) -> Option<Part> {
        self.parts.iter().rev().map(|(part, _)| *part).find(|part| part.item == item && part.role == Role::Call)
    }

    /// A call begins. `id` and `name` are JSON strings.
    pub(super) fn begin_call(
        &mut self,
        item: u32,
        [id, name]: [&RawValue; 2],
        out: &mut Lines<'_>,
        answer: &mut Answer,
    ) -> Result<Part, ChatError> {
        let part = Part { item, role: Role::Call, index: self.calls() };
        self.turn_to(part, out, answer)?;
        begin_call_line(out, part.index);
        out.put(",\"id\":");
        out.put(&replace_lone(id.get()));
        out.put(",\"type\":\"function\",\"function\":{\"name\":");
        out.put(&replace_lone(name.get()));
        out.put(",\"arguments\":\"\"}}]},\"finish_reason\":null}\n");
        answer.puts_out(true);
        Ok(part)
    }

    /// Tells a piece of a part's text, which is a JSON string.
    pub(super) fn tell(
        &mut self,
        part: Part,
        string: &str,
        out: &mut Lines<'_>,
        answer: &mut Answer,
    ) -> Result<(), ChatError> {
        if string.len() <= 2 || !self.turn_to(part, out, answer)? {
            return Ok(());
        }
        let joined = self.half.join(string);
        let Some(inside) = joined.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return Ok(()) };
        if inside.is_empty() {
            return Ok(());
        }
        let pause = if self.begins_a_paragraph(part) { BLANK_LINE } else { "" };
        if let Some((_, told)) = self.parts.get_mut(self.current) {
            told.add(inside);
        }
        self.write(part, [pause, inside], out, answer)
    }

    /// Tells what a part's whole text, a JSON string, has beyond what was told of it.
    pub(super) fn complete(
        &mut self,
        part: Part,
        whole: &str,
        out: &mut Lines<'_>,
        answer: &mut Answer,
    ) -> Result<(), ChatError> {
        let known = self.parts.iter().rposition(|(known, told)| *known == part && !told.is_empty());
        let Some((at, (_, told))) = known.and_then(|at| self.parts.get(at).map(|known| (at, known))) else {
            return self.tell(part, whole, out, answer);
        };
        let inside = whole.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
        let rest = told.rest_of(inside);
        if rest.is_empty() {
            return Ok(());
        }
        if at == self.current {
            // A half that waits is in the rest, with its other half.
            self.half = Half::default();
        }
        let rest = format!("\"{rest}\"");
        self.tell(part, &rest, out, answer)
    }

    /// The answer is over: what was held back.
    pub(super) fn finish(&mut self, out: &mut Lines<'_>, answer: &mut Answer) {
        self.give_up_half(out, answer);
        for piece in self.inline.finish().pieces() {
            out.piece(0, piece);
        }
    }

    /// Another part may go on. Answers whether this one is told at all: of thoughts that come in two forms, only those of
    /// the first are.
    fn turn_to(&mut self, part: Part, out: &mut Lines<'_>, answer: &mut Answer) -> Result<bool, ChatError> {
        if self.parts.get(self.current).is_some_and(|(current, _)| *current == part) {
            return Ok(true);
        }
        let other_form = |other: &Part| other.item == part.item && other.role != part.role && other.role.is_thought();
        if part.role.is_thought() && self.parts.iter().any(|(other, _)| other_form(other)) {
            return Ok(false);
        }
        self.give_up_half(out, answer);
        self.current = match self.parts.iter().rposition(|(other, _)| *other == part) {
            Some(at) => at,
            None if self.parts.len() == MAX_PARTS => {
                return Err(protocol(format!("an answer of more than {MAX_PARTS} parts")));
            }
            None => {
                self.parts.push((part, Measure::default()));
                self.parts.len() - 1
            }
        };
        Ok(true)
    }

    /// Whether the current part, of which nothing has been told, is a paragraph of its own after another one: a thought
    /// after a thought, a message after a message. The texts of one message are one text.
    fn begins_a_paragraph(&self, part: Part) -> bool {
        let is_new = self.parts.get(self.current).is_some_and(|(_, told)| told.is_empty());
        let told = |joins: fn(Part, Part) -> bool| {
            self.parts
                .iter()
                .any(|(other, told)| joins(part, *other) && part.role.joins(other.role) && !told.is_empty())
        };
        is_new
            && part.role != Role::Call
            && told(|_, _| true)
            && (part.role.is_thought() || !told(|part, other| part.item == other.item))
    }

    fn give_up_half(&mut self, out: &mut Lines<'_>, answer: &mut Answer) {
        if let Some(half) = self.half.finish()
            && let Some((part, told)) = self.parts.get_mut(self.current)
        {
            told.add(half);
            let part = *part;
            // Only text that was mixed with tags can fail, and this is none.
            let _ = self.write(part, ["", half], out, answer);
        }
    }

    /// Writes a piece: the insides of two JSON strings.
    fn write(
        &mut self,
        part: Part,
        inside: [&str; 2],
        out: &mut Lines<'_>,
        answer: &mut Answer,
    ) -> Result<(), ChatError> {
        answer.puts_out(true);
        match part.role {
            Role::Summary => answer.thinks(Told::Summary),
            Role::Thought => answer.thinks(Told::Whole),
            Role::Content => return self.write_content(inside, out, answer),
            Role::Refusal => {
                line(out, "\"refusal\":", inside);
                return Ok(());
            }
            Role::Call => {
                begin_call_line(out, part.index);
                out.put(",\"function\":{\"arguments\":\"");
                for inside in inside {
                    out.put(inside);
                }
                out.put("\"}}]},\"finish_reason\":null}\n");
                return Ok(());
            }
        }
        self.inline.stop_looking();
        line(out, Kind::Thoughts.key(), inside);
        Ok(())
    }

    fn write_content(&mut self, inside: [&str; 2], out: &mut Lines<'_>, answer: &mut Answer) -> Result<(), ChatError> {
        let [pause, text] = inside;
        match self.inline.route(if pause.is_empty() { text } else { pause }) {
            Route::Content => {
                if !answer.has_told_thoughts() && !self.stray.is_found() {
                    self.stray.look(text);
                    if self.stray.is_found() {
                        answer.has_stray_close();
                    }
                }
                line(out, Kind::Content.key(), inside);
            }
            Route::Thoughts => {
                answer.thinks(Told::Whole);
                line(out, Kind::Thoughts.key(), inside);
            }
            Route::Mixed => {
                let text = json::lossy_text(&format!("\"{pause}{text}\""))
                    .map_err(|_| protocol("a text is no JSON string"))?;
                for piece in self.inline.push(&text).pieces() {
                    if piece.kind == Kind::Thoughts {
                        answer.thinks(Told::Whole);
                    }
                    out.piece(0, piece);
                }
            }
        }
        Ok(())
    }
}

/// A line with one text.
fn line(out: &mut Lines<'_>, key: &str, inside: [&str; 2]) {
    out.index(0);
    out.put(",\"delta\":{");
    out.put(key);
    out.put("\"");
    for inside in inside {
        out.put(inside);
    }
    out.put("\"},\"finish_reason\":null}\n");
}

fn begin_call_line(out: &mut Lines<'_>, call: u32) {
    out.index(0);
    out.put(",\"delta\":{\"tool_calls\":[{\"index\":");
    out.number(call);
}
