//! The identity endpoint: tokens, refusals and faults.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use harness::identity::{Behaviour, IdentityEndpoint};
use http::{HeaderValue, Method};
use serde_json::Value;
use tokio::time::timeout;

use crate::client::{request, send, whole};
use crate::{NOT_YET, SOON};

const QUERY: &str = "api-version=2019-08-01&resource=https%3A%2F%2Fmodel.example&client_id=id";

async fn ask(endpoint: &IdentityEndpoint, query: &str, secret: &str) -> (u16, Value) {
    let mut asked = request(Method::GET, &format!("{}?{query}", endpoint.endpoint_url()), "");
    asked.headers_mut().insert("x-identity-header", HeaderValue::from_str(secret).unwrap());
    let (status, body) = whole(send(asked).await).await;
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn tokens_are_numbered_and_live_as_long_as_asked() {
    let endpoint = IdentityEndpoint::start().await;
    endpoint.set(Behaviour::lifetime(Duration::from_mins(10)));
    let (status, token) = ask(&endpoint, QUERY, endpoint.secret()).await;
    assert_eq!(
        (status, &token["access_token"], &token["resource"]),
        (200, &"token-1".into(), &"https://model.example".into())
    );
    assert_eq!((&token["token_type"], &token["client_id"]), (&"Bearer".into(), &"id".into()));
    let expires_on: u64 = token["expires_on"].as_str().unwrap().parse().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!((595..=600).contains(&(expires_on - now)));
    assert_eq!(ask(&endpoint, QUERY, endpoint.secret()).await.1["access_token"], "token-2");
    assert_eq!((endpoint.calls().len(), endpoint.issued()), (2, 2));
}

#[tokio::test]
async fn requests_that_the_platform_would_refuse_are_refused() {
    let endpoint = IdentityEndpoint::start().await;
    assert_eq!(ask(&endpoint, QUERY, "guess").await.0, 401);
    assert_eq!(ask(&endpoint, "api-version=2018-02-01&resource=r", endpoint.secret()).await.0, 400);
    assert_eq!(ask(&endpoint, "api-version=2019-08-01", endpoint.secret()).await.0, 400);
    assert_eq!(endpoint.issued(), 0);
}

#[tokio::test]
async fn it_fails_and_hangs_on_demand() {
    let endpoint = IdentityEndpoint::start().await;
    endpoint.set(Behaviour::failing(503, r#"{"message":"busy"}"#));
    assert_eq!(ask(&endpoint, QUERY, endpoint.secret()).await, (503, serde_json::json!({ "message": "busy" })));
    endpoint.set(Behaviour::hanging());
    assert!(timeout(NOT_YET, ask(&endpoint, QUERY, endpoint.secret())).await.is_err());
    assert!(endpoint.wait_for(|counts| counts.aborted == 1, SOON).await);
}
