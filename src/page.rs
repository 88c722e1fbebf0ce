//! What a GET finds: the host's ping, and on a developer's machine the built page.

use std::path::Path;

use axum::Router;
use axum::routing::get;

use crate::chat::{get_only, not_found};

/// What there is to say where there is no page.
const HINT: &str = "reasoning-chat is running. Chat is at POST /api/chat/stream.\n";

/// `GET /` and everything that is not chat. Fast, quiet, never authenticated. `feedback`: whether verdicts are
/// taken, which the page that is served has to know.
#[cfg_attr(not(feature = "local"), expect(unused_variables, reason = "in Azure the page is elsewhere"))]
pub(crate) fn routes(page: Option<&Path>, feedback: bool) -> Router {
    match page {
        // In Azure the page is elsewhere, and nothing here can serve files.
        #[cfg(feature = "local")]
        Some(folder) => files(folder, feedback),
        _ => Router::new().route("/", get(HINT).fallback(get_only)).fallback(not_found),
    }
}

#[cfg(feature = "local")]
fn files(folder: &Path, feedback: bool) -> Router {
    use axum::routing::get_service;
    use tower_http::services::ServeDir;

    let files = ServeDir::new(folder).call_fallback_on_method_not_allowed(true).fallback(get_service(get(not_found)));
    let config = folder.join("config.json");
    let config = move || {
        let config = config.clone();
        let headers = [(http::header::CONTENT_TYPE, "application/json"), (http::header::CACHE_CONTROL, "no-store")];
        async move { (headers, told(&config, feedback).await.to_string()) }
    };
    Router::new().route("/config.json", get(config).fallback(get_only)).fallback_service(files)
}

/// The page's settings, with what this program itself decides: a thumb that nobody takes is not shown. As in a deployment,
/// where `cargo xtask deploy page-config` writes it.
#[cfg(feature = "local")]
async fn told(config: &Path, feedback: bool) -> serde_json::Value {
    let read = tokio::fs::read(config).await.unwrap_or_else(|_| b"{}".to_vec());
    // What is no object is the page's to refuse.
    let mut config = serde_json::from_slice(&read).unwrap_or_default();
    if let serde_json::Value::Object(fields) = &mut config {
        fields.insert("feedback".to_owned(), feedback.into());
    }
    config
}

#[cfg(feature = "local")]
#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;

    async fn config(folder: &Path, feedback: bool) -> Value {
        let request = Request::get("/config.json").body(Body::empty()).unwrap();
        let answer = routes(Some(folder), feedback).oneshot(request).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/json".parse().unwrap())
        );
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn the_page_shows_thumbs_where_they_are_taken_and_what_else_it_says_stays() {
        let folder = std::env::temp_dir().join(format!("page-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(config(&folder, true).await, json!({ "feedback": true }), "there may be no file");
        std::fs::write(folder.join("config.json"), r#"{"apiBase":"","feedback":true,"name":"Ours"}"#).unwrap();
        assert_eq!(config(&folder, false).await, json!({ "apiBase": "", "feedback": false, "name": "Ours" }));
        std::fs::write(folder.join("config.json"), "[").unwrap();
        assert_eq!(config(&folder, true).await, Value::Null, "which the page refuses");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
