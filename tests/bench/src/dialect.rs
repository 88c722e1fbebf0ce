//! What a model's service speaks: the same answer as chunks of chat completions, or as events of the Responses API.

use std::fmt::Write as _;

use crate::event::{self, Field};

/// Random letters, of which each padded event has some.
const PADDING: &str = "98paylPVBKIcK5A";
/// Ids of items, as long as Azure's.
const THOUGHTS_ID: &str = "rs_67a7b42f904de80cf4f9d181f4e27763cd6d32e8d6b886d056";
const MESSAGE_ID: &str = "msg_84e6c329644b2594b0b4b848a5e3d74ea7d14a3351014cdd05";
/// What the Responses API tells of the request in its first events and in its last; a recording has 1.1 kB of it.
const ECHO: &str = concat!(
    r#""id":"resp_ab0228e60b595d36b7b1d0dd6786c54304e3e2f50ca735f876","object":"response","created_at":1787150105,"#,
    r#""background":false,"error":null,"frequency_penalty":0.0,"incomplete_details":null,"instructions":null,"#,
    r#""max_output_tokens":null,"max_tool_calls":null,"model":"gpt-5-nano","parallel_tool_calls":true,"#,
    r#""presence_penalty":0.0,"previous_response_id":null,"prompt_cache_key":null,"reasoning":{"effort":"medium","#,
    r#""summary":"auto"},"safety_identifier":null,"service_tier":"auto","store":false,"temperature":1.0,"text":{"#,
    r#""format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"#,
    r#""truncation":"disabled","user":null,"metadata":{}"#
);

/// What upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Chat completions, as Azure sends DeepSeek's.
    Chat,
    /// The same with random letters in each chunk, as OpenAI's deployments send them.
    ChatPadded,
    /// The Responses API, by a recording of Azure's, asked for no padding.
    Responses,
    /// The same, padded.
    ResponsesPadded,
}

/// An answer, as far as its events depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What upstream speaks.
    pub dialect: Dialect,
    /// Which text.
    pub variant: u32,
    /// Events with text; the first half are thoughts.
    pub events: u32,
    /// Bytes of text in an event.
    pub text: u32,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Chat, Self::ChatPadded, Self::Responses, Self::ResponsesPadded];

    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ChatPadded => "chat-padded",
            Self::Responses => "responses",
            Self::ResponsesPadded => "responses-padded",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// Whether it is the Responses API.
    pub fn is_responses(self) -> bool {
        matches!(self, Self::Responses | Self::ResponsesPadded)
    }
}

impl Shape {
    /// The text of the `number`-th event.
    fn text(&self, number: u32) -> String {
        event::text(self.variant, number, self.text)
    }

    /// Upstream's `number`-th event with text, and before it what must come first.
    pub fn event(&self, number: u32) -> String {
        let field = Field::of(number, self.events);
        let text = self.text(number);
        // As long as the text is short, and other letters each time.
        let (head, tail) = PADDING.split_at(number as usize % PADDING.len());
        match self.dialect {
            Dialect::Chat | Dialect::ChatPadded => {
                let (before, after) = event::around(field);
                if self.dialect == Dialect::Chat {
                    return format!("{before}{text}{after}");
                }
                let after = after.trim_end().strip_suffix('}').unwrap_or_default();
                format!("{before}{text}{after},\"usage\":null,\"obfuscation\":\"{tail}{head}\"}}\n\n")
            }
            Dialect::Responses | Dialect::ResponsesPadded => {
                let padding = if self.dialect == Dialect::ResponsesPadded {
                    format!("\"obfuscation\":\"{tail}{head}\",")
                } else {
                    String::new()
                };
                let mut all = String::new();
                if number == 0 {
                    self.begin(&mut all);
                }
                if field == Field::Thoughts {
                    sse(
                        &mut all,
                        "reasoning_summary_text.delta",
                        &format!(
                            r#""delta":"{text}","item_id":"{THOUGHTS_ID}",{padding}"output_index":0,"sequence_number":{number},"summary_index":0"#
                        ),
                    );
                } else {
                    if number == self.events / 2 {
                        self.turn_to_message(&mut all);
                    }
                    sse(
                        &mut all,
                        "output_text.delta",
                        &format!(
                            r#""content_index":0,"delta":"{text}","item_id":"{MESSAGE_ID}","logprobs":[],{padding}"output_index":1,"sequence_number":{number}"#
                        ),
                    );
                }
                all
            }
        }
    }

    /// What this program writes for [`event`](Self::event): its line, and what must come before it.
    pub fn lines(&self, number: u32) -> String {
        let field = Field::of(number, self.events);
        let text = self.text(number);
        if !self.dialect.is_responses() {
            let (before, after) = event::around_line(field);
            return format!("{before}{text}{after}");
        }
        let role = if number == self.events / 2 {
            "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}\n"
        } else {
            ""
        };
        format!("{role}{{\"index\":0,\"delta\":{{\"{}\":\"{text}\"}},\"finish_reason\":null}}\n", field.name())
    }

