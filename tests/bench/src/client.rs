//! One connection of the load generator.

use std::cell::RefCell;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::dechunk::Dechunker;

thread_local! {
    /// Everything is read on one thread, and nothing is kept: one buffer for all connections.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

/// A kept connection to a relay.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// In words.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("connecting: {error}"))?;
        stream.set_nodelay(true).map_err(|error| format!("connecting: {error}"))?;
        Ok(Self { stream })
    }

    /// Sends a request and gives `sink` the body of its answer as it comes.
    ///
    /// # Errors
    /// The sink's; an answer that is not 200, not whole, or not chunked.
    pub(crate) async fn ask(
        &mut self,
        request: &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        self.send(request).await?;
        let mut head = Vec::new();
        let mut in_head = true;
        let mut body = Dechunker::new();
        while !body.is_over() {
            self.read(|bytes| {
                if !in_head {
                    return body.feed(bytes, &mut sink);
                }
                head.extend_from_slice(bytes);
                let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") else { return Ok(()) };
                let (head, rest) = head.split_at(end + 4);
                is_good(head)?;
                in_head = false;
                body.feed(rest, &mut sink)
            })
            .await?;
        }
        Ok(())
    }

    /// Sends `GET /` and waits for the head of a 200.
    ///
    /// # Errors
    /// In words.
    pub(crate) async fn ping(&mut self) -> Result<(), String> {
        self.send(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await?;
        let mut head = Vec::new();
        while memchr::memmem::find(&head, b"\r\n\r\n").is_none() {
            self.read(|bytes| {
                head.extend_from_slice(bytes);
                Ok(())
            })
            .await?;
        }
        if head.starts_with(b"HTTP/1.1 200 ") { Ok(()) } else { Err(first_line(&head)) }
    }

    async fn send(&self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.stream.writable().await.map_err(|error| format!("sending: {error}"))?;
                }
                Err(error) => return Err(format!("sending: {error}")),
            }
        }
        Ok(())
    }

    /// Reads once, whatever there is.
    async fn read(&self, mut sink: impl FnMut(&[u8]) -> Result<(), String>) -> Result<(), String> {
        loop {
            self.stream.readable().await.map_err(|error| format!("reading: {error}"))?;
            let read = SCRATCH.with_borrow_mut(|scratch| match self.stream.try_read(scratch) {
                Ok(0) => Err("the connection was closed in the middle of an answer".to_owned()),
                Ok(length) => sink(scratch.get(..length).unwrap_or_default()).map(|()| true),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
                Err(error) => Err(format!("reading: {error}")),
            })?;
            if read {
                return Ok(());
            }
        }
    }
}

/// A 200 with a chunked body.
fn is_good(head: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    if !text.starts_with("http/1.1 200 ") {
        return Err(first_line(head));
    }
    if text.contains("\r\ntransfer-encoding: chunked\r\n") {
        Ok(())
    } else {
        Err("an answer that is not chunked".into())
    }
}

fn first_line(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    format!("answered {}", text.lines().next().unwrap_or_default())
}
