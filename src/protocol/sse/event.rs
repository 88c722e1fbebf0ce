//! An event, as it is handed out.

use std::borrow::Cow;

/// One event of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field, empty when there was none. (The standard's default name is `message`.)
    pub name: &'a str,
    /// The `data` fields, joined with `\n`.
    pub data: Data<'a>,
    /// It was too large to be held: only the members are left that the decoder's [`Keys`](super::Keys) name.
    pub sifted: bool,
}

/// An event's data as it came. Whoever knows the bytes need not read them as text, which costs a look at each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data<'a>(Cow<'a, [u8]>);

impl Data<'_> {
    /// As upstream wrote it, whether it is UTF-8 or not.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As the standard reads it: invalid UTF-8 is U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        text(&self.0)
    }
}

impl<'a> From<&'a [u8]> for Data<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl<'a> From<&'a str> for Data<'a> {
    fn from(text: &'a str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for Data<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text.into_bytes()))
    }
}

/// Bytes as text. Asked first whether all is well, since the lossy reading takes several times as long.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
