//! What all commands that stream folds through files share: plan, progress, checkpoints.

use crate::checkpoint::Checkpoints;
use crate::common::{bytes_text, Verbosity};
use crate::{passes, placement, progress, report};
use halocline_core::budget::MemoryBudget;
use halocline_core::comm::Comm;
use halocline_core::engine::{Demand, Engine, Fold, FoldBranch, StreamPlan};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Coordinate, Role};
use halocline_core::progress::{Phase, Progress};
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::output::WriteReport;
use halocline_io::source::Source;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The surroundings of folds: the same for all variables of a command.
#[derive(Clone, Copy)]
pub(crate) struct FoldJob<'a> {
    pub(crate) comm: &'a Comm,
    pub(crate) verbosity: Verbosity,
    pub(crate) budget: &'a MemoryBudget,
    pub(crate) checkpoints: Option<&'a Checkpoints>,
    pub(crate) progress: &'a Arc<Progress>,
}

impl FoldJob<'_> {
    /// Shows progress until it is dropped.
    pub(crate) fn watch(&self) -> progress::Watch {
        progress::Watch::start(self.comm, self.verbosity, self.progress)
    }

    /// An engine that counts what it does as this job's, and saves its passes over whole series where
    /// checkpoints are wanted.
    pub(crate) fn engine(&self) -> Engine {
        let keeper = self.checkpoints.map(|checkpoints| Rc::clone(checkpoints.keeper()));
        Engine::with_progress(self.comm, self.progress).keeping(keeper)
    }

    /// Says what is going to be done, and what memory it takes.
    pub(crate) fn tell(&self, name: &str, source: &Source, plan: &StreamPlan, bytes: u64) {
        self.tell_together(name, &[source], plan, bytes);
    }

    /// [`Self::tell`] of several sources in lockstep, one at least.
    pub(crate) fn tell_together(&self, name: &str, sources: &[&Source], plan: &StreamPlan, bytes: u64) {
        let resident = halocline_core::budget::resident().unwrap_or(0);
        let shape: Vec<String> =
            plan.tiling().dims().iter().map(|d| format!("{} {}", d.len, d.name)).collect();
        self.verbosity.say(self.comm, || {
            format!(
                "{name} ({}), {} x {}: about {} of memory a rank of {} ({})",
                shape.join(" x "),
                plural(self.comm.size(), "rank"),
                plural(rayon::current_num_threads(), "thread"),
                bytes_text(resident + bytes),
                bytes_text(self.budget.bytes),
                self.budget.origin
            )
        });
        self.verbosity.detail(self.comm, || plan.describe());
        self.tell_notes(sources);
        report::event(self.comm, "plan", || {
            serde_json::json!({
                "variable": name,
                "tiles": plan.tiling().len(),
                "tiling": plan.tiling().rule(),
                "decomposition": plan.deal().describe(),
                "window_bytes": plan.window(),
                "memory_estimate": resident + bytes,
                "memory_promise": self.budget.bytes,
                "bytes_to_read": sources.iter().map(|source| bytes_to_read(source)).sum::<u64>(),
                "time_limit": self.checkpoints.and_then(|c| c.stop.limit()).map(|limit| limit.as_secs_f64()),
            })
        });
    }

    /// Says what is to be known of how sources are read.
    pub(crate) fn tell_notes(&self, sources: &[&Source]) {
        placement::tell(self.comm, self.verbosity);
        for note in sources.iter().flat_map(|source| source.notes()) {
            self.verbosity.say(self.comm, || format!("note: {note}"));
        }
        for note in sources.iter().filter_map(|source| source.io_note()) {
            self.verbosity.detail(self.comm, || format!("note: {note}"));
        }
    }

    /// Runs a fold to its end: the states of the columns that end up on this rank. `job` is what a
    /// saved state belongs to, `variable` its name; without a name, it is one pass of several, saved as
    /// those over whole series are.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn run<F: Fold>(
        &self,
        job: &str,
        variable: &str,
        source: &Source,
        plan: &StreamPlan,
        fold: &F,
    ) -> Result<Vec<(usize, F::State)>> {
        let mut branch = FoldBranch::new(fold);
        let saved = Some((variable.to_owned(), job.to_owned()));
        let sources = [source];
        guarded(self.comm, &sources, || passes::stream(self, &sources, plan, vec![branch.branch()], saved))?;
        Ok(branch.take())
    }

    /// Does `write` and counts its time, that of making the file durable apart.
    pub(crate) fn write(&self, write: impl FnOnce() -> Result<WriteReport>) -> Result<WriteReport> {
        let begun = Instant::now();
        let written = write()?;
        let sync = Duration::from_secs_f64(written.sync_seconds.max(0.0));
        self.progress.phases.add(Phase::Write, begun.elapsed().saturating_sub(sync));
        self.progress.phases.add(Phase::Sync, sync);
        if self.comm.is_root() {
            self.progress.bytes_written.add(written.bytes_file);
        }
        Ok(written)
    }

    /// Removes states that are of no use any more, tells how it went.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn finished(&self, output: &Path, written: &WriteReport) -> Result<()> {
        if let Some(checkpoints) = self.checkpoints {
            checkpoints.finished(self.comm);
        }
        self.verbosity
            .say(self.comm, || format!("wrote {} ({})", output.display(), bytes_text(written.bytes_file)));
        report::summary(self.comm, self.verbosity, self.progress)
    }
}

