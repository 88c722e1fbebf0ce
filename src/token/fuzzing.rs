//! For the fuzz targets in `fuzz/` only: a way in for an identity endpoint that lives in memory.

use std::sync::Arc;

use azure_core::http::HttpClient;

use super::{TokenProvider, credential, untold};

/// The provider for a managed identity, as in production, but over `transport` instead of the network.
pub fn managed_identity(client_id: String, scope: String, transport: Arc<dyn HttpClient>) -> TokenProvider {
    let new_credential = Box::new(move || credential::managed(&client_id, Arc::clone(&transport)));
    TokenProvider::with_source(scope, new_credential, Box::new(untold))
}
