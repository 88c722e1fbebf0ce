//! What the upstream will say, and how: bytes, their division into pieces, timing, and the way it ends.

use std::time::Duration;

use bytes::Bytes;

use super::Gate;

/// How the body is divided into writes; with chunked framing each piece is one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// One piece.
    Whole,
    /// A piece for each server-sent event: the cut is after each blank line.
    Events,
    /// Pieces of this many bytes (at least one); the last may be shorter.
    Every(usize),
    /// Cuts at these byte offsets, ascending; offsets beyond the body are ignored.
    At(Vec<usize>),
}

/// How an answer ends once its last piece is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As HTTP wants it: the final chunk, or the last announced byte. The connection stays usable.
    Complete,
    /// The connection is closed too early: no final chunk, or one byte less than announced.
    Cut,
    /// The connection is reset (TCP RST).
    Reset,
    /// Nothing more is said and nothing is closed, until the client leaves.
    Hang,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A response with a head. `chunked` or with a content length.
    Response { status: u16, headers: Vec<(String, String)>, chunked: bool },
    /// Literal bytes.
    Raw,
    /// A closed connection.
    Refusal,
}

/// One scripted reply. Made by a constructor, refined by the methods, cloned at will.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) content: Content,
    pub(super) body: Bytes,
    pub(super) split: Split,
    pub(super) pace: Duration,
    pub(super) first_after: Duration,
    pub(super) headers_then: Option<Duration>,
    pub(super) gate: Option<Gate>,
    pub(super) ending: Ending,
}

impl Reply {
    fn new(content: Content, body: Bytes, ending: Ending) -> Self {
        Self {
            content,
            body,
            split: Split::Whole,
            pace: Duration::ZERO,
            first_after: Duration::ZERO,
            headers_then: None,
            gate: None,
            ending,
        }
    }

    /// `200`, `text/event-stream`, chunked, with these bytes as they are.
    pub fn sse(bytes: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        Self::new(Content::Response { status: 200, headers, chunked: true }, bytes.into(), Ending::Complete)
    }

    /// This status with an empty body and a content length.
    pub fn status(status: u16) -> Self {
        Self::new(Content::Response { status, headers: Vec::new(), chunked: false }, Bytes::new(), Ending::Complete)
    }

    /// These bytes on the wire, head included or not, after which the connection is closed.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::new(Content::Raw, bytes.into(), Ending::Cut)
    }

    /// The connection is closed without an answer.
    pub fn refuse() -> Self {
        Self::new(Content::Refusal, Bytes::new(), Ending::Cut)
    }

    /// Never answers, not even with headers, and stays connected.
    pub fn silent() -> Self {
        Self::status(200).first_after(Duration::MAX)
    }

    /// Adds a response header. Has no effect on raw bytes and refusals.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Content::Response { headers, .. } = &mut self.content {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Sets the content type, in place of any before it.
    #[must_use]
    pub fn content_type(mut self, value: &str) -> Self {
        if let Content::Response { headers, .. } = &mut self.content {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        }
        self.header("content-type", value)
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = bytes.into();
        self
    }

    /// Sends the body in chunks, whose end is seen only in the final chunk, instead of with a content length.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        if let Content::Response { chunked, .. } = &mut self.content {
            *chunked = true;
        }
        self
    }

    /// Divides the body.
    #[must_use]
    pub fn split(mut self, split: Split) -> Self {
        self.split = split;
        self
    }

    /// Waits this long between two pieces.
    #[must_use]
    pub fn pace(mut self, between: Duration) -> Self {
        self.pace = between;
        self
    }

    /// Waits this long, from the end of the request, before the headers.
    #[must_use]
    pub fn first_after(mut self, wait: Duration) -> Self {
        self.first_after = wait;
        self
    }

    /// Sends the headers by themselves and waits this long before the body. Otherwise, unless the reply is gated,
    /// headers and first piece leave together.
    #[must_use]
    pub fn headers_then(mut self, wait: Duration) -> Self {
        self.headers_then = Some(wait);
        self
    }

    /// Holds every piece until the gate lets it go; the headers go at once.
    #[must_use]
    pub fn gated(mut self) -> (Self, Gate) {
        let gate = Gate::new();
        self.gate = Some(gate.clone());
        (self, gate)
    }

    /// Chooses how the answer ends.
    #[must_use]
    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// The body in the order and sizes in which it is written; empty pieces are left out.
    pub(super) fn pieces(&self) -> Vec<Bytes> {
        let mut rest = self.body.clone();
        let mut pieces = Vec::new();
        for cut in self.cuts() {
            let taken = self.body.len() - rest.len();
            pieces.push(rest.split_to(cut.saturating_sub(taken).min(rest.len())));
        }
        pieces.push(rest);
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    /// Offsets, ascending, after which a new piece begins.
    fn cuts(&self) -> Vec<usize> {
        match &self.split {
            Split::Whole => Vec::new(),
            Split::Every(size) => (0..self.body.len()).step_by((*size).max(1)).skip(1).collect(),
            Split::At(offsets) => offsets.clone(),
            Split::Events => (1..=self.body.len())
                .filter(|end| {
                    let so_far = self.body.slice(..*end);
                    so_far.ends_with(b"\n\n") || so_far.ends_with(b"\r\n\r\n") || so_far.ends_with(b"\r\r")
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(body: &'static str, split: Split) -> Vec<Bytes> {
        Reply::sse(body).split(split).pieces()
    }

    #[test]
    fn a_body_is_divided_as_asked_and_nothing_is_lost() {
        assert_eq!(pieces("abcde", Split::Whole), ["abcde"]);
        assert_eq!(pieces("abcde", Split::Every(2)), ["ab", "cd", "e"]);
        assert_eq!(pieces("abcde", Split::Every(0)), ["a", "b", "c", "d", "e"]);
        assert_eq!(pieces("abcde", Split::At(vec![1, 1, 4, 9])), ["a", "bcd", "e"]);
        assert_eq!(pieces("data: 1\n\ndata: 2\r\n\r\nrest", Split::Events), ["data: 1\n\n", "data: 2\r\n\r\n", "rest"]);
        assert!(pieces("", Split::Every(3)).is_empty());
    }
}
