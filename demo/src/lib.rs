//! The built-in demo model: an OpenAI-style server for loopback, so that the program can be tried without Azure.
//!
//! In comes a request for chat completions or of the Responses API, out goes an event stream in Azure's shape: thoughts
//! first, or a summary of them, then an answer in Markdown, at a readable pace. It is no language model and says so. Words
//! in the last user message steer it (`wishes`), also into every failure that an upstream can cause (`fault`).
//!
//! [`serve`] is one server. [`Regions`] is two, of which one can be told to go down, so that failover can be seen.
//!
//! # Layout, in the order a request passes
//!
//! - `server`: a region's connections and routes; `region`: which of them are up.
//! - `ask`: request body to `Ask`, or a refusal, for each protocol; `character`, `image`, `tool`: what else it brings.
//! - `words`: the small text tools that all others share.
//! - `wishes`: what the words of the question tell the demo to do: pace, length, silences, failures.
//! - `subject`: what the question is about, as far as a demo can tell; `sum` and `fraction` compute.
//! - `thoughts`, `summary`, `answer`, `tour`, `long`: the texts.
//! - `fault`: the failures that can be asked for, and the shape each has at Azure.
//! - `script`: all of that put in order, with its pauses, before anything is sent; `budget` ends it early.
//! - `beats`: a script cut into single waits and events.
//! - `wire`: an event to the bytes of its server-sent events, in either protocol.
//!
//! All but `server` and this file is pure, up to the state of the regions. The stream is pulled: it sleeps between two
//! events inside the response body, so a client that leaves drops it, and nothing is left running.

mod answer;
mod ask;
mod beats;
mod budget;
mod character;
mod fault;
mod fraction;
mod image;
mod long;
mod protocol;
mod region;
mod script;
mod server;
mod step;
mod subject;
mod sum;
mod summary;
mod thoughts;
mod tool;
mod tour;
mod wire;
mod wishes;
mod words;

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use self::region::Region;

/// The deployment name of the model that takes its time. A name that the demo does not know is answered by this model, so a
/// deployment name set without an endpoint does no harm.
pub const DEPLOYMENT: &str = "demo";

/// The deployment name of the model that is quick, as is any other name with `quick` in it.
pub const QUICK_DEPLOYMENT: &str = "demo-quick";

/// Every name that a deployment calls itself by.
const DEPLOYMENTS: [&str; 6] =
    [DEPLOYMENT, QUICK_DEPLOYMENT, "demo-east", "demo-west", "demo-quick-east", "demo-quick-west"];

/// The names of the regions, in the order of [`Regions::addresses`] and [`Model::deployments`].
const REGIONS: [&str; 2] = ["east", "west"];

/// A model that can be chosen, and where it is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// What it is called among the program's models.
    pub name: &'static str,
    /// What people read.
    pub title: &'static str,
    /// Its deployment in each region, in the order of [`Regions::addresses`]. They differ so that an answer shows where it
    /// comes from; [`DEPLOYMENT`] and [`QUICK_DEPLOYMENT`] are known in every region too.
    pub deployments: [&'static str; 2],
    /// The efforts that a request may name.
    pub efforts: [&'static str; 3],
    /// The effort of a request that names none.
    pub effort: &'static str,
}

/// What can be chosen; the first is the one to begin with. Both take images and tools, and speak both protocols.
pub const MODELS: [Model; 2] = [
    Model {
        name: "thorough",
        title: "Thorough",
        deployments: ["demo-east", "demo-west"],
        efforts: ["low", "medium", "high"],
        effort: "medium",
    },
    Model {
        name: "quick",
        title: "Quick",
        deployments: ["demo-quick-east", "demo-quick-west"],
        efforts: ["low", "medium", "high"],
        effort: "low",
    },
];

/// Serves the demo model on `listener` until the future is dropped: chat completions at `POST /v1/chat/completions`, the
/// Responses API at `POST /v1/responses`, and both also below `/openai`.
///
/// It asks for no token and bounds no number of connections, so the listener should be one on loopback.
pub async fn serve(listener: TcpListener) {
    server::serve(listener, Region::lone()).await;
}

/// Two servers on loopback that know of each other. `region down`, said in a question, takes the one that hears it away
/// until `region up` is said to the other.
///
/// As settings of the program:
///
/// ```
/// # async fn settings() -> std::io::Result<Vec<String>> {
/// let regions = demo_model::Regions::bind().await?;
/// let [east, west] = regions.addresses();
/// let settings = demo_model::MODELS.iter().map(|model| {
///     let [first, second] = model.deployments;
///     format!("MODEL_{}={first}@http://{east}, {second}@http://{west}", model.name.to_uppercase())
/// });
/// # Ok(settings.collect())
/// # }
/// ```
#[derive(Debug)]
pub struct Regions {
    listeners: [(TcpListener, SocketAddr); 2],
}

impl Regions {
    /// Binds two free ports of 127.0.0.1. Fails when there are none.
    pub async fn bind() -> std::io::Result<Self> {
        Ok(Self { listeners: [bind().await?, bind().await?] })
    }

    /// Where the regions listen: `http://{address}` is an endpoint.
    pub fn addresses(&self) -> [SocketAddr; 2] {
        self.listeners.each_ref().map(|(_, address)| *address)
    }

    /// Serves both until the future is dropped, each as [`serve`] does.
    pub async fn serve(self) {
        let [east, west] = Region::all(REGIONS);
        let [(first, _), (second, _)] = self.listeners;
        tokio::join!(server::serve(first, east), server::serve(second, west));
    }
}

async fn bind() -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests;
