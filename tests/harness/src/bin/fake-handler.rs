//! A custom handler whose every move is dictated by the test: the subject of the stand-in host's own tests.
//!
//! Through the host come `/api/play/{what}` calls; straight to its port come `/control/…` calls, which say when a piece
//! of an open answer is produced, and how the answer or the process ends. Environment: `FAKE_AT_START` is `exit:CODE`
//! (end at once), `deaf` (live without listening), `touch:FILE` (end with code 3 unless the file exists, and make it) or
//! `once:FILE` (make the file, and be deaf if it exists already).

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::process::exit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use bytes::Bytes;
use futures::StreamExt;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

type Parameters = Query<HashMap<String, String>>;

/// What a test can do to an open answer.
#[derive(Debug)]
enum Move {
    Piece(String),
    Break,
}

/// An answer that a test plays by name.
struct Scene {
    moves: mpsc::UnboundedSender<Move>,
    /// The answer's stream, until a call takes it.
    stream: Option<mpsc::UnboundedReceiver<Move>>,
    /// Becomes true when the stream is dropped.
    gone: Arc<watch::Sender<bool>>,
}

/// Pieces of 64 KiB that were taken from floods.
static FLOODED: AtomicUsize = AtomicUsize::new(0);

static SCENES: LazyLock<Mutex<HashMap<String, Scene>>> = LazyLock::new(Mutex::default);

fn with_scene<T>(name: &str, act: impl FnOnce(&mut Scene) -> T) -> T {
    let mut scenes = SCENES.lock().unwrap_or_else(PoisonError::into_inner);
    act(scenes.entry(name.to_owned()).or_insert_with(|| {
        let (moves, stream) = mpsc::unbounded_channel();
        Scene { moves, stream: Some(stream), gone: Arc::new(watch::Sender::new(false)) }
    }))
}

/// Queues a move; an answer that is not open yet plays it when it is.
fn play_next(name: &str, next: Move) {
    with_scene(name, |scene| {
        let _ = scene.moves.send(next);
    });
}

/// Tells the scene when the answer's body is dropped.
struct Farewell(Arc<watch::Sender<bool>>);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

#[tokio::main]
#[expect(clippy::expect_used, clippy::print_stdout, reason = "a test's puppet: a failure here is a failed test")]
async fn main() {
    at_start().await;
    let port = variable("FUNCTIONS_CUSTOMHANDLER_PORT").parse().expect("a port");
    let app = Router::new()
        .route("/", get(|| async { StatusCode::IM_A_TEAPOT }))
        .route("/api/play/{what}", any(play))
        .route("/flooded", get(|| async { FLOODED.load(Ordering::Relaxed).to_string() }))
        .route("/control/{what}", get(control));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
    println!("fake handler listens");
    let serving = axum::serve(listener, app);
    tokio::select! {
        served = serving => served.expect("serving"),
        _ = tokio::signal::ctrl_c() => exit(7),
    }
}

#[expect(clippy::exit, clippy::expect_used, clippy::print_stderr, reason = "what the test asks for")]
async fn at_start() {
    let order = variable("FAKE_AT_START");
    match order.split_once(':').unwrap_or((&order, "")) {
        ("exit", code) => {
            eprintln!("fake handler was told to end");
            exit(code.parse().expect("an exit code"));
        }
        ("deaf", _) => std::future::pending().await,
        ("once", file) if std::path::Path::new(file).exists() => std::future::pending().await,
        ("once", file) => std::fs::write(file, "").expect("a writable place"),
        ("touch", file) if !std::path::Path::new(file).exists() => {
            std::fs::write(file, "").expect("a writable place");
            exit(3);
        }
        _ => {}
    }
}

#[expect(clippy::disallowed_methods, reason = "the puppet has no settings file")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

