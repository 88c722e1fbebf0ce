//! What each failure of the table is to OpenAI's own SDKs: the class of the exception, what stands in it, and how often the
//! SDK asks before it raises. A failure is provoked in the program itself where that can be done; the rest is what the program
//! would write, from a scripted server.

use std::path::Path;
use std::time::Duration;

use harness::upstream::{Reply, Upstream};
use reasoning_chat::completions;
use reasoning_chat::error::{ChatError, Code};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::{Client, Tools, Way};
use crate::program::Program;
use crate::script::{
    BUSY, CUT, DOWN, FAILING, FILTERED, FORBIDDEN, GOOD, MISSING, NO_STREAM, REJECTED, SLOW, STUCK, Script, TOO_LONG,
    UNKNOWN,
};

/// Time for the program to write a line of its log.
const LOG_TIME: Duration = Duration::from_secs(5);

/// The SDKs, in the order of the page's columns.
pub(crate) const SDKS: [&str; 2] = ["openai-python", "openai-node"];

/// In which state the program is that fails so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    AtHome,
    /// In production, with nobody in front who asks people to sign in.
    Unguarded,
    /// In production, with somebody in front.
    Guarded,
    /// In production, open to all, where no token can be had.
    WithoutIdentity,
    /// With all its places taken.
    Full,
    /// What cannot be provoked: a fault of the program, an answer that takes 200 s, a program that is gone afterwards.
    Scripted,
}

/// A failure as an SDK should show it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    place: Place,
    /// What the driver is told to do, and of which model.
    case: (&'static str, &'static str),
    pub(crate) status: u16,
    /// The class, in each SDK.
    pub(crate) classes: [&'static str; 2],
    /// How often the SDKs ask.
    pub(crate) asked: usize,
    /// Whether they are told how long to wait.
    waits: bool,
}

const fn failure(
    code: Code,
    place: Place,
    case: (&'static str, &'static str),
    status: u16,
    class: &'static str,
) -> Failure {
    Failure { code, place, case, status, classes: [class, class], asked: 1, waits: false }
}

impl Failure {
    /// Asked three times: the SDKs believe that another try may help.
    const fn again(mut self) -> Self {
        self.asked = 3;
        self
    }

    const fn waits(mut self) -> Self {
        self.waits = true;
        self
    }
}

/// A status that the SDKs have no class for.
const fn other(code: Code, place: Place, case: (&'static str, &'static str), status: u16) -> Failure {
    Failure { classes: ["APIStatusError", "APIError"], ..failure(code, place, case, status, "") }
}

const BAD: &str = "BadRequestError";
const NOT_FOUND: &str = "NotFoundError";
const SERVER: &str = "InternalServerError";

/// Every code.
pub(crate) const FAILURES: [Failure; Code::ALL.len()] = {
    use Place::{AtHome, Full, Guarded, Scripted, Unguarded, WithoutIdentity};
    [
        failure(Code::InvalidRequest, AtHome, ("empty", GOOD), 400, BAD),
        failure(Code::Unauthenticated, Guarded, ("ask", GOOD), 401, "AuthenticationError"),
        failure(Code::SignInNotConfigured, Unguarded, ("ask", GOOD), 403, "PermissionDeniedError"),
        failure(Code::ForbiddenOrigin, AtHome, ("origin", GOOD), 403, "PermissionDeniedError"),
        failure(Code::NotFound, AtHome, ("nowhere", GOOD), 404, NOT_FOUND),
        other(Code::MethodNotAllowed, AtHome, ("method", GOOD), 405),
        failure(Code::ModelNotFound, AtHome, ("ask", UNKNOWN), 404, NOT_FOUND),
        other(Code::RequestTimeout, AtHome, ("slow", GOOD), 408).again(),
        other(Code::RequestTooLarge, AtHome, ("long", GOOD), 413),
        other(Code::UnsupportedMediaType, AtHome, ("media", GOOD), 415),
        failure(Code::ContentFilter, AtHome, ("ask", FILTERED), 400, BAD),
        failure(Code::ContextLengthExceeded, AtHome, ("ask", TOO_LONG), 400, BAD),
        failure(Code::StreamRequired, Scripted, ("ask", "stream_required"), 400, BAD),
        failure(Code::RateLimited, AtHome, ("ask", BUSY), 429, "RateLimitError").again().waits(),
        failure(Code::Overloaded, Full, ("ask", GOOD), 503, SERVER).again().waits(),
        failure(Code::IdentityUnavailable, WithoutIdentity, ("ask", GOOD), 503, SERVER).again().waits(),
        failure(Code::UpstreamAuth, AtHome, ("ask", FORBIDDEN), 502, SERVER).again(),
        failure(Code::UpstreamMisconfigured, AtHome, ("ask", MISSING), 404, NOT_FOUND),
        failure(Code::UpstreamRejected, AtHome, ("ask", REJECTED), 400, BAD),
        failure(Code::UpstreamError, AtHome, ("ask", DOWN), 502, SERVER).again(),
        failure(Code::UpstreamProtocol, AtHome, ("ask", NO_STREAM), 502, SERVER),
        failure(Code::UpstreamTimeout, AtHome, ("ask", STUCK), 504, SERVER).again(),
        failure(Code::UpstreamTruncated, AtHome, ("ask", CUT), 502, SERVER).again(),
        failure(Code::ShuttingDown, Scripted, ("ask", "shutting_down"), 503, SERVER).again(),
        failure(Code::Internal, Scripted, ("ask", "internal"), 500, SERVER),
    ]
};

