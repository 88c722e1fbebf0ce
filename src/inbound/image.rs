//! Images in a request: `data:` addresses of four kinds, told by their bytes and never decoded into pixels, for decoders
//! are where images attack. One pass over the address; no decoded copy is kept.

/// Bytes that tell the kind. Base64 of twelve bytes has sixteen letters.
const MAGIC_BYTES: usize = 12;

/// A `data:` address of an image that is what it says. Serialised as it goes upstream.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// `data:image/…;base64,…`
    pub url: String,
    /// How closely the model is to look.
    pub detail: Option<Detail>,
}

impl std::fmt::Debug for Image {
    /// Without the image: it is the conversation's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image").field("detail", &self.detail).finish_non_exhaustive()
    }
}

/// How closely the model is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// As the image's size asks for.
    Auto,
    /// At one view of 512 by 512.
    Low,
    /// At tiles of it.
    High,
}

impl Detail {
    /// Reads the name on the wire.
    pub(crate) fn read(name: &str) -> Option<Self> {
        [Self::Auto, Self::Low, Self::High].into_iter().find(|detail| detail.as_str() == name)
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

/// Why an address is no image that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not a `data:` address of one of the four kinds, by label and by bytes.
    Kind,
    /// Its base64 is broken.
    Base64,
    /// It has more bytes than it may.
    TooLarge,
}

/// Checks an address. Answers it with the label in its usual form.
pub(crate) fn check(url: String, max_bytes: usize) -> Result<String, Fault> {
    let (head, data) = url.split_once(',').ok_or(Fault::Kind)?;
    let label = read_label(head).ok_or(Fault::Kind)?;
    let bytes = decoded_length(data.as_bytes()).ok_or(Fault::Base64)?;
    if bytes > max_bytes {
        return Err(Fault::TooLarge);
    }
    if kind_of(&first_bytes(data.as_bytes())) != Some(label) {
        return Err(Fault::Kind);
    }
    let usual = format!("data:image/{label};base64");
    Ok(if head == usual { url } else { format!("{usual},{data}") })
}

/// The kind that a label names. Parameters are not known with images, and `image/jpg` is seen for `image/jpeg`.
fn read_label(head: &str) -> Option<&'static str> {
    let head = head.to_ascii_lowercase();
    let label = head.strip_prefix("data:")?.strip_suffix(";base64")?;
    match label {
        "image/jpeg" | "image/jpg" => Some("jpeg"),
        "image/png" => Some("png"),
        "image/webp" => Some("webp"),
        "image/gif" => Some("gif"),
        _ => None,
    }
}

fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Some("jpeg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some("png"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => Some("webp"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("gif"),
        _ => None,
    }
}

/// How many bytes strict base64 stands for: the standard alphabet, padded. `None`: it is none.
fn decoded_length(data: &[u8]) -> Option<usize> {
    let padding = data.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let (letters, _) = data.split_at_checked(data.len() - padding)?;
    let last = letters.last().and_then(|letter| value(*letter))?;
    // The bits that padding leaves over are zero.
    let is_clean = match padding {
        0 => true,
        1 => last.trailing_zeros() >= 2,
        _ => last.trailing_zeros() >= 4,
    };
    let is_base64 = data.len().is_multiple_of(4) && is_clean && letters.iter().all(|letter| value(*letter).is_some());
    is_base64.then(|| data.len() / 4 * 3 - padding)
}

fn value(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// The first [`MAGIC_BYTES`] bytes that the base64 stands for, or fewer.
fn first_bytes(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MAGIC_BYTES);
    for group in data.chunks(4).take(MAGIC_BYTES / 3) {
        let bits = group.iter().fold(0_u32, |bits, letter| bits << 6 | u32::from(value(*letter).unwrap_or_default()));
        let padding = group.iter().rev().take_while(|letter| **letter == b'=').count();
        bytes.extend(bits.to_be_bytes().into_iter().skip(1).take(3 - padding.min(2)));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=";

    fn png(head: &str) -> String {
        format!("{head},{PNG}")
    }

    #[test]
    fn the_four_kinds_are_taken_by_label_and_by_bytes() {
        for (label, data) in [
            ("image/png", PNG),
            ("image/jpeg", "/9j/4AAQSkZJRgAB"),
            ("image/gif", "R0lGODlhAQABAAAA"),
            ("image/webp", "UklGRiQAAABXRUJQ"),
        ] {
            let url = format!("data:{label};base64,{data}");
            assert_eq!(check(url.clone(), 1000), Ok(url));
        }
        assert_eq!(
            check("DATA:image/JPG;base64,/9j/4AAQ".to_owned(), 9),
            Ok("data:image/jpeg;base64,/9j/4AAQ".to_owned())
        );
    }

    #[test]
    fn what_is_none_is_refused() {
        for url in [
            String::new(),
            "https://example.com/a.png".to_owned(),
            "data:image/png;base64".to_owned(),
            png("data:image/svg+xml;base64"),
            png("data:image/jpeg;base64"),
            png("data:image/png"),
            png("data:;base64"),
            png("file:image/png;base64"),
            "data:image/webp;base64,UklGRiQAAABXRUJ=".to_owned(),
        ] {
            assert!(check(url.clone(), 1000).is_err(), "{url}");
        }
    }

    #[test]
    fn base64_is_strict() {
        for data in
            ["", "iVBO=", "iVBORw0KGgo", "iVBORw0K Ggo=", "iVBORw0KGgp=", "iVBORw==KGgo", "iVBORw0KGgo-", "===="]
        {
            assert_eq!(check(format!("data:image/png;base64,{data}"), 1000), Err(Fault::Base64), "{data}");
        }
    }

    #[test]
    fn the_bound_is_on_the_bytes_behind_the_letters() {
        let bytes = PNG.len() / 4 * 3 - 1;
        assert!(check(png("data:image/png;base64"), bytes).is_ok());
        assert_eq!(check(png("data:image/png;base64"), bytes - 1), Err(Fault::TooLarge));
    }
}
