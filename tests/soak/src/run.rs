//! One soak from its beginning to its end.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout_at};

use crate::arguments::Arguments;
use crate::bulk;
use crate::plan::QUESTION;
use crate::process::Figures;
use crate::progress;
use crate::report::Report;
use crate::samples::Samples;
use crate::stage::Stage;

/// How often a line is said, seconds.
const SAY_EVERY: u64 = 30;
/// Time for the last turns to end: the longest paced answer, and then some.
const LAST_TURNS: Duration = Duration::from_secs(90);
/// Time for upstream's answers to be closed after the last client.
const CLOSING: Duration = Duration::from_secs(2);
/// Connections for telemetry that may be open afterwards and not before: each of its three senders may have one.
const TELEMETRY_CONNECTIONS: usize = 3;

/// Runs it. `say` gets lines on the way.
///
/// # Errors
/// The soak could not be set up, or the program went away in it.
pub(crate) async fn run(arguments: &Arguments, say: impl Fn(&str)) -> Result<Report, String> {
    let stage = Stage::set_up(arguments).await?;
    let before = stage.figures()?;
    let begun = Instant::now();
    let until = begun + arguments.duration;
    let clients = stage.begin_clients(arguments, until);
    let outages = stage.begin_outages(arguments.duration, until);

    let mut samples = Samples::new(&arguments.program.with_file_name("soak-figures.csv"))?;
    // Slow readers make memory jump, so its figure is a median over some time.
    let moment = (arguments.duration / 10).max(Duration::from_secs(5)).as_secs();
    let warm = hold(&stage, &mut samples, (begun, until), moment, say).await?;
    let end = samples.moment(moment);

    let unfinished = ended(clients).await;
    let left_open = stage.upstreams.left_open(CLOSING).await;
    let upstream_requests = stage.upstreams.requests();
    for outage in outages {
        let _ = outage.await;
    }
    let Stage { upstreams, recorder, program, load, client } = stage;
    drop((client, upstreams));
    let by_the_host = if load.behind_host { arguments.streams + arguments.bulk } else { 0 };
    let kept_connections = TELEMETRY_CONNECTIONS + by_the_host as usize;
    let after = closed(program.pid(), before.descriptors + kept_connections).await.ok_or("the program is gone")?;
    let ended = program.stop().await;
    let secrets = ["Bearer", "token-", "internals", "漢", QUESTION, bulk::QUESTION, load.identity.endpoint.secret()];
    let in_log = |secret: &str| ended.log.matches(secret).count() + ended.errors.matches(secret).count();
    Ok(Report {
        duration: arguments.duration,
        has_bulk: arguments.bulk > 0,
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

/// Watches the load from `begun` to `until`. Answers the figures after the warm-up, of a moment of so many seconds.
async fn hold(
    stage: &Stage,
    samples: &mut Samples,
    (begun, until): (Instant, Instant),
    moment: u64,
    say: impl Fn(&str),
) -> Result<Figures, String> {
    // Memory is steady when the pool of upstream connections is: one that once carried a flood keeps hyper's read buffer
    // (up to 408 KiB) until a fault closes it, which takes minutes.
    let warm_after = ((until - begun) / 4).max(Duration::from_secs(10)).as_secs();
    let mut warm = None;
    let mut told = 0;
    let mut seconds = interval(Duration::from_secs(1));
    while Instant::now() < until {
        seconds.tick().await;
        let now = stage.figures()?;
        let second = begun.elapsed().as_secs();
        samples.add(second, now);
        stage.upstreams.forget();
        stage.recorder.ingestion.forget();
        for detail in stage.load.tally.sums().details.iter().skip(told) {
            told += 1;
            say(&format!("{second:>5} s  unexpected: {detail}"));
        }
        // The moment begins when the warm-up is over.
        if warm.is_none() && second >= warm_after + moment {
            warm = Some(samples.moment(moment));
        }
        if second.is_multiple_of(SAY_EVERY) && second > 0 {
            say(&progress::line(second, stage, &now));
            say(&progress::of_telemetry(&stage.recorder.book.told()));
        }
    }
    Ok(warm.unwrap_or_else(|| samples.first()))
}

/// Waits for the last turns. Answers how many clients did not come to an end.
async fn ended(mut clients: JoinSet<()>) -> usize {
    let last = Instant::now() + LAST_TURNS;
    while let Ok(Some(_)) = timeout_at(last, clients.join_next()).await {}
    let unfinished = clients.len();
    clients.shutdown().await;
    unfinished
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
