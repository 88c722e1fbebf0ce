//! Accepts connections and serves them, until it is told to stop.
//!
//! axum's own loop sets no clock on a connection, so this is ours, on the same hyper. The number of connections is
//! bounded; more wait in the system's backlog.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::connection::{ServedBody, Serving, TimedIo};
use crate::settings::Connections;

/// A request's head may not be larger; what a browser and the platform send is a few KiB.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// What the system holds for a reader who is slow, for each connection, beside what this program holds.
const SEND_BUFFER_BYTES: u32 = 128 * 1024;
/// Connections beyond those of open answers: idle ones, pings, and those that are turned away.
const SPARE_CONNECTIONS: usize = 256;
/// Pause after an accept failed; out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// After the grace period: time for the last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(2);
/// The system's queue of connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Listens on 127.0.0.1, and nowhere else.
///
/// # Errors
/// The port is taken, or not ours to take.
pub fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    // Inherited by every accepted connection.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind((std::net::Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(BACKLOG)
}

/// Serves `app` until `stop` resolves; then open answers have the grace period, and `grace_over` is set for those that
/// are still open. Returns when all connections are closed, or a moment after that.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Connections,
    max_streams: usize,
    stop: impl Future<Output = ()>,
    grace_over: watch::Sender<bool>,
) {
    let connections =
        Arc::new(Semaphore::new(max_streams.saturating_add(SPARE_CONNECTIONS).min(Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    let mut accepting = true;
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let permit = Arc::clone(&connections).acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((socket, _)) => {
                accepting = true;
                let connection = graceful.watch(connection(socket, app.clone(), limits));
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection broke off");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                // Told once, however long it lasts.
                if std::mem::replace(&mut accepting, false) {
                    tracing::warn!(%error, "no connection can be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tracing::info!(grace_s = limits.grace.as_secs(), "stopping; open answers may end");
    let mut closed = std::pin::pin!(graceful.shutdown());
    if tokio::time::timeout(limits.grace, &mut closed).await.is_err() {
        grace_over.send_replace(true);
        let _ = tokio::time::timeout(LAST_LINES, closed).await;
    }
}

fn connection(
    socket: TcpStream,
    app: Router,
    limits: Connections,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    // Lines are small and wait for nobody.
    let _ = socket.set_nodelay(true);
    let serving = Serving::default();
    let io = TokioIo::new(TimedIo::new(socket, limits, serving.clone()));
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |request: Request<Incoming>| {
        let guard = serving.begin();
        let response = app.call(request.map(Body::new));
        async move {
            let response: Response<Body> = response.await?;
            Ok::<_, Infallible>(response.map(|body| ServedBody { body, _guard: guard }))
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None) // `TimedIo` has that clock
        .max_buf_size(MAX_HEAD_BYTES)
        // Lines are small: to copy them behind their chunk's head is cheaper than a system call with a list of pieces.
        .writev(false)
        .serve_connection(io, service)
}
