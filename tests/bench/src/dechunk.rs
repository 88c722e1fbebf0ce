//! HTTP/1.1's chunked coding, taken apart where it lies.

/// Where in the coding the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a chunk's size; so far.
    Size(usize),
    /// Behind the size, up to the line's end.
    SizeEnd(usize),
    /// In a chunk; bytes left.
    Data(usize),
    /// In the line end behind a chunk.
    DataEnd,
    /// Behind the last chunk: bytes of its blank line left.
    Last(u8),
    /// The body is over.
    End,
}

/// One body.
#[derive(Debug)]
pub(crate) struct Dechunker {
    state: State,
}

impl Dechunker {
    /// At the body's start.
    pub(crate) fn new() -> Self {
        Self { state: State::Size(0) }
    }

    /// Whether the body is over.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::End
    }

    /// Takes bytes and gives `sink` what of them is the body's.
    ///
    /// # Errors
    /// The sink's; bytes that are no chunked body, or come after its end.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        while let Some((first, rest)) = bytes.split_first() {
            self.state = match self.state {
                State::Data(left) => {
                    let (data, rest) = bytes.split_at(left.min(bytes.len()));
                    sink(data)?;
                    bytes = rest;
                    if data.len() == left { State::DataEnd } else { State::Data(left - data.len()) }
                }
                state => {
                    bytes = rest;
                    match (state, first) {
                        (State::Size(size), digit) if digit.is_ascii_hexdigit() => {
                            let digit = char::from(*digit).to_digit(16).unwrap_or_default();
                            State::Size(size * 16 + digit as usize)
                        }
                        (State::Size(size), b'\r') => State::SizeEnd(size),
                        (State::SizeEnd(0), b'\n') => State::Last(2),
                        (State::SizeEnd(size), b'\n') => State::Data(size),
                        (State::DataEnd, b'\r') => State::DataEnd,
                        (State::DataEnd, b'\n') => State::Size(0),
                        (State::Last(2), b'\r') => State::Last(1),
                        (State::Last(1), b'\n') => State::End,
                        (state, byte) => return Err(format!("not chunked: byte {byte} in {state:?}")),
                    }
                }
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), String> {
        let mut body = Vec::new();
        let mut dechunker = Dechunker::new();
        for piece in pieces {
            dechunker.feed(piece, |data| {
                body.extend_from_slice(data);
                Ok(())
            })?;
        }
        Ok((body, dechunker.is_over()))
    }

    #[test]
    fn every_split_gives_the_same_body() {
        let coded = b"3\r\nabc\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
        for at in 0..coded.len() {
            let (first, second) = coded.split_at(at);
            assert_eq!(read(&[first, second]), Ok((b"abcabcdefghijklmnopqrstuvwxyz".to_vec(), true)), "{at}");
        }
        assert_eq!(read(&[b"3\r\nabc\r\n"]), Ok((b"abc".to_vec(), false)));
    }

    #[test]
    fn what_is_not_chunked_is_an_error() {
        for wrong in [&b"x"[..], b"3\r\nabcd", b"3\nabc", b"0\r\n\r\nmore", b"3;x=y\r\nabc"] {
            assert!(read(&[wrong]).is_err(), "{wrong:?}");
        }
    }
}
