//! Every answer is compared with what was called for, to the last byte, while it is timed.

use std::sync::Arc;

use crate::answer::Answer;
use crate::pacer::{STAMP, stamp_text};
use crate::rewritten;
use bench_events::event::{self, Field, Form};

/// What came of an answer that carries stamps.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    /// The stamps, in order.
    pub(crate) sent: Vec<u64>,
    /// When each was here.
    pub(crate) arrived: Vec<u64>,
}

/// Where in an answer the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the line or chunk that this program begins with.
    Start,
    Events,
    /// Behind the events of an answer in chunks, before the mark of its end.
    Last,
    /// Behind the events.
    Tail,
}

/// One answer on its way.
#[derive(Debug)]
pub(crate) struct Check {
    form: Form,
    place: Place,
    /// What was called for; `None`: a paced answer, whose texts are stamps.
    answer: Option<Arc<Answer>>,
    /// How much of the expected bytes, or how many events of those compared one by one, has come.
    at: usize,
    /// What has come and could not be compared yet.
    rest: Vec<u8>,
    stamps: Stamps,
    /// What each chunk begins with: its own first one told it.
    head: Vec<u8>,
}

impl Check {
    /// For an answer that does not depend on time.
    pub(crate) fn of(form: Form, answer: Arc<Answer>) -> Self {
        Self::new(form, Some(answer))
    }

    /// For a paced answer.
    pub(crate) fn of_paced(form: Form) -> Self {
        // Chunks are compared with built ones, which a paced answer has none of.
        Self::new(if form == Form::Chunks { Form::Rewritten } else { form }, None)
    }

    fn new(form: Form, answer: Option<Arc<Answer>>) -> Self {
        let place = if matches!(form, Form::Lines | Form::Chunks) { Place::Start } else { Place::Events };
        Self { form, place, answer, at: 0, rest: Vec::new(), stamps: Stamps::default(), head: Vec::new() }
    }

