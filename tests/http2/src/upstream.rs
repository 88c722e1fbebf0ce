//! The upstream: both protocols on one port, events as Azure's are in size, and a count of its connections.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Bytes of an event.
pub(crate) const EVENT: usize = 523;
/// Where the stamp is in it, nanoseconds in so many digits.
pub(crate) const STAMP: std::ops::Range<usize> = 11..30;
/// Events of a free answer, and those that a held one has at once.
const EVENTS: u32 = 500;
const HELD_AFTER: u32 = 10;

/// What those who measure have of it.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    start: Instant,
    /// Answers that have begun and not ended.
    pub(crate) open: AtomicUsize,
    /// Events of answers that never end.
    pub(crate) flood: AtomicU64,
    /// Connections so far.
    pub(crate) connections: AtomicU64,
    told: watch::Sender<u64>,
}

impl Upstream {
    /// Listens; `streams` is how many HTTP/2 streams a connection may have, `None` for hyper's own bound of 200.
    pub(crate) async fn start(streams: Option<u32>) -> std::io::Result<Arc<Self>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let upstream = Arc::new(Self {
            address: listener.local_addr()?,
            start: Instant::now(),
            open: AtomicUsize::new(0),
            flood: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            told: watch::Sender::new(0),
        });
        let mut builder = Builder::new(TokioExecutor::new());
        if let Some(streams) = streams {
            builder.http2().max_concurrent_streams(streams);
        }
        let shared = Arc::clone(&upstream);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let _ = socket.set_nodelay(true);
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let (builder, shared) = (builder.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    let service = service_fn(|request| std::future::ready(answer(&request, &shared)));
                    // A connection that breaks off is told by the answer that lacks its end.
                    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Ok(upstream)
    }

    /// Nanoseconds since its start.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Ends all answers that are held or paced.
    pub(crate) fn tell(&self) {
        self.told.send_modify(|times| *times += 1);
    }

    fn event(&self) -> Bytes {
        let mut event = format!(r#"data: {{"t":{:019}"#, self.now()).into_bytes();
        event.resize(EVENT - 3, b' ');
        event.extend_from_slice(b"}\n\n");
        event.into()
    }
}

/// Counts an answer for as long as its body lives.
struct Open(Arc<Upstream>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

type Body = StreamBody<futures::stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

#[expect(clippy::unnecessary_wraps, reason = "hyper asks for a service that may fail")]
fn answer(request: &Request<Incoming>, upstream: &Arc<Upstream>) -> Result<Response<Body>, Infallible> {
    upstream.open.fetch_add(1, Ordering::Relaxed);
    let open = Open(Arc::clone(upstream));
    let events = match request.uri().path() {
        "/free" => at_once(open, EVENTS).boxed(),
        "/flood" => {
            let counted = Arc::clone(upstream);
            at_once(open, u32::MAX).inspect(move |_| _ = counted.flood.fetch_add(1, Ordering::Relaxed)).boxed()
        }
        "/held" => held(open).boxed(),
        "/paced" => paced(open).boxed(),
        _ => at_once(open, 1).boxed(),
    };
    Ok(Response::new(StreamBody::new(events.map(|event| Ok(Frame::data(event))).boxed())))
}

/// As fast as they are taken, but each a write of its own.
fn at_once(open: Open, events: u32) -> impl Stream<Item = Bytes> {
    stream::unfold((open, 0), move |(open, number)| async move {
        if number == events {
            return None;
        }
        tokio::task::yield_now().await;
        let event = open.0.event();
        Some((event, (open, number + 1)))
    })
}

/// Some at once, then none, until told.
fn held(open: Open) -> impl Stream<Item = Bytes> {
    let told = open.0.told.subscribe();
    stream::unfold((open, told, 0), |(open, mut told, number)| async move {
        if number == HELD_AFTER {
            let _ = told.changed().await;
            return None;
        }
        let event = open.0.event();
        Some((event, (open, told, number + 1)))
    })
}

/// An event each 20 ms, until told.
fn paced(open: Open) -> impl Stream<Item = Bytes> {
    let told = open.0.told.subscribe();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    stream::unfold((open, told, ticks), |(open, mut told, mut ticks)| async move {
        tokio::select! {
            _ = told.changed() => None,
            _ = ticks.tick() => {
                let event = open.0.event();
                Some((event, (open, told, ticks)))
            }
        }
    })
}