/// What an SDK does otherwise than the table says; `None` where it is none of them.
pub(crate) async fn faults(client: &Client, tools: &Tools, binary: &Path, script: &Script) -> Option<Vec<String>> {
    let sdk = SDKS.iter().position(|name| *name == client.name)?;
    let mut faults = Vec::new();
    for place in [Place::AtHome, Place::Unguarded, Place::Guarded, Place::WithoutIdentity, Place::Full, Place::Scripted]
    {
        let of_place: Vec<&Failure> = FAILURES.iter().filter(|failure| failure.place == place).collect();
        let found = if place == Place::Scripted {
            scripted(client, tools, sdk, &of_place).await
        } else {
            provoked(client, tools, binary, script, sdk, place, &of_place).await
        };
        match found {
            Ok(found) => faults.extend(found),
            Err(fault) => faults.push(format!("{place:?}: {fault}")),
        }
    }
    Some(faults)
}

/// By the program; its log says how often it was asked, and under which ids.
async fn provoked(
    client: &Client,
    tools: &Tools,
    binary: &Path,
    script: &Script,
    sdk: usize,
    place: Place,
    failures: &[&Failure],
) -> Result<Vec<String>, String> {
    let production = [
        ("RUNNING_IN_PRODUCTION", "true"),
        ("OPENAI_API", "true"),
        ("AZURE_CLIENT_ID", "nobody"),
        // Nobody listens there.
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/"),
        ("IDENTITY_HEADER", "none"),
    ];
    let more: &[(&str, &str)] = match place {
        Place::AtHome => {
            &[("REQUEST_TIMEOUT", "500ms"), ("MAX_REQUEST_BYTES", "20000"), ("ALLOWED_ORIGINS", "https://page.example")]
        }
        Place::Guarded => &[("WEBSITE_AUTH_ENABLED", "true")],
        Place::WithoutIdentity => &[("ALLOW_ANONYMOUS", "true")],
        Place::Full => &[("MAX_CONCURRENT_STREAMS", "1")],
        Place::Unguarded | Place::Scripted => &[],
    };
    let is_home = matches!(place, Place::AtHome | Place::Full);
    let settings = if is_home { more.to_vec() } else { [&production, more].concat() };
    let settings = [settings.as_slice(), &[("MODEL_STUCK_FIRST_EVENT_TIMEOUT", "300ms")]].concat();
    let program = Program::start_with(binary, script.address(), &FAILING, &settings).await?;
    let held = if place == Place::Full { Some(hold(&program).await.map_err(|error| error.to_string())?) } else { None };
    let said = ask(client, tools, &program.base(), failures).await?;
    let mut faults = Vec::new();
    for (failure, said) in failures.iter().zip(&said) {
        let mut wrong = failure.differs(sdk, said);
        let outcome = format!("\"outcome\":\"{}\"", failure.code.as_str());
        let lines = program.log_lines(&outcome, failure.asked, LOG_TIME).await;
        if lines.len() != failure.asked {
            wrong.push(format!("asked {} times in place of {}", lines.len(), failure.asked));
        }
        let id = said.split_whitespace().skip_while(|word| *word != "id").nth(1).unwrap_or_default();
        if !lines.iter().any(|line| line.contains(&format!("\"request_id\":\"{id}\""))) {
            wrong.push("the log does not know its request id".to_owned());
        }
        faults.extend(
            wrong.iter().map(|wrong| format!("{}, {}: {wrong}; it said: {said}", client.name, failure.code.as_str())),
        );
    }
    drop(held);
    Ok(faults)
}

