//! An answer before it is one of HTTP.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use serde_json::{Value, json};

/// A body, whole or still coming.
pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// What a route says.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
}

impl Reply {
    /// 200 with this.
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, headers: Vec::new(), body: Some(body) }
    }

    /// A status without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None }
    }

    /// Resource Manager's way to refuse.
    pub(crate) fn refused(status: u16, code: &str, message: &str) -> Self {
        Self { body: Some(json!({ "error": { "code": code, "message": message } })), ..Self::empty(status) }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let body = match self.body {
            Some(body) => {
                response = response.header("content-type", "application/json; charset=utf-8");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        response.body(whole(body)).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "a header is none"))
    }
}

/// A body that is there.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A few words.
pub(crate) fn plain(status: StatusCode, words: &str) -> Response<Body> {
    let mut response = Response::new(whole(words.to_owned()));
    *response.status_mut() = status;
    response
}
