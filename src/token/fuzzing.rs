//! For the fuzz targets in `fuzz/` only: ways in for an identity endpoint that lives in memory, and for what `azd` and
//! `az` say.

use std::sync::Arc;

use azure_core::http::HttpClient;

use super::credential::{self, Source};
use super::{TokenProvider, reason, untold};

/// The provider for a managed identity, as in production, but over `transport` instead of the network.
pub fn managed_identity(client_id: String, scope: String, transport: Arc<dyn HttpClient>) -> TokenProvider {
    let new_credential = Box::new(move || credential::managed(&client_id, Arc::clone(&transport)));
    TokenProvider::with_source(Source::managed(scope, new_credential), Box::new(untold))
}

/// Why `azd` or `az` gave no token, out of its standard error.
pub fn tool_reason(stderr: &str) -> Option<String> {
    reason::read(stderr)
}
