//! What Application Insights gets, and what it may do without harm.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use harness::host::HostOptions;
use harness::identity::{Behaviour, IdentityEndpoint};
use harness::ingestion::Ingestion;
use harness::upstream::{Ending, Reply, Split, chunk, finish, sse, thought};

use crate::support::app::{SOON, TestApp, project};
use crate::support::client::{Answer, begin, post, question};
use crate::support::envelope::Item;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// The program in production, keyless, with a recorder for its telemetry.
pub(crate) struct Told {
    pub(crate) app: TestApp,
    pub(crate) ingestion: Ingestion,
    identity: IdentityEndpoint,
}

impl Told {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::with_host(settings, HostOptions::default()).await
    }

    async fn with_host(settings: &[(&str, &str)], options: HostOptions) -> Self {
        let (ingestion, identity) = (Ingestion::start().await, IdentityEndpoint::start().await);
        let (connection, endpoint, secret) =
            (ingestion.connection_string(), identity.endpoint_url(), identity.secret().to_owned());
        let mut all = vec![
            ("RUNNING_IN_PRODUCTION", "true"),
            ("ALLOW_ANONYMOUS", "true"),
            ("AZURE_CLIENT_ID", "client-1"),
            ("IDENTITY_ENDPOINT", endpoint.as_str()),
            ("IDENTITY_HEADER", secret.as_str()),
            ("APPLICATIONINSIGHTS_CONNECTION_STRING", connection.as_str()),
            ("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD;ClientId=client-2"),
            ("WEBSITE_SITE_NAME", "func-abc"),
        ];
        all.extend_from_slice(settings);
        let app = TestApp::with_host(&all, options).await;
        app.upstream.always(good());
        Self { app, ingestion, identity }
    }

    /// Asks as a caller who has a trace.
    pub(crate) async fn ask(&self) -> Answer {
        begin(self.request()).await.rest().await
    }

    /// Says what a reader thinks of an answer, as the page does; gives the status.
    pub(crate) async fn judge(&self, request_id: &str, verdict: &str) -> u16 {
        let body = serde_json::json!({ "request_id": request_id, "verdict": verdict }).to_string();
        let request = post(&self.app.host.url("api/feedback"), &body);
        let request = request.header("traceparent", format!("00-{TRACE}-{CALLER}-00"));
        request.send().await.unwrap().status().as_u16()
    }

    fn request(&self) -> reqwest::RequestBuilder {
        post(&self.app.url(), &question("Hi")).header("traceparent", format!("00-{TRACE}-{CALLER}-00"))
    }

    fn items(&self) -> Vec<Item> {
        let items: Vec<Item> = self.ingestion.items().into_iter().map(Item).collect();
        items.iter().for_each(Item::check);
        items
    }

    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Item> {
        self.items().into_iter().filter(|item| item.kind() == kind).collect()
    }

    /// Waits for the span of a request.
    async fn request_item(&self) -> Item {
        let is_here = |items: &[serde_json::Value]| items.iter().any(|item| item["data"]["baseType"] == "RequestData");
        assert!(self.ingestion.wait_for(is_here, SOON).await, "no request item");
        self.of_kind("Request").remove(0)
    }

    /// Waits for an item of this kind whose property is this.
    pub(crate) async fn item_with(&self, kind: &str, property: &str, value: &str) -> Item {
        let start = Instant::now();
        loop {
            let found = self.of_kind(kind).into_iter().find(|item| item.property(property) == value);
            if let Some(item) = found {
                return item;
            }
            assert!(start.elapsed() < SOON, "no {kind} with {property} = {value}: {:?}", self.items());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Two thoughts and two words, with the count of tokens.
fn good() -> Reply {
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":2}}}"#;
    Reply::sse(sse(&[&thought("Hm"), &thought("m"), &chunk("Hi"), &chunk("!"), &finish("stop"), usage]))
}

#[tokio::test]
async fn one_request_is_one_story() {
    let told = Told::start().await;
    let answer = told.ask().await;
    let request_id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
    let request = told.request_item().await;

    // The request: a child of the caller's span, named by its route, found by the host's invocation id.
    assert_eq!((request.tag("ai.operation.id"), request.tag("ai.operation.parentId")), (TRACE, CALLER));
    assert_eq!((request.text("name"), request.text("responseCode")), ("POST /api/chat/stream", "200"));
    assert_eq!((request.tag("ai.operation.name"), request.text("url")), ("POST /api/chat/stream", "/api/chat/stream"));
    assert_eq!((request.tag("ai.cloud.role"), request.data("success")), ("func-abc", &true.into()));
    for (name, value) in [
        ("InvocationId", request_id.as_str()),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "r1"),
        ("gen_ai.usage.input_tokens", "7"),
        ("gen_ai.usage.output_tokens", "5"),
        ("gen_ai.usage.reasoning.output_tokens", "2"),
        ("chat.outcome", "done"),
        ("chat.ended_by", "model"),
        ("chat.events", "6"),
    ] {
        assert_eq!(request.property(name), value, "{name}: {request:?}");
    }
    assert!(request.property("gen_ai.response.finish_reasons").contains("stop"));
    let first: f64 = request.property("gen_ai.response.time_to_first_chunk").parse().unwrap();
    assert!(first > 0.0 && first <= request.seconds());

    // The token was fetched at the start, for nobody's request yet; upstream is told of the span of its call.
    let calls = told.of_kind("RemoteDependency");
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls.iter().all(|call| *call.data("success") == true));
    assert_eq!((calls[0].text("name"), calls[0].tag("ai.operation.parentId")), ("token", ""));
    let call = &calls[1];
    assert_eq!((call.tag("ai.operation.id"), call.tag("ai.operation.parentId")), (TRACE, request.text("id")));
    assert_eq!((call.text("name"), call.text("type"), call.text("resultCode")), ("chat completion", "HTTP", "200"));
    assert_eq!(call.text("target"), told.app.upstream.address().to_string());
    assert!(call.text("data").ends_with("/openai/v1/chat/completions"));
    assert_eq!(call.property("gen_ai.usage.output_tokens"), "5");
    let sent = told.app.upstream.requests()[0].header("traceparent").unwrap().to_owned();
    assert_eq!(sent, format!("00-{TRACE}-{}-01", call.text("id")));

    // Its log line, there and on standard output.
    let line = told.item_with("Message", "InvocationId", &request_id).await;
    assert_eq!((line.text("message"), line.tag("ai.operation.id")), ("chat turn", TRACE));
    assert_eq!(line.tag("ai.operation.parentId"), request.text("id"));
    assert!(told.app.log_with("chat turn")[0].contains(&format!(r#""trace_id":"{TRACE}""#)));

    // All of it with the identity's token for Azure Monitor.
    let sent = told.ingestion.requests();
    assert!(sent.iter().all(|request| request.path() == "/v2/track"));
    assert!(sent.iter().all(|request| request.header("authorization").is_some_and(|text| text.starts_with("Bearer "))));
    let fetches = told.identity.calls();
    let fetch = fetches.iter().find(|call| call.query("client_id").as_deref() == Some("client-2")).unwrap();
    assert_eq!(fetch.query("resource").as_deref(), Some("https://monitor.azure.com/"));
}

type Case = (Reply, &'static str, &'static str, &'static str, bool, Option<bool>);

/// Each class of failure: upstream's reply, the settings; then the outcome, the status that the client got, who ended
/// it, whether the request and its call count as good.
#[tokio::test]
async fn failures_are_told_by_their_code_and_who_hung_up() {
    let told = Told::with(&[("IDLE_TIMEOUT", "300ms"), ("FIRST_EVENT_TIMEOUT", "2s"), ("MAX_RETRIES", "1")]).await;
    let hi = format!("data: {}\n\n", chunk("Hi"));
    let soon = |status| Reply::status(status).header("retry-after-ms", "1");
    let filter = r#"{"error":{"code":"content_filter","message":"no"}}"#;
    let cases: [Case; 9] = [
        (Reply::sse(hi.clone()), "upstream_truncated", "200", "upstream", false, Some(false)),
        (Reply::sse(hi.clone()).ending(Ending::Reset), "upstream_error", "200", "upstream", false, Some(false)),
        (Reply::sse(hi).ending(Ending::Hang), "upstream_timeout", "200", "program", false, Some(false)),
        (Reply::silent(), "upstream_timeout", "504", "program", false, None),
        (Reply::refuse(), "upstream_error", "502", "upstream", false, Some(false)),
        (soon(429), "rate_limited", "429", "upstream", false, Some(false)),
        (soon(500), "upstream_error", "502", "upstream", false, Some(false)),
        (Reply::status(403), "upstream_auth", "502", "upstream", false, Some(false)),
        (Reply::status(400).body(filter), "content_filter", "400", "upstream", true, Some(false)),
    ];
    for (reply, outcome, status, ended_by, success, call_success) in cases {
        told.ingestion.forget();
        told.app.upstream.always(reply);
        assert_eq!(told.ask().await.code(), outcome);
        let request = told.request_item().await;
        assert_eq!(request.property("chat.outcome"), outcome, "{request:?}");
        assert_eq!(request.property("error.type"), outcome, "{request:?}");
        assert_eq!((request.text("responseCode"), request.property("chat.ended_by")), (status, ended_by), "{outcome}");
        assert_eq!(*request.data("success"), success, "{outcome}");
        let calls = told.of_kind("RemoteDependency");
        let calls: Vec<&Item> = calls.iter().filter(|call| call.text("name") == "chat completion").collect();
        let last = calls.last().unwrap();
        assert_eq!(last.data("success").as_bool(), call_success, "{outcome}: {last:?}");
        let again = calls.iter().filter(|call| call.property("http.request.resend_count") == "1").count();
        assert_eq!(again, usize::from(calls.len() == 2), "each try is a call: {calls:?}");
        if status == "400" {
            told.item_with("Message", "outcome", outcome).await;
        } else if outcome == "rate_limited" {
            let line = told.item_with("Message", "outcome", outcome).await;
            assert_eq!(line.tag("ai.operation.id"), TRACE);
        } else {
            let exception = told.item_with("Exception", "outcome", outcome).await;
            assert_eq!(exception.data("exceptions")[0]["typeName"], outcome);
            assert_eq!(exception.tag("ai.operation.id"), TRACE);
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_span_and_is_told_so() {
    let told = Told::start().await;
    let (reply, gate) = Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])).split(Split::Events).gated();
    told.app.upstream.always(reply);
    gate.open_next();
    let mut reading = begin(told.request()).await;
    reading.line().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(reading);
    let request = told.request_item().await;
    assert_eq!((request.property("chat.outcome"), request.property("chat.ended_by")), ("client_left", "client"));
    assert_eq!((request.text("responseCode"), request.data("success")), ("200", &true.into()));
    assert!((0.3..5.0).contains(&request.seconds()), "the span ends when the reader leaves: {request:?}");
    let call = told.item_with("RemoteDependency", "chat.ended_by", "client").await;
    assert_eq!(*call.data("success"), true, "upstream did nothing wrong");

    told.ingestion.forget();
    told.app.upstream.always(Reply::silent());
    let asking = tokio::spawn(begin(told.request()));
    assert!(told.app.upstream.wait_for(|counts| counts.open == 1, SOON).await);
    asking.abort();
    let request = told.request_item().await;
    assert_eq!((request.property("chat.outcome"), request.text("responseCode")), ("client_left", "499"));
}

#[tokio::test]
async fn metrics_are_told_at_the_end_too_and_have_the_conventions_names() {
    let told = Told::with(&[
        ("MAX_CONCURRENT_STREAMS", "1"),
        ("MODELS", "up, down"),
        ("MODEL_UP", "r1@{upstream}/openai/v1"),
        ("MODEL_DOWN", "one@http://127.0.0.1:1, two@http://127.0.0.1:1"),
    ])
    .await;
    told.ask().await;
    let (reply, gate) = Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])).split(Split::Events).gated();
    told.app.upstream.then(Reply::status(500).header("retry-after-ms", "1"));
    told.app.upstream.always(reply);
    gate.open_next();
    let mut open = begin(told.request()).await;
    open.line().await.unwrap();
    assert_eq!(told.ask().await.code(), "overloaded");
    gate.open_all();
    drop(open.rest().await);
    let down = r#"{"model":"down","messages":[{"role":"user","content":"Hi"}]}"#;
    assert_eq!(told.app.send(down).await.code(), "upstream_error");
    told.app.host.terminate_handler().await;
    let is_here = |items: &[serde_json::Value]| items.iter().any(|item| item["data"]["baseType"] == "MetricData");
    assert!(told.ingestion.wait_for(is_here, SOON).await, "no metrics");

    let metrics = told.of_kind("Metric");
    let seen: BTreeSet<&str> = metrics.iter().map(|item| item.metric().0).collect();
    let page = std::fs::read_to_string(project().join("docs/telemetry.md")).unwrap();
    let section = page.split("## Metrics").nth(1).unwrap().split("\n## ").next().unwrap();
    let documented: BTreeSet<&str> =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(documented, seen, "docs/telemetry.md");

    let value = |name: &str, property: &str, is: &str| {
        let all = metrics.iter().filter(|item| item.metric().0 == name && item.property(property) == is);
        all.map(|item| item.metric().1).sum::<f64>()
    };
    let is = |name: &str, property: &str, text: &str, expected: f64| {
        let value = value(name, property, text);
        assert!((value - expected).abs() < 1e-9, "{name} where {property} is {text:?}: {value}, not {expected}");
    };
    is("chat.turns", "chat.outcome", "done", 2.0);
    is("chat.turns", "chat.outcome", "overloaded", 1.0);
    is("chat.shed", "chat.limit", "instance", 1.0);
    is("chat.upstream.retries", "error.type", "upstream_error", 2.0);
    is("chat.failovers", "gen_ai.request.model", "one", 1.0);
    is("chat.failovers", "error.type", "upstream_error", 1.0);
    is("chat.token.fetches", "chat.outcome", "ok", 1.0);
    is("gen_ai.client.token.usage", "gen_ai.token.type", "input", 7.0);
    is("gen_ai.client.token.usage", "gen_ai.token.type", "output", 5.0);
    is("chat.telemetry.lost", "chat.outcome", "", 0.0);
}

/// The process is killed without a word; what ended some seconds before has been told.
#[tokio::test]
async fn a_kill_costs_what_was_not_told_yet_and_no_more() {
    let told = Told::start().await;
    told.ask().await;
    told.request_item().await;
    let (reply, gate) = Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])).split(Split::Events).gated();
    told.app.upstream.always(reply);
    gate.open_next();
    let mut open = begin(told.request()).await;
    open.line().await.unwrap();
    told.app.host.kill_handler().await;
    drop(open);
    told.app.upstream.always(good());
    assert!(told.app.host.wait_until(|host| host.handler_starts() == 2, SOON).await);
    told.ingestion.forget();
    told.ask().await;
    assert_eq!(told.request_item().await.property("chat.outcome"), "done", "the next process tells again");
}

