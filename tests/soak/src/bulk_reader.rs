//! Reads an answer of thousands of small pieces: every line, every piece into the hash, nothing kept. It costs a fraction of
//! what the varied turns' reader does, which looks at each member and keeps the text.

use std::borrow::Cow;
use std::mem;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::bulk::PieceHash;
use crate::way::Surface;

/// What is read of a line or an event; all of it is written by the program, and the other turns hold it to its shape.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(default, borrow)]
    choices: Vec<Choice<'a>>,
    done: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(default, borrow)]
    content: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    reasoning_content: Option<Cow<'a, str>>,
}

/// An answer, as far as it has come.
pub(crate) struct Reader {
    surface: Surface,
    rest: Vec<u8>,
    pub(crate) pieces: usize,
    pub(crate) bytes: u64,
    pub(crate) is_done: bool,
    /// The last line, where it is an error.
    pub(crate) error: Option<String>,
    pub(crate) hash: PieceHash,
}

impl Reader {
    pub(crate) fn new(surface: Surface) -> Self {
        Self { surface, rest: Vec::new(), pieces: 0, bytes: 0, is_done: false, error: None, hash: PieceHash::new() }
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// What is no line of an answer.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut rest = mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(end) = rest.get(from..).unwrap_or_default().iter().position(|byte| *byte == b'\n') {
            self.line(rest.get(from..from + end).unwrap_or_default())?;
            from += end + 1;
        }
        rest.drain(..from);
        self.rest = rest;
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let data = match self.surface {
            Surface::Lines => line,
            _ if line.is_empty() => return Ok(()),
            _ => line.strip_prefix(b"data: ").ok_or("a line that is no data")?,
        };
        if self.is_done {
            return Err("a line after the end".to_owned());
        }
        if data == b"[DONE]" {
            self.is_done = true;
            return Ok(());
        }
        let line: Line<'_> =
            serde_json::from_slice(data).map_err(|error| format!("a line that is no JSON: {error}"))?;
        self.is_done |= line.done.is_some();
        if line.error.is_some() {
            self.error.get_or_insert_with(|| String::from_utf8_lossy(data).into_owned());
        }
        for delta in line.delta.iter().chain(line.choices.iter().map(|choice| &choice.delta)) {
            self.piece(true, delta.reasoning_content.as_deref());
            self.piece(false, delta.content.as_deref());
        }
        Ok(())
    }

    fn piece(&mut self, is_thought: bool, text: Option<&str>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        self.pieces += 1;
        self.bytes += u64::try_from(text.len()).unwrap_or_default();
        self.hash.add(is_thought, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(surface: Surface, bytes: &[u8]) -> Result<Reader, String> {
        let mut reader = Reader::new(surface);
        for byte in bytes {
            reader.feed(std::slice::from_ref(byte))?;
        }
        Ok(reader)
    }

    const LINES: &str = "{\"start\":{}}\n{\"index\":0,\"delta\":{\"reasoning_content\":\"a\\n\"}}\n\
        {\"heartbeat\":1}\n{\"index\":0,\"delta\":{\"content\":\"b\"}}\n{\"done\":{}}\n";
    const CHUNKS: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\n\
        data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"a\\n\"}}]}\n\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\ndata: [DONE]\n\n";

    #[test]
    fn pieces_are_hashed_as_they_came_from_both_surfaces() {
        let mut hash = PieceHash::new();
        hash.add(true, "a\n");
        hash.add(false, "b");
        let expected = hash.finish();
        for (surface, bytes) in [(Surface::Lines, LINES), (Surface::Chunks, CHUNKS)] {
            let reader = read(surface, bytes.as_bytes()).unwrap();
            assert_eq!((reader.pieces, reader.bytes, reader.is_done), (2, 3, true));
            assert_eq!(reader.hash.finish().as_ref(), expected.as_ref());
        }
    }

    #[test]
    fn a_piece_in_two_or_in_another_field_has_another_hash() {
        let hash = |lines: &str| read(Surface::Lines, lines.as_bytes()).unwrap().hash.finish().as_ref().to_vec();
        let one = hash("{\"delta\":{\"content\":\"ab\"}}\n");
        assert_ne!(one, hash("{\"delta\":{\"content\":\"a\"}}\n{\"delta\":{\"content\":\"b\"}}\n"));
        assert_ne!(one, hash("{\"delta\":{\"reasoning_content\":\"ab\"}}\n"));
        assert_ne!(one, hash("{\"delta\":{\"content\":\"ab\"}}\n{\"delta\":{\"content\":\"ab\"}}\n"));
    }

    #[test]
    fn what_follows_the_end_or_is_no_line_is_seen() {
        assert!(read(Surface::Lines, format!("{LINES}{{}}\n").as_bytes()).is_err());
        assert!(read(Surface::Lines, b"\n").is_err());
        assert!(read(Surface::Chunks, b"event: x\n\n").is_err());
        assert!(read(Surface::Lines, b"{\"error\":\"x\"}\n").unwrap().error.is_some());
    }
}
