//! The two upstreams: all first deployments are at one, the second ones of pairs at the other.

use std::sync::Arc;
use std::time::Duration;

use harness::upstream::Upstream;

use crate::model::Model;

/// Both.
#[derive(Debug)]
pub(crate) struct Upstreams {
    pub(crate) first: Upstream,
    pub(crate) second: Upstream,
}

impl Upstreams {
    /// Starts them; what they say is the model's.
    pub(crate) async fn start(model: &Arc<Model>) -> Self {
        let this = Self { first: Upstream::start().await, second: Upstream::start().await };
        let playing = Arc::clone(model);
        this.first.respond(move |request| playing.reply(request, false));
        let playing = Arc::clone(model);
        this.second.respond(move |request| playing.reply(request, true));
        this
    }

    /// Keeps no requests.
    pub(crate) fn forget(&self) {
        self.first.forget();
        self.second.forget();
    }

    /// Answers that are open.
    pub(crate) fn open(&self) -> usize {
        self.first.open() + self.second.open()
    }

    /// Requests so far: at the first, at the second.
    pub(crate) fn requests(&self) -> (usize, usize) {
        (self.first.counts().requests, self.second.counts().requests)
    }

    /// Answers that are still open after this time.
    pub(crate) async fn left_open(&self, within: Duration) -> usize {
        let closed = |upstream| Upstream::wait_for(upstream, |counts| counts.open == 0, within);
        futures::join!(closed(&self.first), closed(&self.second));
        self.open()
    }
}
