//! Which credential of `azure_identity` serves which identity, and how its errors are told to the log.

use std::sync::Arc;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, ExponentialRetryOptions, HttpClient, Request, RetryOptions, Transport,
};
use azure_core::time::Duration;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential, AzureDeveloperCliCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};

use futures::StreamExt as _;

use super::NewCredential;
use crate::settings::Identity;

/// The scope and the maker of credentials for an identity; `None` for nobody.
pub(super) fn source(identity: &Identity, client: &reqwest::Client) -> Option<(String, Box<NewCredential>)> {
    match identity.clone() {
        Identity::None => None,
        Identity::Managed { client_id, scope } => {
            let client: Arc<dyn HttpClient> = Arc::new(client.clone());
            Some((scope, Box::new(move || managed(&client_id, Arc::clone(&client)))))
        }
        Identity::Developer { tenant_id, scope } => {
            Some((scope, Box::new(move || Ok(Arc::new(DeveloperSignIn { tenant_id: tenant_id.clone() })))))
        }
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
                initial_delay: Duration::milliseconds(200),
                max_retries: 2,
                max_total_elapsed: Duration::seconds(5),
                max_delay: Duration::seconds(2),
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

#[async_trait::async_trait]
impl TokenCredential for DeveloperSignIn {
    async fn get_token(&self, scopes: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        let tenant_id = self.tenant_id.clone();
        let azd = AzureDeveloperCliCredential::new(Some(AzureDeveloperCliCredentialOptions {
            tenant_id: tenant_id.clone(),
            ..AzureDeveloperCliCredentialOptions::default()
        }))?;
        let azd_error = match azd.get_token(scopes, None).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        let az = AzureCliCredential::new(Some(AzureCliCredentialOptions {
            tenant_id,
            ..AzureCliCredentialOptions::default()
        }))?;
        az.get_token(scopes, None).await.map_err(|az_error| {
            let message = format!("azd: {}; az: {}", first_line(&azd_error), first_line(&az_error));
            azure_core::Error::with_message(ErrorKind::Credential, message)
        })
    }
}

/// An error of `azure_identity` for the log. Where an endpoint answered, its status and nothing of its words: some of
/// the library's errors quote whole bodies.
pub(super) fn describe(error: &azure_core::Error) -> String {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if let Some(ErrorKind::HttpResponse { status, .. }) =
            current.downcast_ref::<azure_core::Error>().map(azure_core::Error::kind)
        {
            return format!("the identity endpoint answered {status}");
        }
        if let Some(error) = current.downcast_ref::<reqwest::Error>() {
            let what = if error.is_connect() { "cannot be reached" } else { "was lost" };
            return format!("the identity endpoint {what}");
        }
        if current.is::<serde_json::Error>() {
            return "the identity endpoint's answer cannot be read".to_owned();
        }
        source = current.source();
    }
    first_line(error)
}

/// What the developer's tools say is for people and can be long.
fn first_line(error: &azure_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().chars().take(300).collect()
}
