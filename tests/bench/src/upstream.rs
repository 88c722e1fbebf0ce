//! The upstream for load: it writes what was built before, and knows when it wrote it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use crate::answer::{Answers, HEAD, http_chunk};
use crate::clock;
use crate::pacer::Pacer;
use crate::plan::{Mode, Plan};
use crate::socket::Socket;
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
    /// What it is behind, if it is.
    tls: Option<Arc<ServerConfig>>,
    /// Handshakes, and those of them that resumed an earlier session.
    handshakes: AtomicU64,
    resumed: AtomicU64,
    /// Each connection is closed after its answer, and the answer says so.
    pub(crate) closes: AtomicBool,
}

impl Upstream {
    /// Listens on loopback, and answers for as long as the runtime lives.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn start(tls: Option<Arc<ServerConfig>>) -> Result<Arc<Self>, String> {
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
            tls,
            handshakes: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            closes: AtomicBool::new(false),
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

    /// TLS handshakes so far that were full, and that resumed an earlier session.
    pub(crate) fn handshakes(&self) -> [u64; 2] {
        let resumed = self.resumed.load(Ordering::Relaxed);
        [self.handshakes.load(Ordering::Relaxed) - resumed, resumed]
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
                let _ = async {
                    let socket = match upstream.tls.clone() {
                        None => Socket::plain(stream),
                        Some(config) => {
                            let (socket, resumed) = Socket::secure(stream, config).await?;
                            upstream.handshakes.fetch_add(1, Ordering::Relaxed);
                            upstream.resumed.fetch_add(u64::from(resumed), Ordering::Relaxed);
                            socket
                        }
                    };
                    serve(&Arc::new(socket), &upstream).await
                }
                .await;
            });
        }
    }
}

/// The requests of one connection, one after the other.
async fn serve(stream: &Arc<Socket>, upstream: &Upstream) -> std::io::Result<()> {
    let mut unread = Vec::new();
    while let Some(request) = read_request(stream, &mut unread).await? {
        let Some(plan) = Plan::find(&request) else {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n").await?;
            continue;
        };
        match plan.mode {
            Mode::Free => {
                let answer = upstream.answers.get(plan);
                let (wire, ends) = answer.wire();
                let mut at = 0;
                let closes = upstream.closes.load(Ordering::Relaxed);
                if closes {
                    stream.write_all(closing_head().as_bytes()).await?;
                    at = HEAD.len();
                }
                for end in ends {
                    stream.write_all(wire.get(at..*end).unwrap_or_default()).await?;
                    at = *end;
                    // All connections take turns, so that each write is one of its own for the relay.
                    turn_over().await;
                }
                if closes {
                    return Ok(());
                }
            }
            Mode::Held => {
                let answer = upstream.answers.get(plan);
                let (wire, ends) = answer.wire();
                let (first, rest) = wire.split_at(ends.first().copied().unwrap_or_default());
                let told = upstream.told.subscribe();
                stream.write_all(first).await?;
                wait(stream, upstream, plan.id, told).await?;
                stream.write_all(rest).await?;
            }
            Mode::Paced(interval) => {
                let told = upstream.told.subscribe();
                stream.write_all(HEAD.as_bytes()).await?;
                let paced = upstream.pacer.add(Arc::clone(stream), u64::from(interval) * 1000);
                let waited = wait(stream, upstream, plan.id, told).await;
                let stamps = paced.stop();
                upstream.accounts().entry(plan.id).or_default().stamps = stamps;
                waited?;
                let mut end = Vec::new();
                http_chunk(event::end().as_bytes(), &mut end);
                end.extend_from_slice(b"0\r\n\r\n");
                stream.write_all(&end).await?;
            }
        }
    }
    Ok(())
}

/// Waits to be told, or for the relay to close the connection, which is an error and noted.
async fn wait(stream: &Socket, upstream: &Upstream, id: u64, mut told: watch::Receiver<u64>) -> std::io::Result<()> {
    upstream.waiting.fetch_add(1, Ordering::Relaxed);
    let waited = tokio::select! {
        _ = told.changed() => Ok(()),
        closed = stream.closed() => Err(closed),
    };
    upstream.waiting.fetch_sub(1, Ordering::Relaxed);
    if waited.is_err() {
        upstream.accounts().entry(id).or_default().closed_at = Some(clock::now());
    }
    waited
}

/// One request, head and body; `None` when the connection was closed.
pub(crate) async fn read_request(stream: &Socket, unread: &mut Vec<u8>) -> std::io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(length) = request_length(unread) {
            if unread.len() >= length {
                let rest = unread.split_off(length);
                return Ok(Some(std::mem::replace(unread, rest)));
            }
        } else if unread.len() > MAX_REQUEST {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        if stream.read(unread).await? == 0 {
            return Ok(None);
        }
    }
}

/// An answer's head where its connection serves no other.
fn closing_head() -> String {
    HEAD.strip_suffix("\r\n").unwrap_or(HEAD).to_owned() + "connection: close\r\n\r\n"
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
