//! Reads what a reader thinks of an answer, strictly. In: the body's bytes. Out: a [`Verdict`] on one answer, which holds
//! nothing but an id of the shape that this program hands out and one of two words; or the text that names field and rule.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::content::{invalid, string};
use super::request::read_text;
use super::request_id::is_request_id;
use crate::error::{ChatError, Code};
use crate::json::{Object, given};

/// What a reader thinks of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The request that was answered.
    pub(crate) request_id: String,
    /// `up` or `down`.
    pub(crate) verdict: &'static str,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(default, borrow, deserialize_with = "given")]
    request_id: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    verdict: Option<&'a RawValue>,
}

impl Verdict {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid_request`
    pub(crate) fn read(body: &[u8]) -> Result<Self, ChatError> {
        let no_object = "The request body must be a JSON object with request_id and verdict.";
        let Object(fields) = serde_json::from_str::<Object<Fields<'_>>>(read_text(body)?)
            .map_err(|_| ChatError::new(Code::InvalidRequest, no_object))?;
        let request_id = fields.request_id.and_then(string).filter(|id| is_request_id(id));
        let verdict = fields.verdict.and_then(string);
        Ok(Self {
            request_id: request_id
                .ok_or_else(|| invalid("request_id", "must be the id of an answer, as its start line says it."))?,
            verdict: match verdict.as_deref() {
                Some("up") => "up",
                Some("down") => "down",
                _ => return Err(invalid("verdict", "must be up or down.")),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::request_id::MAX_ID_LENGTH;

    fn fault(body: &str) -> String {
        let error = Verdict::read(body.as_bytes()).expect_err(body);
        assert_eq!(error.code(), Code::InvalidRequest);
        error.text().to_owned()
    }

    #[test]
    fn an_id_and_one_of_two_words_are_all_that_is_read() {
        for (word, verdict) in [("up", "up"), ("down", "down")] {
            let body = format!(r#"{{"request_id":"3fe8a1c2-5b0e","verdict":"{word}","content":"ignored"}}"#);
            let read = Verdict::read(body.as_bytes()).unwrap();
            assert_eq!(read, Verdict { request_id: "3fe8a1c2-5b0e".to_owned(), verdict });
        }
    }

    #[test]
    fn anything_else_is_refused_by_its_field_and_not_repeated() {
        for body in ["", "[]", r#"["id","up"]"#, "null", r#"{"request_id":"a","request_id":"b","verdict":"up"}"#] {
            assert!(fault(body).contains("JSON object"), "{body}");
        }
        assert!(Verdict::read(b"{\"request_id\":\"\xFF\"}").is_err());
        let long = "a".repeat(MAX_ID_LENGTH + 1);
        for id in ["1", "null", r#""""#, r#""a b""#, r#""a\n""#, r#""ä""#, r#""<b>secret</b>""#, &format!("\"{long}\"")]
        {
            let text = fault(&format!(r#"{{"request_id":{id},"verdict":"up"}}"#));
            assert!(text.starts_with("request_id: ") && !text.contains("secret"), "{id}: {text}");
        }
        for verdict in ["true", "null", r#""Up""#, r#""secret""#] {
            let text = fault(&format!(r#"{{"request_id":"a","verdict":{verdict}}}"#));
            assert!(text.starts_with("verdict: ") && !text.contains("secret"), "{verdict}: {text}");
        }
        assert!(fault(r#"{"verdict":"up"}"#).starts_with("request_id: "));
        assert!(fault(r#"{"request_id":"a"}"#).starts_with("verdict: "));
        let longest = &long[1..];
        assert!(is_request_id(longest) && is_request_id(&uuid::Uuid::new_v4().to_string()));
    }
}
