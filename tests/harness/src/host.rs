//! A stand-in for the Azure Functions host in front of one custom handler.
//!
//! In comes a staged app (a folder with `host.json`, functions and the handler's executable) and [`HostOptions`]; out
//! come a URL, the handler's log, and the handler's fate. What is emulated is what a handler and its clients can tell:
//! the process rules ([`Host::start`], restarts by exit code), the front door (routes, 404, 413, preflights), the proxy
//! (header rules, retries) and above all its way with answers: nothing is sent before the first body byte, every read
//! after it goes out at once, and a failure after it is a cut connection.
//!
//! Where the proxy of the real host is at hand, it can take the front door's place ([`HostOptions::real_proxy`]).
//!
//! Not emulated: sign-in (App Service Authentication), the header set of Azure's front ends, load balancing, the key
//! store, Application Insights, `http.routes` of `host.json`, and the two other ways to call a handler.
//!
//! # Layout, in reading order
//! `options`, `error`: what goes in, and why it may be refused. `configuration`, `app`, `routes`, `local_settings`: the
//! staged app. `process`, `supervisor`, `state`, `log`: the handler's process. `front`, `socket`, `entry`, `cors`: the front door.
//! `proxy`, `headers`, `bodies`, `clock`: one call. `handler`, `reply`: its exchange with the handler. `real`: the real proxy in the place of these and the front door.

mod app;
mod bodies;
mod clock;
mod configuration;
mod cors;
mod entry;
mod error;
mod front;
mod handler;
mod headers;
mod local_settings;
mod log;
mod options;
mod process;
mod proxy;
mod real;
mod reply;
mod routes;
mod socket;
mod state;
mod supervisor;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

pub use error::HostError;
pub use local_settings::LocalSettings;
pub use log::{Channel, Level, LogLine, Stream};
pub use options::HostOptions;

use crate::lock::locked;
use app::App;
use clock::Limits;
use front::{Door, Opening};
use process::{Environment, Process, Signal};
use proxy::Proxy;
use real::RealProxy;
use state::{Order, Phase, Shared};
use supervisor::Supervisor;

/// Time for cut connections to be gone, and for the last bytes of drained ones.
const CLOSING_WAIT: Duration = Duration::from_secs(1);

/// A running host. Dropping it kills the handler and cuts all connections.
#[derive(Debug)]
pub struct Host {
    address: SocketAddr,
    app: Arc<App>,
    shared: Arc<Shared>,
    key: String,
    interrupt_wait: Duration,
    opening: watch::Sender<Opening>,
    alive: mpsc::Receiver<()>,
    real: Option<RealProxy>,
    supervisor: AbortOnDrop,
}

