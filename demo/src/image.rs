//! What an image says of itself in its header: its kind and its size. No pixel is ever decoded.

mod base64;
mod header;

use std::fmt;

/// How far into an image its header is looked for. JPEG may have a camera's notes and a colour profile in front of it.
const MAX_HEADER_BYTES: usize = 256 * 1024;

/// An image of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Image {
    /// One that is here.
    Sent {
        /// Decoded size in bytes, as its base64 is long.
        bytes: usize,
        /// `None`: no JPEG, PNG, WebP or GIF, or its header is not within reach.
        header: Option<Header>,
    },
    /// One that is elsewhere, behind an address; the demo fetches nothing.
    Elsewhere,
}

/// The first lines of an image file, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// The format's name, by its magic bytes and not by its label.
    pub(super) kind: &'static str,
    /// In pixels, before any rotation that a JPEG may ask for.
    pub(super) width: u32,
    /// In pixels.
    pub(super) height: u32,
}

impl Image {
    /// Looks at an image by its address, which holds it when it is a `data:` URL.
    pub(super) fn of(url: &str) -> Self {
        let is_data = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
        let Some((_, data)) = url.split_once(',').filter(|_| is_data) else { return Self::Elsewhere };
        let header = header::read(base64::decode(data).take(MAX_HEADER_BYTES));
        Self::Sent { bytes: base64::decoded_size(data), header }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent { bytes, header: Some(Header { kind, width, height }) } => {
                write!(f, "{kind}, {width} × {height} pixels, {}", Size(*bytes))
            }
            Self::Sent { bytes, header: None } => {
                write!(f, "{} that begin like no JPEG, PNG, WebP or GIF I can read", Size(*bytes))
            }
            Self::Elsewhere => f.write_str("an address instead of an image; the demo fetches nothing"),
        }
    }
}

/// Bytes for people.
struct Size(usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes < 1_000 => write!(f, "{bytes} bytes"),
            bytes if bytes < 1_000_000 => write!(f, "{} kB", bytes / 1_000),
            bytes => write!(f, "{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_told_by_its_header_whatever_its_label() {
        // A whole PNG of one pixel.
        let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
        for label in ["data:image/png;base64,", "DATA:image/jpeg;base64,", "data:,"] {
            let image = Image::of(&format!("{label}{png}"));
            assert_eq!(image.to_string(), "PNG, 1 × 1 pixels, 70 bytes", "{label}");
        }
    }

    #[test]
    fn what_is_no_image_or_not_here_is_said() {
        assert_eq!(Image::of("https://example.com/a.png"), Image::Elsewhere);
        assert_eq!(Image::of("data:image/png;base64"), Image::Elsewhere);
        assert_eq!(Image::of(""), Image::Elsewhere);
        assert_eq!(Image::of("data:image/png;base64,!"), Image::Sent { bytes: 0, header: None });
        assert!(
            Image::of(&format!("data:image/png;base64,{}", "A".repeat(4_000))).to_string().starts_with("3 kB that")
        );
        assert_eq!(Size(2_345_678).to_string(), "2.3 MB");
    }

    #[test]
    fn a_header_out_of_reach_is_not_looked_for() {
        // Markers without content, for longer than anybody looks: JPEG's fill bytes.
        let fill = "////".repeat(MAX_HEADER_BYTES);
        assert!(matches!(Image::of(&format!("data:,/9j/{fill}")), Image::Sent { header: None, .. }));
    }
}
