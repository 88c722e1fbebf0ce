//! What a GET finds: the host's ping, and on a developer's machine the built page.

use std::path::Path;

use axum::Router;
use axum::routing::get;

use crate::chat::{get_only, not_found};

/// What there is to say where there is no page.
const HINT: &str = "reasoning-chat is running. Chat is at POST /api/chat/stream.\n";

/// `GET /` and everything that is not chat. Fast, quiet, never authenticated.
pub(crate) fn routes(page: Option<&Path>) -> Router {
    match page {
        // In Azure the page is elsewhere, and nothing here can serve files.
        #[cfg(feature = "local")]
        Some(folder) => files(folder),
        _ => Router::new().route("/", get(HINT).fallback(get_only)).fallback(not_found),
    }
}

#[cfg(feature = "local")]
fn files(folder: &Path) -> Router {
    use axum::routing::get_service;
    use tower_http::services::ServeDir;

    let files = ServeDir::new(folder).call_fallback_on_method_not_allowed(true).fallback(get_service(get(not_found)));
    Router::new().fallback_service(files)
}
