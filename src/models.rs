//! The model's side: which models there are, where each is, how it is asked, and again, until an answer begins.
//!
//! In: a conversation. Out: the body of an answer that has begun, or a [`ChatError`]. Nothing here knows what the bytes of
//! an answer mean, or who reads it.

mod accept;
mod ahead;
mod asking;
pub mod catalogue;
pub mod client;
mod deployment;
mod failure;
mod health;
pub mod model;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use http::HeaderValue;

use self::asking::Asking;
use self::model::Model;
use crate::error::ChatError;
use crate::inbound::conversation::Conversation;
use crate::protocol::Reader;
use crate::report::telemetry::{Call, ModelTag};

/// Upstream answers.
#[derive(Debug)]
pub struct Opened<B> {
    /// Its bytes are server-sent events.
    pub body: B,
    /// What reads them.
    pub reader: Reader,
    /// What its head says of a later try, for a failure that the events tell of.
    pub wait: Option<Duration>,
    /// The deployment that answers.
    pub deployment: String,
    /// Under what telemetry counts it.
    pub tag: ModelTag,
    /// The call that brought it.
    pub call: Call,
    /// What may follow a failure before the first output.
    pub again: Option<Again<B>>,
}

/// How upstream is asked.
pub type Opening<B> = BoxFuture<'static, Result<Opened<B>, ChatError>>;

type AskAgain<B> = dyn FnOnce(ChatError) -> Opening<B> + Send;

/// Asks on after a failure that was told before the first output. It holds the conversation: to be dropped with that.
pub struct Again<B>(Box<AskAgain<B>>);

impl<B> std::fmt::Debug for Again<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Again")
    }
}

impl<B> Again<B> {
    fn new(ask: impl FnOnce(ChatError) -> Opening<B> + Send + 'static) -> Self {
        Self(Box::new(ask))
    }

    /// Asks another deployment, or the same one once more; fails with the failure where there is no sense in it.
    pub(crate) fn after(self, error: ChatError) -> Opening<B> {
        (self.0)(error)
    }
}

/// Asks a model. `traceparent` is the caller's, passed on where telemetry has none of its own.
///
/// # Errors
/// Any code that an answer's beginning can have; see the table in `docs/wire.md`.
pub fn open(
    model: Arc<Model>,
    conversation: Conversation,
    traceparent: Option<HeaderValue>,
) -> impl Future<Output = Result<Opened<reqwest::Body>, ChatError>> + Send {
    Asking::new(model, conversation, traceparent).open()
}
