//! An upstream that ends its answers in all the ways that go wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bench_events::event::{self, Field};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::answer::{HEAD, http_chunk};
use crate::clock;
use crate::socket::Socket;
use crate::upstream::read_request;

/// Events of each kind before the end: thoughts, then text.
const EACH: u32 = 3;
/// Between two writes, so that each is one for who reads; and before the end, so that a reset overtakes none.
const PAUSE: Duration = Duration::from_millis(5);
const BEFORE_THE_END: Duration = Duration::from_millis(100);
/// Between the events of an answer whose reader leaves.
const PACE: Duration = Duration::from_millis(20);
/// An answer whose reader has left is given up after this.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

const MARK: &str = "script ";

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Finish reason, usage, `[DONE]`.
    Whole,
    /// The body ends as HTTP wants it, and that is all.
    Clean,
    /// The same in the middle of an event.
    InsideEvent,
    /// The connection is reset.
    Reset,
    /// An event says what went wrong; then the body ends.
    ErrorEvent,
    /// It goes on at 50 events a second until its reader is gone.
    GoesOn,
    /// Nothing more comes until its reader is gone.
    Silent,
}

impl Ending {
    const ALL: [Self; 7] =
        [Self::Whole, Self::Clean, Self::InsideEvent, Self::Reset, Self::ErrorEvent, Self::GoesOn, Self::Silent];

    /// The question that calls for it.
    pub(super) fn question(self) -> String {
        format!("{MARK}{self:?};")
    }

    fn find(request: &[u8]) -> Option<Self> {
        let has = |ending: &Self| memchr::memmem::find(request, ending.question().as_bytes()).is_some();
        Self::ALL.into_iter().find(has)
    }
}

/// What the error event has for its error.
pub(super) fn error() -> Value {
    json!({ "message": "The server had an error processing your request.", "type": "server_error", "param": null, "code": "server_error" })
}

/// The last text before the end.
pub(super) fn last_text() -> String {
    event::text(1, EACH * 2 - 1, event::MIN_TEXT)
}

/// The scripted upstream.
#[derive(Debug)]
pub(super) struct Script {
    address: SocketAddr,
    /// When the reader of the last answer was seen to be gone.
    closed_at: Mutex<Option<u64>>,
}

impl Script {
    /// Listens on loopback for as long as the runtime lives.
    ///
    /// # Errors
    /// In words.
    pub(super) async fn start() -> Result<Arc<Self>, String> {
        let failed = |error| format!("the scripted upstream: {error}");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let script = Arc::new(Self { address, closed_at: Mutex::new(None) });
        let own = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let own = Arc::clone(&own);
                tokio::spawn(async move { own.serve(Socket::plain(stream)).await });
            }
        });
        Ok(script)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes the time at which the last reader was seen to be gone.
    pub(super) fn closed_at(&self) -> Option<u64> {
        self.closed_at.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The requests of one connection, which ends with an answer that does not end well.
    async fn serve(&self, stream: Socket) -> std::io::Result<()> {
        let mut unread = Vec::new();
        while let Some(request) = read_request(&stream, &mut unread).await? {
            let Some(ending) = Ending::find(&request) else {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n").await?;
                continue;
            };
            stream.write_all(HEAD.as_bytes()).await?;
            for number in 0..EACH * 2 {
                write_event(&stream, &one(number)).await?;
                tokio::time::sleep(PAUSE).await;
            }
            if !matches!(ending, Ending::GoesOn | Ending::Silent) {
                tokio::time::sleep(BEFORE_THE_END).await;
            }
            match ending {
                Ending::Whole => write_event(&stream, &event::end()).await?,
                Ending::Clean => {}
                Ending::InsideEvent => {
                    let event = one(EACH);
                    write_event(&stream, event.get(..event.len() / 2).unwrap_or_default()).await?;
                }
                Ending::Reset => {
                    let _ = stream.reset_on_close();
                    return Ok(());
                }
                Ending::ErrorEvent => {
                    write_event(&stream, &format!("data: {}\n\n", json!({ "error": error() }))).await?;
                }
                Ending::GoesOn | Ending::Silent => {
                    let pace = if ending == Ending::GoesOn { PACE } else { PATIENCE };
                    self.until_closed(&stream, pace).await;
                    return Ok(());
                }
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Ok(())
    }

    /// Writes an event at each step until the other side is gone, or patience is over.
    async fn until_closed(&self, stream: &Socket, pace: Duration) {
        let writing = async {
            loop {
                tokio::time::sleep(pace).await;
                if write_event(stream, &one(EACH)).await.is_err() {
                    return;
                }
            }
        };
        let gone = async {
            tokio::select! {
                _ = stream.closed() => {}
                () = writing => {}
            }
        };
        if tokio::time::timeout(PATIENCE, gone).await.is_ok() {
            *self.closed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock::now());
        }
    }
}

/// An event with text; the first ones are thoughts.
fn one(number: u32) -> String {
    let (before, after) = event::around(Field::of(number, EACH * 2));
    format!("{before}{}{after}", event::text(1, number, event::MIN_TEXT))
}

async fn write_event(stream: &Socket, event: &str) -> std::io::Result<()> {
    let mut chunk = Vec::new();
    http_chunk(event.as_bytes(), &mut chunk);
    stream.write_all(&chunk).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_is_found_in_its_question() {
        for ending in Ending::ALL {
            let request = crate::plan::request("/x", "", &ending.question());
            assert_eq!(Ending::find(&request), Some(ending));
        }
        assert_eq!(Ending::find(b"GET / HTTP/1.1\r\n\r\n"), None);
    }
}
