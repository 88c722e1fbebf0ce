//! The deployed page and API, as browsers meet them. The page is the one that was uploaded, with its policy; the API is
//! whatever stands behind its address on this machine, with App Service Authentication and CORS as they were deployed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::log::{self, What};
use crate::reply::{Body, plain, whole};
use crate::world::World;

/// Ports of this machine that answer for deployed hosts.
#[derive(Debug, Default)]
pub(crate) struct Backends(Mutex<HashMap<String, u16>>);

impl Backends {
    pub(crate) fn set(&self, host: &str, port: u16) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_lowercase(), port);
    }

    pub(crate) fn of(&self, host: &str) -> Option<u16> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied()
    }
}

pub(crate) fn is_deployed(host: &str, world: &World) -> bool {
    let state = world.state();
    let mut sites = state.of_type("Microsoft.Web/sites");
    let mut pages = state.of_type("Microsoft.Web/staticSites");
    let is_it = |value: &Value| value.as_str().is_some_and(|name| name.eq_ignore_ascii_case(host));
    sites.any(|site| is_it(&site["properties"]["defaultHostName"]))
        || pages.any(|page| is_it(&page["properties"]["defaultHostname"]))
}

pub(crate) async fn answer(request: Request<Incoming>, host: &str, world: &World) -> Response<Body> {
    let (method, path) = (request.method().to_string(), request.uri().to_string());
    let token = bearer(request.headers()).and_then(|token| world.mint.said(token));
    let page = {
        let state = world.state();
        let is_it = |page: &&Value| page["properties"]["defaultHostname"].as_str() == Some(host);
        let page = state.of_type("Microsoft.Web/staticSites").find(is_it);
        page.and_then(|page| page["name"].as_str()).map(|name| state.pages.get(&name.to_lowercase()).cloned())
    };
    let response = match page {
        Some(Some(folder)) => file(&folder, request.uri().path()),
        Some(None) => plain(StatusCode::NOT_FOUND, "no page was uploaded here"),
        None => api(request, host, world).await,
    };
    world.log.note(What::Request(log::Request {
        host: host.to_owned(),
        method,
        path,
        status: response.status().as_u16(),
        correlation: None,
        caller: token.map(|token| token.object),
        body: None,
    }));
    response
}

/// A file of the page, with the headers of its policy.
fn file(folder: &Path, path: &str) -> Response<Body> {
    let policy = std::fs::read(folder.join("staticwebapp.config.json")).ok();
    let policy: Value = policy.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let wanted = path.trim_start_matches('/');
    let plain_name = |part: &str| !part.is_empty() && part != "." && part != "..";
    let name = if wanted.is_empty() { "index.html" } else { wanted };
    let inside = name.split('/').all(plain_name) && name != "staticwebapp.config.json";
    let Some(bytes) = inside.then(|| std::fs::read(folder.join(name)).ok()).flatten() else {
        return plain(StatusCode::NOT_FOUND, "there is no such file");
    };
    let mut response = Response::new(whole(bytes));
    let headers = response.headers_mut();
    let kind = match Path::new(name).extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    headers.insert("content-type", HeaderValue::from_static(kind));
    let routes = policy["routes"].as_array().into_iter().flatten();
    let of_route = routes.filter(|route| fits(route["route"].as_str().unwrap_or_default(), &format!("/{name}")));
    let sets = of_route.map(|route| &route["headers"]);
    for (name, value) in std::iter::once(&policy["globalHeaders"]).chain(sets).filter_map(Value::as_object).flatten() {
        let pair = (HeaderName::try_from(name), HeaderValue::try_from(value.as_str().unwrap_or_default()));
        if let (Ok(name), Ok(value)) = pair {
            headers.insert(name, value);
        }
    }
    response
}

fn fits(route: &str, path: &str) -> bool {
    route.strip_suffix('*').map_or(route == path, |start| path.starts_with(start))
}

