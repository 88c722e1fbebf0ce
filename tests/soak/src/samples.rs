//! The program's figures, one a second, and what is made of them. They go to a file too, so that a run can be looked at
//! afterwards.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::memory::{Course, median};
use crate::process::Figures;

/// Seconds of the course in which memory must be flat, at most.
const HOUR: usize = 3600;

/// All so far.
#[derive(Debug)]
pub(crate) struct Samples {
    all: Vec<Figures>,
    file: BufWriter<File>,
}

impl Samples {
    /// None yet; each will be a line of this file.
    pub(crate) fn new(file: &Path) -> Result<Self, String> {
        let file = File::create(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut file = BufWriter::new(file);
        // What cannot be written is missed by nobody but who looks at it afterwards.
        let _ = writeln!(file, "second,resident_kib,descriptors,threads,cpu_seconds");
        Ok(Self { all: Vec::new(), file })
    }

    /// One more, so long after the beginning.
    pub(crate) fn add(&mut self, second: u64, now: Figures) {
        let Figures { descriptors, threads, rss, cpu, .. } = now;
        let _ = writeln!(self.file, "{second},{rss},{descriptors},{threads},{cpu:.2}");
        let _ = self.file.flush();
        self.all.push(now);
    }

    /// The last figures, with the median memory of the last seconds: slow readers make it jump.
    pub(crate) fn moment(&self, seconds: u64) -> Figures {
        let last = self.all.len().saturating_sub(usize::try_from(seconds).unwrap_or(usize::MAX));
        let rss = median(self.all.get(last..).unwrap_or_default().iter().map(|figures| figures.rss).collect());
        Figures { rss, ..self.all.last().copied().unwrap_or_default() }
    }

    /// The first figures.
    pub(crate) fn first(&self) -> Figures {
        self.all.first().copied().unwrap_or_default()
    }

    /// The course of memory over the last hour; of a shorter run, over its last two thirds.
    pub(crate) fn course(&self) -> Course {
        let last = (self.all.len() * 2 / 3).min(HOUR);
        let memory: Vec<u64> = self.all.iter().map(|figures| figures.rss).collect();
        Course::of(memory.get(memory.len() - last..).unwrap_or_default())
    }
}
