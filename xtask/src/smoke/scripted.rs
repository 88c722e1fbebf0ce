//! A deployment that is played, with the faults that it may have.

use std::time::Duration;

use harness::upstream::{Ending, Reply, Request, Split, Upstream};
use serde_json::json;

use super::CHECKS;
use super::report::Row;
use super::target::{SignIn, Target};

const PAGE: &str = "https://calm.example";
const AUTHORITY: &str = "https://login.microsoftonline.com/tenant";

/// A fault of what was deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    FunctionIsMissing,
    ProgramDoesNotRun,
    StrangersAreAnswered,
    PlatformTellsNothing,
    ForeignTokensAreTaken,
    PageIsNotAdmitted,
    EverybodyIsAdmitted,
    PolicyOfAnotherDeployment,
    NoPolicy,
    PageIsMissing,
    ConfigIsMissing,
    ConfigOfAnotherDeployment,
    ConfigOfAnotherRegistration,
    TokenIsRefused,
    ApplicationIsNotAdmitted,
    DeploymentIsMissing,
    QuotaIsUsedUp,
    AnswersComeAtOnce,
    AnswersAreCut,
    AnswersEndInAnError,
    SilenceEndsTheAnswer,
    LeavingIsNotNoticed,
    ModelsNameAnEndpoint,
    ModelsHaveNoDefault,
    ModelsAreRefused,
    ModelsAreOff,
    OpenAiIsOff,
    OpenAiListsNothing,
    OpenAiIsRefused,
    OpenAiIsCut,
    OpenAiEndsInAnError,
    OpenAiSaysNothing,
    InsightsAreMissing,
    InsightsRefuse,
    InsightsAreNotSearched,
    NothingArrives,
    TheConversationArrives,
    RolesAreMissing,
}

/// What answers, and what is known of it.
pub(super) struct Deployed {
    pub(super) server: Upstream,
    pub(super) target: Target,
}

impl Deployed {
    pub(super) async fn with(fault: Fault) -> Self {
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
    pub(super) async fn row(self, name: &str) -> Row {
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
        (_, "/api/chat/stream") if fault == Fault::FunctionIsMissing => Reply::status(404),
        (_, "/api/chat/stream") if fault == Fault::ProgramDoesNotRun => Reply::status(500),
        ("OPTIONS", _) => preflight(fault, request),
        ("GET", "/" | "/config.json") if fault == Fault::PageIsMissing => Reply::status(404),
        ("GET", "/") => page(fault, api),
        ("GET", "/config.json") if fault == Fault::ConfigIsMissing => Reply::status(404),
        ("GET", "/config.json") => {
            let base = if fault == Fault::ConfigOfAnotherDeployment { PAGE } else { api };
            let client = if fault == Fault::ConfigOfAnotherRegistration { "another" } else { "client" };
            let auth = json!({ "clientId": client, "authority": AUTHORITY, "scope": "client/user_impersonation" });
            json_reply(&json!({ "apiBase": base, "auth": auth }))
        }
        ("POST", "/api/chat/stream") => match bearer {
            None if fault == Fault::StrangersAreAnswered => answer(fault, ""),
            None if fault == Fault::PlatformTellsNothing => failure(403, "sign_in_not_configured"),
            Some("foreign") if fault == Fault::ForeignTokensAreTaken => answer(fault, ""),
            Some("user") if fault == Fault::TokenIsRefused => Reply::status(401),
            Some("user") if fault == Fault::ApplicationIsNotAdmitted => Reply::status(403),
            Some("user") if fault == Fault::RolesAreMissing => failure(502, "upstream_auth"),
            Some("user") if fault == Fault::DeploymentIsMissing => failure(502, "upstream_misconfigured"),
            Some("user") if fault == Fault::QuotaIsUsedUp => failure(429, "rate_limited"),
            Some("user") if fault == Fault::LeavingIsNotNoticed && chats >= 8 => failure(429, "rate_limited"),
            Some("user") => answer(fault, &String::from_utf8_lossy(&request.body)),
            _ => Reply::status(401),
        },
        ("GET", "/api/models") if fault == Fault::ModelsAreRefused => failure(500, "internal"),
        ("GET", "/api/models") if fault != Fault::ModelsAreOff => {
            let name = if fault == Fault::ModelsHaveNoDefault { "another" } else { "thorough" };
            let title = if fault == Fault::ModelsNameAnEndpoint { "https://a.openai.azure.com" } else { "Thorough" };
            json_reply(&json!({ "default": "thorough", "models": [{ "name": name, "title": title }] }))
        }
        ("GET", "/api/v1/models") if fault == Fault::OpenAiListsNothing => json_reply(&json!({ "data": [] })),
        ("GET", "/api/v1/models") if fault != Fault::OpenAiIsOff => {
            json_reply(&json!({ "data": [{ "id": "thorough" }] }))
        }
        ("POST", "/api/v1/chat/completions") if fault == Fault::OpenAiIsRefused => failure(503, "overloaded"),
        ("POST", "/api/v1/chat/completions") => {
            let end = if fault == Fault::OpenAiIsCut { "" } else { "data: [DONE]\n\n" };
            let chunk = match fault {
                Fault::OpenAiEndsInAnError => json!({ "error": { "code": "upstream_error" } }),
                Fault::OpenAiSaysNothing => json!({ "choices": [{ "delta": {} }] }),
                _ => json!({ "choices": [{ "delta": { "content": "hello" } }] }),
            };
            Reply::sse(format!("data: {chunk}\n\n{end}"))
        }
        ("GET", path) if path.starts_with("/subscriptions/") && fault == Fault::InsightsAreMissing => {
            json_reply(&json!({ "value": [] }))
        }
        ("GET", path) if path.starts_with("/subscriptions/") => json_reply(&json!({ "value": [
            { "type": "Microsoft.Insights/components", "id": "/subscriptions/sub/components/appi" },
        ] })),
        ("POST", path) if path.ends_with("/query") => {
            let searches = String::from_utf8_lossy(&request.body).contains("search in");
            if fault == Fault::InsightsRefuse || (searches && fault == Fault::InsightsAreNotSearched) {
                return Reply::status(403);
            }
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

pub(super) fn json_reply(body: &serde_json::Value) -> Reply {
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
