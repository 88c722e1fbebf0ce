//! The running whole.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use harness::ingestion::Ingestion;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::authority::Authority;
use crate::fault::Fault;
use crate::log::{Entry, Log, What};
use crate::proxy;
use crate::sites::Backends;
use crate::state::{PIPELINE_OBJECT, State};
use crate::tokens::{Mint, Principal};

/// What a scripted Azure needs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Bicep compiler.
    pub bicep: PathBuf,
    /// Where copies of what was published are kept.
    pub kept: PathBuf,
    /// Ends of the names of hosts outside this world that may be reached; `""` ends every name.
    pub pass: Vec<String>,
    /// What stands in for compiling the program: this one is put where the compiler would put it.
    pub compiled: Option<PathBuf>,
    /// How long a deployment takes at least.
    pub pace: Duration,
    /// The proxy's port on 127.0.0.1; 0 stands for any free one.
    pub port: u16,
}

/// A running Azure. Dropping it closes its sockets.
#[derive(Debug)]
pub struct Azure {
    pub(crate) world: Arc<World>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Azure {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) authority: Authority,
    pub(crate) mint: Mint,
    pub(crate) log: Log,
    pub(crate) backends: Backends,
    /// What Application Insights has been told, once something tells it.
    pub(crate) telemetry: Mutex<Option<Arc<Ingestion>>>,
    /// Grows whenever a deployment may go on.
    pub(crate) moved: watch::Sender<usize>,
    state: Mutex<State>,
}

impl World {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Azure {
    /// Opens the proxy.
    ///
    /// # Errors
    /// In words, where a port, a folder or the certificates cannot be had.
    pub async fn start(mut options: Options) -> Result<Self, String> {
        let made = std::fs::create_dir_all(&options.kept).and_then(|()| std::fs::canonicalize(&options.kept));
        // Programs are told of it that stand elsewhere.
        options.kept = made.map_err(|error| format!("{}: {error}", options.kept.display()))?;
        let told = |error| format!("port {} of 127.0.0.1: {error}", options.port);
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.map_err(told)?;
        let address = listener.local_addr().map_err(told)?;
        let world = Arc::new(World {
            options,
            authority: Authority::new()?,
            mint: Mint::new(),
            log: Log::new(),
            backends: Backends::default(),
            telemetry: Mutex::default(),
            moved: watch::Sender::new(0),
            state: Mutex::new(State::new()),
        });
        let task = tokio::spawn(proxy::accept(listener, Arc::clone(&world)));
        Ok(Self { world, address, task })
    }

    /// The proxy's address, for `HTTPS_PROXY`; the door of the stand-ins for programs is there too.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The certificate that has to be trusted, in PEM.
    pub fn certificate(&self) -> &str {
        self.world.authority.pem()
    }

    /// A look at what is there, or a change by hand.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.world.state()
    }

    /// Everything so far.
    pub fn log(&self) -> Vec<Entry> {
        self.world.log.all()
    }

    /// Tells of each new entry of the log.
    pub fn watch(&self) -> watch::Receiver<usize> {
        self.world.log.watch()
    }

    /// What nobody knew how to answer, and the hosts that were refused: empty in a good run.
    pub fn surprises(&self) -> Vec<String> {
        let strange = |entry: &Entry| matches!(entry.what, What::Unknown(_) | What::Refused(_));
        self.log().iter().filter(|entry| strange(entry)).map(ToString::to_string).collect()
    }

    /// Lets something go wrong.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Nothing goes wrong any more.
    pub fn cure(&self) {
        self.state().faults.clear();
    }

    /// Every secret that was given out: refresh, access and deployment tokens.
    pub fn secrets(&self) -> Vec<String> {
        self.state().secrets.clone()
    }

    /// From now on deployments stay unfinished, whether azd is there or not.
    pub fn hold(&self) {
        self.state().held = true;
    }

    /// Lets them go.
    pub fn let_go(&self) {
        self.state().held = false;
        self.world.moved.send_modify(|moved| *moved += 1);
    }

    /// Waits until no deployment runs; false when that takes longer.
    pub async fn settled(&self, within: Duration) -> bool {
        let mut moved = self.world.moved.subscribe();
        let wait = async {
            while self.state().deployments.iter().any(|deployment| deployment.state() == "Running") {
                if moved.changed().await.is_err() {
                    return;
                }
            }
        };
        timeout(within, wait).await.is_ok()
    }

    /// The newest deployment, as Resource Manager shows it.
    pub fn newest_deployment(&self) -> Option<Value> {
        self.state().deployments.last().map(|deployment| deployment.record.clone())
    }

    /// How many resources a deployment of this name made or changed.
    pub fn changed(&self, deployment: &str) -> Option<usize> {
        self.state().deployments.iter().find(|found| found.name() == deployment).map(|found| found.changed)
    }

    /// Who holds which role on what: scope, role, principal, all in lower case.
    pub fn roles(&self) -> Vec<(String, String, String)> {
        self.state().roles.keys().cloned().collect()
    }

    /// The quota of every model in this region.
    pub fn quota(&self, region: &str, limit: u64) {
        self.state().limits.insert(region.to_owned(), limit);
    }

    /// Access tokens are said to live so long from now on: with a minute, azd refreshes its sign-in at every command.
    pub fn lifetime(&self, seconds: u64) {
        self.state().lifetime = seconds;
    }

    /// Who signs in from now on is this person.
    pub fn user(&self, object: &str) {
        self.state().user =
            Some(Principal { object: object.to_owned(), name: Some("other@contoso.example".to_owned()) });
    }

    /// The object id of a pipeline that signs in by federation.
    pub fn pipeline(&self) -> &'static str {
        PIPELINE_OBJECT
    }

    /// A token as Entra gives it to a person's browser for this audience, by this client.
    pub fn token(&self, audience: &str, client: &str) -> String {
        let who = self.state().user.clone();
        let token = who.map(|who| self.world.mint.access(&who, audience, client)).unwrap_or_default();
        self.state().secrets.push(token.clone());
        token
    }

    /// The copy of the page that was uploaded to this static site.
    pub fn page(&self, site: &str) -> Option<PathBuf> {
        self.state().pages.get(&site.to_lowercase()).cloned()
    }

    /// The copy of the package that was published to this function app.
    pub fn package(&self, site: &str) -> Option<PathBuf> {
        self.state().packages.get(&site.to_lowercase()).cloned()
    }

    /// How often a program was published.
    pub fn publications(&self) -> usize {
        self.state().publications
    }

    /// A deployed host, such as `func-….azurewebsites.net`, is answered from this port of 127.0.0.1 from now on.
    pub fn serve(&self, host: &str, port: u16) {
        self.world.backends.set(host, port);
    }

    /// Application Insights has been told what this stand-in was.
    pub(crate) fn told_to(&self, ingestion: Arc<Ingestion>) {
        *self.world.telemetry.lock().unwrap_or_else(PoisonError::into_inner) = Some(ingestion);
    }

    /// Where copies of what was published are.
    pub fn kept(&self) -> &Path {
        &self.world.options.kept
    }
}