#[tokio::test]
async fn trouble_with_ingestion_costs_the_answers_nothing_and_is_logged_once() {
    for trouble in [Reply::status(403), Reply::status(307), Reply::raw("garbage\r\n\r\n"), Reply::status(206).body("{")]
    {
        let told = Told::start().await;
        told.ingestion.answer(trouble.clone());
        for round in 0..3 {
            assert_eq!(told.ask().await.content(), "Hi!", "{trouble:?}");
            assert!(round > 0 || told.app.wait_for_log("telemetry is being lost").await || is_retried(&trouble));
            tokio::time::sleep(Duration::from_millis(2200)).await;
        }
        let lines = told.app.log_with("telemetry is being lost").len();
        assert_eq!(lines, usize::from(!is_retried(&trouble)), "{trouble:?}");
        told.ingestion.accept();
        told.ask().await;
        assert!(is_retried(&trouble) || told.app.wait_for_log("telemetry gets through again").await);
    }
}

/// What the exporter tries again, for 35 s.
fn is_retried(reply: &Reply) -> bool {
    format!("{reply:?}").contains("garbage")
}

/// Nothing is taken for a long time: answers are as fast as ever, what waits is bounded, and the program ends in time.
#[tokio::test]
async fn an_ingestion_that_hangs_is_waited_for_by_nobody() {
    let told = Told::with(&[("SHUTDOWN_GRACE", "1s")]).await;
    told.ingestion.answer(Reply::silent());
    told.ask().await;
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", told.app.host.handler_pid().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let mut before = 0;
    for round in 0..60 {
        let answers = futures::future::join_all((0..50).map(|_| told.ask())).await;
        assert!(answers.iter().all(|answer| answer.content() == "Hi!"));
        if round == 29 {
            before = resident();
        }
    }
    // 1,500 turns more would be 3 spans and a line each; the queues are full.
    let grown = resident().saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB");
    assert_eq!(told.app.log_with("telemetry is being lost").len(), 1, "and what does not fit is counted");
    let asked = Instant::now();
    told.app.host.terminate_handler().await;
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced() {
    let told = Told::start().await;
    told.ingestion.answer(Reply::status(401));
    told.ask().await;
    assert!(told.app.wait_for_log("telemetry is being lost").await);
    let tokens: BTreeSet<String> =
        told.ingestion.requests().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    assert!(tokens.len() >= 2, "{tokens:?}");
    told.identity.set(Behaviour::failing(500, "down"));
    assert_eq!(told.ask().await.content(), "Hi!", "the answers' own token is another");
}

#[tokio::test]
async fn sampling_leaves_requests_out_but_no_warning_and_no_count() {
    let told = Told::with(&[("TELEMETRY_SAMPLING", "0")]).await;
    told.ask().await;
    told.app.upstream.always(Reply::status(403));
    told.ask().await;
    told.item_with("Exception", "outcome", "upstream_auth").await;
    told.app.host.terminate_handler().await;
    let is_here = |items: &[serde_json::Value]| items.iter().any(|item| item["data"]["baseType"] == "MetricData");
    assert!(told.ingestion.wait_for(is_here, SOON).await);
    assert!(told.of_kind("Request").is_empty() && told.of_kind("RemoteDependency").is_empty());
    assert!(
        told.of_kind("Message").iter().all(|line| line.text("message") != "chat turn"),
        "left out with its request"
    );
    let turns: f64 =
        told.of_kind("Metric").iter().filter(|item| item.metric().0 == "chat.turns").map(|item| item.metric().1).sum();
    assert!((turns - 2.0).abs() < 1e-9);
}

#[tokio::test]
async fn without_a_connection_string_nothing_is_sent() {
    let told = Told::with(&[("APPLICATIONINSIGHTS_CONNECTION_STRING", "")]).await;
    told.ask().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(told.ingestion.requests().is_empty());
    let sent = told.app.upstream.requests()[0].header("traceparent").unwrap().to_owned();
    assert_eq!(sent, format!("00-{TRACE}-{CALLER}-00"), "the caller's trace goes on all the same");
    assert!(told.app.log_with("chat turn")[0].contains(TRACE));
}

/// What the page on telemetry lists as custom dimensions is what arrives, and nothing else does.
#[tokio::test]
async fn the_documented_dimensions_are_those_that_arrive() {
    let told = Told::start().await;
    told.ask().await;
    told.app.upstream.then(Reply::status(500).header("retry-after-ms", "1"));
    told.app.upstream.then(Reply::status(403));
    told.ask().await;
    told.item_with("Request", "chat.outcome", "upstream_auth").await;
    let spans = [told.of_kind("Request"), told.of_kind("RemoteDependency")].concat();
    let seen: BTreeSet<String> = spans.iter().flat_map(Item::properties).collect();

    let page = std::fs::read_to_string(project().join("docs/telemetry.md")).unwrap();
    let section = page.split("| custom dimension |").nth(1).unwrap().split("\n\n").next().unwrap();
    // `columns` looks at those of events.
    let of_spans = section.lines().filter(|line| !line.contains("| `customEvents` |"));
    let cells = of_spans.filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let documented: BTreeSet<String> = cells
        .flat_map(|cell| cell.split(", "))
        .filter_map(|name| Some(name.strip_prefix('`')?.strip_suffix('`')?.to_owned()))
        .collect();
    assert_eq!(documented, seen);
}
