//! A connection from a relay to the upstream: plain, or behind TLS. Each write is one of its own, and one record.
//!
//! Not `tokio-rustls`: the pacer writes from a thread of its own, to streams that a task watches meanwhile.

use std::cell::RefCell;
use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{HandshakeKind, ServerConfig, ServerConnection};
use tokio::net::TcpStream;

thread_local! {
    /// What was read last, for all connections.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 16 * 1024]);
}

/// The upstream's end.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    tls: Option<Mutex<ServerConnection>>,
}

impl Socket {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self { stream, tls: None }
    }

    /// Shakes hands; with whether an earlier session was resumed.
    ///
    /// # Errors
    /// The relay's or the network's.
    pub(crate) async fn secure(stream: TcpStream, config: Arc<ServerConfig>) -> Result<(Self, bool)> {
        let mut tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
        // What a relay does not take is the socket's to hold.
        tls.set_buffer_limit(None);
        let socket = Self { stream, tls: Some(Mutex::new(tls)) };
        while socket.tls().is_some_and(|tls| tls.is_handshaking()) {
            socket.receive().await?;
            socket.write_all(&[]).await?;
        }
        let resumed = socket.tls().is_some_and(|tls| tls.handshake_kind() == Some(HandshakeKind::Resumed));
        Ok((socket, resumed))
    }

    /// Writes with as few calls as the socket lets it.
    pub(crate) async fn write_all(&self, bytes: &[u8]) -> Result<()> {
        let sealed = self.seal(bytes)?;
        let mut rest = sealed.as_deref().unwrap_or(bytes);
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes all of it at once, or gives the connection up.
    pub(crate) fn try_write_all(&self, bytes: &[u8]) -> bool {
        let Ok(sealed) = self.seal(bytes) else { return false };
        let bytes = sealed.as_deref().unwrap_or(bytes);
        self.stream.try_write(bytes).ok() == Some(bytes.len())
    }

    /// Adds what comes to what is unread; 0 at the end.
    pub(crate) async fn read(&self, unread: &mut Vec<u8>) -> Result<usize> {
        if self.tls.is_some() {
            return self.read_sealed(unread).await;
        }
        loop {
            self.stream.readable().await?;
            match self.stream.try_read_buf(unread) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    async fn read_sealed(&self, unread: &mut Vec<u8>) -> Result<usize> {
        let mut bytes = [0; 4096];
        loop {
            let opened = self.tls().map_or(Ok(0), |mut tls| tls.reader().read(&mut bytes));
            match opened {
                Ok(length) => {
                    unread.extend_from_slice(bytes.get(..length).unwrap_or_default());
                    return Ok(length);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.receive().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// From now on closing resets the connection: what is not sent is dropped, and the other side hears of it.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn reset_on_close(&self) -> Result<()> {
        self.stream.set_zero_linger()
    }

    /// Resolves when the other side closes or sends what nobody asked for.
    pub(crate) async fn closed(&self) -> std::io::Error {
        loop {
            if let Err(error) = self.stream.readable().await {
                return error;
            }
            match self.stream.try_read(&mut [0; 1]) {
                Ok(_) => return ErrorKind::ConnectionAborted.into(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return error,
            }
        }
    }

    fn tls(&self) -> Option<MutexGuard<'_, ServerConnection>> {
        Some(self.tls.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The bytes as they go over the wire, with what TLS itself has to say; `None` where they go as they are.
    fn seal(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(mut tls) = self.tls() else { return Ok(None) };
        tls.writer().write_all(bytes)?;
        let mut sealed = Vec::with_capacity(bytes.len() + 64);
        while tls.wants_write() {
            tls.write_tls(&mut sealed)?;
        }
        Ok(Some(sealed))
    }

    /// Gives TLS what comes next.
    async fn receive(&self) -> Result<()> {
        loop {
            self.stream.readable().await?;
            let received = SCRATCH.with_borrow_mut(|scratch| match self.stream.try_read(scratch) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
                Err(error) => Err(error),
                Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    let mut rest = scratch.get(..length).unwrap_or_default();
                    let Some(mut tls) = self.tls() else { return Ok(true) };
                    while !rest.is_empty() {
                        tls.read_tls(&mut rest)?;
                        tls.process_new_packets().map_err(std::io::Error::other)?;
                    }
                    Ok(true)
                }
            })?;
            if received {
                return Ok(());
            }
        }
    }
}
