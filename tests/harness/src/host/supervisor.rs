//! Starts the handler, again and again, by the real host's rules.
//!
//! Exit code 0 counts as a success: nothing is restarted, and every later call fails. 200 is a wish to be restarted.
//! Anything else, a signal included, is an error, and so is a handler that does not answer in time; the third error
//! with no half hour of peace between them stops the host. A restarted handler gets the same port and a new id.

use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::select;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::app::App;
use super::log::Level;
use super::process::{Environment, Process, Signal, answers, ping};
use super::state::{Order, Phase, Shared};

/// Errors after which the host stops.
const MAX_ERRORS: usize = 3;
/// Peace after which earlier errors are forgotten.
const ERROR_WINDOW: Duration = Duration::from_mins(30);

/// How one process's life ended.
enum Ended {
    Exited(ExitStatus),
    NeverReady,
    Replaced,
    Stopped(Option<ExitStatus>, oneshot::Sender<Option<ExitStatus>>),
    /// The host object is gone.
    Abandoned,
}

pub(super) struct Supervisor {
    pub(super) app: Arc<App>,
    pub(super) env: Environment,
    pub(super) shared: Arc<Shared>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) ping_every: Option<Duration>,
}

impl Supervisor {
    /// Runs until the host is stopped. `first` was started by the caller, who can report that it could not be.
    pub(super) async fn run(mut self, first: Process) {
        let mut process = first;
        let mut errors = Errors::default();
        loop {
            self.shared.update(|status| {
                status.phase = Phase::Starting;
                status.starts += 1;
                status.pid = process.id();
            });
            let ended = self.live(&mut process).await;
            self.shared.update(|status| {
                status.pid = None;
                status.phase = Phase::Starting;
            });
            let trouble = match ended {
                Ended::Abandoned => return,
                Ended::Stopped(status, done) => {
                    self.stop("it was asked to");
                    let _ = done.send(status);
                    return;
                }
                Ended::Replaced => {
                    self.shared
                        .say(Level::Error, "a call ran into functionTimeout; the handler is killed and restarted");
                    None
                }
                Ended::Exited(status) if status.code() == Some(200) => {
                    self.shared.say(Level::Information, "the handler asked for a restart (exit code 200)");
                    None
                }
                Ended::Exited(status) => {
                    Some(format!("the handler ended with {status}: {}", process.last_words().await))
                }
                Ended::NeverReady => {
                    Some(format!("the handler did not answer GET / in time: {}", process.last_words().await))
                }
            };
            if let Some(trouble) = trouble {
                self.shared.say(Level::Error, trouble.clone());
                if errors.add() >= MAX_ERRORS {
                    self.shared.say(Level::Error, "the handler failed too often; the host stops");
                    return self.stop(&trouble);
                }
            }
            process = match Process::spawn(&self.app, &self.env, &self.shared) {
                Ok(process) => process,
                Err(error) => {
                    return self.stop(&format!("the handler cannot be executed: {error}"));
                }
            };
        }
    }

    fn stop(&self, reason: &str) {
        self.shared.update(|status| {
            status.phase = Phase::Stopped(reason.to_owned());
            status.pid = None;
        });
    }

    /// Follows one process. It is dead when this returns, except when the host object is gone, whose end kills it.
    async fn live(&mut self, process: &mut Process) -> Ended {
        let port = self.shared.port;
        let mut ready = pin!(timeout(self.app.initialization_timeout, answers(port)));
        let mut is_ready = false;
        let mut exited = false;
        let mut next_ping = pin!(sleep(Duration::ZERO));
        loop {
            select! {
                // A clean exit ends nothing: readiness is still waited for, or calls still fail.
                status = process.wait(), if !exited => match status {
                    Ok(status) if status.code() != Some(0) => return Ended::Exited(status),
                    _ => {
                        exited = true;
                        self.shared.say(Level::Warning, "the handler ended with exit code 0 and is not restarted");
                        self.shared.update(|status| status.pid = None);
                    }
                },
                answered = &mut ready, if !is_ready => {
                    if answered.is_err() {
                        process.kill().await;
                        return Ended::NeverReady;
                    }
                    is_ready = true;
                    self.shared.say(Level::Information, format!("the handler is ready on port {port}"));
                    self.shared.update(|status| status.phase = Phase::Ready);
                    next_ping.as_mut().reset(Instant::now() + self.ping_every.unwrap_or_default());
                }
                () = &mut next_ping, if is_ready && !exited && self.ping_every.is_some() => {
                    tokio::spawn(timeout(Duration::from_secs(30), ping(port)));
                    next_ping.as_mut().reset(Instant::now() + self.ping_every.unwrap_or_default());
                }
                order = self.orders.recv() => match order {
                    None => return Ended::Abandoned,
                    Some(Order::Signal(signal, done)) => {
                        process.signal(signal).await;
                        let _ = done.send(());
                    }
                    Some(Order::Replace { start }) if start != self.shared.status().starts => {}
                    Some(Order::Replace { .. }) => {
                        process.kill().await;
                        return Ended::Replaced;
                    }
                    Some(Order::Stop { signal, wait, done }) => return Ended::Stopped(end(process, signal, wait).await, done),
                },
            }
        }
    }
}

async fn end(process: &mut Process, signal: Option<Signal>, wait: Duration) -> Option<ExitStatus> {
    if let Some(signal) = signal {
        process.signal(signal).await;
    }
    let status = match timeout(wait, process.wait()).await {
        Ok(status) => status.ok(),
        Err(_) => process.kill().await,
    };
    process.last_words().await;
    status
}

/// Errors since the last half hour of peace.
#[derive(Default)]
struct Errors {
    count: usize,
    last: Option<Instant>,
}

impl Errors {
    fn add(&mut self) -> usize {
        let now = Instant::now();
        if self.last.is_some_and(|last| now.duration_since(last) > ERROR_WINDOW) {
            self.count = 0;
        }
        self.last = Some(now);
        self.count += 1;
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn half_an_hour_of_peace_forgives() {
        let mut errors = Errors::default();
        assert_eq!((errors.add(), errors.add()), (1, 2));
        tokio::time::advance(ERROR_WINDOW + Duration::from_secs(1)).await;
        assert_eq!(errors.add(), 1);
    }
}
