//! What upstream says when it refuses or fails, and what that means here.
//!
//! In: a status and an error body, or an error event in the middle of a stream. Out: a [`ChatError`]. `account` reads
//! any shape, `words` and `wait` know how services say the same thing, and `told` what of their words may be logged.
//! Upstream's own words never reach a client.

mod account;
#[doc(hidden)]
pub mod fuzzing;
mod told;
mod wait;
mod words;

use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;

pub(crate) use self::account::Account;
pub(crate) use self::wait::of as wait_of;
use self::words::Words;
use crate::error::{ChatError, Code};

/// The wait that a client is told when upstream limits the rate and names none.
const DEFAULT_RATE_WAIT: Duration = Duration::from_secs(10);
/// The same when a quota is used up that waiting does not fill: somebody has to act first.
const USED_UP_WAIT: Duration = Duration::from_secs(3600);
/// From here on a text names the wait, and does not say "in a moment".
const LONG_WAIT: Duration = Duration::from_secs(120);

/// Codes, types, fields and sentences of one refusal that the log is told, each.
const MAX_TOLD: usize = 3;

/// What was asked of upstream, as far as a refusal's texts need it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// The model's name; empty where it is not known.
    pub(crate) deployment: &'a str,
    /// The address' path.
    pub(crate) path: &'a str,
    /// Whether a token was sent.
    pub(crate) with_token: bool,
    /// Outside production the reader is the operator, and is told the setting.
    pub(crate) at_home: bool,
    /// The fields that `EXTRA_BODY` sets.
    pub(crate) fields: &'a [String],
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    ContentFilter,
    TooLong,
    WrongTenant,
    Credentials,
    /// That there is no token.
    NoKey,
    UnknownModel,
    /// A rate, or a quota that fills again.
    RateLimit,
    /// A quota that does not fill by itself.
    UsedUp,
    UnknownAddress,
    /// That an image is not taken.
    Image,
    Rejected,
    Failed,
    NoAnswer,
}

impl Account {
    /// A content filter's verdict, where that is all that is said.
    pub(crate) fn content_filter(categories: Vec<String>) -> Self {
        Self { codes: vec!["content_filter".to_owned()], categories, ..Self::default() }
    }

    /// Azure's word for "the token is good, the role is missing"; a fresh token would not help.
    pub(crate) fn is_permission_denied(&self) -> bool {
        self.codes.iter().any(|code| code == "PermissionDenied")
    }

    /// Whether a 404 is about the model: then the route is right.
    pub(crate) fn speaks_of_the_model(&self) -> bool {
        let words = self.words();
        words.unknown_model() || words.mention("model") || words.mention("deployment")
    }

    /// Whether another try may get another answer, if the status is one of those where that helps.
    pub(crate) fn may_pass(&self, status: StatusCode, wait: Option<Duration>) -> bool {
        matches!(self.meaning(status.as_u16(), wait), Meaning::RateLimit | Meaning::Failed)
    }

    /// The wait that the body asks for, in a field or in words.
    pub(crate) fn asked_wait(&self) -> Option<Duration> {
        self.wait
    }

    /// An error event, or an `error` field, in the middle of a 200 answer.
    pub(crate) fn into_stream_error(self) -> ChatError {
        let meaning = self.meaning(self.status_in_words(), self.wait);
        let asked = Asked { with_token: true, ..Asked::default() };
        let mut cause = format!("error event{}", self.details(&asked));
        self.hint(meaning, None, &asked, &mut cause);
        let error = match meaning {
            Meaning::Failed | Meaning::NoAnswer => {
                ChatError::new(Code::UpstreamError, "The model failed while it answered. Try again.")
            }
            meaning => self.error(meaning, None, &asked),
        };
        error.caused_by(cause)
    }

    /// An answer that is not a success. `wait` is what its headers say of a later try.
    pub(crate) fn into_refusal(self, status: StatusCode, wait: Option<Duration>, asked: &Asked<'_>) -> ChatError {
        let meaning = match self.meaning(status.as_u16(), wait) {
            // Whoever speaks of a permission knows who asks.
            Meaning::Credentials
                if !asked.with_token && status != StatusCode::FORBIDDEN && !self.is_permission_denied() =>
            {
                Meaning::NoKey
            }
            meaning => meaning,
        };
        let mut cause = format!("status {}{}", status.as_u16(), self.details(asked));
        self.hint(meaning, Some(status), asked, &mut cause);
        self.error(meaning, wait, asked).caused_by(cause)
    }

