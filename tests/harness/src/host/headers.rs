//! Which headers pass between client and handler, and which the host sets.

use std::net::SocketAddr;

use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use uuid::Uuid;

/// The version the host says it has; that of the Core Tools of summer 2026.
const HOST_VERSION: &str = "4.1052.200";

/// Headers of one hop, which the proxy drops in both directions; those that start with `proxy-` come on top.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "transfer-encoding",
    "keep-alive",
    "upgrade",
    "te",
    "http2-settings",
    "upgrade-insecure-requests",
    "alt-svc",
    "alpn",
    "close",
    "security-scheme",
];

/// The headers that the handler gets. Secrets among them (`authorization`, `x-functions-key`) pass as they are.
pub(super) fn for_handler(client: &HeaderMap, peer: SocketAddr, handler_port: u16) -> HeaderMap {
    let mut headers = joined(&without_hop_by_hop(client));
    if let Some(chunked) = client.get(TRANSFER_ENCODING) {
        headers.insert(TRANSFER_ENCODING, chunked.clone());
        headers.remove(CONTENT_LENGTH);
    }
    headers.remove("forwarded");
    headers.remove("x-forwarded-prefix");
    let original_host = headers.remove(HOST);
    set(&mut headers, "host", &format!("127.0.0.1:{handler_port}"));
    set(&mut headers, "x-forwarded-for", &peer.ip().to_string());
    set(&mut headers, "x-forwarded-proto", "http");
    headers.remove("x-forwarded-host");
    if let Some(host) = original_host {
        headers.insert("x-forwarded-host", host);
    }
    let id = Uuid::new_v4().to_string();
    set(&mut headers, "x-azure-functions-invocationid", &id);
    set(&mut headers, "x-ms-invocation-id", &id);
    set(&mut headers, "x-azure-functions-hostversion", HOST_VERSION);
    if !headers.contains_key("traceparent") {
        let span = format!("{:016x}", Uuid::new_v4().as_u64_pair().0);
        set(&mut headers, "traceparent", &format!("00-{}-{span}-00", Uuid::new_v4().simple()));
    }
    headers
}

/// Each name once: its values in one, cookies with a semicolon between them, all others with a comma.
fn joined(headers: &HeaderMap) -> HeaderMap {
    let mut joined = HeaderMap::new();
    for name in headers.keys() {
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        let between: &[u8] = if name == COOKIE { b"; " } else { b", " };
        if let Ok(value) = HeaderValue::from_bytes(&values.join(between)) {
            joined.insert(name, value);
        }
    }
    joined
}

/// The handler's headers without those of one hop; the client gets the rest, and so does the handler of a client's.
pub(super) fn without_hop_by_hop(headers: &HeaderMap) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()) && !name.as_str().starts_with("proxy-"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
