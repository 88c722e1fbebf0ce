//! Asks a model for an answer: one deployment after the other, until one answers or there is no sense in another try.
//!
//! All tries of one request together are bounded. The next deployment is asked at once; only when all have failed does the
//! same one get another chance, after a pause. This happens before the answer's first output, and never after it: the
//! model would say something else.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderValue;
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use tracing::Instrument as _;

use super::deployment::{Answering, Deployment};
use super::failure::Failure;
use super::health::{Choice, Outcome, Tried};
use super::model::Model;
use super::retry;
use super::{Again, Opened};
use crate::error::{ChatError, Code};
use crate::inbound::conversation::Conversation;

/// One request's tries.
pub(super) struct Asking {
    model: Arc<Model>,
    conversation: Conversation,
    /// The caller's, passed on where telemetry has none of its own.
    traceparent: Option<HeaderValue>,
    /// Deployments that were asked in vain since the last pause.
    tried: Tried,
    /// Tries so far.
    tries: u32,
    pauses: u32,
    /// The most hopeful failure since the last pause: what is told if there is no further try.
    best: Option<Failure>,
}

impl Asking {
    pub(super) fn new(model: Arc<Model>, conversation: Conversation, traceparent: Option<HeaderValue>) -> Self {
        Self { model, conversation, traceparent, tried: Tried::default(), tries: 0, pauses: 0, best: None }
    }

    /// Asks until a deployment answers.
    pub(super) async fn open(self) -> Result<Opened<reqwest::Body>, ChatError> {
        let first = self.model.choose(self.tried).unwrap_or_else(|| self.model.choose_anyway());
        self.open_at(first).await
    }

    async fn open_at(mut self, mut choice: Choice) -> Result<Opened<reqwest::Body>, ChatError> {
        loop {
            let try_of = Try { model: Arc::clone(&self.model), choice, is_told: false };
            let Some(deployment) = self.model.deployments.get(choice.index) else {
                return Err(ChatError::new(Code::Internal, "This program failed. Tell the operator.")
                    .caused_by("a model without a deployment"));
            };
            let asked = deployment.ask(&self.conversation, self.tries, self.traceparent.as_ref()).await;
            self.tries += 1;
            match asked {
                Ok(answering) => return Ok(self.opened(try_of, answering)),
                Err(failure) => {
                    try_of.tell(failure.outcome);
                    choice = self.next(choice, failure).await?;
                }
            }
        }
    }

    /// The deployment to ask after one that failed; waits where all have.
    async fn next(&mut self, failed: Choice, failure: Failure) -> Result<Choice, ChatError> {
        self.tried.add(failed.index);
        let (elsewhere, reason) = (failure.elsewhere, failure.error.code().as_str());
        let cause = failure.error.cause().unwrap_or_default().to_owned();
        let keep = self.best.as_ref().is_none_or(|best| failure.again || !best.again);
        if keep {
            self.best = Some(failure);
        }
        let is_last = !elsewhere || self.tries > self.model.clocks().max_retries;
        let next = if is_last { None } else { self.model.choose(self.tried) };
        if let Some(next) = next {
            let name = |choice: Choice| self.model.deployments.get(choice.index).map(Deployment::name);
            self.model.telemetry.failover(name(failed).unwrap_or_default(), reason);
            tracing::info!(
                from = name(failed),
                to = name(next),
                tries = self.tries,
                cause,
                "asking another deployment"
            );
            return Ok(next);
        }
        let Some(best) = self.best.take() else { return Err(no_failure()) };
        let pause = retry::pause(self.pauses, best.wait, fastrand::f64()).filter(|_| !is_last && best.again);
        let Some(pause) = pause else { return Err(best.error) };
        self.pauses += 1;
        self.tried = Tried::default();
        self.model.telemetry.retry(best.error.code().as_str());
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(retry = self.tries, pause_ms, cause = best.error.cause(), "asking upstream again");
        tokio::time::sleep(pause).await;
        Ok(self.model.choose(self.tried).unwrap_or_else(|| self.model.choose_anyway()))
    }

    /// An answer begins. Until its first output it may still fail as if it had not.
    fn opened(self, try_of: Try, answering: Answering) -> Opened<reqwest::Body> {
        let Answering { body, reader, wait, exhausted, call } = answering;
        let choice = try_of.choice;
        try_of.tell(exhausted.map_or(Outcome::Answered, Outcome::Exhausted));
        let deployment = self.model.deployments.get(choice.index);
        let (context, span) = (Context::current(), tracing::Span::current());
        Opened {
            body,
            reader,
            wait,
            deployment: deployment.map(|deployment| deployment.name().to_owned()).unwrap_or_default(),
            tag: deployment.map(|deployment| deployment.tag().clone()).unwrap_or_default(),
            call,
            again: Some(Again::new(move |error| {
                self.after(choice, Failure::told_in_stream(error, wait)).with_context(context).instrument(span).boxed()
            })),
        }
    }

    /// Asks on after an answer that told of a failure before its first output. A box, since this is where asking begins
    /// again.
    fn after(
        mut self,
        choice: Choice,
        failure: Failure,
    ) -> BoxFuture<'static, Result<Opened<reqwest::Body>, ChatError>> {
        async move {
            let plain = Choice { is_probe: false, ..choice };
            self.model.note(plain, failure.outcome);
            let next = self.next(plain, failure).await?;
            self.open_at(next).await
        }
        .boxed()
    }
}

fn no_failure() -> ChatError {
    ChatError::new(Code::Internal, "This program failed. Tell the operator.").caused_by("no failure to tell")
}

/// A try that goes on. A probe that is given up leaves the question to the next request.
struct Try {
    model: Arc<Model>,
    choice: Choice,
    is_told: bool,
}

impl Try {
    fn tell(mut self, outcome: Outcome) {
        self.is_told = true;
        self.model.note(self.choice, outcome);
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        if !self.is_told {
            self.model.note(self.choice, Outcome::Nothing);
        }
    }
}
