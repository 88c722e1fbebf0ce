//! The HTTP client: for models, for the identity endpoint and for telemetry.

use std::time::Duration;

use crate::settings::Proxy;

/// Connections to a service that are kept for the next request, when more were open at once.
const MAX_IDLE_CONNECTIONS: usize = 32;
/// How long they are kept: a minute and a half of reading before the next question, and well within the four minutes after
/// which Azure's load balancers drop a silent connection without a word. Servers that close sooner are noticed; and TCP's
/// probes every 15 s (reqwest's default) tell of those that are gone.
const MAX_IDLE_TIME: Duration = Duration::from_secs(90);

/// The HTTP client for the identity endpoint and for telemetry, and for upstream where no proxy is in between.
///
/// # Errors
/// The system has no CA certificates, and they are needed.
pub fn client(needs_tls: bool, connect_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    // A proxy of the environment's is for the model's service only, and by choice: see `client_through`.
    let builder = builder(connect_timeout).no_proxy();
    // Without TLS no roots are needed, so that a machine without CA certificates can run the demo model.
    if needs_tls { builder.build() } else { builder.tls_certs_only([]).build() }
}

/// The HTTP client for an upstream behind a proxy. The proxy carries TLS from end to end: it sees the upstream's name and
/// neither tokens nor conversations.
///
/// # Errors
/// The system has no CA certificates.
pub fn client_through(proxy: &Proxy, connect_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    let except = reqwest::NoProxy::from_string(&proxy.except);
    builder(connect_timeout).proxy(reqwest::Proxy::https(proxy.url.clone())?.no_proxy(except)).build()
}

fn builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("reasoning-chat/", env!("CARGO_PKG_VERSION")))
        // No `timeout`: it would cover the body and cut healthy streams. See `crate::turn` for the clocks.
        .connect_timeout(connect_timeout)
        // A connection keeps its read buffer, up to 408 KiB (hyper's), for as long as it lives; `docs/soak.md` tells of it.
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .pool_idle_timeout(MAX_IDLE_TIME)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
}
