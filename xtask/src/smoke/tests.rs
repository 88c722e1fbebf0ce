//! Each row against a scripted deployment: green when it is as it should be, red in its own row for each fault.

use std::time::Duration;

use harness::upstream::{Ending, Reply, Request, Split, Upstream};
use serde_json::json;

use super::target::{SignIn, Target};
use super::*;

const PAGE: &str = "https://calm.example";
const AUTHORITY: &str = "https://login.microsoftonline.com/tenant";

/// A fault of what was deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    StrangersAreAnswered,
    PlatformTellsNothing,
    ForeignTokensAreTaken,
    PageIsNotAdmitted,
    EverybodyIsAdmitted,
    PolicyOfAnotherDeployment,
    NoPolicy,
    ConfigOfAnotherDeployment,
    AnswersComeAtOnce,
    AnswersAreCut,
    AnswersEndInAnError,
    SilenceEndsTheAnswer,
    LeavingIsNotNoticed,
    ModelsNameAnEndpoint,
    ModelsAreOff,
    OpenAiIsOff,
    OpenAiIsCut,
    NothingArrives,
    TheConversationArrives,
    RolesAreMissing,
}

struct Deployed {
    server: Upstream,
    target: Target,
}

impl Deployed {
    async fn with(fault: Fault) -> Self {
        let server = Upstream::start().await;
        let address = server.url();
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let api = address.clone();
        server.respond(move |request| {
            let chats =
                if request.path() == "/api/chat/stream" && request.header("authorization") == Some("Bearer user") {
                    seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
                } else {
                    0
                };
            reply(fault, request, &api, chats)
        });
        let target = Target {
            api: address.clone(),
            // The same server under another name: to a browser another origin.
            page: address.replace("127.0.0.1", "localhost"),
            sign_in: Some(SignIn {
                client_id: "client".to_owned(),
                authority: AUTHORITY.to_owned(),
                scope: "client/user_impersonation".to_owned(),
            }),
            token: Some("user".to_owned()),
            foreign: Some("foreign".to_owned()),
            group: Some(("sub".to_owned(), "rg-chat".to_owned())),
            management: address.clone(),
            insights: address,
            silence: Duration::from_secs(1),
            marker: "marker".to_owned(),
            ..Target::default()
        };
        Self { server, target }
    }

    /// The row of this name.
    async fn row(self, name: &str) -> Row {
        let (_, check) = CHECKS.into_iter().find(|(other, _)| *other == name).unwrap();
        let Self { server, target } = self;
        let row = tokio::task::spawn_blocking(move || check(&target)).await.unwrap();
        drop(server);
        row
    }
}

fn reply(fault: Fault, request: &Request, api: &str, chats: usize) -> Reply {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    match (request.method.as_str(), request.path()) {
        ("OPTIONS", _) => preflight(fault, request),
        ("GET", "/") => page(fault, api),
        ("GET", "/config.json") => {
            let base = if fault == Fault::ConfigOfAnotherDeployment { PAGE } else { api };
            let auth = json!({ "clientId": "client", "authority": AUTHORITY, "scope": "client/user_impersonation" });
            json_reply(&json!({ "apiBase": base, "auth": auth }))
        }
        ("POST", "/api/chat/stream") => match bearer {
            None if fault == Fault::StrangersAreAnswered => answer(fault, ""),
            None if fault == Fault::PlatformTellsNothing => failure(403, "sign_in_not_configured"),
            Some("foreign") if fault == Fault::ForeignTokensAreTaken => answer(fault, ""),
            Some("user") if fault == Fault::RolesAreMissing => failure(502, "upstream_auth"),
            Some("user") if fault == Fault::LeavingIsNotNoticed && chats >= 8 => failure(429, "rate_limited"),
            Some("user") => answer(fault, &String::from_utf8_lossy(&request.body)),
            _ => Reply::status(401),
        },
        ("GET", "/api/models") if fault != Fault::ModelsAreOff => {
            let title = if fault == Fault::ModelsNameAnEndpoint { "https://a.openai.azure.com" } else { "Thorough" };
            json_reply(&json!({ "default": "thorough", "models": [{ "name": "thorough", "title": title }] }))
        }
        ("GET", "/api/v1/models") if fault != Fault::OpenAiIsOff => {
            json_reply(&json!({ "data": [{ "id": "thorough" }] }))
        }
        ("POST", "/api/v1/chat/completions") => {
            let end = if fault == Fault::OpenAiIsCut { "" } else { "data: [DONE]\n\n" };
            let chunk = json!({ "choices": [{ "delta": { "content": "hello" } }] });
            Reply::sse(format!("data: {chunk}\n\n{end}"))
        }
        ("GET", path) if path.starts_with("/subscriptions/") => json_reply(&json!({ "value": [
            { "type": "Microsoft.Insights/components", "id": "/subscriptions/sub/components/appi" },
        ] })),
        ("POST", path) if path.ends_with("/query") => {
            let searches = String::from_utf8_lossy(&request.body).contains("search in");
            let count = match fault {
                Fault::NothingArrives => 0,
                Fault::TheConversationArrives => 3,
                _ if searches => 0,
                _ => 3,
            };
            json_reply(&json!({ "tables": [{ "rows": [[count]] }] }))
        }
        _ => Reply::status(404),
    }
}

