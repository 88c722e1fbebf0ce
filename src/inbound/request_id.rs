//! What a request's id looks like.

/// Longest id of a request. A host's own ids have 36 characters.
pub(super) const MAX_ID_LENGTH: usize = 64;

/// Whether a text has the shape of a request's id: the host's, or one that this program made.
pub(crate) fn is_request_id(text: &str) -> bool {
    (1..=MAX_ID_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
