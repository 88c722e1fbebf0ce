//! Route templates: `chat/stream`, `items/{id}`, `items/{id?}`, `{*rest}`.
//!
//! Literals match without regard to case. Constraints after a colon (`{id:int}`) are read and ignored.

use std::cmp::Ordering;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Parameter { optional: bool },
    Rest,
}

/// A function's route with the app's prefix in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    text: String,
    segments: Vec<Segment>,
}

impl Template {
    pub(super) fn new(prefix: &str, route: &str) -> Self {
        let parts: Vec<&str> = prefix.split('/').chain(route.split('/')).filter(|part| !part.is_empty()).collect();
        Self { text: parts.join("/"), segments: parts.iter().map(|part| segment(part)).collect() }
    }

    /// Whether a request's path belongs to the function. A slash at the end does not matter.
    pub(super) fn matches(&self, path: &str) -> bool {
        let mut parts = path.strip_prefix('/').unwrap_or(path).trim_end_matches('/').split('/').peekable();
        if parts.peek().is_some_and(|part| part.is_empty()) {
            parts.next();
        }
        for segment in &self.segments {
            let matched = match segment {
                Segment::Rest => return true,
                Segment::Literal(text) => parts.next().is_some_and(|part| part.eq_ignore_ascii_case(text)),
                Segment::Parameter { optional } => parts.next().map_or(*optional, |part| !part.is_empty()),
            };
            if !matched {
                return false;
            }
        }
        parts.next().is_none()
    }

    /// Orders the more specific first: literals before parameters before the rest, longer before shorter.
    pub(super) fn cmp_precedence(&self, other: &Self) -> Ordering {
        let ranks = |template: &Self| {
            let rank = |segment: &Segment| match segment {
                Segment::Literal(_) => 0,
                Segment::Parameter { .. } => 1,
                Segment::Rest => 3,
            };
            template.segments.iter().map(rank).chain([2]).collect::<Vec<_>>()
        };
        ranks(self).cmp(&ranks(other))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn segment(part: &str) -> Segment {
    let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
        return Segment::Literal(part.to_owned());
    };
    if name.starts_with('*') { Segment::Rest } else { Segment::Parameter { optional: name.ends_with('?') } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(route: &str, path: &str) -> bool {
        Template::new("api", route).matches(path)
    }

    #[test]
    fn literals_parameters_and_the_rest() {
        assert!(matches("chat/stream", "/api/chat/stream"));
        assert!(matches("chat/stream", "/API/Chat/stream/"));
        assert!(!matches("chat/stream", "/chat/stream"));
        assert!(!matches("chat/stream", "/api/chat"));
        assert!(!matches("chat/stream", "/api/chat/stream/more"));
        assert!(matches("items/{id:int}", "/api/items/7"));
        assert!(!matches("items/{id}", "/api/items"));
        assert!(matches("items/{id?}", "/api/items"));
        assert!(matches("{*rest}", "/api") && matches("{*rest}", "/api/a/b"));
        assert!(Template::new("", "{*rest}").matches("/"));
    }

    #[test]
    fn the_more_specific_route_comes_first() {
        let mut templates = ["{*rest}", "items/{id}", "items/all", "items"].map(|route| Template::new("", route));
        templates.sort_by(Template::cmp_precedence);
        assert_eq!(templates.map(|template| template.to_string()), ["items/all", "items/{id}", "items", "{*rest}"]);
    }
}
