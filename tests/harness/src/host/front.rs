//! The front door: the listener, its connections, and everything that is answered before a handler is asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::{mpsc, watch};

use super::app::{App, Function};
use super::clock::{Clock, Expired, Limits};
use super::cors;
use super::entry;
use super::log::Level;
use super::proxy::{Answer, Proxy, empty, signed, text};
use super::socket::{Cut, Socket};
use super::state::Shared;

/// What the listener and its connections are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Take connections and requests.
    Open,
    /// Take no more, and let open answers end.
    Draining,
    /// Cut everything.
    Closed,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) app: Arc<App>,
    pub(super) shared: Arc<Shared>,
    pub(super) proxy: Arc<Proxy>,
    pub(super) limits: Limits,
    pub(super) cors: Vec<String>,
    /// Demanded of functions that are not anonymous.
    pub(super) key: Option<String>,
    pub(super) hide_client_abort: bool,
}

/// The call that a connection is serving.
#[derive(Clone, Debug)]
struct Current {
    clock: Arc<Clock>,
    function: String,
    start: usize,
    /// Its first byte is out, so a failure can only be a cut.
    streaming: bool,
}

/// Takes connections until closed. `_alive` is shared with all connections: its receiver ends when they have.
pub(super) async fn accept(
    listener: TcpListener,
    door: Arc<Door>,
    mut opening: watch::Receiver<Opening>,
    alive: mpsc::Sender<()>,
) {
    loop {
        let accepted = select! {
            accepted = listener.accept() => accepted,
            _ = opening.wait_for(|opening| *opening != Opening::Open) => return,
            () = door.shared.stopped() => return,
        };
        if let Ok((stream, peer)) = accepted {
            let _ = stream.set_nodelay(true);
            let connection = serve(stream, peer, Arc::clone(&door), opening.clone(), alive.clone());
            tokio::spawn(connection);
        }
    }
}

/// Serves one connection. Leaving this function cuts it, and with it the handler's side of an open answer.
async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    door: Arc<Door>,
    mut opening: watch::Receiver<Opening>,
    _alive: mpsc::Sender<()>,
) {
    let cut = Cut::default();
    let slot = watch::Sender::new(None);
    let mut current = slot.subscribe();
    let service = service_fn(|request| {
        let call = answer(&door, request, peer, &slot, &cut);
        async move { Ok::<_, Infallible>(signed(call.await)) }
    });
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&cut)));
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(socket, service);
    let mut connection = pin!(connection);
    let mut draining = false;
    loop {
        select! {
            _ = connection.as_mut() => return,
            (call, why) = cut_off(&mut current) => {
                if why != Expired::FrontIdle {
                    call.clock.settle();
                }
                cut.store(true, Ordering::Relaxed);
                let text = door.proxy.expired(&call.function, call.start, why).await;
                return door.shared.say(Level::Error, format!("{text}; the client is cut off"));
            }
            now = changed(&mut opening, if draining { Opening::Draining } else { Opening::Open }) => {
                if now == Opening::Closed {
                    return;
                }
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
            () = door.shared.stopped(), if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Ends when the opening is no longer `known`; a host that is gone is closed.
async fn changed(opening: &mut watch::Receiver<Opening>, known: Opening) -> Opening {
    opening.wait_for(|now| *now != known).await.map_or(Opening::Closed, |now| *now)
}

/// Ends when the current call passes a limit that only a cut can answer.
async fn cut_off(current: &mut watch::Receiver<Option<Current>>) -> (Current, Expired) {
    loop {
        let call = current.borrow_and_update().clone();
        let expired = async {
            let Some(call) = call else { std::future::pending().await };
            let why = select! {
                why = call.clock.front_expired() => why,
                why = call.clock.call_expired(), if call.streaming => why,
            };
            (call, why)
        };
        select! {
            changed = current.changed() => if changed.is_err() { std::future::pending::<()>().await },
            cut = expired => return cut,
        }
    }
}

async fn answer(
    door: &Door,
    request: Request<Incoming>,
    peer: SocketAddr,
    slot: &watch::Sender<Option<Current>>,
    cut: &Cut,
) -> Answer {
    slot.send_replace(None);
    if let Some(status) = entry::refusal(&request) {
        return closing(empty(status));
    }
    if let Some(response) = cors::preflight(&request, &door.cors) {
        return response.map(|body| body.map_err(|never| match never {}).boxed_unsync());
    }
    let origin = cors::allowed_origin(request.headers(), &door.cors);
    let mut response = match admit(door, &request) {
        Err((status, words)) => text(status, words),
        Ok(function) => pass(door, function.name.clone(), request, peer, slot, cut).await,
    };
    if let Some(origin) = origin {
        cors::allow(response.headers_mut(), origin);
    }
    response
}

/// The connection's last answer.
fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// An answer without a handler.
type Refusal = (StatusCode, &'static str);

/// The real host has a landing page, so `GET /` never reaches the handler unless a route says so.
const HOME: Refusal = (StatusCode::OK, "The stand-in for the Functions host is running.\n");

/// Finds the function, or the refusal. A wrong method is no route: 404, not 405.
fn admit<'door>(door: &'door Door, request: &Request<Incoming>) -> Result<&'door Function, Refusal> {
    let path = request.uri().path();
    let known = |function: &&Function| {
        let by_method =
            function.methods.is_empty() || function.methods.iter().any(|method| method == request.method().as_str());
        by_method && function.route.matches(path)
    };
    let Some(function) = door.app.functions.iter().find(known) else {
        let home = path == "/" && request.method() == Method::GET;
        return Err(if home { HOME } else { (StatusCode::NOT_FOUND, "") });
    };
    if let Some(key) = door.key.as_ref().filter(|_| !function.anonymous) {
        let header = request.headers().get("x-functions-key").and_then(|value| value.to_str().ok());
        let query = request.uri().query().unwrap_or_default();
        let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
        if header.or(code) != Some(key.as_str()) {
            return Err((StatusCode::UNAUTHORIZED, ""));
        }
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > door.app.body_limit) {
        return Err((StatusCode::PAYLOAD_TOO_LARGE, ""));
    }
    Ok(function)
}

async fn pass(
    door: &Door,
    function: String,
    request: Request<Incoming>,
    peer: SocketAddr,
    slot: &watch::Sender<Option<Current>>,
    cut: &Cut,
) -> Answer {
    let clock = Arc::new(Clock::start(door.limits));
    let start = door.shared.status().starts;
    let call = Current { clock: Arc::clone(&clock), function: function.clone(), start, streaming: false };
    slot.send_replace(Some(call.clone()));
    let exchange = Arc::clone(&door.proxy).call(function, request, peer, clock, Arc::clone(cut));
    let response = if door.hide_client_abort {
        // A task of its own outlives the client's connection.
        tokio::spawn(exchange).await.unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR))
    } else {
        exchange.await
    };
    let streaming = !http_body::Body::is_end_stream(response.body());
    slot.send_replace(streaming.then(|| Current { streaming, start: door.shared.status().starts, ..call }));
    response
}