    /// Takes bytes of the body that arrived at `now`. Gives the share of an answer's events that they were, of those
    /// without stamps.
    ///
    /// # Errors
    /// They are not what was called for.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], now: u64) -> Result<f64, String> {
        if self.form == Form::Chunks {
            self.rest.extend_from_slice(bytes);
            return self.chunks();
        }
        if self.place == Place::Start {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                self.rest.extend_from_slice(bytes);
                return Ok(0.0);
            };
            let (line, after) = bytes.split_at(end + 1);
            self.rest.extend_from_slice(line);
            if !self.rest.starts_with(event::START) {
                return Err(differs("the first line", &self.rest));
            }
            self.rest.clear();
            self.place = Place::Events;
            bytes = after;
        }
        match (&self.answer, self.form) {
            (Some(answer), Form::Events | Form::Lines) => {
                let expected = if self.form == Form::Events { answer.body() } else { answer.lines() };
                let left = expected.get(self.at..).unwrap_or_default();
                let (now_due, more) = bytes.split_at(bytes.len().min(left.len()));
                if !left.starts_with(now_due) {
                    return Err(differs("an event", now_due));
                }
                self.at += now_due.len();
                self.rest.extend_from_slice(more);
                #[expect(clippy::cast_precision_loss, reason = "lengths of answers are far below 2^52")]
                Ok(now_due.len() as f64 / expected.len() as f64)
            }
            (None, Form::Events | Form::Lines) => {
                self.rest.extend_from_slice(bytes);
                self.paced(now);
                Ok(0.0)
            }
            (_, Form::Json | Form::Chunks | Form::Rewritten) => {
                self.rest.extend_from_slice(bytes);
                self.json(now)
            }
        }
    }

    /// The answer is over. Gives its stamps.
    ///
    /// # Errors
    /// It is not whole.
    pub(crate) fn end(self) -> Result<Stamps, String> {
        let whole = match (&self.answer, self.form) {
            (Some(answer), Form::Events) => self.at == answer.body().len() && self.rest.is_empty(),
            (Some(answer), Form::Lines) => self.at == answer.lines().len() && answer.shape().is_done(&self.rest),
            (None, Form::Events) => self.rest == event::end().as_bytes(),
            (None, Form::Lines) => self.rest.strip_prefix(event::LAST_LINE.as_bytes()).is_some_and(event::is_done),
            (answer, Form::Json | Form::Chunks | Form::Rewritten) => {
                let all = answer.as_ref().is_none_or(|answer| self.at == answer.events() as usize);
                all && self.place == Place::Tail && self.rest.is_empty()
            }
        };
        if whole { Ok(self.stamps) } else { Err(differs("the end", &self.rest)) }
    }

    /// Events of a paced answer, which differ in their stamps only.
    fn paced(&mut self, now: u64) {
        let mut taken = 0;
        while self.place == Place::Events {
            let field = Field::of_paced(self.at);
            let (before, after) =
                if self.form == Form::Events { event::around(field) } else { event::around_line(field) };
            let Some(unit) = self.rest.get(taken..taken + before.len() + STAMP + 1 + after.len()) else { break };
            let stamp = unit
                .strip_prefix(before.as_bytes())
                .and_then(|rest| rest.strip_suffix(after.as_bytes()))
                .and_then(stamp_of);
            let Some(stamp) = stamp else {
                // What follows must be the end; `end` sees to that.
                self.place = Place::Tail;
                break;
            };
            self.stamps.sent.push(stamp);
            self.stamps.arrived.push(now);
            self.at += 1;
            taken += unit.len();
        }
        self.rest.drain(..taken);
    }

    /// Chunks for an OpenAI client: all begin alike, and what follows is compared to the byte.
    fn chunks(&mut self) -> Result<f64, String> {
        let answer = self.answer.clone().ok_or("a paced answer in chunks is not checked here")?;
        let (mut events, mut taken) = (0.0, 0);
        while let Some(end) = memchr::memmem::find(self.rest.get(taken..).unwrap_or_default(), b"\n\n") {
            let unit = self.rest.get(taken..taken + end + 2).unwrap_or_default();
            taken += unit.len();
            let expected = answer.chunks().get(self.at).map_or(event::LAST_CHUNK, String::as_str);
            match self.place {
                Place::Start => {
                    let head = unit.strip_suffix(event::ROLE_CHUNK.as_bytes());
                    let head = head.filter(|head| head.ends_with(event::CHOICES.as_bytes()));
                    self.head = head.ok_or_else(|| differs("the first chunk", unit))?.to_vec();
                    self.place = Place::Events;
                }
                Place::Events if unit.strip_prefix(self.head.as_slice()) == Some(expected.as_bytes()) => {
                    if self.at < answer.chunks().len() {
                        self.at += 1;
                        events += 1.0 / f64::from(answer.events());
                    } else {
                        self.place = Place::Last;
                    }
                }
                Place::Last if unit == event::DONE.as_bytes() => self.place = Place::Tail,
                _ => return Err(differs("a chunk", unit)),
            }
        }
        self.rest.drain(..taken);
        Ok(events)
    }

    /// Lines of a relay that writes them anew.
    fn json(&mut self, now: u64) -> Result<f64, String> {
        let mut events = 0.0;
        let mut taken = 0;
        while let Some(end) = memchr::memchr(b'\n', self.rest.get(taken..).unwrap_or_default()) {
            let line = self.rest.get(taken..taken + end).unwrap_or_default();
            taken += end + 1;
            let choice: serde_json::Value = if self.form == Form::Rewritten {
                let Some(choice) = rewritten::choice(line)? else { continue };
                choice
            } else {
                serde_json::from_slice(line).map_err(|_| differs("a line", line))?
            };
            let text = |field: Field| choice.get("delta").and_then(|delta| delta.get(field.name())?.as_str());
            let reason = choice.get("finish_reason").and_then(serde_json::Value::as_str);
            let expected = match &self.answer {
                Some(answer) if self.at < answer.events() as usize => {
                    let (field, text) = answer.text(u32::try_from(self.at).unwrap_or(u32::MAX));
                    Some((field, serde_json::from_str(&format!("\"{text}\"")).unwrap_or(text)))
                }
                Some(_) => None,
                None => {
                    let field = Field::of_paced(self.at);
                    text(field).map(|text| (field, text.to_owned()))
                }
            };
            if self.place == Place::Tail {
                return Err(differs("a line after the last", line));
            }
            let Some((field, expected)) = expected else {
                if reason != Some("stop") || text(Field::Content).is_some() || text(Field::Thoughts).is_some() {
                    return Err(differs("the last line", line));
                }
                self.place = Place::Tail;
                continue;
            };
            let other = if field == Field::Content { Field::Thoughts } else { Field::Content };
            if text(field) != Some(&expected) || text(other).is_some() || reason.is_some() {
                return Err(differs("a line", line));
            }
            if let Some(answer) = &self.answer {
                events += 1.0 / f64::from(answer.events());
            } else {
                self.stamps.sent.push(stamp_of(expected.as_bytes()).ok_or_else(|| differs("a stamp", line))?);
                self.stamps.arrived.push(now);
            }
            self.at += 1;
        }
        self.rest.drain(..taken);
        Ok(events)
    }
}

