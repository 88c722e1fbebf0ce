//! The proxy on loopback: ends TLS for the hosts of this world, passes those it may, refuses all others.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::log::{self, What};
use crate::reply::{Body, Reply, plain};
use crate::world::World;
use crate::{ARM, LOGIN, arm, door, entra, insights, model, sites};

/// Largest body of a request: a compiled template is half a megabyte.
const BODY_BYTES: usize = 16 * 1024 * 1024;

pub(crate) async fn accept(listener: TcpListener, world: Arc<World>) {
    while let Ok((stream, _)) = listener.accept().await {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let world = Arc::clone(&world);
                async move { Ok::<_, std::convert::Infallible>(outer(request, world).await) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
        });
    }
}

/// A request to the proxy itself: a tunnel, or the stand-ins' door.
async fn outer(request: Request<Incoming>, world: Arc<World>) -> Response<Body> {
    if request.method() != Method::CONNECT {
        return door::answer(request, &world).await;
    }
    let Some(authority) = request.uri().authority().cloned() else {
        return plain(StatusCode::BAD_REQUEST, "CONNECT wants a host and a port");
    };
    let host = authority.host().to_lowercase();
    let passes = |host: &str| world.options.pass.iter().any(|end| host.ends_with(end));
    if is_of_this_world(&host, &world) {
        tokio::spawn(async move {
            if let Ok(upgraded) = hyper::upgrade::on(request).await {
                inside(upgraded, host, world).await;
            }
        });
    } else if passes(&host) {
        let target = (host, authority.port_u16().unwrap_or(443));
        let Ok(mut outside) = TcpStream::connect(target).await else {
            return plain(StatusCode::BAD_GATEWAY, "it cannot be reached");
        };
        tokio::spawn(async move {
            if let Ok(upgraded) = hyper::upgrade::on(request).await {
                let _ = copy_bidirectional(&mut TokioIo::new(upgraded), &mut outside).await;
            }
        });
    } else {
        world.log.note(What::Refused(host));
        return plain(StatusCode::FORBIDDEN, "not in this world");
    }
    plain(StatusCode::OK, "")
}

fn is_of_this_world(host: &str, world: &World) -> bool {
    [LOGIN, ARM, insights::HOST, "graph.microsoft.com", "aka.ms"].contains(&host)
        || sites::is_deployed(host, world)
        || model::account(host, &world.state()).is_some()
}

/// Requests inside a tunnel whose TLS ends here.
async fn inside(upgraded: Upgraded, host: String, world: Arc<World>) {
    let Ok(server) = world.authority.server(&host) else { return };
    let Ok(tls) = TlsAcceptor::from(server).accept(TokioIo::new(upgraded)).await else { return };
    let service = service_fn(move |request| {
        let (world, host) = (Arc::clone(&world), host.clone());
        async move { Ok::<_, std::convert::Infallible>(answer(request, &host, &world).await) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(tls), service).await;
}

/// A request that was read, but for its body's meaning.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// As it came, without a slash at its end.
    pub(crate) path: String,
    /// Path and query, for the log.
    pub(crate) whole: String,
    pub(crate) query: String,
    pub(crate) bearer: Option<String>,
    pub(crate) body: Bytes,
}

async fn answer(request: Request<Incoming>, host: &str, world: &Arc<World>) -> Response<Body> {
    if model::account(host, &world.state()).is_some() {
        return model::answer(request, host, world).await;
    }
    if sites::is_deployed(host, world) {
        return sites::answer(request, host, world).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_BYTES).collect().await.map(http_body_util::Collected::to_bytes) else {
        return plain(StatusCode::BAD_REQUEST, "the body cannot be read");
    };
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().trim_end_matches('/').to_owned(),
        whole: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        bearer,
        body,
    };
    let fault = world.state().faults.answer(&asked.method, &asked.whole);
    let reply = match (fault, host) {
        (Some(reply), _) => reply,
        (None, LOGIN) => entra::answer(&asked, world),
        (None, ARM) => arm::answer(&asked, world).await,
        (None, insights::HOST) => insights::answer(&asked, world),
        // Refused, each command of azd would try again for ten seconds; the compiler's index is not needed.
        (None, "aka.ms") if asked.path == "/azd/extensions/registry" => {
            Reply::ok(serde_json::json!({ "extensions": [] }))
        }
        (None, "aka.ms") if asked.path == "/br-module-index-data" => Reply::empty(404),
        (None, _) => unknown(&asked, host, world),
    };
    let caller = asked.bearer.as_deref().and_then(|token| world.mint.said(token)).map(|said| said.object);
    let body = if asked.method == "PUT" { serde_json::from_slice(&asked.body).ok() } else { None };
    let correlation = header("x-ms-correlation-request-id");
    world.log.note(What::Request(log::Request {
        host: host.to_owned(),
        method: asked.method,
        path: asked.whole,
        status: reply.status,
        correlation,
        caller,
        body,
    }));
    reply.into_response()
}

/// Notes a route that nobody knows.
pub(crate) fn unknown(asked: &Asked, host: &str, world: &World) -> Reply {
    world.log.unknown(format!("{} {host}{}", asked.method, asked.whole));
    Reply::refused(501, "UnknownRoute", &format!("{} {}", asked.method, asked.whole))
}

/// A value of a query or a form.
pub(crate) fn value(form: &str, name: &str) -> Option<String> {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.into_iter().find(|(key, _)| decoded(key) == name)?.1;
    Some(decoded(found))
}

/// A text without its percent signs and pluses.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let pair = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let hex = std::str::from_utf8(&pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
                bytes.push(hex.unwrap_or(b'?'));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