async fn play(Path(what): Path<String>, Query(parameters): Parameters, request: Request) -> Response {
    let parameter = |name: &str| parameters.get(name).cloned().unwrap_or_default();
    // hyper stops reading where a body is left unread, and does not see a client leave then.
    let request = if what == "early" { request } else { read(request).await };
    match what.as_str() {
        "echo" => axum::Json(described(request).await).into_response(),
        "environment" => axum::Json(environment()).into_response(),
        "scene" => scene(&parameter("name")),
        "flood" => flood(),
        "silence" => std::future::pending().await,
        "status" => {
            let status = parameter("code").parse().unwrap_or(StatusCode::OK);
            (status, [("x-kept", "yes"), ("keep-alive", "timeout=5"), ("proxy-x", "1")], "body").into_response()
        }
        "early" => (StatusCode::BAD_REQUEST, "too early").into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The request with its body in memory.
async fn read(request: Request) -> Request {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    Request::from_parts(parts, Body::from(body))
}

/// An answer that is played by control calls; its headers go at once.
fn scene(name: &str) -> Response {
    let taken = with_scene(name, |scene| scene.stream.take().map(|stream| (stream, Farewell(Arc::clone(&scene.gone)))));
    let Some((stream, farewell)) = taken else {
        return StatusCode::CONFLICT.into_response();
    };
    let pieces = futures::stream::unfold((stream, farewell), |(mut stream, farewell)| async move {
        let piece = match stream.recv().await? {
            Move::Piece(text) if text == "." => return None,
            Move::Piece(text) => Ok(Bytes::from(text)),
            Move::Break => Err(std::io::Error::other("told to break")),
        };
        Some((piece, (stream, farewell)))
    });
    ([("x-scene", name)], Body::from_stream(pieces.boxed())).into_response()
}

/// Pieces without an end, as fast as they are taken.
fn flood() -> Response {
    let farewell = Farewell(with_scene("flood", |scene| Arc::clone(&scene.gone)));
    let pieces = futures::stream::unfold(farewell, |farewell| async move {
        FLOODED.fetch_add(1, Ordering::Relaxed);
        Some((Ok::<_, std::io::Error>(Bytes::from(vec![b'.'; 64 * 1024])), farewell))
    });
    Body::from_stream(pieces).into_response()
}

async fn described(request: Request) -> Value {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let headers: BTreeMap<&str, String> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "version": format!("{:?}", parts.version),
        "headers": headers,
        "body_bytes": body.len(),
    })
}

fn environment() -> Value {
    let variables: BTreeMap<String, String> = std::env::vars().collect();
    let directory = std::env::current_dir().map(|path| path.display().to_string()).unwrap_or_default();
    json!({ "variables": variables, "directory": directory, "arguments": std::env::args().skip(1).collect::<Vec<_>>() })
}

#[expect(clippy::print_stdout, clippy::print_stderr, clippy::exit, reason = "what the test asks for")]
async fn control(Path(what): Path<String>, Query(parameters): Parameters) -> StatusCode {
    let parameter = |name: &str| parameters.get(name).cloned().unwrap_or_default();
    let name = parameter("name");
    match what.as_str() {
        // `text=.` ends the answer.
        "piece" => play_next(&name, Move::Piece(parameter("text"))),
        "break" => play_next(&name, Move::Break),
        // Answers when the scene's stream has been dropped, or with 408 after 5 s.
        "gone" => {
            let mut gone = with_scene(&name, |scene| scene.gone.subscribe());
            let waited = tokio::time::timeout(Duration::from_secs(5), gone.wait_for(|gone| *gone)).await.is_ok();
            return if waited { StatusCode::OK } else { StatusCode::REQUEST_TIMEOUT };
        }
        "out" => println!("{}", parameter("text")),
        "err" => eprintln!("{}", parameter("text")),
        "exit" => {
            let _ = std::io::stdout().flush();
            exit(parameter("code").parse().unwrap_or(1));
        }
        _ => return StatusCode::NOT_FOUND,
    }
    StatusCode::OK
}
