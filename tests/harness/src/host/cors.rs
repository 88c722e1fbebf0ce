//! CORS as the host does it in front of every function: preflights are answered here and never reach the handler.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;

/// The answer, if the request is a preflight: 204, with permission for an admitted origin and without it for others.
pub(super) fn preflight<B>(request: &Request<B>, admitted: &[String]) -> Option<Response<Empty<Bytes>>> {
    let asked = request.headers();
    let method = asked.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    if request.method() != Method::OPTIONS || !asked.contains_key(ORIGIN) {
        return None;
    }
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Some(origin) = allowed_origin(asked, admitted) {
        let headers = response.headers_mut();
        allow(headers, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
    }
    Some(response)
}

/// What to allow in the answer to a request with these headers; `None` for an origin that is absent or not admitted.
pub(super) fn allowed_origin(asked: &HeaderMap, admitted: &[String]) -> Option<HeaderValue> {
    let origin = asked.get(ORIGIN)?;
    if admitted.iter().any(|known| known == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    admitted.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(origin.as_bytes())).then(|| origin.clone())
}

/// Writes the permission into an answer, over any that the handler wrote.
pub(super) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    if origin != "*" {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
}