/// An API behind the emulator, at the page's own origin.
#[tokio::test(flavor = "multi_thread")]
async fn where_page_and_api_are_one_nothing_is_asked_first() {
    let mut deployed = Deployed::with(Fault::None).await;
    deployed.target.page.clone_from(&deployed.target.api);
    let row = deployed.row("preflight").await;
    assert!(matches!(&row, Row::Skipped(why) if why.contains("one origin")), "{row:?}");
}

fn json_reply(body: &serde_json::Value) -> Reply {
    Reply::status(200).content_type("application/json").body(body.to_string())
}

fn failure(status: u16, code: &str) -> Reply {
    let body = json!({ "error": "words", "code": code, "retryable": false, "request_id": "r" });
    Reply::status(status).content_type("application/json").body(body.to_string())
}

fn preflight(fault: Fault, request: &Request) -> Reply {
    let reply = Reply::status(204);
    match request.header("origin") {
        _ if fault == Fault::EverybodyIsAdmitted => reply.header("access-control-allow-origin", "*"),
        Some(origin) if origin.contains("localhost") && fault != Fault::PageIsNotAdmitted => {
            reply.header("access-control-allow-origin", origin)
        }
        _ => reply,
    }
}

fn page(fault: Fault, api: &str) -> Reply {
    let reply = Reply::status(200).content_type("text/html").body("the page");
    let host = if fault == Fault::PolicyOfAnotherDeployment { PAGE } else { api };
    let policy = format!("default-src 'none'; connect-src {host} https://login.microsoftonline.com");
    if fault == Fault::NoPolicy { reply } else { reply.header("content-security-policy", &policy) }
}

