//! The same relay, but it reads what it passes on, as the usual crates have it: events by `eventsource-stream`, JSON by
//! serde, and a line for each choice in the form of this project's. It holds no clock, no bound and no promise: it shows
//! what reading alone costs.

use axum::body::{Body, Bytes};
use eventsource_stream::Eventsource as _;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const START: &str = "{\"start\":{\"request_id\":\"reading\"}}\n";

/// An event of upstream's, as far as it is passed on.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

/// A choice, and the line it becomes.
#[derive(Deserialize, Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(borrow)]
    delta: &'a RawValue,
    finish_reason: Option<&'a str>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
    #[serde(borrow)]
    content_filter_results: Option<&'a RawValue>,
}

/// The lines of an answer.
pub(crate) fn lines(answer: reqwest::Response) -> Body {
    let events = answer.bytes_stream().eventsource().map(|event| -> Result<Bytes, String> {
        let event = event.map_err(|error| error.to_string())?;
        if event.data == "[DONE]" {
            return Ok(Bytes::new());
        }
        line(&event.data).map(Bytes::from).map_err(|error| error.to_string())
    });
    let start = futures::stream::iter([Ok(Bytes::from_static(START.as_bytes()))]);
    Body::from_stream(start.chain(events))
}

fn line(data: &str) -> serde_json::Result<Vec<u8>> {
    let chunk: Chunk<'_> = serde_json::from_str(data)?;
    let mut lines = Vec::with_capacity(512);
    for choice in &chunk.choices {
        serde_json::to_writer(&mut lines, choice)?;
        lines.push(b'\n');
    }
    if let Some(usage) = chunk.usage {
        let done = format!(
            "{{\"done\":{{\"finish_reason\":\"stop\",\"usage\":{usage},\"thoughts\":\"shown\",\"elapsed_ms\":0,\"first_token_ms\":0}}}}\n"
        );
        lines.extend_from_slice(done.as_bytes());
    }
    Ok(lines)
}