/// The stamp that a text is.
fn stamp_of(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text.get(..STAMP)?).ok()?;
    let stamp = digits.parse().ok()?;
    (stamp_text(stamp).as_bytes() == text).then_some(stamp)
}

fn differs(what: &str, bytes: &[u8]) -> String {
    let shown = String::from_utf8_lossy(bytes.get(..bytes.len().min(300)).unwrap_or_default()).into_owned();
    format!("{what} is not what was called for: {shown:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Answers;
    use crate::plan::{Mode, Plan};
    use bench_events::dialect::Dialect;

    const START: &str = "{\"start\":{\"request_id\":\"r\",\"deployment\":\"d\"}}\n";
    const DONE: &str = "{\"done\":{\"finish_reason\":\"stop\",\"usage\":{\"completion_tokens\":500,\"prompt_tokens\":12,\"total_tokens\":512},\"thoughts\":\"shown\",\"elapsed_ms\":1,\"first_token_ms\":1}}\n";

    fn answer(variant: u32) -> Arc<Answer> {
        answer_in(Dialect::Chat, variant)
    }

    fn answer_in(dialect: Dialect, variant: u32) -> Arc<Answer> {
        Answers::default().get(Plan { id: 0, variant, events: 8, text: 20, batch: 1, mode: Mode::Free, dialect })
    }

    fn body(form: Form, variant: u32) -> String {
        let answer = answer(variant);
        let lines = String::from_utf8(answer.lines().to_vec()).unwrap();
        match form {
            Form::Events | Form::Rewritten => String::from_utf8(answer.body().to_vec()).unwrap(),
            Form::Lines => [START, &lines, DONE].concat(),
            Form::Json => lines,
            Form::Chunks => {
                let head = "data: {\"id\":\"x\",\"created\":1,\"choices\":[";
                let chunks = answer.chunks().iter().map(String::as_str);
                let all = [event::ROLE_CHUNK].into_iter().chain(chunks).chain([event::LAST_CHUNK]);
                all.flat_map(|chunk| [head, chunk]).collect::<String>() + event::DONE
            }
        }
    }

    /// The same for every split.
    fn judge(mut check: impl FnMut() -> Check, body: &str) -> bool {
        let mut judged = (0..body.len()).step_by(7).map(|at| {
            let (first, second) = body.as_bytes().split_at(at);
            let mut check = check();
            check.feed(first, 1).and_then(|_| check.feed(second, 2)).is_ok() && check.end().is_ok()
        });
        let first = judged.next().unwrap();
        assert!(judged.all(|other| other == first), "{body}");
        first
    }

    #[test]
    fn an_answer_must_be_the_one_that_was_called_for() {
        for form in [Form::Events, Form::Lines, Form::Chunks, Form::Json] {
            let good = body(form, 3);
            let is_good = |body: &str| judge(|| Check::of(form, answer(3)), body);
            assert!(is_good(&good), "{form:?}");
            let line_ends: Vec<usize> = good.match_indices('\n').map(|(at, _)| at + 1).collect();
            let middle = line_ends[line_ends.len() / 2];
            let (before, after) = good.split_at(middle);
            for wrong in [
                body(form, 4),
                good.replacen("0000002 ", "0000003 ", 1),
                [before, good.split_inclusive('\n').nth(1).unwrap(), after].concat(),
                before.to_owned(),
                good.trim_end().to_owned(),
                [&good, "x\n"].concat(),
            ] {
                assert!(!is_good(&wrong), "{form:?}: {wrong}");
            }
        }
        // What another gateway writes around the texts is its own affair.
        let good = body(Form::Rewritten, 3);
        let is_good = |body: &str| judge(|| Check::of(Form::Rewritten, answer(3)), body);
        assert!(is_good(&good) && is_good(&body(Form::Chunks, 3)));
        let (whole, _) = good.split_once("data: {\"choices\":[],").unwrap();
        let half = good.split_at(good.len() / 2).0;
        let other = good.replacen("0000002 ", "0000003 ", 1);
        assert!(is_good(whole) && !is_good(half) && !is_good(&other) && !is_good(&body(Form::Rewritten, 4)));
        let good = body(Form::Lines, 3);
        let is_good = |body: &str| judge(|| Check::of(Form::Lines, answer(3)), body);
        assert!(!is_good(good.strip_prefix(START).unwrap()), "without start");
        assert!(!is_good(good.strip_suffix(DONE).unwrap()), "without done");
    }

    #[test]
    fn an_answer_is_checked_in_every_dialect() {
        for dialect in Dialect::ALL {
            let of = answer_in(dialect, 3);
            let lines = String::from_utf8(of.lines().to_vec()).unwrap();
            let done = if dialect.is_responses() {
                DONE.replace("\"shown\"", "\"summary\"").replace(
                    "{\"completion_tokens\":500,\"prompt_tokens\":12,",
                    "{\"prompt_tokens\":12,\"completion_tokens\":500,",
                )
            } else {
                DONE.to_owned()
            };
            let is_good = |lines: &str, done: &str| {
                judge(|| Check::of(Form::Lines, answer_in(dialect, 3)), &[START, lines, done].concat())
            };
            assert!(is_good(&lines, &done), "{dialect:?}");
            assert!(!is_good(&lines, &done.replace("500", "501")), "{dialect:?}");
            assert!(!is_good(&lines.replacen("0000005 ", "0000006 ", 1), &done), "{dialect:?}");
        }
    }

    #[test]
    fn a_paced_answer_has_stamps_and_an_end() {
        const SSE: [Form; 2] = [Form::Events, Form::Rewritten];
        let event = |form, number: usize| {
            let field = Field::of_paced(number);
            let (before, after) = if SSE.contains(&form) { event::around(field) } else { event::around_line(field) };
            format!("{before}{}{after}", stamp_text(number as u64))
        };
        for form in [Form::Events, Form::Lines, Form::Json, Form::Rewritten] {
            let events: String = (0..12).map(|number| event(form, number)).collect();
            let good = match form {
                Form::Events | Form::Rewritten => events + &event::end(),
                Form::Lines => [START, &events, event::LAST_LINE, DONE].concat(),
                Form::Json | Form::Chunks => events + event::LAST_LINE,
            };
            assert!(judge(|| Check::of_paced(form), &good), "{form:?}");
            assert!(!judge(|| Check::of_paced(form), &good.replacen("0000005 ", "000000x ", 1)), "{form:?}");
            assert!(!judge(|| Check::of_paced(form), &good.replacen("\"stop\"", "\"length\"", 1)), "{form:?}");
            let mut check = Check::of_paced(form);
            check.feed(good.as_bytes(), 9).unwrap();
            let stamps = check.end().unwrap();
            assert_eq!(stamps.sent, (0..12).collect::<Vec<u64>>());
            assert_eq!(stamps.arrived, [9; 12]);
        }
    }
}
