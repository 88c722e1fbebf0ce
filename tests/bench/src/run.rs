//! A run: the relays, what is measured of them, in rounds.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::arguments::{Arguments, GATEWAYS, Streams};
use crate::guard::is_ci;
use crate::peer::{Kind, Peer, Running};
use crate::process::Cpus;
use crate::results::Results;
use crate::upstream::Upstream;
use crate::{cancel, cold, gateways, growth, memory, nginx, protocols, quart, start, threads, throughput, tls, venv};
use bench_events::event::Form;

/// This program's name in tables.
pub(crate) const OURS: &str = "ours";
/// The libraries' own relay where it reads what it passes on.
const READS: &str = "floor-reads";
/// The floor with all the other libraries that this program is to be made of.
const LINKED: &str = "floor-linked";

/// Rounds of the parts that take long, and of the relay that does: it is far from the others.
pub(crate) const SLOW_ROUNDS: u32 = growth::ROUNDS;
/// Rounds of starts and of memory, which vary little.
const MEMORY_ROUNDS: u32 = 2;

/// Longest wait for what a failed measurement left behind.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// Everything that a run needs.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) quick: bool,
    pub(crate) streams: Streams,
    pub(crate) rounds: u32,
    pub(crate) cpus: Option<Cpus>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) peers: Vec<Peer>,
    /// Those that run all the time, in the order of `peers`.
    running: Vec<Option<Running>>,
    /// The Quart relay has had its rounds.
    skip_slow: bool,
    pub(crate) results: Results,
    /// What a reader of the tables has to know.
    pub(crate) notes: Vec<String>,
    /// The micro-benchmarks' table.
    pub(crate) micro: String,
    /// What a client of each gateway is told, as a table.
    pub(crate) told: String,
    /// Bytes of this program's binary.
    pub(crate) binary: Option<u64>,
    /// This program failed.
    pub(crate) failed: bool,
    /// Answers that were compared with what was called for.
    pub(crate) answers: u64,
    /// Relays' versions.
    pub(crate) versions: Vec<String>,
}

impl Run {
    /// Finds the relays; what cannot be had is noted.
    pub(crate) fn prepare(arguments: &Arguments, cpus: Option<Cpus>) -> Result<Self, String> {
        let upstream = Upstream::start(None)?;
        let mut notes = Vec::new();
        let mut versions = Vec::new();
        if cpus.is_none() {
            notes.push(
                "fewer than two CPUs: nothing is pinned, and the relay shares its CPU with the harness".to_owned(),
            );
        }
        let mut kinds = vec![("direct".to_owned(), Kind::Direct)];
        let ours = Kind::Ours {
            program: arguments.program.clone(),
            environment: arguments.environment.clone(),
            answers: Form::Lines,
        };
        kinds.push((OURS.to_owned(), ours));
        for beside in &arguments.beside {
            let (program, environment) = (beside.program.clone(), beside.environment.clone());
            let kind = Kind::Ours { program, environment, answers: Form::Lines };
            kinds.push((beside.name.clone(), kind));
        }
        let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
        if let Some(program) = arguments.floor.clone() {
            kinds.push(("floor".to_owned(), Kind::Floor { program: program.clone(), reads: false }));
            // Only where they are asked for: they show what a bound would be, and none is held to it.
            let asked = |name: &str| arguments.only.iter().any(|only| only == name);
            if asked(LINKED) {
                let program = program.with_file_name(LINKED);
                kinds.push((LINKED.to_owned(), Kind::Floor { program, reads: false }));
            }
            if asked(READS) {
                kinds.push((READS.to_owned(), Kind::Floor { program, reads: true }));
            }
        }
        if wanted("nginx") {
            if let Some(program) = nginx::find() {
                versions.push(format!("nginx {}", nginx::version(&program)));
                kinds.push(("nginx".to_owned(), Kind::Nginx { program }));
            } else if is_ci() {
                return Err("nginx is not installed; where CI is set, no promised part is skipped".to_owned());
            } else {
                notes.push("skipped: nginx, which is not installed".to_owned());
            }
        }
        if wanted("quart") {
            match quart::install(&arguments.folder.join("venv")) {
                Ok(python) => {
                    versions.push(venv::version(&python));
                    kinds.push(("quart".to_owned(), Kind::Quart { python }));
                }
                Err(why) => notes.push(format!("skipped: the Quart relay: {why}")),
            }
        }
        let address = upstream.address();
        let folder = &arguments.folder;
        let peer = |(name, kind)| Peer { name, kind, folder: folder.clone(), cpus, upstream: address, trusted: None };
        let peers: Vec<Peer> = kinds.into_iter().filter(|(name, _)| wanted(name)).map(peer).collect();
        Ok(Self {
            quick: arguments.quick,
            streams: arguments.streams,
            rounds: arguments.rounds,
            cpus,
            upstream,
            running: peers.iter().map(|_| None).collect(),
            skip_slow: false,
            peers,
            results: Results::default(),
            notes,
            micro: String::new(),
            told: String::new(),
            binary: std::fs::metadata(&arguments.program).ok().map(|file| file.len()),
            failed: false,
            answers: 0,
            versions,
        })
    }

