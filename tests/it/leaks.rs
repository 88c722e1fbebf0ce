//! Secrets are planted wherever one can stand, every fault is driven, and no planted word may come out: not to a client,
//! not in the log, at any level, not in telemetry.

use harness::host::{Channel, Stream};
use harness::identity::{Behaviour, IdentityEndpoint};
use harness::ingestion::Ingestion;
use harness::upstream::{Ending, Reply, chunk, finish, sse};

use crate::support::app::{SOON, TestApp};
use crate::support::client::{Answer, begin, post, question};

/// In the prompt, in upstream's bodies and headers, in the client's headers.
const CANARY: &str = "canary";

fn faults() -> Vec<Reply> {
    let hi = format!("data: {}\n\n", chunk("Hi"));
    let error = format!(
        r#"{{"error":{{"code":"{CANARY} code","type":"{CANARY}\n","message":"{CANARY}","innererror":{{"code":"{CANARY} inner"}}}}}}"#
    );
    let mut replies: Vec<Reply> = [400, 401, 403, 404, 408, 409, 413, 418, 422, 429, 500, 503, 302, 204]
        .into_iter()
        .map(|status| {
            Reply::status(status)
                .body(error.clone())
                .header("x-request-id", CANARY)
                .header("retry-after-ms", "1")
                .header("location", "http://canary/")
        })
        .collect();
    replies.extend([
        Reply::status(200).content_type("text/html").body(CANARY),
        Reply::sse("").header("content-encoding", CANARY),
        Reply::sse(sse(&[CANARY])),
        Reply::sse(sse(&[&error])),
        Reply::sse(format!("event: error\ndata: {CANARY}\n\n")),
        Reply::sse(sse(&[&chunk("Hi"), CANARY])),
        Reply::sse(sse(&[&chunk("Hi"), &error])),
        Reply::sse(sse(&[&chunk("Hi"), &format!(r#"{{"choices":"{CANARY}"}}"#)])),
        Reply::sse(sse(&[&chunk("Hi"), &format!(r#"{{"choices":[{{"delta":{{"content":{{"{CANARY}":1}}}}}}]}}"#)])),
        Reply::sse(sse(&[
            &format!(r#"{{"id":"{CANARY}","model":"{CANARY}","system_fingerprint":"{CANARY}","routing":{{"serving":"{CANARY}"}},"obfuscation":"{CANARY}","choices":[{{"index":0,"delta":{{"content":"Hi","{CANARY}":1}},"{CANARY}":2}}]}}"#),
            &finish("stop"),
        ])),
        Reply::sse(sse(&[&chunk("Hi"), &format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop"}}],"{CANARY}":1}}"#)])),
        Reply::sse(format!("data: {}", CANARY.repeat(2000))),
        Reply::sse(hi.clone()),
        Reply::sse(hi.clone()).ending(Ending::Cut),
        Reply::sse(hi.clone()).ending(Ending::Reset),
        Reply::sse(hi).ending(Ending::Hang),
        Reply::raw(format!("{CANARY}\r\n\r\n")),
        Reply::refuse(),
        Reply::silent(),
    ]);
    replies
}

/// A request with secrets in every place that a client has.
async fn ask(app: &TestApp) -> Answer {
    let request =
        post(&format!("{}?code=canary-key", app.url()), &question("canary prompt\nLanguageWorkerConsoleLog canary"))
            .header("authorization", "Bearer canary-client-token")
            .header("cookie", "session=canary-cookie")
            .header("x-functions-key", "canary-key")
            .header("x-ms-client-principal-id", "canary-user")
            .header("x-ms-client-principal", "canary-principal")
            .header("x-forwarded-for", "canary-address")
            .header("traceparent", "canary trace")
            .header("user-agent", "canary-agent");
    begin(request).await.rest().await
}

fn check(what: &str, texts: impl IntoIterator<Item = String>, identity: &IdentityEndpoint) {
    for text in texts {
        for secret in [CANARY, "token-", identity.secret()] {
            assert!(!text.contains(secret), "{what} holds {secret}: {text:.300}");
        }
    }
}

async fn drive(log_filter: &str) {
    let identity = IdentityEndpoint::start().await;
    let (endpoint, secret) = (identity.endpoint_url(), identity.secret().to_owned());
    let ingestion = Ingestion::start().await;
    let connection = ingestion.connection_string();
    let settings = [
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", connection.as_str()),
        ("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD;ClientId=client-2"),
        ("RUNNING_IN_PRODUCTION", "true"),
        ("ALLOW_ANONYMOUS", "true"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", secret.as_str()),
        ("FIRST_EVENT_TIMEOUT", "300ms"),
        ("IDLE_TIMEOUT", "300ms"),
        ("MAX_EVENT_BYTES", "10000"),
        ("SYSTEM_PROMPT", "canary system prompt"),
        ("RUST_LOG", log_filter),
    ];
    let app = TestApp::with(&settings).await;
    let mut outcomes = std::collections::BTreeSet::new();
    for reply in faults() {
        app.upstream.always(reply);
        let answer = ask(&app).await;
        outcomes.insert(answer.code());
        check("an answer", answer.lines.iter().cloned(), &identity);
        let headers =
            answer.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default()));
        check("an answer's head", headers, &identity);
    }
    for (body, content_type) in
        [("canary", "application/json"), ("{\"canary\":[]}", "application/json"), ("{}", "text/canary")]
    {
        let request = crate::support::client::client().post(app.url()).header("content-type", content_type).body(body);
        check("a refusal", begin(request).await.rest().await.lines, &identity);
    }
    let answer = begin(post(&app.direct_url("/canary?canary"), "canary")).await.rest().await;
    check("a refusal", answer.lines, &identity);
    identity.set(Behaviour::failing(500, "canary token-body"));
    app.upstream.always(Reply::status(401));
    check("a refusal", ask(&app).await.lines, &identity);

    for code in [
        "upstream_auth",
        "upstream_error",
        "upstream_misconfigured",
        "upstream_protocol",
        "upstream_rejected",
        "upstream_timeout",
        "upstream_truncated",
        "rate_limited",
        "",
    ] {
        assert!(outcomes.contains(code), "no fault led to {code:?}: {outcomes:?}");
    }
    identity.set(Behaviour::default());
    let is_here = |items: &[serde_json::Value]| {
        let requests = items.iter().filter(|item| item["data"]["baseType"] == "RequestData").count();
        requests > faults().len()
    };
    assert!(ingestion.wait_for(is_here, SOON).await, "telemetry did not get through");
    let items = ingestion.items();
    assert!(items.len() > 2 * faults().len(), "{}", items.len());
    check("telemetry", items.iter().map(ToString::to_string), &identity);
    let mut log = app.host.log();
    log.retain(|line| line.stream != Stream::Host);
    assert!(log.len() > 30);
    check("the log", log.iter().map(|line| line.text.clone()), &identity);
    for line in log {
        assert_eq!((line.stream, line.channel), (Stream::Stdout, Channel::Console), "{}", line.text);
        assert!(
            serde_json::from_str::<serde_json::Value>(&line.text).is_ok_and(|entry| entry.is_object()),
            "{}",
            line.text
        );
    }
}

#[tokio::test]
async fn nothing_leaks() {
    drive("info").await;
}

#[tokio::test]
async fn nothing_leaks_when_every_library_talks() {
    drive("trace").await;
}
