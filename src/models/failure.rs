//! What follows from a try that failed. Pure: what became of it in, whether another deployment may do better out.
//!
//! Another one is asked for what is that one deployment's own: its rate limit, its failure, its ways of letting nobody in.
//! Not for what is wrong with the request, which all would refuse, and not where a clock ran out while the model may have
//! been at work: the answer may be billed already.

use std::time::Duration;

use http::StatusCode;

use super::health::Outcome;
use crate::error::{ChatError, Code};

/// A wait that is nobody's default: what is told of a quota, not of a rate.
const LONG_WAIT: Duration = Duration::from_secs(60);

/// A try that failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// What is told of it.
    pub(super) error: ChatError,
    /// What it says of the deployment.
    pub(super) outcome: Outcome,
    /// Whether another deployment is asked.
    pub(super) elsewhere: bool,
    /// Whether the same one may do better after a pause.
    pub(super) again: bool,
    /// The pause that it asks for.
    pub(super) wait: Option<Duration>,
}

impl Failure {
    /// Nothing was asked, or all would say the same.
    pub(super) fn of_the_request(error: ChatError) -> Self {
        Self { error, outcome: Outcome::Nothing, elsewhere: false, again: false, wait: None }
    }

    /// No connection, or one that was lost before the answer.
    pub(super) fn lost(error: ChatError) -> Self {
        Self { error, outcome: Outcome::Failed, elsewhere: true, again: true, wait: None }
    }

    /// No connection within its time. Waiting as long once more is not for the same request to do.
    pub(super) fn not_reached_in_time(error: ChatError) -> Self {
        Self { again: false, ..Self::lost(error) }
    }

    /// A status that is no success. `may_pass`: the same request may get another answer later.
    pub(super) fn refused(error: ChatError, status: StatusCode, may_pass: bool, wait: Option<Duration>) -> Self {
        let (outcome, elsewhere) = match (error.code(), status.as_u16()) {
            (Code::RateLimited, _) => (Outcome::Limited(wait), true),
            // No fault of the deployment's: two requests met, or one was slow to arrive.
            (_, 408 | 409) => (Outcome::Nothing, true),
            (Code::UpstreamAuth | Code::UpstreamMisconfigured, _) => (Outcome::Refused, true),
            (Code::UpstreamError, _) => (Outcome::Failed, true),
            _ => (Outcome::Nothing, false),
        };
        Self { error, outcome, elsewhere, again: may_pass, wait }
    }

    /// A failure that was told inside a 200, before any output. `wait` is what the 200's head asks for; a quota that is used
    /// up asks for a long one by itself.
    pub(super) fn told_in_stream(error: ChatError, wait: Option<Duration>) -> Self {
        let own = error.retry_after_seconds().map(Duration::from_secs).filter(|own| *own >= LONG_WAIT);
        let wait = wait.or(own);
        let (outcome, elsewhere) = match error.code() {
            Code::RateLimited => (Outcome::Limited(wait), true),
            Code::UpstreamError => (Outcome::Failed, true),
            Code::UpstreamAuth | Code::UpstreamMisconfigured => (Outcome::Refused, true),
            _ => (Outcome::Nothing, false),
        };
        let again = matches!(error.code(), Code::RateLimited | Code::UpstreamError);
        Self { error, outcome, elsewhere, again, wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Option<Duration> = Some(Duration::from_secs(7));

    #[test]
    fn what_counts_and_what_does_not() {
        // Status, what the account of it led to, whether another deployment is asked, what is noted of this one.
        for (status, code, elsewhere, outcome) in [
            (408, Code::UpstreamError, true, Outcome::Nothing),
            (409, Code::UpstreamError, true, Outcome::Nothing),
            (429, Code::RateLimited, true, Outcome::Limited(WAIT)),
            (500, Code::UpstreamError, true, Outcome::Failed),
            (503, Code::UpstreamError, true, Outcome::Failed),
            (401, Code::UpstreamAuth, true, Outcome::Refused),
            (401, Code::UpstreamMisconfigured, true, Outcome::Refused),
            (403, Code::UpstreamAuth, true, Outcome::Refused),
            (403, Code::RateLimited, true, Outcome::Limited(WAIT)),
            (404, Code::UpstreamMisconfigured, true, Outcome::Refused),
            (400, Code::ContentFilter, false, Outcome::Nothing),
            (400, Code::ContextLengthExceeded, false, Outcome::Nothing),
            (400, Code::UpstreamRejected, false, Outcome::Nothing),
            (400, Code::InvalidRequest, false, Outcome::Nothing),
            (422, Code::UpstreamRejected, false, Outcome::Nothing),
            (302, Code::UpstreamProtocol, false, Outcome::Nothing),
        ] {
            let error = ChatError::new(code, "");
            let failure = Failure::refused(error, StatusCode::from_u16(status).unwrap(), true, WAIT);
            assert_eq!((failure.elsewhere, failure.outcome), (elsewhere, outcome), "{status} {code:?}");
        }
    }

    #[test]
    fn inside_a_200_the_same_counts() {
        for (code, elsewhere, outcome) in [
            (Code::RateLimited, true, Outcome::Limited(WAIT)),
            (Code::UpstreamError, true, Outcome::Failed),
            (Code::UpstreamAuth, true, Outcome::Refused),
            (Code::ContentFilter, false, Outcome::Nothing),
            (Code::ContextLengthExceeded, false, Outcome::Nothing),
            (Code::UpstreamProtocol, false, Outcome::Nothing),
            (Code::UpstreamTruncated, false, Outcome::Nothing),
        ] {
            let failure = Failure::told_in_stream(ChatError::new(code, ""), WAIT);
            assert_eq!((failure.elsewhere, failure.outcome), (elsewhere, outcome), "{code:?}");
        }
    }

    #[test]
    fn a_lost_connection_is_tried_elsewhere_and_again_and_a_slow_one_elsewhere_only() {
        let error = || ChatError::new(Code::UpstreamError, "");
        let lost = Failure::lost(error());
        assert!(lost.elsewhere && lost.again);
        let slow = Failure::not_reached_in_time(error());
        assert!(slow.elsewhere && !slow.again);
        let of_the_request = Failure::of_the_request(error());
        assert!(!of_the_request.elsewhere && !of_the_request.again);
    }
}
