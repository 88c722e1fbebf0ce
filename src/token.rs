//! The token provider: one bearer token for upstream, shared by all requests.
//!
//! `azure_identity` gets tokens; this keeps them. Its own caches renew inline, under a lock, and hand out an error while
//! a good token is still there; its developer credentials have none at all. So here a token is fetched once however many
//! requests wait, renewed in the background ahead of its expiry, and serves until that expiry whatever the identity
//! endpoint does meanwhile. Each fetch uses a fresh credential, whose cache is empty.

mod credential;
#[doc(hidden)]
pub mod fuzzing;
mod reason;
mod tool;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::credentials::AccessToken;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use http::HeaderValue;
use tokio::time::Instant;

use self::credential::Source;
use crate::error::{ChatError, Code};
use crate::settings::Identity;

/// A token is renewed this long before it expires, or at half of its life if that is later.
const RENEW_AHEAD: Duration = Duration::from_secs(300);
/// A token is not used in its last moments: it has to arrive while it is valid.
const LEEWAY: Duration = Duration::from_secs(2);
/// Time between two attempts to renew a token that is still good.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);
/// After a fetch failed and there is no token, requests fail for this long without asking again.
const FAILURE_PAUSE: Duration = Duration::from_secs(2);

/// Is told how a fetch ended: with a token, or with the code of its failure. Dropped without a word, it was given up.
pub type FetchEnded = Box<dyn FnOnce(Option<Code>) + Send>;
/// Is told that a fetch begins, in the context of the request that needs the token first.
type OnFetch = dyn Fn() -> FetchEnded + Send + Sync;

type Fetch = Shared<BoxFuture<'static, Result<HeaderValue, ChatError>>>;

/// Gives the `Authorization` header for upstream. Cheap to clone; clones share the token.
#[derive(Clone)]
pub struct TokenProvider {
    shared: Arc<SharedState>,
}

/// The providers of all identities: one for each, however many endpoints there are.
#[derive(Debug, Default)]
pub struct TokenProviders(Vec<(Identity, TokenProvider)>);

impl TokenProviders {
    /// Makes a provider for each identity that needs tokens; `new` makes one. Asks for no token yet.
    pub fn new<'i>(
        identities: impl IntoIterator<Item = &'i Identity>,
        new: impl Fn(&Identity) -> Option<TokenProvider>,
    ) -> Self {
        let mut all = Self::default();
        for identity in identities {
            if all.of(identity).is_none() {
                all.0.extend(new(identity).map(|provider| (identity.clone(), provider)));
            }
        }
        all
    }

    /// The provider of an identity; `None` where upstream is called as nobody.
    pub fn of(&self, identity: &Identity) -> Option<TokenProvider> {
        self.0.iter().find(|(known, _)| known == identity).map(|(_, provider)| provider.clone())
    }

    /// Each identity with its provider.
    pub fn iter(&self) -> impl Iterator<Item = (&Identity, &TokenProvider)> {
        self.0.iter().map(|(identity, provider)| (identity, provider))
    }
}

struct SharedState {
    source: Source,
    on_fetch: Box<OnFetch>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    fetch: Option<Fetch>,
    /// The last failure, until requests may ask again.
    failure: Option<(Instant, ChatError)>,
}

struct Token {
    authorization: HeaderValue,
    expires: Instant,
    renew: Instant,
}

impl std::fmt::Debug for TokenProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenProvider").field("scope", &self.shared.source.scope).finish_non_exhaustive()
    }
}

impl TokenProvider {
    /// The provider for an identity; `None` where upstream is called as nobody. Asks for no token yet. `on_fetch` is
    /// told of each fetch: [`untold`] where nobody wants to know.
    pub fn new(
        identity: &Identity,
        client: &reqwest::Client,
        on_fetch: impl Fn() -> FetchEnded + Send + Sync + 'static,
    ) -> Option<Self> {
        let source = credential::source(identity, client)?;
        Some(Self::with_source(source, Box::new(on_fetch)))
    }

    fn with_source(source: Source, on_fetch: Box<OnFetch>) -> Self {
        Self { shared: Arc::new(SharedState { source, on_fetch, state: Mutex::default() }) }
    }

    /// The `Authorization` header. Waits only when there is no valid token, and then together with all who wait.
    ///
    /// # Errors
    /// `identity_unavailable`
    pub async fn authorization(&self) -> Result<HeaderValue, ChatError> {
        let fetch = {
            let mut state = self.shared.lock();
            let now = Instant::now();
            if let Some(token) = state.token.as_ref().filter(|token| now < token.expires) {
                let authorization = token.authorization.clone();
                if now >= token.renew && state.fetch.is_none() {
                    // Nobody waits for this one; it runs in its task.
                    drop(self.start_fetch(&mut state));
                }
                return Ok(authorization);
            }
            match &state.failure {
                Some((until, error)) if state.fetch.is_none() && now < *until => return Err(error.clone()),
                _ => state.fetch.clone().unwrap_or_else(|| self.start_fetch(&mut state)),
            }
        };
        fetch.await
    }

