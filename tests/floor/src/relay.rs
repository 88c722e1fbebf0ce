//! The relay.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::serve::ListenerExt as _;

use crate::reading;

#[derive(Clone)]
struct Upstream {
    client: reqwest::Client,
    address: String,
    reads: bool,
}

/// Relays as the command line says, once `start` has been called within the runtime.
#[expect(clippy::print_stderr, reason = "a command-line tool talks to the person who called it")]
pub(crate) fn main(start: impl FnOnce() -> Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (port, address, reads) = match arguments.as_slice() {
        [port, address] => (port, address, false),
        [port, address, reads] if reads == "reads" => (port, address, true),
        _ => {
            eprintln!("floor PORT http[s]://HOST:PORT [reads]");
            return ExitCode::from(2);
        }
    };
    match run(port, address.clone(), reads, start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    port: &str,
    address: String,
    reads: bool,
    start: impl FnOnce() -> Result<(), Box<dyn std::error::Error>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy();
    // Behind TLS it has the system's roots, or those of `SSL_CERT_FILE`; otherwise none are needed.
    let client = if address.starts_with("https:") { client } else { client.tls_certs_only([]) }.build()?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?));
    let app = Router::new().fallback(relay).with_state(Upstream { client, address, reads });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        start()?;
        // As everybody sets it who streams: else a small write waits for the answer to the one before.
        let listener = tokio::net::TcpListener::bind(at).await?.tap_io(|socket| {
            let _ = socket.set_nodelay(true);
        });
        axum::serve(listener, app).await?;
        Ok(())
    })
}

async fn relay(State(upstream): State<Upstream>, uri: Uri, body: Bytes) -> Result<Response, StatusCode> {
    let asked = upstream.client.post(format!("{}{uri}", upstream.address)).body(body).send().await;
    let answer = asked.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let status = answer.status();
    let body = if upstream.reads { reading::lines(answer) } else { Body::from_stream(answer.bytes_stream()) };
    Response::builder().status(status).body(body).map_err(|_| StatusCode::BAD_GATEWAY)
}
