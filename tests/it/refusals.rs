//! Upstream's refusals in the words of many services: what a reader is told, and what leads an operator to the cause.

use harness::identity::IdentityEndpoint;
use harness::upstream::{Reply, chunk, finish, sse};

use crate::support::app::TestApp;

fn answer() -> Reply {
    Reply::sse(sse(&[&chunk("Hi"), &finish("stop")]))
}

fn refusal(status: u16, body: &str) -> Reply {
    Reply::status(status).content_type("application/json").body(body.to_owned())
}

/// An app that signs in as it would in Azure.
async fn with_token() -> (TestApp, IdentityEndpoint) {
    let identity = IdentityEndpoint::start().await;
    let (endpoint, secret) = (identity.endpoint_url(), identity.secret().to_owned());
    let app = TestApp::with(&[
        ("RUNNING_IN_PRODUCTION", "true"),
        ("ALLOW_ANONYMOUS", "true"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("IDENTITY_ENDPOINT", &endpoint),
        ("IDENTITY_HEADER", &secret),
    ])
    .await;
    (app, identity)
}

#[tokio::test]
async fn the_log_leads_to_the_cause_and_no_one_else_does() {
    let (app, _identity) = with_token().await;
    let tenant = r#"{"error":{"code":"Tenant provided in token does not match resource token","message":"Token tenant 33e01921-4d64-4f8c-a055-5bdaffd5e33d does not match resource tenant."}}"#;
    let field = r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted","input":{"said":"my secret"}}]}"#;
    let param = r#"{"error":{"message":"Unsupported parameter: 'temperature' is not supported with this model.","type":"invalid_request_error","param":"temperature","code":"unsupported_parameter"}}"#;
    for (status, body, code, log) in [
        (
            400,
            tenant,
            "upstream_auth",
            &["AZURE_TENANT_ID", "tenant provided in token does not match resource token"][..],
        ),
        (422, field, "upstream_rejected", &["extra_forbidden", "stream_options", "EXTRA_BODY"]),
        (400, param, "upstream_rejected", &["unsupported_parameter", "param temperature", "TEMPERATURE"]),
        (403, "", "upstream_auth", &["Cognitive Services User"]),
        (404, "", "upstream_misconfigured", &["AZURE_INFERENCE_ENDPOINT", "r1"]),
    ] {
        app.upstream.always(refusal(status, body));
        let refused = app.ask("Hi").await;
        assert_eq!((refused.status, refused.code().as_str()), (502, code), "{body}");
        for word in ["AZURE_", "EXTRA_BODY", "Cognitive", "role", "secret", "33e01921"] {
            assert!(!refused.text().contains(word), "{}", refused.text());
        }
        for part in log {
            assert!(app.wait_for_log(part).await, "{part} of {body}");
        }
    }
    assert!(app.log_with("secret").is_empty() && app.log_with("33e01921").is_empty());
}

#[tokio::test]
async fn a_used_up_quota_is_no_missing_role() {
    let (app, _identity) = with_token().await;
    let apim = r#"{"statusCode":403,"message":"Token quota is exceeded. Try again later."}"#;
    app.upstream.always(refusal(403, apim).header("retry-after", "1385"));
    let refused = app.ask("Hi").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    assert_eq!(refused.headers["retry-after"], "1385");
    assert!(refused.text().contains("24 minutes"), "{}", refused.text());
    assert_eq!(app.upstream.requests().len(), 1, "the wait is the client's to make");

    app.upstream.always(refusal(
        403,
        r#"{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 00:10:00."}"#,
    ));
    assert_eq!(app.ask("Hi").await.last()["retry_after"], 600);

    let before = app.upstream.requests().len();
    let used_up = r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    for reply in [refusal(429, used_up), Reply::sse(sse(&[used_up]))] {
        app.upstream.always(reply);
        let refused = app.ask("Hi").await;
        assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
        assert!(refused.text().contains("does not help"), "{}", refused.text());
    }
    assert_eq!(app.upstream.requests().len() - before, 2, "not tried again");
}

#[tokio::test]
async fn a_providers_wait_is_found_behind_its_gateway() {
    let app = TestApp::start().await;
    let words = r#"{"error":{"message":"Requests have exceeded token rate limit. Please retry after 33 seconds.","type":"throttling_error","code":"429"}}"#;
    for reply in [refusal(429, "{}").header("llm_provider-retry-after", "33"), refusal(429, words)] {
        app.upstream.always(reply);
        let refused = app.ask("Hi").await;
        assert_eq!((refused.code().as_str(), refused.last()["retry_after"].as_u64()), ("rate_limited", Some(33)));
    }
}

#[tokio::test]
async fn a_server_that_wants_a_key_is_told_so() {
    let app = TestApp::start().await;
    app.upstream.always(refusal(401, r#"{"error":{"message":"Authentication Error, No api key passed in.","type":"auth_error","param":"None","code":"401"}}"#));
    let refused = app.ask("Hi").await;
    assert_eq!((refused.status, refused.code().as_str()), (502, "upstream_misconfigured"), "nobody's second try helps");
    assert!(refused.text().contains("wants a key") && !refused.text().contains("role"), "{}", refused.text());
    assert_eq!(app.upstream.requests().len(), 1);
    assert!(app.wait_for_log("no token was sent").await);
}

#[tokio::test]
async fn error_events_of_every_shape_are_understood() {
    let app = TestApp::start().await;
    for (data, code) in [
        (r#"{"error":{"code":"invalid_api_key","type":"invalid_request_error"}}"#, "upstream_auth"),
        (r#"{"error":{"error":{"code":"rate_limit_exceeded"}}}"#, "rate_limited"),
        (r#"{"code":"context_length_exceeded","message":"m"}"#, "context_length_exceeded"),
        (r#"{"choices":null,"error_type":"rate_limit_error","error_message":"m"}"#, "rate_limited"),
        (r#"{"error":"x","error":{"code":"content_filter","code":"429"}}"#, "rate_limited"),
        (
            r#"{"message":"{\"error\":{\"message\":\"prompt is too long: 9 tokens > 8 maximum\"}}"}"#,
            "context_length_exceeded",
        ),
        (r#"{"error":{"message":"half a character \ud83d","code":"overloaded_error"}}"#, "upstream_error"),
    ] {
        app.upstream.always(Reply::sse(format!("event: error\ndata: {data}\n\n")));
        assert_eq!(app.ask("Hi").await.code(), code, "{data}");
    }
}

#[tokio::test]
async fn a_200_that_is_a_refusal_is_read_as_one() {
    let app = TestApp::start().await;
    for (body, code) in [
        (r#"{"error":{"code":"content_filter"}}"#, "content_filter"),
        (r#"{"error":"model not found"}"#, "upstream_misconfigured"),
        (r#"{"object":"chat.completion","choices":[{"message":{"content":"error"}}]}"#, "upstream_protocol"),
        ("{", "upstream_protocol"),
    ] {
        app.upstream.always(refusal(200, body));
        assert_eq!(app.ask("Hi").await.code(), code, "{body}");
    }
}

#[tokio::test]
async fn an_unlabelled_stream_is_read_if_it_begins_as_one() {
    let app = TestApp::start().await;
    let body = sse(&[&chunk("Hi"), &finish("stop")]);
    for head in ["", "\u{FEFF}", ": hello\n\n", "\n\r\n", "event: message\n"] {
        let stream = [head.as_bytes(), &body].concat();
        for split in [harness::upstream::Split::Whole, harness::upstream::Split::Every(1)] {
            app.upstream.always(Reply::status(200).chunked().body(stream.clone()).split(split));
            assert_eq!(app.ask("Hi").await.content(), "Hi", "{head:?}");
        }
    }
    for body in ["", "<html>", r#"{"choices":[]}"#, "Hello", &" ".repeat(100)] {
        app.upstream.always(Reply::status(200).chunked().body(body.to_owned()));
        assert_eq!(app.ask("Hi").await.code(), "upstream_protocol", "{body:?}");
    }
    app.upstream.always(answer());
    assert_eq!(app.ask("Hi").await.content(), "Hi");
}
