//! Who may call. In: the settings and a request's headers. Out: the caller, or the refusal.
//!
//! The principal header is believed only where the platform's authentication stands in front and strips what strangers
//! send; everywhere else it is just text.

use std::fmt::Write as _;

use http::{HeaderMap, header};

use crate::error::{ChatError, Code};
use crate::settings::Access;

const PRINCIPAL_ID: &str = "x-ms-client-principal-id";

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The signed-in user's id, where the platform vouches for it.
    pub user: Option<String>,
}

/// Admits a request or refuses it, by its headers alone.
///
/// # Errors
/// `forbidden_origin`, `sign_in_not_configured`, `unauthenticated`
pub fn admit(access: &Access, headers: &HeaderMap) -> Result<Caller, ChatError> {
    check_origin(access, headers)?;
    let user = if access.platform_authenticates {
        headers.get(PRINCIPAL_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty()).map(str::to_owned)
    } else {
        None
    };
    if access.in_production && !access.allow_anonymous {
        if !access.platform_authenticates {
            return Err(ChatError::new(
                Code::SignInNotConfigured,
                "Nobody may call yet: the operator has to turn sign-in on first.",
            )
            .caused_by(
                "App Service Authentication is off (WEBSITE_AUTH_ENABLED); turn it on for the function app, or set \
                 ALLOW_ANONYMOUS=true if everyone may call",
            ));
        }
        if user.is_none() {
            return Err(ChatError::new(Code::Unauthenticated, "Sign in, then try again."));
        }
    }
    Ok(Caller { user })
}

/// What stands for a signed-in user where another service wants to tell users apart: the beginning of the SHA-256 of the
/// user's id, in hexadecimal. An id is random enough that nobody finds it by trying.
pub(crate) fn pseudonym(user: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, user.as_bytes());
    let mut text = String::with_capacity(32);
    for byte in digest.as_ref().iter().take(16) {
        // Writing into memory does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A browser says where the calling page comes from; other clients send no `Origin`, and CORS is not about them.
fn check_origin(access: &Access, headers: &HeaderMap) -> Result<(), ChatError> {
    let Some(allowed) = &access.allowed_origins else { return Ok(()) };
    let mut origins = headers.get_all(header::ORIGIN).iter();
    if origins.all(|origin| origin.to_str().is_ok_and(|origin| allowed.iter().any(|allowed| allowed == origin))) {
        return Ok(());
    }
    Err(ChatError::new(Code::ForbiddenOrigin, "Pages of this origin may not call. The operator names those that may.")
        .caused_by("the request's Origin is not one of ALLOWED_ORIGINS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect()
    }

    fn admitted(access: &Access, pairs: &[(&'static str, &'static str)]) -> Result<Option<String>, Code> {
        admit(access, &headers(pairs)).map(|caller| caller.user).map_err(|error| error.code())
    }

    const PRINCIPAL: (&str, &str) = (PRINCIPAL_ID, "user-1");

    #[test]
    fn a_principal_is_believed_only_behind_the_platforms_authentication() {
        let local = Access::default();
        let open = Access { in_production: true, ..local.clone() };
        let anonymous = Access { allow_anonymous: true, ..open.clone() };
        let guarded = Access { platform_authenticates: true, ..open.clone() };
        let guarded_anonymous = Access { platform_authenticates: true, ..anonymous.clone() };
        let user = || Some("user-1".to_owned());

        assert_eq!(admitted(&local, &[PRINCIPAL]), Ok(None));
        assert_eq!(admitted(&open, &[PRINCIPAL]), Err(Code::SignInNotConfigured));
        assert_eq!(admitted(&open, &[]), Err(Code::SignInNotConfigured));
        assert_eq!(admitted(&anonymous, &[PRINCIPAL]), Ok(None));
        assert_eq!(admitted(&guarded, &[PRINCIPAL]), Ok(user()));
        assert_eq!(admitted(&guarded, &[]), Err(Code::Unauthenticated));
        assert_eq!(admitted(&guarded, &[(PRINCIPAL_ID, "")]), Err(Code::Unauthenticated));
        assert_eq!(admitted(&guarded_anonymous, &[]), Ok(None));
        assert_eq!(admitted(&guarded_anonymous, &[PRINCIPAL]), Ok(user()));
    }

    #[test]
    fn a_user_has_one_name_elsewhere_that_is_not_the_users() {
        assert_eq!(pseudonym("user-1"), pseudonym("user-1"));
        assert_ne!(pseudonym("user-1"), pseudonym("user-2"));
        assert!(pseudonym("user-1").len() == 32 && !pseudonym("user-1").contains("user"));
    }

    #[test]
    fn origins_are_compared_whole() {
        let access = Access { allowed_origins: Some(vec!["https://a.example".to_owned()]), ..Access::default() };
        assert_eq!(admitted(&access, &[]), Ok(None), "not a browser");
        assert_eq!(admitted(&access, &[("origin", "https://a.example")]), Ok(None));
        for origin in ["https://a.example.evil.example", "http://a.example", "https://b.example", "null", ""] {
            assert_eq!(admitted(&access, &[("origin", origin)]), Err(Code::ForbiddenOrigin), "{origin}");
        }
        let two = [("origin", "https://a.example"), ("origin", "https://b.example")];
        assert_eq!(admitted(&access, &two), Err(Code::ForbiddenOrigin));
        assert_eq!(admitted(&Access::default(), &[("origin", "https://b.example")]), Ok(None));
    }
}