fn answer(fault: Fault, body: &str) -> Reply {
    let mut lines = vec![json!({ "start": { "request_id": "r-1", "deployment": "d" } })];
    if body.contains("Silence") {
        lines.push(json!({ "heartbeat": { "elapsed_ms": 15_000 } }));
    }
    for word in ["think ", "of ", "it "] {
        lines.push(json!({ "index": 0, "delta": { "reasoning_content": word }, "finish_reason": null }));
    }
    for word in ["an ", "answer ", "in ", "pieces"] {
        lines.push(json!({ "index": 0, "delta": { "content": word }, "finish_reason": null }));
    }
    let silence_kills = fault == Fault::SilenceEndsTheAnswer && body.contains("Silence");
    if silence_kills {
        lines.truncate(2);
    } else if fault == Fault::AnswersEndInAnError {
        lines.push(json!({ "error": "words", "code": "upstream_error", "retryable": true, "request_id": "r-1" }));
    } else if fault != Fault::AnswersAreCut {
        lines.push(json!({ "done": { "finish_reason": "stop", "usage": null, "elapsed_ms": 1, "first_token_ms": 1 } }));
    }
    let text: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    let cuts = text.iter().scan(0, |end, line| {
        *end += line.len();
        Some(*end)
    });
    let cuts = Split::At(cuts.collect());
    let reply = Reply::status(200).content_type("application/x-ndjson").body(text.concat()).chunked();
    match fault {
        Fault::AnswersComeAtOnce => reply,
        Fault::AnswersAreCut => reply.split(cuts).pace(Duration::from_millis(20)).ending(Ending::Cut),
        _ => reply.split(cuts).pace(Duration::from_millis(20)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_green_where_nothing_is_wrong() {
    // Telemetry asks azd for a token, and no test does that: it has a test of its own.
    for (name, _) in CHECKS.into_iter().filter(|(name, _)| *name != "telemetry") {
        let row = Deployed::with(Fault::None).await.row(name).await;
        assert!(matches!(row, Row::Passed(_)), "{name}: {row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_seen_in_its_own_row() {
    for (fault, name, word) in [
        (Fault::StrangersAreAnswered, "stranger", "at your expense"),
        (Fault::PlatformTellsNothing, "stranger", "refuses everybody"),
        (Fault::ForeignTokensAreTaken, "foreign-token", "is taken"),
        (Fault::PageIsNotAdmitted, "preflight", "is refused"),
        (Fault::EverybodyIsAdmitted, "preflight", "every origin"),
        (Fault::EverybodyIsAdmitted, "other-origin", "another origin is answered"),
        (Fault::PolicyOfAnotherDeployment, "policy", "does not name"),
        (Fault::NoPolicy, "policy", "no Content-Security-Policy"),
        (Fault::ConfigOfAnotherDeployment, "config", "apiBase"),
        (Fault::AnswersComeAtOnce, "answer", "at once"),
        (Fault::AnswersAreCut, "answer", "cut off"),
        (Fault::AnswersEndInAnError, "answer", "upstream_error"),
        (Fault::RolesAreMissing, "answer", "upstream_auth"),
        (Fault::SilenceEndsTheAnswer, "silence", "1 heartbeats before"),
        (Fault::LeavingIsNotNoticed, "leaving", "reader 9"),
        (Fault::ModelsNameAnEndpoint, "models", "names an endpoint"),
        (Fault::OpenAiIsCut, "openai", "[DONE]"),
    ] {
        let row = Deployed::with(fault).await.row(name).await;
        let Row::Failed(what, to_do) = row else { panic!("{fault:?} in {name}: {row:?}") };
        assert!(what.contains(word) && !to_do.is_empty(), "{fault:?} in {name}: {what} → {to_do}");
    }
    for (fault, name) in [(Fault::ModelsAreOff, "models"), (Fault::OpenAiIsOff, "openai")] {
        let row = Deployed::with(fault).await.row(name).await;
        assert!(matches!(&row, Row::Skipped(why) if why.starts_with("off")), "{fault:?}: {row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_is_looked_for_and_searched() {
    for (fault, expected) in [
        (Fault::None, Ok("without a word")),
        (Fault::NothingArrives, Err("no request of this run arrived")),
        (Fault::TheConversationArrives, Err("a word of the conversation")),
    ] {
        let deployed = Deployed::with(fault).await;
        let Deployed { server, target } = deployed;
        let row = tokio::task::spawn_blocking(move || insights::ask_about(&target, "management", "query"));
        let row = row.await.unwrap();
        drop(server);
        let fits = match (&row, expected) {
            (Row::Passed(what), Ok(word)) | (Row::Failed(what, _), Err(word)) => what.contains(word),
            _ => false,
        };
        assert!(fits, "{fault:?}: {row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_a_model_think_is_asked_in_six_calls() {
    let server = Upstream::start().await;
    server.respond(|request| {
        let body = request.json().unwrap();
        let says = |message: serde_json::Value| json_reply(&json!({ "choices": [{ "message": message }] }));
        match (body["model"].as_str(), body.get("reasoning_effort"), body.get("thinking")) {
            (Some("DeepSeek-V4-Flash"), Some(_), None) => says(json!({ "content": "9.8", "reasoning_content": "Hm." })),
            (Some("DeepSeek-V4-Flash"), None, Some(_)) => {
                let refusal = json!({ "error": { "code": "unrecognized_request_argument" } });
                Reply::status(400).content_type("application/json").body(refusal.to_string())
            }
            (Some("DeepSeek-V4-Flash"), None, None) => says(json!({ "content": "9.8" })),
            _ => Reply::status(404),
        }
    });
    let endpoint = server.url();
    let rows = tokio::task::spawn_blocking(move || probe::calls(&endpoint, "token")).await.unwrap();
    let said: Vec<String> = rows
        .into_iter()
        .map(|row| match row {
            Row::Passed(what) | Row::Skipped(what) => what,
            Row::Failed(what, _) => panic!("{what}"),
        })
        .collect();
    assert_eq!(said.len(), 6);
    assert!(said[..3].iter().all(|row| row.contains("no such deployment")), "{said:?}");
    assert!(said[3].contains(" 0 characters") && said[4].contains(" 3 characters"), "{said:?}");
    assert!(said[5].contains("refused (unrecognized_request_argument)"), "{said:?}");
    assert!(server.requests().iter().all(|request| request.header("authorization") == Some("Bearer token")));
}

#[test]
fn rows_can_be_chosen_and_nothing_else() {
    let parsed = |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let options = parsed("--api https://a.example --only stranger,answer --silence 20 --probe-thinking").unwrap();
    assert_eq!(options.only, ["stranger", "answer"]);
    assert_eq!((options.silence, options.probe_thinking), (Duration::from_secs(20), true));
    for bad in ["--only nothing", "--api", "--silence x", "answer"] {
        assert_eq!(parsed(bad), None, "{bad}");
    }
}

#[test]
fn the_page_of_the_docs_names_every_row() {
    let page = std::fs::read_to_string(crate::stage::project().join("docs/rehearsal.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let named: Vec<&str> =
        rows.flat_map(|line| line.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect();
    assert_eq!(named, CHECKS.map(|(name, _)| name));
}

#[test]
fn the_report_has_no_name_and_no_token() {
    let target = Target {
        api: "https://func-abc.azurewebsites.net".to_owned(),
        page: "https://calm-abc.azurestaticapps.net".to_owned(),
        token: Some("header.claims.signature".to_owned()),
        group: Some(("2222-sub".to_owned(), "rg-mine".to_owned())),
        ..Target::default()
    };
    let mut report = Report::default();
    let said = "func-abc.azurewebsites.net of rg-mine in 2222-sub said header.claims.signature | to calm-abc.azurestaticapps.net";
    report.add("answer", Row::failed(said, "see\nthere"));
    let text = report.markdown(&target);
    for name in ["func-abc", "rg-mine", "2222-sub", "claims", "calm-abc"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    assert!(
        text.contains("| answer | **failed** | API of GROUP in SUBSCRIPTION said TOKEN \\| to PAGE | see there |"),
        "{text}"
    );
}