/// A function as an operator wants to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionRoute {
    /// The folder's name.
    pub name: String,
    /// Upper case; empty is any method.
    pub methods: Vec<String>,
    /// Where it is called; parameters stay in braces.
    pub url: String,
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Host {
    /// Reads the app, opens the front door, starts the handler and waits until it answers `GET /`.
    ///
    /// A handler that fails while it starts is restarted by the usual rules, so a hopeless one is started three times.
    pub async fn start(app_root: &Path, options: HostOptions) -> Result<Self, HostError> {
        let listener = listen(options.port).await?;
        let address = listener.local_addr().map_err(|source| HostError::Port { port: options.port, source })?;
        let mut added = vec![("WEBSITE_HOSTNAME".to_owned(), format!("localhost:{}", address.port()))];
        added.extend(options.env.iter().cloned());
        let env = Environment::new(options.inherit_env, &added);
        let app = Arc::new(App::read(app_root, &options, &env.all)?);
        let handler_port = reserve(app.handler_port.unwrap_or(0)).await?;
        let (shared, orders) = Shared::new(handler_port, options.echo_logs);
        let first = Process::spawn(&app, &env, &shared)
            .map_err(|source| HostError::Spawn { program: app.program.clone(), source })?;
        let key = Uuid::new_v4().simple().to_string();
        let proxy =
            Arc::new(Proxy::new(Arc::clone(&shared), options.restart_wait, app.body_limit, options.hide_client_abort));
        let door = Arc::new(Door {
            app: Arc::clone(&app),
            shared: Arc::clone(&shared),
            proxy,
            limits: Limits {
                idle: options.idle_timeout,
                front_idle: options.front_idle_timeout,
                function: app.function_timeout,
            },
            cors: options.cors.clone(),
            key: options.authorize.then(|| key.clone()),
            hide_client_abort: options.hide_client_abort,
        });
        let opening = watch::Sender::new(Opening::Open);
        let (alive_sender, alive) = mpsc::channel(1);
        // What the real proxy forwards to, if it stands in front: the handler, or what of a host it is not.
        let behind = match (&options.real_proxy, options.asks_for_more_than_a_proxy()) {
            (None, _) => {
                tokio::spawn(front::accept(listener, door, opening.subscribe(), alive_sender));
                None
            }
            (Some(program), false) => Some((program.clone(), handler_port, listener)),
            (Some(program), true) => {
                let inner = listen(0).await?;
                let port = inner.local_addr().map_err(|source| HostError::Port { port: 0, source })?.port();
                tokio::spawn(front::accept(inner, door, opening.subscribe(), alive_sender));
                Some((program.clone(), port, listener))
            }
        };
        let supervisor = Supervisor {
            app: Arc::clone(&app),
            env,
            shared: Arc::clone(&shared),
            orders,
            ping_every: options.ping_every,
        };
        let supervisor = AbortOnDrop(tokio::spawn(supervisor.run(first)));
        let interrupt_wait = options.interrupt_wait;
        let mut host = Self { address, app, shared, key, interrupt_wait, opening, alive, real: None, supervisor };
        host.shared.ready(Duration::MAX).await;
        if let Phase::Stopped(reason) = host.shared.status().phase {
            return Err(HostError::Handler { reason });
        }
        if let Some((program, target, held)) = behind {
            // The port is held until it is needed, so that nobody else gets it.
            drop(held);
            let started = RealProxy::start(&program, target, address.port(), options.idle_timeout, &host.shared).await;
            host.real = Some(started.map_err(|source| HostError::Spawn { program, source })?);
        }
        Ok(host)
    }

    /// `http://127.0.0.1:PORT` with this path, whose leading slash may be left out.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{}", self.address, path.trim_start_matches('/'))
    }

    /// Where the front door is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The handler's port on 127.0.0.1, the same after restarts.
    pub fn handler_port(&self) -> u16 {
        self.shared.port
    }

    /// The handler's process; `None` while there is none.
    pub fn handler_pid(&self) -> Option<u32> {
        self.shared.status().pid
    }

    /// How often the handler has been started.
    pub fn handler_starts(&self) -> usize {
        self.shared.status().starts
    }

    /// Whether the handler is ready for calls. A handler that ended with exit code 0 still counts as ready.
    pub fn is_ready(&self) -> bool {
        self.shared.status().phase == Phase::Ready
    }

    /// Whether the host has given up: its front door is closed and the handler is not started again.
    pub fn is_stopped(&self) -> bool {
        matches!(self.shared.status().phase, Phase::Stopped(_))
    }

    /// The last 20,000 lines of the handler and the host.
    pub fn log(&self) -> Vec<LogLine> {
        self.shared.lines()
    }

    /// The app's functions, the more specific routes first.
    pub fn functions(&self) -> Vec<FunctionRoute> {
        let route = |function: &app::Function| FunctionRoute {
            name: function.name.clone(),
            methods: function.methods.clone(),
            url: self.url(&function.route.to_string()),
        };
        self.app.functions.iter().map(route).collect()
    }

    /// The key that functions demand when [`HostOptions::authorize`] is on, in `x-functions-key` or `?code=`.
    pub fn function_key(&self) -> &str {
        &self.key
    }

    /// Waits until `what` holds, looking again at each change of the log or the handler's state; false when that takes
    /// longer than `within`.
    pub async fn wait_until(&self, what: impl Fn(&Self) -> bool, within: Duration) -> bool {
        let mut changes = self.shared.watch_changes();
        let holds = async {
            while !what(self) {
                if changes.changed().await.is_err() {
                    return what(self);
                }
            }
            true
        };
        timeout(within, holds).await.unwrap_or(false)
    }

    /// SIGTERM to the running handler; what follows is up to it and to the restart rules.
    pub async fn terminate_handler(&self) {
        self.signal(Signal::Terminate).await;
    }

    /// SIGKILL to the running handler, which the restart rules count as an error.
    pub async fn kill_handler(&self) {
        self.signal(Signal::Kill).await;
    }

    async fn signal(&self, signal: Signal) {
        let (done, answered) = oneshot::channel();
        if self.shared.order(Order::Signal(signal, done)).await {
            let _ = answered.await;
        }
    }

    /// Stops as the real host does: SIGKILL to the handler's process alone, at most a second for it to go, and every
    /// connection is cut.
    pub async fn stop(self) {
        self.close(None, Duration::ZERO).await;
    }

    /// Stops as after Ctrl-C in a terminal: SIGINT to the handler, time to end by itself
    /// ([`HostOptions::interrupt_wait`]) in which open answers still pass, then SIGKILL.
    ///
    /// The answer is the handler's exit status; `None` when the host had stopped already.
    pub async fn interrupt(self) -> Option<ExitStatus> {
        let wait = self.interrupt_wait;
        self.close(Some(Signal::Interrupt), wait).await
    }

    /// As [`interrupt`](Self::interrupt), for a terminal that has sent the signal to the handler by itself.
    pub async fn wait_for_interrupted(self) -> Option<ExitStatus> {
        let wait = self.interrupt_wait;
        self.close(None, wait).await
    }

    async fn close(mut self, signal: Option<Signal>, wait: Duration) -> Option<ExitStatus> {
        let at_once = wait.is_zero();
        self.opening.send_replace(if at_once { Opening::Closed } else { Opening::Draining });
        let (done, ended) = oneshot::channel();
        let told = self.shared.order(Order::Stop { signal, wait, done }).await;
        let status = if told { ended.await.ok().flatten() } else { None };
        if let Some(real) = self.real.take() {
            real.stop(!at_once).await;
        }
        if !at_once {
            let _ = timeout(CLOSING_WAIT, self.alive.recv()).await;
        }
        self.opening.send_replace(Opening::Closed);
        let _ = timeout(CLOSING_WAIT, self.alive.recv()).await;
        let _ = (&mut self.supervisor.0).await;
        status
    }
}

async fn listen(port: u16) -> Result<TcpListener, HostError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| HostError::Port { port, source })
}

/// Finds a port for the handler by binding and releasing it, as the real host does. Several hosts in one process never
/// get the same one.
async fn reserve(port: u16) -> Result<u16, HostError> {
    static RESERVED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = listen(port).await?;
        let found = listener.local_addr().map_err(|source: io::Error| HostError::Port { port, source })?.port();
        if locked(&RESERVED).insert(found) || port != 0 {
            return Ok(found);
        }
    }
}