/// Takes the only place, as long as the connection is held.
async fn hold(program: &Program) -> std::io::Result<TcpStream> {
    let body = format!(r#"{{"model":"{SLOW}","stream":true,"messages":[{{"role":"user","content":"hi"}}]}}"#);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length:";
    let mut connection = TcpStream::connect(program.address()).await?;
    connection.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    connection.readable().await?;
    Ok(connection)
}

/// From a server that says what the program would.
async fn scripted(client: &Client, tools: &Tools, sdk: usize, failures: &[&Failure]) -> Result<Vec<String>, String> {
    let server = Upstream::start().await;
    server.respond(|request| {
        let body = request.json().unwrap_or_default();
        let code = Code::ALL.into_iter().find(|code| body["model"] == code.as_str()).unwrap_or(Code::Internal);
        refusal(code)
    });
    let said = ask(client, tools, &format!("{}/v1", server.url()), failures).await?;
    let mut faults = Vec::new();
    for (failure, said) in failures.iter().zip(&said) {
        let mut wrong = failure.differs(sdk, said);
        let asks =
            |request: &harness::upstream::Request| request.json().is_ok_and(|body| body["model"] == failure.case.1);
        let asked = server.requests().iter().filter(|request| asks(request)).count();
        if asked != failure.asked {
            wrong.push(format!("asked {asked} times in place of {}", failure.asked));
        }
        faults.extend(
            wrong.iter().map(|wrong| format!("{}, {}: {wrong}; it said: {said}", client.name, failure.code.as_str())),
        );
    }
    Ok(faults)
}

/// The program's own refusal, as a reply.
fn refusal(code: Code) -> Reply {
    let (head, body) = completions::refusal(&ChatError::new(code, "A failure."), "scripted-1").into_parts();
    // It is in memory.
    let body = futures::executor::block_on(axum::body::to_bytes(body, 64 * 1024)).unwrap_or_default();
    let headers = head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    headers.fold(Reply::status(head.status.as_u16()).body(body), |reply, (name, value)| match name {
        "content-type" => reply.content_type(value),
        name => reply.header(name, value),
    })
}

async fn ask(client: &Client, tools: &Tools, base: &str, failures: &[&Failure]) -> Result<Vec<String>, String> {
    let cases: Vec<String> = failures.iter().map(|failure| [failure.case.0, ":", failure.case.1].concat()).collect();
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    client.ask(tools, base, Way::Fail, &cases).await.ok_or_else(|| "it has no such way".to_owned())
}

impl Failure {
    /// What is not as it should be in what an SDK raised.
    fn differs(&self, sdk: usize, said: &str) -> Vec<String> {
        let class = self.classes.get(sdk).copied().unwrap_or_default();
        let word = |name: &str| said.split_whitespace().skip_while(|word| *word != name).nth(1).unwrap_or("nothing");
        let mut wrong = Vec::new();
        let status = self.status.to_string();
        for (name, expected) in [("RAISES", class), ("status", &status), ("code", self.code.as_str())] {
            if word(name) != expected {
                wrong.push(format!("{name} is {} in place of {expected}", word(name)));
            }
        }
        if ["nothing", "None", "null", "undefined"].contains(&word("id")) {
            wrong.push("there is no request id".to_owned());
        }
        let waits = word("wait").parse::<u64>().is_ok();
        if waits != self.waits {
            wrong.push(format!("the wait is {}", word("wait")));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_asked_for_once_and_what_is_otherwise_is_a_fault() {
        let limited = FAILURES.iter().find(|failure| failure.code == Code::RateLimited).unwrap();
        let said = "ask:busy RAISES RateLimitError status 429 code rate_limited id 1-2 wait 1 text Error code: 429";
        assert_eq!(limited.differs(0, said), Vec::<String>::new());
        for (from, to) in [
            ("RateLimitError", "APIError"),
            ("status 429", "status 500"),
            ("code rate_limited", "code None"),
            ("id 1-2", "id None"),
            ("wait 1", "wait None"),
            (said, "RAISES nothing"),
        ] {
            assert!(!limited.differs(0, &said.replace(from, to)).is_empty(), "{to}");
        }
        let codes: Vec<&str> = FAILURES.iter().map(|failure| failure.code.as_str()).collect();
        assert_eq!(codes, Code::ALL.map(Code::as_str));
    }
}