    /// Measures the parts that were asked for.
    pub(crate) async fn measure(&mut self, arguments: &Arguments) -> Result<(), String> {
        let has = |part| arguments.has(part);
        if ["throughput", "paced", "cancel", "growth"].into_iter().any(has) {
            self.start_all().await?;
        }
        for round in 0..self.rounds {
            self.skip_slow = round >= SLOW_ROUNDS;
            if has("throughput") {
                throughput::throughput(self).await?;
            }
            if has("paced") {
                throughput::pace(self).await?;
            }
            if has("cancel") && round < SLOW_ROUNDS {
                cancel::cancel(self).await?;
            }
            if has("growth") && round < SLOW_ROUNDS {
                growth::growth(self).await?;
            }
        }
        // These start relays of their own.
        self.running.fill_with(|| None);
        if has("protocols") {
            protocols::protocols(self, self.rounds).await?;
        }
        if has("tls") {
            tls::tls(self, self.rounds).await?;
        }
        if has("threads") {
            threads::threads(self, self.rounds).await?;
        }
        if has("cold") {
            self.notes.push(cold::explained());
            for _ in 0..self.rounds {
                cold::cold(self).await?;
            }
        }
        for _ in 0..self.rounds.min(MEMORY_ROUNDS) {
            if has("start") {
                start::start(self).await?;
            }
            if has("memory") {
                memory::memory(self).await?;
            }
        }
        if has(GATEWAYS) {
            gateways::gateways(self, arguments).await?;
        }
        if let Some(micro) = arguments.micro.as_ref().filter(|_| arguments.has("micro")) {
            let said =
                Command::new(micro).arg("table").output().map_err(|error| format!("{}: {error}", micro.display()))?;
            if !said.status.success() {
                return Err(format!("micro: {}", String::from_utf8_lossy(&said.stderr)));
            }
            self.micro = String::from_utf8_lossy(&said.stdout).into_owned();
        }
        Ok(())
    }

    /// Starts all relays, for parts that interleave them.
    async fn start_all(&mut self) -> Result<(), String> {
        for (peer, running) in self.peers.iter().zip(&mut self.running) {
            *running = Some(peer.start().await?);
        }
        Ok(())
    }

    /// A relay that runs.
    pub(crate) fn peer(&self, at: usize) -> Option<(&Peer, &Running)> {
        let peer = self.peers.get(at)?;
        if self.skip_slow && matches!(peer.kind, Kind::Quart { .. }) {
            return None;
        }
        Some((peer, self.running.get(at)?.as_ref()?))
    }

    /// Waits until upstream is rid of the streams of a failed measurement.
    pub(crate) async fn settle(&self) {
        settle(&self.upstream).await;
    }

    /// A relay's answer was not what was called for, or did not come.
    pub(crate) fn failed(&mut self, peer: &str, scenario: &str, error: &str) {
        eprintln!("  {scenario}, {peer}: FAILED: {error}");
        self.notes.push(format!("{peer} failed at {scenario}: {error}"));
        self.failed |= [OURS, gateways::OPENAI].contains(&peer);
    }
}

/// Waits until an upstream is rid of the streams of a failed measurement.
pub(crate) async fn settle(upstream: &Upstream) {
    let asked = Instant::now();
    while upstream.waiting() > 0 && asked.elapsed() < SETTLED_WITHIN {
        upstream.tell();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Tells the person who waits what was just measured.
pub(crate) fn progress(scenario: &str, peer: &str, what: &str, other: f64) {
    eprintln!("  {scenario}, {peer}: {what} (others used {other:.2} CPU)");
}
