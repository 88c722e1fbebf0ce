//! One soak from its beginning to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout_at};

use crate::arguments::Arguments;
use crate::bulk::{self, Bulk};
use crate::bulk_turn;
use crate::client;
use crate::identity::Identity;
use crate::kind::Kind;
use crate::load::Load;
use crate::model::Model;
use crate::plan::QUESTION;
use crate::process::Figures;
use crate::program::{Around, Program};
use crate::recorder::Recorder;
use crate::report::{Report, progress, telling};
use crate::samples::Samples;
use crate::upstreams::Upstreams;

/// How often a line is said.
const SAY_EVERY: u64 = 30;
/// The clients begin spread over this time.
const RAMP: Duration = Duration::from_secs(5);
/// Time for the last turns to end: the longest paced answer, and then some.
const LAST_TURNS: Duration = Duration::from_secs(90);
/// Between two outages of the telemetry's recorder.
const TELEMETRY_PAUSE: Duration = Duration::from_secs(60);
/// Connections for telemetry that may be open afterwards and not before: each of its three senders may have one.
const TELEMETRY_CONNECTIONS: usize = 3;
/// Time for upstream's answers to be closed after the last client.
const CLOSING: Duration = Duration::from_secs(2);

/// Runs it. `say` gets lines on the way.
///
/// # Errors
/// The soak could not be set up.
pub(crate) async fn run(arguments: &Arguments, say: impl Fn(&str)) -> Result<Report, String> {
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
    let pid = program.pid();
    let figures = || Figures::read(pid).ok_or("the program is gone, or this system has no /proc");
    let client = client::client().map_err(|error| error.to_string())?;
    let load = Arc::new(Load::new(
        (arguments.seed, arguments.host.is_some()),
        program.base(),
        model,
        identity,
        Arc::clone(&recorder.book),
    ));
    load.extra(&client, Kind::Whole).await;
    let before = figures()?;

    let begun = Instant::now();
    let until = begun + arguments.duration;
    let mut clients = JoinSet::new();
    for number in 0..arguments.streams {
        let first_after = RAMP * number / arguments.streams;
        clients.spawn(Arc::clone(&load).client(client.clone(), first_after, until));
    }
    for number in 0..arguments.bulk {
        let first_after = RAMP * number / arguments.bulk;
        clients.spawn(bulk_turn::client(Arc::clone(&load), client.clone(), first_after, until));
    }
    let recording = Arc::clone(&recorder);
    let telemetry_outages = tokio::spawn(async move { recording.run_outages(TELEMETRY_PAUSE, until).await });
    let outages = {
        let (load, client) = (Arc::clone(&load), client.clone());
        let pause = (arguments.duration / 20).clamp(Duration::from_secs(4), Duration::from_secs(40));
        tokio::spawn(async move {
            let turns = Arc::clone(&load);
            let lose_token = Box::new(move || {
                let (load, client) = (Arc::clone(&turns), client.clone());
                async move { load.extra(&client, Kind::Unauthorized).await }.boxed()
            });
            load.identity.run_outages(pause, until, lose_token).await;
        })
    };

    // Memory is steady when the pool of upstream connections is: one that once carried a flood keeps hyper's read buffer
    // (up to 408 KiB) until a fault closes it, which takes minutes.
    let warm_after = (arguments.duration / 4).max(Duration::from_secs(10)).as_secs();
    // Slow readers make memory jump, so its figure is a median over some time.
    let moment_seconds = (arguments.duration / 10).max(Duration::from_secs(5)).as_secs();
    let mut samples = Samples::new(&arguments.program.with_file_name("soak-figures.csv"))?;
    let mut warm = None;
    let mut told = 0;
    let mut seconds = interval(Duration::from_secs(1));
    while Instant::now() < until {
        seconds.tick().await;
        let now = figures()?;
        let elapsed = begun.elapsed();
        samples.add(elapsed.as_secs(), now);
        upstreams.forget();
        recorder.ingestion.forget();
        for detail in load.tally.sums().details.iter().skip(told) {
            told += 1;
            say(&format!("{:>5} s  unexpected: {detail}", elapsed.as_secs()));
        }
        // The moment begins when the warm-up is over.
        if warm.is_none() && elapsed.as_secs() >= warm_after + moment_seconds {
            warm = Some(samples.moment(moment_seconds));
        }
        if elapsed.as_secs().is_multiple_of(SAY_EVERY) && elapsed.as_secs() > 0 {
            let open = load.open.load(Ordering::Relaxed);
            say(&progress(elapsed, open, upstreams.open(), &load.tally.sums(), &now));
            say(&telling(&recorder.book.told()));
        }
    }
    let end = samples.moment(moment_seconds);
    let warm = warm.unwrap_or_else(|| samples.first());

    let last = Instant::now() + LAST_TURNS;
    while let Ok(Some(_)) = timeout_at(last, clients.join_next()).await {}
    let unfinished = clients.len();
    clients.shutdown().await;
    let left_open = upstreams.left_open(CLOSING).await;
    let upstream_requests = upstreams.requests();
    let _ = (outages.await, telemetry_outages.await);
    drop((client, upstreams));
    let kept_connections = if load.behind_host { arguments.streams as usize } else { 0 } + TELEMETRY_CONNECTIONS;
    let after = closed(pid, before.descriptors + kept_connections).await.ok_or("the program is gone")?;
    let ended = program.stop().await;
    let secrets = ["Bearer", "token-", "internals", "漢", QUESTION, bulk::QUESTION, load.identity.endpoint.secret()];
    let in_log = |secret: &str| ended.log.matches(secret).count() + ended.errors.matches(secret).count();
    Ok(Report {
        duration: arguments.duration,
        sums: load.tally.sums(),
        before,
        warm,
        end,
        after,
        left_open,
        kept_connections,
        unfinished,
        memory: samples.course(),
        told: recorder.book.told(),
        upstream_requests,
        tokens_issued: load.identity.endpoint.issued(),
        identity_requests: load.identity.endpoint.calls().len(),
        outages: load.identity.outages(),
        secrets_in_log: secrets.into_iter().map(in_log).sum(),
        ended,
    })
}

/// The figures once the connections are closed, for which there is a moment's time.
async fn closed(pid: u32, descriptors: usize) -> Option<Figures> {
    let latest = Instant::now() + 2 * CLOSING;
    loop {
        let figures = Figures::read(pid)?;
        if figures.descriptors <= descriptors || Instant::now() > latest {
            return Some(figures);
        }
        sleep(Duration::from_millis(50)).await;
    }
}
