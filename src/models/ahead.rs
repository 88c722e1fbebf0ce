//! A connection ahead of need: the first question finds it open, TLS included.
//!
//! reqwest has no call for that. But a request for HTTP/2 is refused by the client itself once the connection turns out to
//! be one of HTTP/1.1, and none other is offered here: by then it is open, nothing has been sent on it, and it goes to the
//! pool. Should a later client send the request after all, it is a HEAD without a token, which no service charges for.

use std::time::Duration;

use http::Version;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber as _;
use url::Url;

use crate::error::causes;

/// Opens a connection to a service's host, or fails in silence: the first question then opens its own, and tells.
pub(super) async fn connect(client: reqwest::Client, mut service: Url, limit: Duration) {
    service.set_path("/");
    service.set_query(None);
    // The client warns of such a request, which here is none that anybody waits for.
    let opening = client.head(service).version(Version::HTTP_2).send().with_subscriber(Dispatch::none());
    if let Ok(Err(refused)) = tokio::time::timeout(limit, opening).await {
        tracing::debug!(how = causes(&refused.without_url()), "a connection ahead of need");
    }
}