    fn words(&self) -> Words<'_> {
        let codes = self.codes.iter().chain(&self.kinds);
        Words::new(codes.map(String::as_str), self.messages.iter().map(String::as_str))
    }

    /// The status that an event would have had as an answer.
    fn status_in_words(&self) -> u16 {
        self.status.unwrap_or_else(|| {
            let words = self.words();
            let is = |words: &[&str]| {
                self.kinds.iter().chain(&self.codes).any(|kind| {
                    let kind = kind.to_lowercase();
                    words.iter().any(|words| kind.contains(words))
                })
            };
            if is(&["invalid_request", "bad_request", "badrequest", "bad request", "unprocessable"]) {
                400
            } else if is(&["authentication", "unauthorized"]) || words.credentials() {
                401
            } else if words.unknown_model() {
                404
            } else if is(&["permission", "forbidden"]) {
                403
            } else {
                500
            }
        })
    }

    fn meaning(&self, status: u16, wait: Option<Duration>) -> Meaning {
        let words = self.words();
        let is_rate = status == 429 || words.rate_code();
        let is_refusal = (400..600).contains(&status);
        let is_about_access = matches!(status, 401 | 403);
        if !is_refusal {
            Meaning::NoAnswer
        } else if !is_about_access && words.filtered() {
            Meaning::ContentFilter
        } else if !is_about_access && status != 404 && (status == 413 || words.too_long(is_rate)) {
            Meaning::TooLong
        } else if words.wrong_tenant() {
            Meaning::WrongTenant
        } else if status == 402 || words.used_up() {
            Meaning::UsedUp
        } else if is_rate || status == 403 && (wait.is_some() || self.wait.is_some() || words.rate()) {
            Meaning::RateLimit
        } else if is_about_access || status < 500 && words.credentials() {
            Meaning::Credentials
        } else if status < 500 && words.unknown_model() {
            Meaning::UnknownModel
        } else if status == 404 {
            Meaning::UnknownAddress
        } else if status < 500 && words.image() {
            Meaning::Image
        } else if status >= 500 || matches!(status, 408 | 409 | 425) {
            Meaning::Failed
        } else {
            Meaning::Rejected
        }
    }

    fn error(&self, meaning: Meaning, wait: Option<Duration>, asked: &Asked<'_>) -> ChatError {
        let deployment = asked.deployment;
        match meaning {
            Meaning::ContentFilter => ChatError::new(
                Code::ContentFilter,
                "The content filter of the model's service refused this conversation. Say it differently.",
            )
            .with_categories(self.categories.clone()),
            Meaning::TooLong => ChatError::new(
                Code::ContextLengthExceeded,
                "The conversation is too long for the model. Start a new one, or shorten it.",
            ),
            Meaning::Image => ChatError::new(
                Code::InvalidRequest,
                "messages: the model does not take an image of this conversation. Ask without it, or ask another model.",
            )
            .about("messages"),
            Meaning::NoKey => ChatError::new(
                Code::UpstreamMisconfigured,
                "The model's server wants a key, and this program has none to send. Only the operator can change that.",
            ),
            Meaning::WrongTenant | Meaning::Credentials => ChatError::new(
                Code::UpstreamAuth,
                "The model's service does not let this program in. If that stays so for some minutes, only the operator \
                 can change it; the log says how.",
            ),
            Meaning::UnknownModel if deployment.is_empty() => ChatError::new(
                Code::UpstreamMisconfigured,
                "The model's service does not know the model that this program asks for. Only the operator can change \
                 that.",
            ),
            Meaning::UnknownModel if asked.at_home => ChatError::new(
                Code::UpstreamMisconfigured,
                format!(
                    "The model's service does not know the model {deployment}. Set AZURE_DEEPSEEK_DEPLOYMENT to the name \
                     of one that it has."
                ),
            ),
            Meaning::UnknownModel => ChatError::new(
                Code::UpstreamMisconfigured,
                format!("The model's service does not know the model {deployment}. Only the operator can change that."),
            ),
            Meaning::UnknownAddress if asked.at_home => ChatError::new(
                Code::UpstreamMisconfigured,
                format!(
                    "The model's service does not know the model {deployment}, or there is no chat at its address. Check \
                     AZURE_DEEPSEEK_DEPLOYMENT and AZURE_INFERENCE_ENDPOINT."
                ),
            ),
            Meaning::UnknownAddress => ChatError::new(
                Code::UpstreamMisconfigured,
                "The model's service does not know the model or the address that this program asks for. Only the \
                 operator can change that.",
            ),
            Meaning::RateLimit => rate_limited(wait.or(self.wait).unwrap_or(DEFAULT_RATE_WAIT)),
            Meaning::UsedUp => ChatError::new(
                Code::RateLimited,
                "The quota of the model's service is used up. Waiting a moment does not help; tell the operator.",
            )
            .retry_after(wait.or(self.wait).unwrap_or_default().max(USED_UP_WAIT)),
            Meaning::Rejected => {
                let error = ChatError::new(
                    Code::UpstreamRejected,
                    "The model's service refused the request. The operator finds its error code in the log.",
                );
                match self.params.iter().find(|param| told::is_name(param)) {
                    Some(param) => error.about(param.as_str()),
                    None => error,
                }
            }
            Meaning::Failed => {
                ChatError::new(Code::UpstreamError, "The model's service failed. Try again in a moment.")
            }
            Meaning::NoAnswer => ChatError::new(
                Code::UpstreamProtocol,
                "The model's service answered with something that is no answer. Tell the operator.",
            ),
        }
    }

    /// For the log: what upstream named, and what it said as far as that may be told.
    fn details(&self, asked: &Asked<'_>) -> String {
        let mut text = String::new();
        for (what, all) in [("code", &self.codes), ("type", &self.kinds), ("param", &self.params)] {
            let mut names: Vec<String> = all.iter().take(MAX_TOLD).map(|name| told::code(name)).collect();
            names.dedup();
            if !names.is_empty() {
                let _ = write!(text, ", {what} {}", names.join(" and "));
            }
        }
        let mut said: Vec<String> = Vec::new();
        for sentence in self.messages.iter().filter_map(|message| told::sentence(message, asked.fields)) {
            if !said.contains(&sentence) && said.len() < MAX_TOLD {
                let _ = write!(text, ", says \"{sentence}\"");
                said.push(sentence);
            }
        }
        text
    }

    /// For the log: where an operator looks, as far as that can be known.
    fn hint(&self, meaning: Meaning, status: Option<StatusCode>, asked: &Asked<'_>, cause: &mut String) {
        let words = self.words();
        let mut add = |hint: &str| {
            cause.push_str("; ");
            cause.push_str(hint);
        };
        let Asked { deployment, path, .. } = asked;
        match meaning {
            Meaning::WrongTenant => add(
                "the token is of another tenant than the resource: set AZURE_TENANT_ID to the resource's tenant and sign in \
                 there, or use an identity of that tenant",
            ),
            Meaning::NoKey => add(
                "no token was sent: a server on this machine is asked without one, so it has to answer without a key \
                 (AZURE_INFERENCE_ENDPOINT)",
            ),
            Meaning::Credentials if words.network() => {
                add("the resource's network rules keep this program out: its firewall, or a private endpoint");
            }
            Meaning::Credentials => {
                add(
                    "the identity needs the role Cognitive Services User on the resource; a new assignment takes some minutes",
                );
                if status == Some(StatusCode::UNAUTHORIZED) && words.mention("audience") {
                    // Azure says so for a token of another scope, for a missing one and for an expired one alike.
                    add("if the role is there, the token's audience may be wrong (AZURE_INFERENCE_SCOPE)");
                }
            }
            Meaning::UnknownModel if deployment.is_empty() => add("unknown model (AZURE_DEEPSEEK_DEPLOYMENT)"),
            Meaning::UnknownModel => {
                add(&format!(
                    "unknown model {deployment} (AZURE_DEEPSEEK_DEPLOYMENT); a new deployment takes some minutes"
                ));
            }
            Meaning::UnknownAddress => add(&format!(
                "nothing at {path} for model {deployment}: AZURE_INFERENCE_ENDPOINT, AZURE_DEEPSEEK_DEPLOYMENT or \
                 AZURE_INFERENCE_API_VERSION may be wrong; a new deployment takes some minutes"
            )),
            Meaning::Image => add("the model takes no images, or not this one: IMAGES says whether images are offered"),
            Meaning::UsedUp => add("the quota or the credit of the model's service has to be raised"),
            Meaning::NoAnswer => add(&format!("no answer of a model's service at {path} (AZURE_INFERENCE_ENDPOINT)")),
            Meaning::Rejected => {
                for (word, setting) in SETTINGS {
                    let names = |text: &str| text.to_lowercase().contains(word);
                    if words.mention(word) || self.params.iter().any(|param| names(param)) {
                        add(setting);
                    }
                }
            }
            Meaning::ContentFilter | Meaning::TooLong | Meaning::RateLimit | Meaning::Failed => {}
        }
    }
}

