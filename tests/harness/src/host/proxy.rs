//! One call: from the client's request to an answer whose first byte is there.
//!
//! The handler's status and headers are held back until its first body byte or the end of its body, as the real host
//! does; that divides failures. Before it they are a 500 with an empty body, whatever happened; after it the client's
//! connection is cut without a proper end. Only sending is repeated, and only while nothing of the body has been sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::select;
use tokio::time::sleep;

use super::bodies::{Abandoned, Broken, RequestBody, ResponseBody};
use super::clock::{Clock, Expired};
use super::headers::{for_handler, without_hop_by_hop};
use super::log::Level;
use super::state::{Order, Shared};

/// The body of every answer of the front door.
pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Broken>>;

/// Pauses between attempts to reach the handler, the last one repeated; ten attempts in all.
const RETRY_PAUSES_MS: [u64; 9] = [50, 100, 200, 250, 250, 250, 250, 250, 250];

/// The way to the handler, with its pool of connections.
#[derive(Debug)]
pub(super) struct Proxy {
    shared: Arc<Shared>,
    client: Client<HttpConnector, RequestBody>,
    restart_wait: Duration,
    body_limit: u64,
    hide_client_abort: bool,
}

impl Proxy {
    pub(super) fn new(shared: Arc<Shared>, restart_wait: Duration, body_limit: u64, hide_client_abort: bool) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_mins(1))
            .build(connector);
        Self { shared, client, restart_wait, body_limit, hide_client_abort }
    }

    /// Carries the request to the handler. The answer is complete up to its first body byte.
    pub(super) async fn call(
        self: Arc<Self>,
        function: String,
        request: Request<Incoming>,
        peer: std::net::SocketAddr,
        clock: Arc<Clock>,
    ) -> Answer {
        if !self.shared.ready(self.restart_wait).await {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        let start = self.shared.status().starts;
        let (parts, incoming) = request.into_parts();
        let body = RequestBody::new(incoming, Arc::clone(&clock), self.body_limit);
        let headers = for_handler(&parts.headers, peer, self.shared.port);
        let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        let make = || {
            let mut request = Request::new(body.clone());
            *request.method_mut() = parts.method.clone();
            *request.uri_mut() = handler_uri(self.shared.port, path.clone());
            *request.headers_mut() = headers.clone();
            request
        };
        let failure = select! {
            answered = self.first_byte(make, &body, &clock) => match answered {
                Ok((head, first, rest)) => return self.answer(function, start, head, first, rest, clock),
                Err(problem) => problem,
            },
            why = clock.call_expired() => self.expired(&function, start, why).await,
        };
        if body.was_too_large() {
            return empty(StatusCode::PAYLOAD_TOO_LARGE);
        }
        self.shared.say(Level::Error, format!("{function}: failed before its first byte: {failure}"));
        empty(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What follows from a limit that passed: the text for the log, and for `functionTimeout` the handler's end.
    pub(super) async fn expired(&self, function: &str, start: usize, why: Expired) -> String {
        if why == Expired::Function {
            self.shared.order(Order::Replace { start }).await;
        }
        match why {
            Expired::Function => format!("{function} ran longer than functionTimeout"),
            Expired::Idle => format!("{function} was silent for longer than the activity timeout"),
            Expired::FrontIdle => {
                format!("{function} was silent for longer than the front end waits")
            }
        }
    }

    async fn first_byte(
        &self,
        make: impl Fn() -> Request<RequestBody>,
        body: &RequestBody,
        clock: &Clock,
    ) -> Result<(Response<()>, Bytes, Option<Incoming>), String> {
        let response = self.send(make, body).await?;
        clock.touch_handler();
        let (head, mut rest) = response.into_parts();
        let head = Response::from_parts(head, ());
        loop {
            match rest.frame().await {
                None => return Ok((head, Bytes::new(), None)),
                Some(Err(error)) => return Err(described(&error)),
                Some(Ok(frame)) => {
                    clock.touch_handler();
                    if let Some(first) = frame.into_data().ok().filter(|data| !data.is_empty()) {
                        return Ok((head, first, Some(rest)));
                    }
                }
            }
        }
    }

    async fn send(
        &self,
        make: impl Fn() -> Request<RequestBody>,
        body: &RequestBody,
    ) -> Result<Response<Incoming>, String> {
        for pause in RETRY_PAUSES_MS {
            match self.client.request(make()).await {
                Ok(response) => return Ok(response),
                Err(error) if !body.can_be_sent_again() => return Err(described(&error)),
                Err(_) => sleep(Duration::from_millis(pause)).await,
            }
        }
        self.client.request(make()).await.map_err(|error| described(&error))
    }

    fn answer(
        self: Arc<Self>,
        function: String,
        start: usize,
        head: Response<()>,
        first: Bytes,
        rest: Option<Incoming>,
        clock: Arc<Clock>,
    ) -> Answer {
        let (mut parts, ()) = head.into_parts();
        parts.headers = without_hop_by_hop(&parts.headers);
        parts.version = http::Version::HTTP_11;
        let abandoned = Arc::clone(&self).when_abandoned(function, start, Arc::clone(&clock));
        Response::from_parts(parts, ResponseBody::new(first, rest, clock, abandoned).boxed_unsync())
    }

    fn when_abandoned(self: Arc<Self>, function: String, start: usize, clock: Arc<Clock>) -> Abandoned {
        Box::new(move |rest| {
            if clock.is_settled() {
                return;
            }
            let Some(rest) = rest else {
                self.shared.say(Level::Error, format!("{function}: the handler broke off after its first byte"));
                return;
            };
            self.shared.say(Level::Information, format!("{function}: the client left before the end (499)"));
            if let (true, Ok(runtime)) = (self.hide_client_abort, tokio::runtime::Handle::try_current()) {
                runtime.spawn(self.read_on(function, start, rest, clock));
            }
        })
    }

    /// Reads an answer that nobody takes any more, under the same limits.
    async fn read_on(self: Arc<Self>, function: String, start: usize, mut rest: Incoming, clock: Arc<Clock>) {
        let read = async {
            while let Some(Ok(_)) = rest.frame().await {
                clock.touch_handler();
            }
        };
        select! {
            () = read => {}
            why = clock.call_expired() => {
                let text = self.expired(&function, start, why).await;
                self.shared.say(Level::Error, text);
            }
            () = self.shared.stopped() => {}
        }
    }
}

/// An answer with this status and nothing else.
pub(super) fn empty(status: StatusCode) -> Answer {
    text(status, "")
}

/// An answer with this status and text.
pub(super) fn text(status: StatusCode, text: &'static str) -> Answer {
    let body = http_body_util::Full::from(text).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn handler_uri(port: u16, path: PathAndQuery) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Authority::try_from(format!("127.0.0.1:{port}")).ok();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).unwrap_or_default()
}

/// The error with its causes, which carry the reason.
fn described(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