    /// Upstream did not take this token: the next request gets another. A token that has already been replaced stays.
    pub fn reject(&self, authorization: &HeaderValue) {
        let mut state = self.shared.lock();
        if state.token.as_ref().is_some_and(|token| token.authorization == authorization) {
            state.token = None;
        }
    }

    /// Fetches in a task of its own, so that it goes on when the request that caused it is gone.
    fn start_fetch(&self, state: &mut State) -> Fetch {
        let ended = (self.shared.on_fetch)();
        let fetch = SharedState::fetch(Arc::clone(&self.shared), ended).boxed().shared();
        state.fetch = Some(fetch.clone());
        tokio::spawn(fetch.clone());
        fetch
    }
}

/// For a provider whose fetches nobody wants to know of.
pub fn untold() -> FetchEnded {
    Box::new(|_| ())
}

impl SharedState {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(self: Arc<Self>, ended: FetchEnded) -> Result<HeaderValue, ChatError> {
        let get_token = AssertUnwindSafe(self.get_token()).catch_unwind();
        let limit = self.source.limit;
        let result = match tokio::time::timeout(limit, get_token).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(self.unavailable("the credential panicked")),
            Err(_) => Err(self.unavailable(format!("no token within {} s", limit.as_secs()))),
        };
        ended(result.as_ref().err().map(ChatError::code));
        let mut state = self.lock();
        state.fetch = None;
        match result {
            Ok(token) => {
                let authorization = token.authorization.clone();
                state.token = Some(token);
                state.failure = None;
                Ok(authorization)
            }
            Err(error) => {
                let now = Instant::now();
                if let Some(token) = &mut state.token
                    && now < token.expires
                {
                    tracing::warn!(
                        cause = error.cause(),
                        "the token could not be renewed; the one at hand is still good"
                    );
                    token.renew = now + RENEWAL_PAUSE.min((token.expires - now) / 2);
                }
                state.failure = Some((now + FAILURE_PAUSE, error.clone()));
                Err(error)
            }
        }
    }

    async fn get_token(&self) -> Result<Token, ChatError> {
        let failed =
            |error: azure_core::Error| unavailable(self.source.text(Some(&error)), credential::describe(&error));
        let credential = (self.source.new_credential)().map_err(failed)?;
        let token = credential.get_token(&[&self.source.scope], None).await.map_err(failed)?;
        let AccessToken { token, expires_on } = token;
        // The wall clock is looked at once; from here on the token's age is measured by the monotonic clock.
        let life = Duration::try_from(expires_on - azure_core::time::OffsetDateTime::now_utc()).unwrap_or_default();
        if life <= LEEWAY {
            return Err(self.unavailable("the token has already expired"));
        }
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.secret()))
            .map_err(|_| self.unavailable("the token has characters that no header may have"))?;
        authorization.set_sensitive(true);
        let now = Instant::now();
        let renew = now + life.saturating_sub(RENEW_AHEAD).max(life / 2);
        Ok(Token { authorization, expires: now + life - LEEWAY, renew })
    }

    fn unavailable(&self, cause: impl std::fmt::Display) -> ChatError {
        unavailable(self.source.text(None), cause)
    }
}

