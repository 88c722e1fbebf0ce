//! Which credential of `azure_identity` serves which identity, and how its errors are told: to people, and to the log.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, ExponentialRetryOptions, HttpClient, Request, RetryOptions, StatusCode, Transport,
};
use azure_core::time::Duration as LibraryDuration;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential, AzureDeveloperCliCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};

use futures::StreamExt as _;

use super::tool::{Failure, TOOL_TIMEOUT, Tool};
use crate::settings::Identity;

/// Makes a credential without a cached token.
type NewCredential = dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync;

/// Where tokens come from.
pub(super) struct Source {
    pub(super) scope: String,
    pub(super) new_credential: Box<NewCredential>,
    /// Longest time of one fetch, the library's own retries included.
    pub(super) limit: Duration,
    /// What people are told when there is no token.
    text: &'static str,
}

/// The source for an identity; `None` for nobody.
pub(super) fn source(identity: &Identity, client: &reqwest::Client) -> Option<Source> {
    match identity.clone() {
        Identity::None => None,
        Identity::Managed { client_id, scope } => {
            let client: Arc<dyn HttpClient> = Arc::new(client.clone());
            Some(Source::managed(scope, Box::new(move || managed(&client_id, Arc::clone(&client)))))
        }
        Identity::Developer { tenant_id, scope } => Some(Source {
            scope,
            new_credential: Box::new(move || Ok(Arc::new(DeveloperSignIn { tenant_id: tenant_id.clone() }))),
            // Each of the two has its own limit, which comes first.
            limit: 2 * TOOL_TIMEOUT + Duration::from_secs(1),
            text: "This program could not sign in to the model's service. Run `azd auth login` or `az login`, then try \
                   again; the log says more.",
        }),
    }
}

impl Source {
    /// The app's managed identity. Readers can do nothing about it, so they are told nothing of it.
    pub(super) fn managed(scope: String, new_credential: Box<NewCredential>) -> Self {
        Self {
            scope,
            new_credential,
            limit: Duration::from_secs(10),
            text: "This program could not sign in to the model's service. Try again in a moment; if it stays so, tell \
                   the operator.",
        }
    }

    /// What people are told.
    pub(super) fn text(&self, error: Option<&azure_core::Error>) -> &'static str {
        if error.and_then(find::<NoSignIn>).is_some_and(NoSignIn::has_no_tool) {
            return "This program signs in to the model's service with azd or az, and found neither on its PATH. Install \
                    the Azure Developer CLI or the Azure CLI, run `azd auth login` or `az login`, and start again.";
        }
        self.text
    }
}

pub(super) fn managed(client_id: &str, client: Arc<dyn HttpClient>) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: Some(UserAssignedId::ClientId(client_id.to_owned())),
        client_options: ClientOptions {
            // One client for all: one connection pool, one set of roots.
            transport: Some(Transport::new(Arc::new(BoundedClient(client)))),
            // The library's default goes on for a minute; a request cannot wait that long.
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                initial_delay: LibraryDuration::milliseconds(200),
                max_retries: 2,
                max_total_elapsed: LibraryDuration::seconds(5),
                max_delay: LibraryDuration::seconds(2),
            }),
            ..ClientOptions::default()
        },
    };
    Ok(ManagedIdentityCredential::new(Some(options))?)
}

/// An answer of the identity endpoint is read this far; tokens are a few KiB.
const MAX_TOKEN_ANSWER_BYTES: usize = 64 * 1024;

/// An HTTP client that reads no more of the identity endpoint's answer than a token needs.
#[derive(Debug)]
struct BoundedClient(Arc<dyn HttpClient>);

