//! What a message says, read from a request: text, or a list of parts.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::conversation::Part;
use super::image::{self, Detail, Image};
use crate::error::{ChatError, Code};
use crate::json::{self, Object, given};
use crate::settings::RequestLimits;

#[derive(Deserialize)]
struct ContentPart<'a> {
    #[serde(default, borrow, deserialize_with = "given", rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    text: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    image_url: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    refusal: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ImageUrl<'a> {
    #[serde(default, borrow, deserialize_with = "given")]
    url: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    detail: Option<&'a RawValue>,
}

/// What images a message may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Images<'l> {
    /// Up to these bounds.
    Taken(&'l RequestLimits),
    /// None: the model takes none.
    NotByThisModel,
    /// None: only a user's message may hold them.
    NotInThisRole,
    /// None: this is an answer, which may hold what else a model says: what it declined to say, and its thoughts.
    NotInAnAnswer,
}

/// A string, or a list of parts; texts that stand side by side are joined. Empty where it says nothing. `path` names the
/// field in what is said of a fault.
///
/// # Errors
/// `invalid_request` or `request_too_large`
pub(crate) fn read(content: &RawValue, path: &str, images: Images<'_>) -> Result<Vec<Part>, ChatError> {
    if json::is_string(content) {
        let text = text(content, path, "must be text.")?;
        return Ok(if text.is_empty() { Vec::new() } else { vec![Part::Text(text)] });
    }
    if !content.get().starts_with('[') {
        return Err(invalid(path, "must be text, or a list of parts."));
    }
    let mut parts: Vec<Part> = Vec::new();
    for (index, part) in list(content, path)?.into_iter().enumerate() {
        match (read_part(part, &format!("{path}[{index}]"), images)?, parts.last_mut()) {
            (Part::Text(more), Some(Part::Text(text))) => text.push_str(&more),
            (Part::Text(text), _) if text.is_empty() => {}
            (part, _) => parts.push(part),
        }
    }
    Ok(parts)
}

/// Whether nothing but white space is said.
pub(crate) fn is_blank(parts: &[Part]) -> bool {
    parts.iter().all(|part| matches!(part, Part::Text(text) if text.trim().is_empty()))
}

fn read_part(part: &RawValue, path: &str, images: Images<'_>) -> Result<Part, ChatError> {
    let Object(part) = serde_json::from_str::<Object<ContentPart<'_>>>(part.get())
        .map_err(|_| invalid(path, "must be an object with one type and one content of that type."))?;
    match part.kind.and_then(string).as_deref() {
        Some("text") => {
            const RULE: &str = "text must be text.";
            let raw = part.text.filter(|raw| json::is_string(raw)).ok_or_else(|| invalid(path, RULE))?;
            Ok(Part::Text(text(raw, path, RULE)?))
        }
        Some("image_url") => match images {
            Images::Taken(limits) => read_image(part.image_url, path, limits).map(Part::Image),
            Images::NotByThisModel => Err(invalid(path, "type must be text; this model takes no images.")),
            Images::NotInThisRole | Images::NotInAnAnswer => {
                Err(invalid(path, "type must be text; only the user's messages may hold images."))
            }
        },
        Some("refusal") if matches!(images, Images::NotInAnAnswer) => {
            const RULE: &str = "refusal must be text.";
            let raw = part.refusal.filter(|raw| json::is_string(raw)).ok_or_else(|| invalid(path, RULE))?;
            Ok(Part::Text(text(raw, path, RULE)?))
        }
        // Thoughts do not go upstream again.
        Some("thinking" | "redacted_thinking" | "reasoning") if matches!(images, Images::NotInAnAnswer) => {
            Ok(Part::Text(String::new()))
        }
        _ => Err(invalid(path, "type must be text or image_url; other parts are not supported.")),
    }
}

fn read_image(image: Option<&RawValue>, path: &str, limits: &RequestLimits) -> Result<Image, ChatError> {
    let image = image.and_then(|raw| serde_json::from_str::<Object<ImageUrl<'_>>>(raw.get()).ok());
    let Some(Object(ImageUrl { url: Some(url), detail })) = image else {
        return Err(invalid(path, "image_url must be an object with one url."));
    };
    let detail = match detail.filter(|raw| !json::is_null(raw)) {
        None => None,
        Some(raw) => Some(
            string(raw)
                .and_then(|name| Detail::read(&name))
                .ok_or_else(|| invalid(path, "image_url.detail must be auto, low or high."))?,
        ),
    };
    let url = string(url).ok_or_else(|| invalid(path, "image_url.url must be text."))?;
    let url = image::check(url, limits.max_image_bytes).map_err(|fault| match fault {
        image::Fault::Kind => {
            invalid(path, "image_url.url must be a data: address of a JPEG, PNG, WebP or GIF, in base64.")
        }
        image::Fault::Base64 => invalid(path, "image_url.url is not whole: its base64 is broken."),
        image::Fault::TooLarge => ChatError::new(
            Code::RequestTooLarge,
            format!("{path}: the image is larger than {} bytes (MAX_IMAGE_BYTES).", limits.max_image_bytes),
        )
        .about(path),
    })?;
    Ok(Image { url, detail })
}

/// The elements of a list. They are references into the body, so their number is bounded by its size.
pub(crate) fn list<'a>(raw: &'a RawValue, path: &str) -> Result<Vec<&'a RawValue>, ChatError> {
    serde_json::from_str(raw.get()).map_err(|_| invalid(path, "must be a list."))
}

/// A string of whole characters, or nothing.
pub(crate) fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A string's text; half a character, which some clients cut from an answer, is U+FFFD.
pub(crate) fn text(raw: &RawValue, path: &str, rule: &'static str) -> Result<String, ChatError> {
    json::lossy_text(raw.get()).map_err(|_| invalid(path, rule))
}

/// A fault of the request, in the field `path`.
pub(crate) fn invalid(path: &str, rule: impl std::fmt::Display) -> ChatError {
    ChatError::new(Code::InvalidRequest, format!("{path}: {rule}")).about(path)
}
