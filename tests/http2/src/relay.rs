//! The relay: axum and reqwest, as in `tests/floor`, with one switch.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::serve::ListenerExt as _;

use crate::Failure;

/// Listens until it is killed.
pub(crate) fn run(port: &str, url: &str, protocol: &str) -> Result<(), Failure> {
    let client = reqwest::Client::builder().no_proxy();
    let client = if protocol == "h2" { client.http2_prior_knowledge() } else { client.http1_only() }.build()?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?));
    let app = Router::new().fallback(pass_on).with_state((client, url.to_owned()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(at).await?.tap_io(|socket| {
            let _ = socket.set_nodelay(true);
        });
        axum::serve(listener, app).await?;
        Ok(())
    })
}

async fn pass_on(State((client, url)): State<(reqwest::Client, String)>, uri: Uri) -> Result<Response, StatusCode> {
    let answer = client.post(format!("{url}{uri}")).send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let status = answer.status();
    let body = Body::from_stream(answer.bytes_stream());
    Response::builder().status(status).body(body).map_err(|_| StatusCode::BAD_GATEWAY)
}
