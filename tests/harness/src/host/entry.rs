//! What Kestrel refuses before anything is looked up, and how it reads a path.

use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, StatusCode, Version};

/// Most bytes of a request line, its end included.
const MAX_LINE: usize = 8 * 1024;
/// Most bytes of a request's headers, each with its colon, space and end.
const MAX_HEADERS: usize = 32 * 1024;
/// What a request line has besides its method and target.
const LINE_REST: usize = "  HTTP/1.1\r\n".len();
/// What a header has besides its name and value.
const HEADER_REST: usize = ": \r\n".len();

/// Why a request is answered by its status alone, after which the connection is closed.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<StatusCode> {
    let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    if request.method().as_str().len() + target.len() + LINE_REST > MAX_LINE {
        return Some(StatusCode::URI_TOO_LONG);
    }
    let size = |(name, value): (&http::HeaderName, &HeaderValue)| name.as_str().len() + value.len() + HEADER_REST;
    if request.headers().iter().map(size).sum::<usize>() > MAX_HEADERS {
        return Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let nobody = request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST);
    (nobody || !target.is_ascii()).then_some(StatusCode::BAD_REQUEST)
}

/// The target as it is passed on: without `.` and `..` in its path.
pub(super) fn target(asked: &PathAndQuery) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = asked.path().split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let dots = matches!(segment, "." | "..");
        if segment == ".." {
            kept.pop();
        }
        // A path that ends in dots ends in a slash.
        match (dots, segments.peek()) {
            (false, _) => kept.push(segment),
            (true, None) => kept.push(""),
            (true, Some(_)) => {}
        }
    }
    let query = asked.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_walked_and_double_slashes_kept() {
        for (asked, passed) in [
            ("/api/p//a/../b/./c", "/api/p//b/c"),
            ("/../../a?x=/../y", "/a?x=/../y"),
            ("/a/..", "/"),
            ("/a/b/.", "/a/b/"),
            ("/a/", "/a/"),
            ("/", "/"),
        ] {
            assert_eq!(target(&asked.parse().unwrap()), passed, "{asked}");
        }
    }
}
