//! Thumbs: who may say what of an answer, and what is told of it.

use harness::host::HostOptions;
use harness::identity::IdentityEndpoint;
use serde_json::{Value, json};

use crate::support::app::{SOON, TestApp};
use crate::support::client::{client, post};
use crate::telemetry::Told;

const PRINCIPAL: &str = "x-ms-client-principal-id";
const GOOD: &str = r#"{"request_id":"3fe8a1c2-5b0e-4f0a-9e55-0d8b6a2f7c11","verdict":"up"}"#;

/// The status, and the code of the refusal where it is one; of both kinds what must be true of every answer.
async fn said(request: reqwest::RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let id = header("x-request-id").unwrap();
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
    let body = response.text().await.unwrap();
    if status == 204 {
        assert_eq!(body, "");
        return (status, String::new());
    }
    let refusal: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(refusal["request_id"], id);
    (status, refusal["code"].as_str().unwrap().to_owned())
}

async fn judge(app: &TestApp, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let request = post(&app.host.url("api/feedback"), body);
    said(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn it_is_off_unless_it_was_set() {
    let app = TestApp::start().await;
    assert_eq!(judge(&app, &[], GOOD).await, refused(404, "not_found"));
    let app = TestApp::with(&[("FEEDBACK", "true")]).await;
    assert_eq!(judge(&app, &[], GOOD).await, refused(204, ""));
    assert!(app.wait_for_log("\"verdict\":\"up\"").await, "where there is no telemetry the log is all that is told");
    let line = app.log_with("\"verdict\":\"up\"").remove(0);
    assert!(line.contains(r#""request_id":"3fe8a1c2-5b0e-4f0a-9e55-0d8b6a2f7c11""#), "{line}");
    app.assert_quiet();
}

#[tokio::test]
async fn what_is_no_verdict_is_refused_with_its_code_and_nothing_is_told_of_it() {
    let app = TestApp::with(&[("FEEDBACK", "true"), ("REQUEST_TIMEOUT", "1s")]).await;
    let url = app.host.url("api/feedback");
    for (body, status, code) in [
        ("", 400, "invalid_request"),
        ("[]", 400, "invalid_request"),
        (r#"{"request_id":"a b","verdict":"up"}"#, 400, "invalid_request"),
        (r#"{"request_id":"a","verdict":"perhaps"}"#, 400, "invalid_request"),
        (&format!(r#"{{"request_id":"{}","verdict":"up"}}"#, "a".repeat(65)), 400, "invalid_request"),
    ] {
        assert_eq!(judge(&app, &[], body).await, refused(status, code), "{body}");
    }
    // To the byte: an ignored field fills it up.
    let filled = |bytes: usize| {
        let empty = json!({ "request_id": "a", "verdict": "up", "more": "" }).to_string();
        empty.replace(r#""more":"""#, &format!(r#""more":"{}""#, "x".repeat(bytes - empty.len())))
    };
    assert_eq!(judge(&app, &[], &filled(1024)).await, refused(204, ""));
    assert_eq!(judge(&app, &[], &filled(1025)).await, refused(413, "request_too_large"));
    let text = client().post(&url).header("content-type", "text/plain").body(GOOD);
    assert_eq!(said(text).await, refused(415, "unsupported_media_type"));
    assert_eq!(judge(&app, &[("content-encoding", "gzip")], GOOD).await, refused(415, "unsupported_media_type"));
    let direct = app.direct_url("/api/feedback");
    assert_eq!(said(client().get(&direct)).await, refused(405, "method_not_allowed"));
    // A body that never ends.
    let endless = reqwest::Body::wrap_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let slow = client().post(&direct).header("content-type", "application/json").body(endless);
    assert_eq!(said(slow).await, refused(408, "request_timeout"));
    assert_eq!(app.log_with("\"verdict\"").len(), 1, "the one that was good");
}

#[tokio::test]
async fn who_may_not_ask_may_not_judge() {
    let identity = IdentityEndpoint::start().await;
    let (endpoint, secret) = (identity.endpoint_url(), identity.secret().to_owned());
    let production = [
        ("FEEDBACK", "true"),
        ("RUNNING_IN_PRODUCTION", "true"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", secret.as_str()),
        ("ALLOWED_ORIGINS", "https://page.example"),
    ];
    let app = TestApp::with(&production).await;
    assert_eq!(judge(&app, &[(PRINCIPAL, "spoofed")], GOOD).await, refused(403, "sign_in_not_configured"));

    let signed_in = [&production[..], &[("WEBSITE_AUTH_ENABLED", "true")]].concat();
    let options = HostOptions { cors: vec!["https://page.example".to_owned()], ..HostOptions::default() };
    let app = TestApp::with_host(&signed_in, options).await;
    assert_eq!(judge(&app, &[], GOOD).await, refused(401, "unauthenticated"));
    assert_eq!(judge(&app, &[(PRINCIPAL, "user-1")], GOOD).await, refused(204, ""));
    let of = |origin| [(PRINCIPAL, "user-1"), ("origin", origin)];
    assert_eq!(judge(&app, &of("https://page.example"), GOOD).await, refused(204, ""));
    assert_eq!(judge(&app, &of("https://other.example"), GOOD).await, refused(403, "forbidden_origin"));
    // The browser asks first, and the platform answers.
    let preflight = client()
        .request(reqwest::Method::OPTIONS, app.host.url("api/feedback"))
        .header("origin", "https://page.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let answer = preflight.send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://page.example");
    assert!(app.log_with("user-1").is_empty(), "who it was is nowhere");
}

#[tokio::test]
async fn a_verdict_arrives_as_an_event_with_the_id_and_the_word_and_nothing_else() {
    let told = Told::with(&[("FEEDBACK", "true")]).await;
    let answer = told.ask().await;
    let id = answer.request_id();
    assert_eq!(told.judge(id, "up").await, 204);
    assert_eq!(told.judge(id, "down").await, 204);
    let is_here = |items: &[Value]| items.iter().filter(|item| item["data"]["baseType"] == "EventData").count() == 2;
    assert!(told.ingestion.wait_for(is_here, SOON).await, "no events");
    let events = told.of_kind("Event");
    for (event, verdict) in events.iter().zip(["up", "down"]) {
        assert_eq!(event.text("name"), "feedback");
        assert_eq!(*event.data("properties"), json!({ "request_id": id, "verdict": verdict }));
    }
    // It belongs to a request of its own, which no count of chat turns takes for one.
    let requests = told.of_kind("Request");
    let own: Vec<_> = requests.iter().filter(|item| item.text("name") == "POST /api/feedback").collect();
    assert_eq!(own.len(), 2);
    assert!(own.iter().all(|item| item.text("responseCode") == "204" && *item.data("success") == true));
    assert!(
        own.iter().all(|item| item.property("gen_ai.operation.name").is_empty() && item.property("InvocationId") != id)
    );
    // Who looks for the answer finds the verdict.
    assert_eq!(told.item_with("Message", "verdict", "down").await.property("InvocationId"), id);
}

#[tokio::test]
async fn telemetry_that_is_gone_fails_no_verdict() {
    let told = Told::with(&[("FEEDBACK", "true")]).await;
    told.ingestion.answer(harness::upstream::Reply::status(500));
    for _ in 0..20 {
        assert_eq!(told.judge("a", "down").await, 204);
    }
}
