//! An HTTP client that shows each read by itself, with a connection of its own for each call.

use std::future::Future;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::SOON;

/// Gives an event its time, and fails the test after it.
pub(crate) async fn soon<T>(event: impl Future<Output = T>) -> T {
    timeout(SOON, event).await.unwrap_or_else(|_| panic!("it did not happen within {SOON:?}"))
}

pub(crate) fn request(method: Method, url: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(url).body(Full::from(body)).unwrap()
}

pub(crate) async fn send(request: Request<Full<Bytes>>) -> Response<Incoming> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    soon(client.request(request)).await.unwrap()
}

pub(crate) async fn post(url: &str) -> Response<Incoming> {
    send(request(Method::POST, url, "{}")).await
}

pub(crate) async fn get(url: &str) -> Response<Incoming> {
    send(request(Method::GET, url, "")).await
}

/// The next read of the body: a piece, nothing at its proper end, or an error where it was cut.
pub(crate) async fn piece(response: &mut Response<Incoming>) -> Result<Option<String>, hyper::Error> {
    let frame = soon(response.body_mut().frame()).await.transpose()?;
    Ok(frame.map(|frame| String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()))
}

/// The status and the whole body of an answer that ends properly.
pub(crate) async fn whole(response: Response<Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = soon(response.into_body().collect()).await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

pub(crate) async fn json(response: Response<Incoming>) -> serde_json::Value {
    serde_json::from_str(&whole(response).await.1).unwrap()
}
