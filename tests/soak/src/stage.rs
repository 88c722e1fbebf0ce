//! All that a soak needs, set up: upstreams, identity endpoint, telemetry's recorder, the program, and the load.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use reqwest::Client;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::arguments::Arguments;
use crate::bulk::Bulk;
use crate::bulk_turn;
use crate::client;
use crate::identity::Identity;
use crate::kind::Kind;
use crate::load::Load;
use crate::model::Model;
use crate::process::Figures;
use crate::program::{Around, Program};
use crate::recorder::Recorder;
use crate::upstreams::Upstreams;

/// The clients begin spread over this time.
const RAMP: Duration = Duration::from_secs(5);
/// Between two outages of the telemetry's recorder.
const TELEMETRY_PAUSE: Duration = Duration::from_secs(60);

/// What is set up.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) upstreams: Upstreams,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) program: Program,
    pub(crate) load: Arc<Load>,
    pub(crate) client: Client,
}

impl Stage {
    /// Sets it up, and takes one turn.
    ///
    /// # Errors
    /// In words.
    pub(crate) async fn set_up(arguments: &Arguments) -> Result<Self, String> {
        let model = Arc::new(Model::new(Bulk::new(arguments.seed)));
        let upstreams = Upstreams::start(&model).await;
        let identity = Identity::start().await;
        let recorder = Arc::new(Recorder::start().await);
        let around = Around {
            upstreams: (&upstreams.first.url(), &upstreams.second.url()),
            identity: &identity,
            telemetry: &recorder.ingestion.connection_string(),
        };
        let program = match &arguments.host {
            Some(app) => Program::start_behind_host(app, &around).await?,
            None => Program::start(&arguments.program, &around).await?,
        };
        let client = client::client().map_err(|error| error.to_string())?;
        let run = (arguments.seed, arguments.host.is_some());
        let load = Arc::new(Load::new(run, program.base(), model, identity, Arc::clone(&recorder.book)));
        load.extra(&client, Kind::Whole).await;
        Ok(Self { upstreams, recorder, program, load, client })
    }

    /// The program's figures.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn figures(&self) -> Result<Figures, String> {
        let figures = Figures::read(self.program.pid());
        figures.ok_or_else(|| "the program is gone, or this system has no /proc".to_owned())
    }

    /// Lets all clients begin.
    pub(crate) fn begin_clients(&self, arguments: &Arguments, until: Instant) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for number in 0..arguments.streams {
            let first_after = RAMP * number / arguments.streams;
            clients.spawn(Arc::clone(&self.load).client(self.client.clone(), first_after, until));
        }
        for number in 0..arguments.bulk {
            let first_after = RAMP * number / arguments.bulk;
            clients.spawn(bulk_turn::client(Arc::clone(&self.load), self.client.clone(), first_after, until));
        }
        clients
    }

    /// Lets identity endpoint and recorder have their outages.
    pub(crate) fn begin_outages(&self, duration: Duration, until: Instant) -> [JoinHandle<()>; 2] {
        let recorder = Arc::clone(&self.recorder);
        let telemetry = tokio::spawn(async move { recorder.run_outages(TELEMETRY_PAUSE, until).await });
        let (load, client) = (Arc::clone(&self.load), self.client.clone());
        let pause = (duration / 20).clamp(Duration::from_secs(4), Duration::from_secs(40));
        let identity = tokio::spawn(async move {
            let turns = Arc::clone(&load);
            let lose_token = Box::new(move || {
                let (load, client) = (Arc::clone(&turns), client.clone());
                async move { load.extra(&client, Kind::Unauthorized).await }.boxed()
            });
            load.identity.run_outages(pause, until, lose_token).await;
        });
        [telemetry, identity]
    }
}
