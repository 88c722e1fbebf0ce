//! One call: from the client's request to an answer whose first byte is there.
//!
//! The handler's status and headers are held back until its first body byte or the end of its body, as the real host
//! does; that divides failures. Before it they are a 500 with an empty body, whatever happened; after it the client's
//! connection is cut without a proper end. Only sending is repeated, and only while nothing of the body has been sent.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::select;
use tokio::time::sleep;

use super::bodies::{Abandoned, Broken, RequestBody, ResponseBody};
use super::clock::{Clock, Expired};
use super::entry;
use super::handler::{Failure, Handler};
use super::headers::{for_handler, without_hop_by_hop};
use super::log::Level;
use super::reply::Reply;
use super::socket::Cut;
use super::state::{Order, Shared};

/// The body of every answer of the front door.
pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Broken>>;

/// Pauses between attempts to reach the handler, the last one repeated; ten attempts in all.
const RETRY_PAUSES_MS: [u64; 9] = [50, 100, 200, 250, 250, 250, 250, 250, 250];

/// A request on its way to the handler.
#[derive(Clone, Copy)]
struct Outgoing<'call> {
    method: &'call Method,
    target: &'call str,
    headers: &'call HeaderMap,
    body: &'call RequestBody,
}

/// An answer whose first byte, or end, is there.
struct Begun {
    head: Response<()>,
    first: Bytes,
    rest: Option<Reply>,
}

/// Tries of .NET's own client within one attempt, where the handler closes without a byte of an answer.
const CLOSED_TRIES: usize = 4;

/// The way to the handler, with its rules.
#[derive(Debug)]
pub(super) struct Proxy {
    shared: Arc<Shared>,
    handler: Arc<Handler>,
    restart_wait: Duration,
    body_limit: u64,
    hide_client_abort: bool,
}

impl Proxy {
    pub(super) fn new(shared: Arc<Shared>, restart_wait: Duration, body_limit: u64, hide_client_abort: bool) -> Self {
        let handler = Handler::new(shared.port);
        Self { shared, handler, restart_wait, body_limit, hide_client_abort }
    }

    /// Carries the request to the handler. The answer is complete up to its first body byte.
    pub(super) async fn call(
        self: Arc<Self>,
        function: String,
        request: Request<Incoming>,
        peer: std::net::SocketAddr,
        clock: Arc<Clock>,
        cut: Cut,
    ) -> Answer {
        if !self.shared.ready(self.restart_wait).await {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        let start = self.shared.status().starts;
        let (parts, incoming) = request.into_parts();
        let body = RequestBody::new(incoming, Arc::clone(&clock), self.body_limit);
        let failure = if parts.headers.values().all(|value| value.as_bytes().is_ascii()) {
            let target = entry::target(parts.uri.path_and_query().unwrap_or(&PathAndQuery::from_static("/")));
            let outgoing = Outgoing {
                method: &parts.method,
                target: &target,
                headers: &for_handler(&parts.headers, peer, self.shared.port),
                body: &body,
            };
            select! {
                answered = self.first_byte(outgoing, &clock) => match answered {
                    Ok(begun) => return self.answer(function, start, begun, clock, cut),
                    Err(problem) => problem,
                },
                why = clock.call_expired() => self.expired(&function, start, why).await,
            }
        } else {
            "a header of the request is not ASCII".to_owned()
        };
        if body.was_too_large() {
            return empty(StatusCode::PAYLOAD_TOO_LARGE);
        }
        body.drain(cut);
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

    async fn first_byte(&self, request: Outgoing<'_>, clock: &Clock) -> Result<Begun, String> {
        let (head, mut rest) = self.send(request).await?;
        clock.touch_handler();
        match poll_fn(|cx| rest.poll_piece(cx)).await {
            None => Ok(Begun { head, first: Bytes::new(), rest: None }),
            Some(Ok(first)) => {
                clock.touch_handler();
                Ok(Begun { head, first, rest: Some(rest) })
            }
            Some(Err(broken)) => Err(broken.to_string()),
        }
    }

    async fn send(&self, request: Outgoing<'_>) -> Result<(Response<()>, Reply), String> {
        let mut pauses = RETRY_PAUSES_MS.into_iter();
        loop {
            let why = match self.attempt(request).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure.why,
            };
            let pause = pauses.next().filter(|_| request.body.can_be_sent_again());
            let Some(pause) = pause else { return Err(why) };
            sleep(Duration::from_millis(pause)).await;
        }
    }

    /// One attempt, which .NET's client makes up to four of where the handler closes without a byte.
    async fn attempt(&self, request: Outgoing<'_>) -> Result<(Response<()>, Reply), Failure> {
        let Outgoing { method, target, headers, body } = request;
        for _ in 1..CLOSED_TRIES {
            match self.handler.exchange(method, target, headers, body).await {
                Err(failure) if failure.closed && body.can_be_sent_again() => {}
                answered => return answered,
            }
        }
        self.handler.exchange(method, target, headers, body).await
    }

    fn answer(self: Arc<Self>, function: String, start: usize, begun: Begun, clock: Arc<Clock>, cut: Cut) -> Answer {
        let Begun { head, first, rest } = begun;
        let (mut parts, ()) = head.into_parts();
        parts.headers = without_hop_by_hop(&parts.headers);
        let abandoned = Arc::clone(&self).when_abandoned(function, start, Arc::clone(&clock));
        Response::from_parts(parts, ResponseBody::new(first, rest, clock, cut, abandoned).boxed_unsync())
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
    async fn read_on(self: Arc<Self>, function: String, start: usize, mut rest: Reply, clock: Arc<Clock>) {
        let read = async {
            while let Some(Ok(_)) = poll_fn(|cx| rest.poll_piece(cx)).await {
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

/// Says of an answer who sent it, unless the handler did.
pub(super) fn signed(mut answer: Answer) -> Answer {
    answer.headers_mut().entry(http::header::SERVER).or_insert(HeaderValue::from_static("Kestrel"));
    answer
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
