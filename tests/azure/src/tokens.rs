//! Tokens of this world: three parts, the last a signature by the run's key, so that one of another world is known.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::hmac;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::log::Said;
use crate::time::seconds;
use crate::{LOGIN, TENANT};

/// How long an access token lives.
pub(crate) const LIFETIME_SECONDS: u64 = 3_600;

/// Signs and knows its own.
#[derive(Debug)]
pub(crate) struct Mint {
    key: hmac::Key,
}

/// Who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// `oid`
    pub(crate) object: String,
    /// The user's name; none for an application.
    pub(crate) name: Option<String>,
}

impl Mint {
    pub(crate) fn new() -> Self {
        let secret: [[u8; 16]; 2] = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()];
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_flattened()) }
    }

    /// An access token.
    pub(crate) fn access(&self, who: &Principal, audience: &str, client: &str) -> String {
        let mut claims = common(who, audience);
        claims["azp"] = json!(client);
        claims["appid"] = json!(client);
        self.sign(&claims)
    }

    /// What tells the client who signed in.
    pub(crate) fn id(&self, who: &Principal, client: &str, nonce: Option<&str>) -> String {
        let mut claims = common(who, client);
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        self.sign(&claims)
    }

    /// The claims of a token of this world that has not expired.
    pub(crate) fn claims(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        hmac::verify(&self.key, signed.as_bytes(), &BASE64.decode(signature).ok()?).ok()?;
        let claims: Value = serde_json::from_slice(&BASE64.decode(signed.split_once('.')?.1).ok()?).ok()?;
        (claims["exp"].as_u64()? > seconds()).then_some(claims)
    }

    /// A key that nobody can guess, the same for the same name.
    pub(crate) fn access_key(&self, name: &str) -> String {
        BASE64.encode(hmac::sign(&self.key, name.as_bytes()))
    }

    /// What such a token says.
    pub(crate) fn said(&self, token: &str) -> Option<Said> {
        let claims = self.claims(token)?;
        let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
        Some(Said { audience: text("aud"), object: text("oid"), tenant: text("tid") })
    }

    fn sign(&self, claims: &Value) -> String {
        let head = BASE64.encode(json!({ "alg": "RS256", "typ": "JWT", "kid": "run" }).to_string());
        let signed = format!("{head}.{}", BASE64.encode(claims.to_string()));
        let signature = BASE64.encode(hmac::sign(&self.key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

fn common(who: &Principal, audience: &str) -> Value {
    let now = seconds();
    let mut claims = json!({
        "aud": audience, "iss": format!("https://{LOGIN}/{TENANT}/v2.0"), "oid": who.object, "sub": who.object,
        "tid": TENANT, "ver": "2.0", "iat": now, "nbf": now, "exp": now + LIFETIME_SECONDS,
    });
    if let Some(name) = &who.name {
        claims["preferred_username"] = json!(name);
        claims["unique_name"] = json!(name);
        claims["name"] = json!("Dev");
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_another_run_is_not_known() {
        let who = Principal { object: "o".to_owned(), name: None };
        let (mint, other) = (Mint::new(), Mint::new());
        let token = mint.access(&who, "api", "client");
        assert_eq!(mint.claims(&token).unwrap()["aud"], "api");
        assert_eq!(other.claims(&token), None);
        assert_eq!(mint.claims("a.b.c"), None);
    }
}