/// Bytes that all ranks together are going to fetch.
pub(crate) fn bytes_to_read(source: &Source) -> u64 {
    source.stored_bytes(&IndexBox::whole(&source.variable().shape()))
}

pub(crate) fn plural(n: usize, one: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {one}s")
    }
}

/// What the input of a job is: files with size and time of change, and the program's version.
pub(crate) fn fingerprint(source: &Source) -> String {
    let mut text = format!("halocline {}", env!("CARGO_PKG_VERSION"));
    for (file, stamp) in source.files().iter().zip(stamps(source)) {
        let path = std::fs::canonicalize(&file.path).unwrap_or_else(|_| PathBuf::from(&file.path));
        let nanoseconds = stamp.map_or(0, |(_, nanoseconds)| nanoseconds);
        let _ = write!(text, "|{}:{}:{nanoseconds}:{}", path.display(), file.bytes, file.times.len());
    }
    if source.is_ensemble() {
        text += "|an ensemble";
    }
    for file in source.selection_files() {
        let _ = write!(text, "|selected by {}:{}:{}", file.path, file.bytes, file.changed);
    }
    text
}

/// Size and time of change, in nanoseconds, of a file that is there.
pub(crate) type Stamp = Option<(u64, u128)>;

fn stamps(source: &Source) -> Vec<Stamp> {
    let stamp = |path: &Path| {
        let about = std::fs::metadata(path).ok()?;
        let changed = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Some((about.len(), changed.as_nanos()))
    };
    source.files().iter().map(|file| stamp(Path::new(&file.path))).collect()
}

/// Whoever writes to a file while it is read, or takes it away, makes numbers of a mixture.
fn unchanged(source: &Source, before: &[Stamp]) -> Result<()> {
    let now = stamps(source);
    let mut files = source.files().iter().zip(before.iter().zip(&now));
    match files.find(|(_, (before, now))| before != now) {
        None => Ok(()),
        Some((file, (_, now))) => {
            let what = if now.is_some() { "was changed" } else { "was removed" };
            Err(Error::data(format!("{what} while it was read"))
                .in_file(&file.path)
                .remedy("run again when nothing writes to it any more"))
        }
    }
}

/// Does `work`, which reads `sources`, and refuses its result if their files have changed meanwhile.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn guarded<T>(comm: &Comm, sources: &[&Source], work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before: Vec<_> =
        sources.iter().filter(|_| comm.is_root()).map(|source| (*source, stamps(source))).collect();
    let done = work()?;
    comm.on_root(|| before.iter().try_for_each(|(source, before)| unchanged(source, before)))?;
    Ok(done)
}

/// What planning needs to know: `room` bytes for windows and states on each rank, parts by hand.
pub(crate) fn demand<'a>(comm: &Comm, room: u64, parts: Option<&'a [usize]>) -> Demand<'a> {
    Demand { ranks: comm.size(), threads: halocline_core::threads::for_plans(), room: Some(room), parts }
}

/// Adds to a refusal for want of memory where the rest of it goes.
pub(crate) fn of_budget(mut e: Error, budget: &MemoryBudget, maps: u64) -> Error {
    if e.kind == ErrorKind::Memory {
        let _ = write!(
            e.message,
            " of {} ({}): the process itself takes {}, the results {}",
            bytes_text(budget.bytes),
            budget.origin,
            bytes_text(budget.base()),
            bytes_text(maps)
        );
    }
    e
}

/// What `rank` reduces, if the states of it end up there: its part, if that begins with the first
/// index of each dimension that is reduced.
pub(crate) fn held(plan: &StreamPlan, reduced: &[Role], rank: usize) -> Option<IndexBox> {
    let own = plan.deal().block(rank);
    let mut ranges = plan.tiling().dims().iter().zip(own.ranges());
    let begins = ranges.all(|(d, range)| range.start == 0 || !reduced.contains(&d.role));
    (begins && !own.is_empty()).then_some(own)
}

/// A box of so many dimensions that holds nothing.
pub(crate) fn nothing(dims: usize) -> IndexBox {
    IndexBox::new(vec![0..0; dims])
}

/// Refuses what a result holds anyway: its time, its space.
pub(crate) fn check_is_data(name: &str, source: &Source) -> Result<()> {
    let grid = source.grid();
    let space = grid.lat.iter().chain(&grid.lon).chain(&grid.extra);
    let mut others = space.chain(source.levels()).chain(source.level()).chain([source.time_coordinate()]);
    let is_there = |c: &Coordinate| {
        c.variable.name == name || c.bounds.as_ref().is_some_and(|b| b.variable.name == name)
    };
    if others.any(is_there) {
        return Err(Error::usage("is a coordinate, not data").remedy("name a variable that holds data"));
    }
    Ok(())
}

/// What an analysis refuses, it refuses of this variable of these files.
pub(crate) fn blame(e: Error, file: Option<&PathBuf>, variable: &str) -> Error {
    let ours = matches!(e.kind, ErrorKind::Internal | ErrorKind::System | ErrorKind::Checkpointed);
    match file {
        Some(file) if !ours && e.file.is_none() => e.in_file(file).in_variable(variable),
        _ => e,
    }
}