#[async_trait::async_trait]
impl HttpClient for BoundedClient {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (status, headers, body) = self.0.execute_request(request).await?.deconstruct();
        let mut left = MAX_TOKEN_ANSWER_BYTES;
        let bounded = body.map(move |piece| {
            let piece = piece?;
            left = left.checked_sub(piece.len()).ok_or_else(|| {
                azure_core::Error::with_message(
                    ErrorKind::DataConversion,
                    "the identity endpoint's answer is too large",
                )
            })?;
            Ok(piece)
        });
        Ok(AsyncRawResponse::new(status, headers, Box::pin(bounded)))
    }
}

/// The developer's sign-in: the Azure Developer CLI's, as in the original app, then the Azure CLI's.
#[derive(Debug)]
struct DeveloperSignIn {
    tenant_id: Option<String>,
}

/// Neither of the developer's tools gave a token.
#[derive(Debug)]
struct NoSignIn {
    azd: Failure,
    az: Failure,
}

impl NoSignIn {
    fn has_no_tool(&self) -> bool {
        self.azd == Failure::Missing && self.az == Failure::Missing
    }
}

impl fmt::Display for NoSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "azd: {}; az: {}", self.azd, self.az)
    }
}

impl std::error::Error for NoSignIn {}

#[async_trait::async_trait]
impl TokenCredential for DeveloperSignIn {
    async fn get_token(&self, scopes: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        let tenant_id = self.tenant_id.clone();
        let azd = AzureDeveloperCliCredential::new(Some(AzureDeveloperCliCredentialOptions {
            executor: Some(Arc::new(Tool("azd"))),
            tenant_id: tenant_id.clone(),
        }))?;
        let azd = match azd.get_token(scopes, None).await {
            Ok(token) => return Ok(token),
            Err(error) => failure(&error),
        };
        let az = AzureCliCredential::new(Some(AzureCliCredentialOptions {
            executor: Some(Arc::new(Tool("az"))),
            tenant_id,
            ..AzureCliCredentialOptions::default()
        }))?;
        az.get_token(scopes, None).await.map_err(|error| {
            let error = NoSignIn { azd, az: failure(&error) };
            azure_core::Error::new(ErrorKind::Credential, error)
        })
    }
}

/// What became of a tool, out of the library's error.
fn failure(error: &azure_core::Error) -> Failure {
    let of_tool = find::<std::io::Error>(error).and_then(std::io::Error::get_ref);
    if let Some(failure) = of_tool.and_then(|error| error.downcast_ref::<Failure>()) {
        return failure.clone();
    }
    Failure::Refused(match find::<std::io::Error>(error) {
        Some(error) => format!("it could not be run: {}", error.kind()),
        // It may hold a token.
        None => "its answer cannot be read; is it up to date?".to_owned(),
    })
}

/// An error of `azure_identity` for the log. Where an endpoint answered, its status and nothing of its words: some of
/// the library's errors quote whole bodies.
pub(super) fn describe(error: &azure_core::Error) -> String {
    if let Some(error) = find::<NoSignIn>(error) {
        return error.to_string();
    }
    for current in sources(error) {
        if let Some(ErrorKind::HttpResponse { status, .. }) =
            current.downcast_ref::<azure_core::Error>().map(azure_core::Error::kind)
        {
            let hint =
                if *status == StatusCode::BadRequest { "; is AZURE_CLIENT_ID an identity of the app?" } else { "" };
            return format!("the identity endpoint answered {status}{hint}");
        }
        if let Some(error) = current.downcast_ref::<reqwest::Error>() {
            let what = if error.is_connect() { "cannot be reached" } else { "was lost" };
            return format!("the identity endpoint {what}");
        }
        if current.is::<serde_json::Error>() {
            return "the identity endpoint's answer cannot be read".to_owned();
        }
    }
    error.to_string().lines().next().unwrap_or_default().chars().take(300).collect()
}

/// The error and all that it came from.
fn sources(error: &azure_core::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source())
}

fn find<E: std::error::Error + 'static>(error: &azure_core::Error) -> Option<&E> {
    sources(error).find_map(|error| error.downcast_ref::<E>())
}
