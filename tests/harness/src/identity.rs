//! The identity endpoint that App Service puts beside an app with a managed identity.
//!
//! In come `GET /msi/token?api-version=2019-08-01&resource=…&client_id=…` requests with the secret in
//! `x-identity-header`; out go JSON tokens, all fields strings. Tokens are numbered, so a test can tell which fetch a
//! token came from. The refusals' statuses (400, 401, 404) are this stand-in's own choice; clients must treat them alike.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use uuid::Uuid;

use crate::lock::locked;
use crate::upstream::{Counts, Reply, Request, Upstream};

/// How the endpoint answers from now on.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Time from the answer to the token's `expires_on`; the platform's own tokens live 24 hours.
    pub lifetime: Duration,
    /// Wait before each answer.
    pub delay: Duration,
    /// Status and body to fail with, instead of a token.
    pub failure: Option<(u16, String)>,
    /// Take requests and never answer.
    pub hang: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { lifetime: Duration::from_hours(24), delay: Duration::ZERO, failure: None, hang: false }
    }
}

impl Behaviour {
    /// Tokens that live this long.
    pub fn lifetime(lifetime: Duration) -> Self {
        Self { lifetime, ..Self::default() }
    }

    /// Tokens that come after this wait.
    pub fn slow(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// No token but this status and body.
    pub fn failing(status: u16, body: &str) -> Self {
        Self { failure: Some((status, body.to_owned())), ..Self::default() }
    }

    /// No answer at all.
    pub fn hanging() -> Self {
        Self { hang: true, ..Self::default() }
    }
}

struct Desk {
    behaviour: Behaviour,
    issued: usize,
}

/// The running endpoint. Dropping it closes it.
pub struct IdentityEndpoint {
    server: Upstream,
    desk: Arc<Mutex<Desk>>,
    secret: String,
}

impl fmt::Debug for IdentityEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityEndpoint").field("server", &self.server).finish_non_exhaustive()
    }
}

impl IdentityEndpoint {
    /// Starts on a free port of 127.0.0.1 with the default behaviour.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub async fn start() -> Self {
        let server = Upstream::start().await;
        let desk = Arc::new(Mutex::new(Desk { behaviour: Behaviour::default(), issued: 0 }));
        let secret = Uuid::new_v4().simple().to_string();
        let (seen_desk, seen_secret) = (Arc::clone(&desk), secret.clone());
        server.respond(move |request| answer(request, &seen_secret, &mut locked(&seen_desk)));
        Self { server, desk, secret }
    }

    /// The value for `IDENTITY_ENDPOINT`.
    pub fn endpoint_url(&self) -> String {
        format!("{}/msi/token", self.server.url())
    }

    /// The value for `IDENTITY_HEADER`.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// All requests so far, refused ones included.
    pub fn calls(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// How many tokens were issued; the newest is `token-N`.
    pub fn issued(&self) -> usize {
        locked(&self.desk).issued
    }

    /// Changes the behaviour for requests from now on.
    pub fn set(&self, behaviour: Behaviour) {
        locked(&self.desk).behaviour = behaviour;
    }

    /// Waits as [`Upstream::wait_for`] does.
    pub async fn wait_for(&self, what: impl Fn(&Counts) -> bool, within: Duration) -> bool {
        self.server.wait_for(what, within).await
    }
}

fn answer(request: &Request, secret: &str, desk: &mut Desk) -> Reply {
    let behaviour = desk.behaviour.clone();
    if behaviour.hang {
        return Reply::silent();
    }
    let reply = match (refusal(request, secret), behaviour.failure) {
        (Some((status, problem)), _) => refused(status, problem),
        (None, Some((status, body))) => Reply::status(status).content_type("application/json").body(body),
        (None, None) => {
            desk.issued += 1;
            token(request, desk.issued, behaviour.lifetime)
        }
    };
    reply.first_after(behaviour.delay)
}

fn refusal(request: &Request, secret: &str) -> Option<(u16, &'static str)> {
    if request.path() != "/msi/token" || request.method != "GET" {
        return Some((404, "the token is at GET /msi/token"));
    }
    if request.header("x-identity-header") != Some(secret) {
        return Some((401, "x-identity-header is missing or wrong"));
    }
    if request.query("api-version").as_deref() != Some("2019-08-01") {
        return Some((400, "api-version must be 2019-08-01"));
    }
    request.query("resource").is_none_or(|resource| resource.is_empty()).then_some((400, "resource is missing"))
}

fn refused(status: u16, problem: &str) -> Reply {
    let body = json!({ "statusCode": status, "message": problem }).to_string();
    Reply::status(status).content_type("application/json").body(body)
}

fn token(request: &Request, number: usize, lifetime: Duration) -> Reply {
    let expires_on = (SystemTime::now() + lifetime).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let body = json!({
        "access_token": format!("token-{number}"),
        "expires_on": expires_on.to_string(),
        "token_type": "Bearer",
        "resource": request.query("resource").unwrap_or_default(),
        "client_id": request.query("client_id").unwrap_or_default(),
    });
    Reply::status(200).content_type("application/json; charset=utf-8").body(body.to_string())
}