/// What a refused request may be about, and where that is set.
const SETTINGS: [(&str, &str); 8] = [
    ("reasoning_effort", "see REASONING_EFFORT"),
    ("does not support thinking", "the model does not think: unset REASONING_EFFORT"),
    ("temperature", "see TEMPERATURE"),
    ("max_completion_tokens", "see MAX_COMPLETION_TOKENS"),
    ("max_tokens", "see MAX_COMPLETION_TOKENS and EXTRA_BODY"),
    ("stream_options", "see EXTRA_BODY: {\"stream_options\":null} leaves it out"),
    ("system role", "see SYSTEM_PROMPT: none sends no system message"),
    ("api version", "see AZURE_INFERENCE_API_VERSION"),
];

fn rate_limited(wait: Duration) -> ChatError {
    let error = if wait < LONG_WAIT {
        ChatError::new(Code::RateLimited, "The model is busy: its rate limit is reached. Try again in a moment.")
    } else {
        let minutes = wait.as_secs().div_ceil(60);
        let wait = if minutes < 120 { format!("{minutes} minutes") } else { format!("{} hours", minutes.div_ceil(60)) };
        ChatError::new(
            Code::RateLimited,
            format!("The quota of the model's service is used up for now. Try again in {wait}."),
        )
    };
    error.retry_after(wait)
}

#[cfg(test)]
mod tests;