/// The function app: CORS first, then sign-in, then the host.
async fn api(request: Request<Incoming>, host: &str, world: &World) -> Response<Body> {
    let settings = Settings::of(host, world);
    let origin = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned);
    let admitted = origin.filter(|origin| settings.origins.iter().any(|other| other == origin || other == "*"));
    let asks_first =
        request.method() == Method::OPTIONS && request.headers().contains_key("access-control-request-method");
    if asks_first {
        let mut response = plain(StatusCode::NO_CONTENT, "");
        if let Some(origin) = admitted {
            let headers = response.headers_mut();
            allow(headers, &origin);
            headers.insert("access-control-allow-methods", HeaderValue::from_static("POST"));
            headers.insert("access-control-allow-headers", HeaderValue::from_static("authorization,content-type"));
        }
        return response;
    }
    let claims = bearer(request.headers()).and_then(|token| world.mint.claims(token));
    let caller = match settings.admits(claims.as_ref()) {
        Ok(caller) => caller,
        Err(status) => return plain(status, ""),
    };
    let Some(port) = world.backends.of(host) else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "nothing serves this app");
    };
    let mut response = match pass(request, port, caller).await {
        Ok(response) => response,
        Err(why) => plain(StatusCode::BAD_GATEWAY, &why),
    };
    if let Some(origin) = admitted {
        allow(response.headers_mut(), &origin);
    }
    response
}

fn allow(headers: &mut HeaderMap, origin: &str) {
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert("access-control-allow-origin", origin);
    }
}

/// What was deployed of sign-in and origins.
struct Settings {
    required: bool,
    audiences: Vec<String>,
    applications: Vec<String>,
    origins: Vec<String>,
}

impl Settings {
    fn of(host: &str, world: &World) -> Self {
        let state = world.state();
        let is_it = |site: &&Value| site["properties"]["defaultHostName"].as_str() == Some(host);
        let site = state.of_type("Microsoft.Web/sites").find(is_it).cloned().unwrap_or_default();
        let id = site["id"].as_str().unwrap_or_default();
        let auth = state.resource(&format!("{id}/config/authsettingsV2")).cloned().unwrap_or_default();
        let texts = |value: &Value| {
            let items = value.as_array().into_iter().flatten();
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        let properties = &auth["properties"];
        let validation = &properties["identityProviders"]["azureActiveDirectory"]["validation"];
        Self {
            required: properties["platform"]["enabled"] == true
                && properties["globalValidation"]["requireAuthentication"] == true,
            audiences: texts(&validation["allowedAudiences"]),
            applications: texts(&validation["defaultAuthorizationPolicy"]["allowedApplications"]),
            origins: texts(&site["properties"]["siteConfig"]["cors"]["allowedOrigins"]),
        }
    }

    /// The caller's object id, where one signed in.
    fn admits(&self, claims: Option<&Value>) -> Result<Option<String>, StatusCode> {
        if !self.required {
            return Ok(None);
        }
        let Some(claims) = claims else { return Err(StatusCode::UNAUTHORIZED) };
        let is_in = |list: &[String], name: &str| list.iter().any(|other| claims[name] == **other);
        if !is_in(&self.audiences, "aud") {
            return Err(StatusCode::UNAUTHORIZED);
        }
        if !self.applications.is_empty() && !is_in(&self.applications, "azp") {
            return Err(StatusCode::FORBIDDEN);
        }
        Ok(claims["oid"].as_str().map(str::to_owned))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Passes a call on to the host on this machine, as the platform does: who signed in is told in headers that nobody else
/// can set.
async fn pass(mut request: Request<Incoming>, port: u16, caller: Option<String>) -> Result<Response<Body>, String> {
    let headers = request.headers_mut();
    let forged: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-ms-client-principal")).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
    if let Some(caller) = caller.and_then(|caller| HeaderValue::try_from(caller).ok()) {
        headers.insert("x-ms-client-principal-id", caller);
        headers.insert("x-ms-client-principal-idp", HeaderValue::from_static("aad"));
    }
    forward(request.map(|body| body.map_err(std::io::Error::other).boxed_unsync()), port).await
}

/// Asks who listens on this port, on a connection of its own.
pub(crate) async fn forward(request: Request<Body>, port: u16) -> Result<Response<Body>, String> {
    let told = |error: &dyn std::fmt::Display| format!("port {port} of this machine: {error}");
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| told(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| told(&error))?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| told(&error))?;
    Ok(response.map(|body| {
        // The connection lives as long as its answer is read, and closes with it.
        body.map_frame(move |frame| {
            let _ = &sender;
            frame
        })
        .map_err(std::io::Error::other)
        .boxed_unsync()
    }))
}
