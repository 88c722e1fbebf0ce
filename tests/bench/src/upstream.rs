//! The upstream for load: it writes what was built before, and knows when it wrote it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use crate::answer::{Answers, HEAD, http_chunk};
use crate::clock;
use crate::pacer::Pacer;
use crate::plan::{Mode, Plan};
use crate::turn_over::turn_over;
use bench_events::event;

/// What the system holds of an answer that the relay does not take. Bytes; Linux doubles it.
const SEND_BUFFER: u32 = 128 * 1024;
/// A request is no longer than this. Bytes.
const MAX_REQUEST: usize = 64 * 1024;

/// What upstream knows of an answer that takes time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// The stamps in its events, in order.
    pub(crate) stamps: Vec<u64>,
    /// When the relay closed the connection in the middle of it.
    pub(crate) closed_at: Option<u64>,
}

/// Everything that upstream's connections share with those who measure.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    pub(crate) answers: Answers,
    accounts: Mutex<HashMap<u64, Account>>,
    pacer: Arc<Pacer>,
    /// Raised to let all held answers go on and all paced ones end.
    told: watch::Sender<u64>,
    /// Answers that wait to be told.
    waiting: AtomicUsize,
}

impl Upstream {
    /// Listens on loopback, and answers for as long as the runtime lives.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn start() -> Result<Arc<Self>, String> {
        let listen = || {
            let socket = TcpSocket::new_v4()?;
            socket.set_send_buffer_size(SEND_BUFFER)?;
            socket.bind((std::net::Ipv4Addr::LOCALHOST, 0).into())?;
            socket.listen(4096)
        };
        let listener = listen().map_err(|error| format!("the upstream: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("the upstream: {error}"))?;
        let upstream = Arc::new(Self {
            address,
            answers: Answers::default(),
            accounts: Mutex::default(),
            pacer: Pacer::start()?,
            told: watch::Sender::new(0),
            waiting: AtomicUsize::new(0),
        });
        tokio::spawn(accept(listener, Arc::clone(&upstream)));
        Ok(upstream)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets held answers go on, and paced ones end.
    pub(crate) fn tell(&self) {
        self.told.send_modify(|times| *times += 1);
    }

    /// How many answers wait to be told.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Takes the account of an answer.
    pub(crate) fn account(&self, id: u64) -> Account {
        self.accounts().remove(&id).unwrap_or_default()
    }

    fn accounts(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, upstream: Arc<Upstream>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let upstream = Arc::clone(&upstream);
            tokio::spawn(async move {
                // A connection that breaks off is told by the answer that lacks its end.
                let _ = serve(&Arc::new(stream), &upstream).await;
            });
        }
    }
}

/// The requests of one connection, one after the other.
async fn serve(stream: &Arc<TcpStream>, upstream: &Upstream) -> std::io::Result<()> {
    let mut unread = Vec::new();
    while let Some(request) = read_request(stream, &mut unread).await? {
        let Some(plan) = Plan::find(&request) else {
            write_all(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n").await?;
            continue;
        };
        match plan.mode {
            Mode::Free => {
                let answer = upstream.answers.get(plan);
                let (wire, ends) = answer.wire();
                let mut at = 0;
                for end in ends {
                    write_all(stream, wire.get(at..*end).unwrap_or_default()).await?;
                    at = *end;
                    // All connections take turns, so that each write is one of its own for the relay.
                    turn_over().await;
                }
            }
            Mode::Held => {
                let answer = upstream.answers.get(plan);
                let (wire, ends) = answer.wire();
                let (first, rest) = wire.split_at(ends.first().copied().unwrap_or_default());
                let told = upstream.told.subscribe();
                write_all(stream, first).await?;
                wait(stream, upstream, plan.id, told).await?;
                write_all(stream, rest).await?;
            }
            Mode::Paced(interval) => {
                let told = upstream.told.subscribe();
                write_all(stream, HEAD.as_bytes()).await?;
                let paced = upstream.pacer.add(Arc::clone(stream), u64::from(interval) * 1000);
                let waited = wait(stream, upstream, plan.id, told).await;
                let stamps = paced.stop();
                upstream.accounts().entry(plan.id).or_default().stamps = stamps;
                waited?;
                let mut end = Vec::new();
                http_chunk(event::end().as_bytes(), &mut end);
                end.extend_from_slice(b"0\r\n\r\n");
                write_all(stream, &end).await?;
            }
        }
    }
    Ok(())
}

/// Waits to be told, or for the relay to close the connection, which is an error and noted.
async fn wait(stream: &TcpStream, upstream: &Upstream, id: u64, mut told: watch::Receiver<u64>) -> std::io::Result<()> {
    upstream.waiting.fetch_add(1, Ordering::Relaxed);
    let waited = tokio::select! {
        _ = told.changed() => Ok(()),
        closed = closed(stream) => Err(closed),
    };
    upstream.waiting.fetch_sub(1, Ordering::Relaxed);
    if waited.is_err() {
        upstream.accounts().entry(id).or_default().closed_at = Some(clock::now());
    }
    waited
}

/// Resolves when the other side closes or sends what nobody asked for.
pub(crate) async fn closed(stream: &TcpStream) -> std::io::Error {
    loop {
        if let Err(error) = stream.readable().await {
            return error;
        }
        match stream.try_read(&mut [0; 1]) {
            Ok(_) => return std::io::ErrorKind::ConnectionAborted.into(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return error,
        }
    }
}

/// One request, head and body; `None` when the connection was closed.
pub(crate) async fn read_request(stream: &TcpStream, unread: &mut Vec<u8>) -> std::io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(length) = request_length(unread) {
            if unread.len() >= length {
                let rest = unread.split_off(length);
                return Ok(Some(std::mem::replace(unread, rest)));
            }
        } else if unread.len() > MAX_REQUEST {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        stream.readable().await?;
        match stream.try_read_buf(unread) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// How long the request is whose head is whole. A body has its length in the head.
fn request_length(bytes: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(bytes.get(..head)?).ok()?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + body.unwrap_or_default())
}

/// Writes with as few calls as the socket lets it.
pub(crate) async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
