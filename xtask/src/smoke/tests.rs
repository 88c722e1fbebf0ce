//! Each row against a scripted deployment: green when it is as it should be, red in its own row for each fault.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::upstream::{Reply, Upstream};
use serde_json::json;

use super::scripted::{Deployed, Fault, json_reply};
use super::target::Target;
use super::*;

/// An API behind the emulator, at the page's own origin.
#[tokio::test(flavor = "multi_thread")]
async fn where_page_and_api_are_one_nothing_is_asked_first() {
    let mut deployed = Deployed::with(Fault::None).await;
    deployed.target.page.clone_from(&deployed.target.api);
    let row = deployed.row("preflight").await;
    assert!(matches!(&row, Row::Skipped(why) if why.contains("one origin")), "{row:?}");
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
    // Telemetry has a test of its own.
    let mut rows = BTreeSet::from(["telemetry"]);
    for (fault, name, word) in [
        (Fault::FunctionIsMissing, "stranger", "not there"),
        (Fault::ProgramDoesNotRun, "stranger", "500"),
        (Fault::StrangersAreAnswered, "stranger", "at your expense"),
        (Fault::PlatformTellsNothing, "stranger", "refuses everybody"),
        (Fault::ForeignTokensAreTaken, "foreign-token", "is taken"),
        (Fault::ProgramDoesNotRun, "foreign-token", "500"),
        (Fault::PageIsNotAdmitted, "preflight", "is refused"),
        (Fault::EverybodyIsAdmitted, "preflight", "every origin"),
        (Fault::EverybodyIsAdmitted, "other-origin", "another origin is answered"),
        (Fault::PolicyOfAnotherDeployment, "policy", "does not name"),
        (Fault::NoPolicy, "policy", "no Content-Security-Policy"),
        (Fault::PageIsMissing, "policy", "does not open"),
        (Fault::PageIsMissing, "config", "not there"),
        (Fault::ConfigIsMissing, "config", "not there"),
        (Fault::ConfigOfAnotherDeployment, "config", "apiBase"),
        (Fault::ConfigOfAnotherRegistration, "config", "clientId"),
        (Fault::FunctionIsMissing, "answer", "404"),
        (Fault::ProgramDoesNotRun, "answer", "500"),
        (Fault::TokenIsRefused, "answer", "401"),
        (Fault::ApplicationIsNotAdmitted, "answer", "403"),
        (Fault::DeploymentIsMissing, "answer", "upstream_misconfigured"),
        (Fault::QuotaIsUsedUp, "answer", "rate_limited"),
        (Fault::AnswersComeAtOnce, "answer", "at once"),
        (Fault::AnswersAreCut, "answer", "cut off"),
        (Fault::AnswersEndInAnError, "answer", "upstream_error"),
        (Fault::RolesAreMissing, "answer", "upstream_auth"),
        (Fault::SilenceEndsTheAnswer, "silence", "1 heartbeats before"),
        (Fault::LeavingIsNotNoticed, "leaving", "reader 9"),
        (Fault::ModelsNameAnEndpoint, "models", "names an endpoint"),
        (Fault::ModelsHaveNoDefault, "models", "no default"),
        (Fault::ModelsAreRefused, "models", "500"),
        (Fault::OpenAiListsNothing, "openai", "list of models"),
        (Fault::OpenAiIsRefused, "openai", "overloaded"),
        (Fault::OpenAiIsCut, "openai", "[DONE]"),
        (Fault::OpenAiEndsInAnError, "openai", "ended in an error"),
        (Fault::OpenAiSaysNothing, "openai", "no text"),
    ] {
        let row = Deployed::with(fault).await.row(name).await;
        let Row::Failed(what, to_do) = row else { panic!("{fault:?} in {name}: {row:?}") };
        assert!(what.contains(word) && !to_do.is_empty(), "{fault:?} in {name}: {what} → {to_do}");
        rows.insert(name);
    }
    assert_eq!(rows, CHECKS.map(|(name, _)| name).into(), "every row can be red");
    for (fault, name) in [(Fault::ModelsAreOff, "models"), (Fault::OpenAiIsOff, "openai")] {
        let row = Deployed::with(fault).await.row(name).await;
        assert!(matches!(&row, Row::Skipped(why) if why.starts_with("off")), "{fault:?}: {row:?}");
    }
}

/// As the workflow asks after each deployment.
#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_is_signed_in_nobodys_answer_is_asked_for() {
    for (anonymous, why) in [(false, "needs a person's sign-in"), (true, "would spend tokens")] {
        let Deployed { server, mut target } = Deployed::with(Fault::None).await;
        target.token = None;
        target.anonymous = anonymous;
        let rows = tokio::task::spawn_blocking(move || CHECKS.map(|check| (check.0, row(true, check, &target))));
        for (name, row) in rows.await.unwrap() {
            match row {
                Row::Passed(_) => assert!(UNATTENDED.contains(&name), "{name} passed"),
                Row::Skipped(said) if UNATTENDED.contains(&name) => assert!(anonymous, "{name}: {said}"),
                Row::Skipped(said) => assert!(said.starts_with("not asked") && said.contains(why), "{name}: {said}"),
                Row::Failed(..) => panic!("{name}: {row:?}"),
            }
        }
        let asked = server.requests();
        assert!(!asked.is_empty());
        assert!(!asked.iter().any(|request| request.path().contains("models") || request.path().contains("query")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_is_looked_for_and_searched() {
    for (fault, expected) in [
        (Fault::None, Ok("without a word")),
        (Fault::NothingArrives, Err("no request of this run arrived")),
        (Fault::TheConversationArrives, Err("a word of the conversation")),
        (Fault::InsightsAreMissing, Err("there is no Application Insights")),
        (Fault::InsightsRefuse, Err("cannot be asked")),
        (Fault::InsightsAreNotSearched, Err("cannot be searched")),
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
    assert!(parsed("--unattended").unwrap().unattended);
    for bad in ["--unattended --probe-thinking", "--only nothing", "--api", "--silence x", "answer"] {
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
