//! The body of an answer: whether a 200 is a stream of events, as it stands on the wire, and what an error says.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header;
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited};

use crate::error::{ChatError, Code, causes};
use crate::protocol::refusal::Account;

/// An error body is read this far; they are small.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// An error body is waited for this long; the status alone says most.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of an unlabelled body that are looked at before its first line must be known.
const MAX_LOOK_BYTES: usize = 64;

/// The body, if its events can be read.
///
/// # Errors
/// What a JSON body says of a failure; `upstream_protocol` for everything else that is no event stream.
pub(super) async fn accept(response: reqwest::Response) -> Result<reqwest::Body, ChatError> {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let encoding = text(header::CONTENT_ENCODING).trim();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Err(no_stream("status 200, compressed although that was not asked for"));
    }
    let body: reqwest::Body = http::Response::from(response).into_body();
    match media_type.as_str() {
        "text/event-stream" => Ok(body),
        "" => unlabelled(body).await,
        "application/json" => Err(Account::told_in(&read_text(body).await)
            .map_or_else(|| no_stream("status 200, JSON instead of text/event-stream"), Account::into_stream_error)),
        _ => Err(no_stream("status 200, not text/event-stream")),
    }
}

/// An error's body; nothing if it is too large, too slow or lost.
pub(super) async fn read_text(body: reqwest::Body) -> String {
    let read = Limited::new(body, MAX_ERROR_BYTES).collect();
    match tokio::time::timeout(ERROR_BODY_TIMEOUT, read).await {
        Ok(Ok(body)) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Ok(Err(_)) | Err(_) => String::new(),
    }
}

/// A body without `Content-Type` is an event stream if it begins as one.
async fn unlabelled(mut body: reqwest::Body) -> Result<reqwest::Body, ChatError> {
    let mut head = BytesMut::new();
    loop {
        match begins_as_events(&head) {
            Some(true) => return Ok(reqwest::Body::wrap(Resumed { head: Some(head.freeze()), rest: body })),
            Some(false) => {
                return Err(no_stream("status 200 without Content-Type, and it does not begin as a stream of events"));
            }
            None => {}
        }
        match body.frame().await {
            Some(Ok(frame)) => head.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(error)) => {
                let text = "The connection to the model's service was lost before it answered. Try again.";
                return Err(ChatError::new(Code::UpstreamError, text).caused_by(causes(&error)));
            }
            None => return Err(no_stream("status 200 without Content-Type, and it ends before its first line")),
        }
    }
}

/// Whether these first bytes are those of an event stream; `None`: too few to say.
fn begins_as_events(head: &[u8]) -> Option<bool> {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    if text.starts_with(b":") {
        return Some(true);
    }
    let fields: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];
    let is_field = |field: &&[u8]| {
        let after = text.get(field.len());
        text.starts_with(field) && after.is_some_and(|byte| matches!(byte, b':' | b'\n' | b'\r'))
    };
    if fields.iter().any(is_field) {
        return Some(true);
    }
    let may_become = b"\xEF\xBB\xBF".starts_with(head) || fields.iter().any(|field| field.starts_with(text));
    (!may_become || head.len() > MAX_LOOK_BYTES).then_some(false)
}

fn no_stream(cause: &str) -> ChatError {
    ChatError::new(
        Code::UpstreamProtocol,
        "The model's service answered, but not with a stream of events. Tell the operator.",
    )
    .caused_by(format!("{cause} (AZURE_INFERENCE_ENDPOINT)"))
}

/// A body whose beginning has been read already.
struct Resumed {
    head: Option<Bytes>,
    rest: reqwest::Body,
}

impl http_body::Body for Resumed {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        match self.head.take() {
            Some(head) => Poll::Ready(Some(Ok(Frame::data(head)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none() && self.rest.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stream_is_known_by_its_beginning() {
        for head in [
            "data: {",
            "data:",
            "data\n",
            "event: x",
            ": comment",
            ":",
            "\u{FEFF}data: x",
            "\r\n\ndata: x",
            "id:1",
            "retry: 1",
        ] {
            assert_eq!(begins_as_events(head.as_bytes()), Some(true), "{head:?}");
            for end in 0..head.len() {
                assert_ne!(begins_as_events(&head.as_bytes()[..end]), Some(false), "{head:?} up to {end}");
            }
        }
        for head in ["{\"error\":1}", "<html>", "dat:", "database", "DATA: x", "idea"] {
            assert_eq!(begins_as_events(head.as_bytes()), Some(false), "{head:?}");
        }
        assert_eq!(begins_as_events(" ".repeat(MAX_LOOK_BYTES + 1).as_bytes()), Some(false), "blanks have a bound");
    }
}
