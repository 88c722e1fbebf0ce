//! What is asked: addresses, how people sign in there, and a token.

use std::cell::Cell;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::Options;
use super::report::Row;
use crate::ask::Answer;
use crate::deploy::known;
use crate::tool::tool;

/// How to come by a user's token.
const TO_HAVE_ONE: &str = "sign in on the page, copy the bearer token of a request from the browser's developer tools, and \
                           give it in SMOKE_TOKEN; or admit azd's sign-in (`azd env set API_CLIENTS azure-cli`, `azd \
                           provision`)";

/// What was deployed, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// The API's origin.
    pub(super) api: String,
    /// The page's; empty if it is not known.
    pub(super) page: String,
    /// What the page signs in with; none where nobody signs in, or where it is not known.
    pub(super) sign_in: Option<SignIn>,
    /// Anyone may call: nobody is refused.
    pub(super) anonymous: bool,
    /// A signed-in user's access token, or why there is none.
    pub(super) token: Option<String>,
    /// The token is of azd's own sign-in, which the API may not admit: it admits the page's.
    pub(super) token_is_azds: bool,
    /// A token of this tenant for something else.
    pub(super) foreign: Option<String>,
    /// Whether a turn was answered, once one was asked.
    pub(super) answered: Cell<Option<bool>>,
    /// The subscription and the resource group.
    pub(super) group: Option<(String, String)>,
    /// Resource Manager and Application Insights' place for queries.
    pub(super) management: String,
    pub(super) insights: String,
    /// The model's endpoint.
    pub(super) inference: Option<String>,
    pub(super) silence: Duration,
    pub(super) wait: Duration,
    /// A word that is said to the model and must be found nowhere.
    pub(super) marker: String,
}

/// How people sign in.
#[derive(Clone, Debug)]
pub(super) struct SignIn {
    pub(super) client_id: String,
    pub(super) authority: String,
    pub(super) scope: String,
}

impl Target {
    pub(super) fn new(options: &Options) -> Result<Self, String> {
        // Addresses that are given are not mixed with what azd's environment says of another deployment.
        let of_azd = |name: &str| if options.api.is_some() { None } else { known(name) };
        let unknown = "where the API is, is not known: run this after `azd up`, or say --api URL";
        let api = options.api.clone().or_else(|| known("API_ORIGIN")).ok_or(unknown)?;
        let page = options.page.clone().or_else(|| of_azd("PAGE_ORIGIN")).unwrap_or_default();
        let sign_in = of_azd("SIGN_IN_CLIENT_ID").and_then(|client_id| {
            Some(SignIn { client_id, authority: of_azd("SIGN_IN_AUTHORITY")?, scope: of_azd("SIGN_IN_SCOPE")? })
        });
        let given = variable("SMOKE_TOKEN").filter(|_| !options.unattended);
        let token_is_azds = given.is_none();
        let asked = || token(sign_in.as_ref().map(|sign_in| sign_in.scope.as_str())?);
        let token = if options.unattended { None } else { given.or_else(asked) };
        let anonymous = of_azd("ALLOW_ANONYMOUS").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || (options.api.is_some() && token.is_none() && !options.unattended);
        let plain = |origin: String| origin.trim_end_matches('/').to_owned();
        Ok(Self {
            api: plain(api),
            page: plain(page),
            foreign: if options.api.is_some() { None } else { token_for_another() },
            token_is_azds,
            answered: Cell::default(),
            group: of_azd("AZURE_SUBSCRIPTION_ID").zip(of_azd("AZURE_RESOURCE_GROUP")),
            management: "https://management.azure.com".to_owned(),
            insights: "https://api.applicationinsights.io".to_owned(),
            inference: of_azd("AZURE_INFERENCE_ENDPOINT"),
            silence: options.silence,
            wait: options.wait,
            marker: format!("marker{:x}", std::process::id() ^ seconds()),
            sign_in,
            token,
            anonymous,
        })
    }

    pub(super) fn introduction(&self) -> String {
        let page = if self.page.is_empty() { "not known" } else { &self.page };
        format!("API   {}\nPage  {page}", self.api)
    }

    /// Where a turn is asked.
    pub(super) fn chat(&self) -> String {
        format!("{}/api/chat/stream", self.api)
    }

    /// The row of a signed-in user where nobody is one.
    pub(super) fn nobody(&self) -> Option<Row> {
        (self.token.is_none() && !self.anonymous).then(|| Row::skipped(format!("there is no token: {TO_HAVE_ONE}")))
    }

    /// The row of a signed-in user whom the platform refuses, where that is azd's own sign-in.
    pub(super) fn not_admitted(&self, answer: &Answer) -> Option<Row> {
        let refused = matches!(answer.status, 401 | 403) && answer.json()["code"].is_null();
        (self.token_is_azds && refused)
            .then(|| Row::skipped(format!("the API does not admit azd's own sign-in: {TO_HAVE_ONE}")))
    }

    /// A text without this deployment's names.
    pub(super) fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let mut hide = |what: &str, by: &str| {
            if what.len() > 3 {
                text = text.replace(what, by);
            }
        };
        let host = |origin: &str| origin.rsplit('/').next().unwrap_or_default().to_owned();
        for token in [&self.token, &self.foreign].into_iter().flatten() {
            hide(token, "TOKEN");
        }
        hide(&host(&self.api), "API");
        hide(&host(&self.page), "PAGE");
        if let Some(sign_in) = &self.sign_in {
            hide(&sign_in.client_id, "CLIENT");
            hide(&host(&sign_in.authority), "TENANT");
        }
        if let Some((subscription, group)) = &self.group {
            hide(subscription, "SUBSCRIPTION");
            hide(group, "GROUP");
        }
        if let Some(inference) = &self.inference {
            hide(&host(inference), "MODEL");
        }
        text
    }
}

fn seconds() -> u32 {
    use std::time::{SystemTime, UNIX_EPOCH};
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since_1970.as_secs() & 0xffff_ffff).unwrap_or_default()
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a token is no setting, and a command line could be read by others")]
    let value = std::env::var(name).ok()?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// A token of azd's sign-in for this scope.
pub(super) fn token(scope: &str) -> Option<String> {
    let mut azd = Command::new(tool("azd")?);
    let done = azd.args(["auth", "token", "--output", "json", "--scope", scope]).output().ok()?;
    let answer: Value = serde_json::from_slice(&done.stdout).ok()?;
    answer.get("token")?.as_str().map(str::to_owned)
}

/// A token of the same tenant that is for Resource Manager.
pub(super) fn token_for_another() -> Option<String> {
    token("https://management.azure.com/.default")
}