fn unavailable(text: &'static str, cause: impl std::fmt::Display) -> ChatError {
    ChatError::new(Code::IdentityUnavailable, text).retry_after(Duration::from_secs(5)).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use azure_core::credentials::{Secret, TokenCredential, TokenRequestOptions};
    use azure_core::time::OffsetDateTime;

    use super::*;

    /// Tokens `t1`, `t2`, … after `delay`, each living for `life`; fails while `down`.
    #[derive(Debug)]
    struct Fake {
        calls: AtomicUsize,
        down: std::sync::atomic::AtomicBool,
        delay: Duration,
        life: Duration,
    }

    #[async_trait::async_trait]
    impl TokenCredential for Fake {
        async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
            let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(self.delay).await;
            if self.down.load(Ordering::SeqCst) {
                return Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, "down"));
            }
            Ok(AccessToken {
                token: Secret::new(format!("t{call}")),
                expires_on: OffsetDateTime::now_utc() + self.life,
            })
        }
    }

    fn provider(delay: Duration, life: Duration) -> (TokenProvider, Arc<Fake>) {
        let fake = Arc::new(Fake { calls: AtomicUsize::new(0), down: false.into(), delay, life });
        (TokenProvider::with_source(source(&fake), Box::new(untold)), fake)
    }

    fn source(fake: &Arc<Fake>) -> Source {
        let credential = Arc::clone(fake);
        Source::managed("scope".to_owned(), Box::new(move || Ok(Arc::<Fake>::clone(&credential))))
    }

    async fn bearer(provider: &TokenProvider) -> Result<String, Code> {
        let header = provider.authorization().await.map_err(|error| error.code())?;
        assert!(header.is_sensitive());
        Ok(header.to_str().unwrap().to_owned())
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn a_hundred_first_requests_make_one_fetch_even_when_the_first_leaves() {
        let (provider, fake) = provider(Duration::from_millis(100), HOUR);
        let first = tokio::time::timeout(Duration::from_millis(10), bearer(&provider)).await;
        assert!(first.is_err(), "the request that caused the fetch is gone");
        let all = futures::future::join_all((0..100).map(|_| bearer(&provider))).await;
        assert!(all.iter().all(|token| token.as_deref() == Ok("Bearer t1")));
        assert_eq!(fake.calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn renewal_is_ahead_of_expiry_and_nobody_waits_for_it() {
        let (provider, fake) = provider(Duration::from_secs(3), HOUR);
        bearer(&provider).await.unwrap();
        tokio::time::advance(Duration::from_secs(3300 - 4)).await;
        bearer(&provider).await.unwrap();
        assert_eq!(fake.calls.load(Ordering::SeqCst), 1, "not yet");
        tokio::time::advance(Duration::from_secs(5)).await;
        let before = Instant::now();
        assert_eq!(bearer(&provider).await.as_deref(), Ok("Bearer t1"));
        assert_eq!(before.elapsed(), Duration::ZERO);
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(bearer(&provider).await.as_deref(), Ok("Bearer t2"));
        assert_eq!(fake.calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_valid_token_serves_while_the_endpoint_fails_and_the_endpoint_is_not_stormed() {
        let (provider, fake) = provider(Duration::from_millis(10), HOUR);
        bearer(&provider).await.unwrap();
        fake.down.store(true, Ordering::SeqCst);
        tokio::time::advance(Duration::from_secs(3300)).await;
        for _ in 0..280 {
            assert_eq!(bearer(&provider).await.as_deref(), Ok("Bearer t1"));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let calls = fake.calls.load(Ordering::SeqCst);
        assert!((5..=14).contains(&calls), "one about every 30 s, more often near the end: {calls}");
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(bearer(&provider).await, Err(Code::IdentityUnavailable), "expired at last");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_and_remembered_for_a_moment() {
        let (provider, fake) = provider(Duration::from_millis(100), HOUR);
        fake.down.store(true, Ordering::SeqCst);
        let all = futures::future::join_all((0..100).map(|_| bearer(&provider))).await;
        assert!(all.iter().all(|token| *token == Err(Code::IdentityUnavailable)));
        assert_eq!(bearer(&provider).await, Err(Code::IdentityUnavailable));
        assert_eq!(fake.calls.load(Ordering::SeqCst), 1);
        fake.down.store(false, Ordering::SeqCst);
        tokio::time::advance(FAILURE_PAUSE).await;
        assert_eq!(bearer(&provider).await.as_deref(), Ok("Bearer t2"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_hangs_is_a_failure_after_the_limit() {
        let (provider, _) = provider(HOUR, HOUR);
        let before = Instant::now();
        assert_eq!(bearer(&provider).await, Err(Code::IdentityUnavailable));
        assert_eq!(before.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejected_token_is_replaced_once() {
        let (provider, fake) = provider(Duration::ZERO, HOUR);
        let old = provider.authorization().await.unwrap();
        provider.reject(&old);
        assert_eq!(bearer(&provider).await.as_deref(), Ok("Bearer t2"));
        provider.reject(&old);
        assert_eq!(bearer(&provider).await.as_deref(), Ok("Bearer t2"), "the new one is not rejected with the old");
        assert_eq!(fake.calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn each_fetch_is_told_of_at_its_beginning_and_at_its_end() {
        let (_, fake) = provider(Duration::from_millis(100), HOUR);
        let told = Arc::new(Mutex::new(Vec::new()));
        let on_fetch = {
            let told = Arc::clone(&told);
            move || -> FetchEnded {
                told.lock().unwrap().push("begins".to_owned());
                let told = Arc::clone(&told);
                Box::new(move |error| told.lock().unwrap().push(error.map_or("ok", Code::as_str).to_owned()))
            }
        };
        let provider = TokenProvider::with_source(source(&fake), Box::new(on_fetch));
        fake.down.store(true, Ordering::SeqCst);
        let _ = tokio::join!(bearer(&provider), bearer(&provider));
        fake.down.store(false, Ordering::SeqCst);
        tokio::time::advance(FAILURE_PAUSE).await;
        let _ = tokio::join!(bearer(&provider), bearer(&provider));
        assert_eq!(*told.lock().unwrap(), ["begins", "identity_unavailable", "begins", "ok"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_token_is_a_failure() {
        let (provider, _) = provider(Duration::ZERO, Duration::ZERO);
        assert_eq!(bearer(&provider).await, Err(Code::IdentityUnavailable));
    }
}