    /// The end of the answer as upstream sends it.
    pub fn end(&self) -> String {
        if !self.dialect.is_responses() {
            return event::end();
        }
        let mut all = String::new();
        let text: String = (self.events / 2..self.events).map(|number| self.text(number)).collect();
        let at = r#""output_index":1"#;
        let part = format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#);
        let item = format!(
            r#"{{"id":"{MESSAGE_ID}","type":"message","status":"completed","content":[{part}],"role":"assistant"}}"#
        );
        let head = format!(r#""content_index":0,"item_id":"{MESSAGE_ID}",{at}"#);
        sse(&mut all, "output_text.done", &format!(r#"{head},"text":"{text}""#));
        sse(&mut all, "content_part.done", &format!(r#"{head},"part":{part}"#));
        sse(&mut all, "output_item.done", &format!(r#"{at},"item":{item}"#));
        let usage = r#"{"input_tokens":12,"output_tokens":500,"total_tokens":512}"#;
        let output = format!("[{},{item}]", self.thoughts());
        sse(
            &mut all,
            "completed",
            &format!(r#""response":{{{ECHO},"status":"completed","output":{output},"usage":{usage}}}"#),
        );
        all
    }

    /// What this program writes for [`end`](Self::end), up to the line of its own.
    pub fn last_line(&self) -> &'static str {
        if self.dialect.is_responses() {
            "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}\n"
        } else {
            event::LAST_LINE
        }
    }

    /// Whether `line` is what this program says after the whole answer.
    pub fn is_done(&self, line: &[u8]) -> bool {
        if self.dialect.is_responses() {
            let usage = r#"{"prompt_tokens":12,"completion_tokens":500,"total_tokens":512}"#;
            event::is_done_with(line, usage, "summary")
        } else {
            event::is_done(line)
        }
    }

    /// What this program writes for [`event`](Self::event) to an OpenAI client that talks to chat completions: the chunk,
    /// without what each chunk begins with.
    pub fn chunk(&self, number: u32) -> String {
        let name = Field::of(number, self.events).name();
        let text = self.text(number);
        format!("{{\"index\":0,\"delta\":{{\"{name}\":\"{text}\"}},\"finish_reason\":null,\"logprobs\":null}}]}}\n\n")
    }

    fn begin(&self, all: &mut String) {
        for kind in ["created", "in_progress"] {
            sse(all, kind, &format!(r#""response":{{{ECHO},"status":"in_progress","output":[],"usage":null}}"#));
        }
        if self.events >= 2 {
            let item = format!(r#"{{"id":"{THOUGHTS_ID}","type":"reasoning","summary":[]}}"#);
            sse(all, "output_item.added", &format!(r#""item":{item},"output_index":0"#));
            let part = r#""part":{"type":"summary_text","text":""},"summary_index":0"#;
            sse(all, "reasoning_summary_part.added", &format!(r#""item_id":"{THOUGHTS_ID}","output_index":0,{part}"#));
        }
    }

    /// The thoughts are whole, the message begins.
    fn turn_to_message(&self, all: &mut String) {
        if self.events >= 2 {
            let thoughts: String = (0..self.events / 2).map(|number| self.text(number)).collect();
            let at = format!(r#""item_id":"{THOUGHTS_ID}","output_index":0,"summary_index":0"#);
            sse(all, "reasoning_summary_text.done", &format!(r#"{at},"text":"{thoughts}""#));
            let part = format!(r#""part":{{"type":"summary_text","text":"{thoughts}"}}"#);
            sse(all, "reasoning_summary_part.done", &format!("{at},{part}"));
            sse(all, "output_item.done", &format!(r#""item":{},"output_index":0"#, self.thoughts()));
        }
        let item = format!(
            r#"{{"id":"{MESSAGE_ID}","type":"message","status":"in_progress","content":[],"role":"assistant"}}"#
        );
        sse(all, "output_item.added", &format!(r#""item":{item},"output_index":1"#));
        let part = r#""part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}"#;
        sse(
            all,
            "content_part.added",
            &format!(r#""content_index":0,"item_id":"{MESSAGE_ID}","output_index":1,{part}"#),
        );
    }

    /// The item of the thoughts, whole.
    fn thoughts(&self) -> String {
        let thoughts: String = (0..self.events / 2).map(|number| self.text(number)).collect();
        format!(
            r#"{{"id":"{THOUGHTS_ID}","type":"reasoning","summary":[{{"type":"summary_text","text":"{thoughts}"}}]}}"#
        )
    }
}

fn sse(all: &mut String, kind: &str, members: &str) {
    let _ = write!(all, "event: response.{kind}\ndata: {{\"type\":\"response.{kind}\",{members}}}\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_json_and_holds_its_text() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::named(dialect.name()), Some(dialect));
            let shape = Shape { dialect, variant: 3, events: 8, text: 20 };
            for number in 0..8 {
                let events = shape.event(number);
                let data: Vec<serde_json::Value> = events
                    .lines()
                    .filter_map(|line| line.strip_prefix("data: "))
                    .map(|data| serde_json::from_str(data).unwrap())
                    .collect();
                let text: String = serde_json::from_str(&format!("\"{}\"", shape.text(number))).unwrap();
                assert!(data.last().unwrap().to_string().contains(&serde_json::to_string(&text).unwrap()), "{events}");
                let is_padded = data.last().unwrap().to_string().contains("obfuscation");
                assert_eq!(is_padded, dialect.name().ends_with("padded"));
                for line in shape.lines(number).lines() {
                    serde_json::from_str::<serde_json::Value>(line).unwrap();
                }
            }
            for data in shape.end().lines().filter_map(|line| line.strip_prefix("data: {")) {
                serde_json::from_str::<serde_json::Value>(&format!("{{{data}")).unwrap();
            }
        }
    }
}
