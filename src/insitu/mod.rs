//! Analyses in a running program: a model hands over its own blocks, step by step, in its own
//! decomposition; results have the bits that the analysis of the same steps from a file has.
//!
//! ```
//! use halocline::insitu::{InSitu, Setup};
//! use halocline::core::blocks::Blocks;
//! use halocline::core::engine::insitu::View;
//! use halocline::core::engine::Numbers;
//! use halocline::core::index::IndexBox;
//! use halocline::prelude::*;
//!
//! # fn main() -> Result<()> {
//! # let folder = std::env::temp_dir().join(format!("halocline-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).unwrap();
//! # let file = folder.join("mean.nc");
//! let comm = Comm::serial(); // or that of the model: `core::comm::of_host`
//! let shape = [4, 6];
//! let blocks = Blocks::gather(&comm, &shape, &IndexBox::whole(&shape))?;
//! let setup = Setup::parse("stats", &shape, "variable=h; units=m; ops=mean,max")?;
//! let mut means = InSitu::begin(&comm, setup, &blocks)?;
//! for step in 0..10 {
//!     let h = vec![f64::from(step); 24];
//!     means.push(f64::from(step), View::contiguous(Numbers::F64(&h), &shape).map(|h| vec![h]))?;
//! }
//! means.finish(&file)?;
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok(())
//! # }
//! ```

mod areas;
mod batch;
mod counts;
mod file;
mod kinds;
mod modes;
mod modes_file;
mod setup;
mod spectra;

pub use kinds::{Counting, Kind, Modes, Spectra};
pub use setup::Setup;

use counts::{Awaited, Counted};
use halocline_algorithms::spectra::RunningWelch;
use halocline_algorithms::statistics::relate::{Relate, Wanted};
use halocline_algorithms::statistics::{Groups, Reduction, Weights};
use halocline_core::blocks::Blocks;
use halocline_core::budget::{self, MemoryBudget};
use halocline_core::comm::{Comm, Reduce};
use halocline_core::engine::insitu::{self, MakeFold, View};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role};
use halocline_core::{Error, Result};
use modes::Records;
use std::cell::RefCell;
use std::path::Path;

/// An analysis under way in a running program.
#[derive(Debug)]
pub struct InSitu {
    comm: Comm,
    setup: Setup,
    run: Run,
    /// Of a histogram.
    counted: Awaited,
}

#[derive(Debug)]
enum Run {
    Reduction(insitu::InSitu<Reduction>),
    Relate(insitu::InSitu<Relate>),
    Histogram(insitu::InSitu<Counted>),
    Welch(insitu::InSitu<RunningWelch>),
    Eof(Records),
}

/// Does the same with whatever runs.
macro_rules! each {
    ($run:expr, $name:ident => $do:expr) => {
        match $run {
            Run::Reduction($name) => $do,
            Run::Relate($name) => $do,
            Run::Histogram($name) => $do,
            Run::Welch($name) => $do,
            Run::Eof(Records { run: $name, .. }) => $do,
        }
    };
}

impl InSitu {
    /// Begins an analysis of a program whose ranks hold `blocks` of the domain.
    ///
    /// # Collective
    /// Every rank calls this with the same setup.
    ///
    /// # Errors
    /// Usage, if setup and blocks don't fit each other; memory, if what is kept of each cell does not
    /// fit into a rank's share.
    pub fn begin(comm: &Comm, setup: Setup, blocks: &Blocks) -> Result<Self> {
        let (fields, missing) = (setup.field_count(), setup.missing);
        let space = setup.space.clone();
        let domain = (space.as_slice(), blocks);
        let counted = Awaited::default();
        let run = match &setup.kind {
            Kind::Covariance { .. } => {
                let wanted = Wanted { moments: true, neighbours: false, trend: false };
                let make: MakeFold<Relate> = Box::new(move |_: &[f64]| Ok(Relate::to_field(wanted)));
                Run::Relate(insitu::InSitu::begin(comm, domain, fields, missing, make)?)
            }
            Kind::Stats(_) | Kind::Climatology(..) => {
                let own = setup.clone();
                let parts = RefCell::new(Vec::new());
                let make = Box::new(move |times: &[f64]| reduction(&own, &mut parts.borrow_mut(), times));
                let run = insitu::InSitu::begin(comm, domain, fields, missing, make)?;
                Run::Reduction(match &setup.kind {
                    Kind::Climatology(cycle, _) => {
                        run.keeping(Groups::levels_of_cycle(cycle.len(setup.time.calendar())))
                    }
                    _ => run.keeping(Groups::LEVELS_OF_ALL),
                })
            }
            Kind::Histogram(counting) => {
                comm.agree(Counted::new(counting, &space, Vec::new()).map(|_| ()))?;
                if !counting.area {
                    counted.prepare(comm, &setup)?;
                }
                let shared = counted.clone();
                let make = Box::new(move |_: &[f64]| shared.get());
                let run = insitu::InSitu::begin(comm, domain, fields, missing, make)?;
                // Whole numbers add up in any order, weights in that of tiles.
                let run = if counting.area { run } else { run.unending() };
                let mut all = [run.columns().count() as u64];
                comm.all_reduce(&mut all, Reduce::Sum);
                fits(comm, &run, "fewer bins, or over=all", |columns, cells| {
                    Counted::bytes(counting, &setup.space, (columns, cells, all[0] as usize))
                })?;
                Run::Histogram(run)
            }
            Kind::Welch(spectra) => {
                let fold = comm.agree(RunningWelch::new(spectra.welch.clone()))?;
                let each = fold.bytes_per_cell();
                let make = Box::new(move |_: &[f64]| Ok(fold.clone()));
                let run = insitu::InSitu::begin(comm, domain, fields, missing, make)?.unending();
                fits(comm, &run, "a shorter segment", |_, cells| each.saturating_mul(cells as u64))?;
                Run::Welch(run)
            }
            Kind::Eof(_) => Run::Eof(Records::begin(comm, &setup, blocks)?),
        };
        Ok(Self { comm: comm.clone(), setup, run, counted })
    }

    /// Gives dimension `d` its coordinate, see [`Setup::axis`].
    ///
    /// # Errors
    /// As there; usage, if values have been counted by areas of other coordinates.
    pub fn axis(&mut self, d: usize, values: &[f64], units: &str) -> Result<()> {
        let mut setup = self.setup.clone();
        setup.axis(d, values, units)?;
        self.counted.check(&setup)?;
        self.setup = setup;
        Ok(())
    }
    /// What is found.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }
    /// Steps so far, those before a restart too.
    pub fn steps(&self) -> usize {
        each!(&self.run, run => run.steps())
    }

    /// Takes a step: this rank's block of each field, or what was found wrong with it. After an error
    /// the program goes on as it likes; a step that was refused has changed nothing.
    ///
    /// # Collective
    /// Every rank calls this at the same steps, those that hold nothing too.
    ///
    /// # Errors
    /// On every rank, as [`insitu::InSitu::push`]; usage, if a time is no date, or cells count by their
    /// areas and coordinates are not known.
    pub fn push(&mut self, time: f64, fields: Result<Vec<View<'_>>>) -> Result<()> {
        let mut fields = self.setup.date(time).and(fields);
        if let Run::Welch(run) = &self.run {
            fields = spectra::check_step(&self.setup, run.times(), time).and(fields);
        }
        match (&mut self.run, &self.setup.kind) {
            (Run::Eof(records), Kind::Eof(modes)) => records.push((&self.setup, modes), time, fields),
            (run, _) => {
                self.counted.prepare(&self.comm, &self.setup)?;
                each!(run, run => run.push(time, fields))
            }
        }
    }

    /// Saves what was found to a file, for the program's restart.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// System, if it can't be written.
    pub fn save(&mut self, path: &Path) -> Result<()> {
        self.counted.prepare(&self.comm, &self.setup)?;
        let job = self.counted.job(&self.setup);
        match &mut self.run {
            Run::Eof(records) => records.save(&self.setup, path),
            run => each!(run, run => run.save(path, &job)).map(|_| ()),
        }
    }

    /// Goes on from a file that [`Self::save`] wrote, on any number of ranks and in any blocks.
    ///
    /// # Collective
    /// Every rank calls this, before the first step.
    ///
    /// # Errors
    /// Data, if it is none, damaged, or of another analysis; system, if it can't be read.
    pub fn load(&mut self, path: &Path) -> Result<()> {
        self.counted.prepare(&self.comm, &self.setup)?;
        let job = self.counted.job(&self.setup);
        let beside =
            each!(&mut self.run, run => run.load(path, &job)).map_err(|e| self.counted.refused(e))?;
        self.take_up(beside).map_err(|e| e.in_file(path))
    }

    /// What was found, as bytes for a file of the program's own: this rank's piece, of which those of
    /// all ranks are the state. The analysis goes on.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`insitu::InSitu::save_bytes`].
    pub fn save_bytes(&mut self) -> Result<Vec<u8>> {
        self.counted.prepare(&self.comm, &self.setup)?;
        let job = self.counted.job(&self.setup);
        match &mut self.run {
            Run::Eof(records) => records.save_bytes(&self.setup),
            run => each!(run, run => run.save_bytes(&job, None)),
        }
    }

    /// Goes on from what [`Self::save_bytes`] gave, on any number of ranks and in any blocks: the ranks
    /// together hand in the pieces of all ranks of then, each once; none, one, or several one after the
    /// other on a rank.
    ///
    /// # Collective
    /// Every rank calls this, before the first step.
    ///
    /// # Errors
    /// Data, if pieces are damaged, missing, there twice, or of another analysis.
    pub fn load_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.counted.prepare(&self.comm, &self.setup)?;
        let job = self.counted.job(&self.setup);
        let beside =
            each!(&mut self.run, run => run.load_bytes(bytes, &job)).map_err(|e| self.counted.refused(e))?;
        self.take_up(beside)
    }

    fn take_up(&mut self, beside: insitu::BesideColumns) -> Result<()> {
        match (&mut self.run, &self.setup.kind) {
            (Run::Eof(records), Kind::Eof(modes)) => records.take_up(&self.setup, modes, beside),
            _ => Ok(()),
        }
    }

    /// Says whether [`Self::finish`] can begin: it takes the analysis whatever comes of it, and after
    /// this nothing is lost.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Usage, if there was no step, or ranks have different coordinates; system, if there is no place
    /// for the file.
    pub fn check_finish(&self, path: &Path) -> Result<()> {
        if self.steps() == 0 {
            return Err(Error::usage("no step was pushed"));
        }
        self.setup.same_everywhere(&self.comm)?;
        file::check_target(&self.comm, path)
    }

    /// Writes the results to a NetCDF file.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::check_finish`]; system, if the file can't be written.
    pub fn finish(self, path: &Path) -> Result<()> {
        self.check_finish(path)?;
        let Self { comm, setup, run, .. } = self;
        match run {
            Run::Histogram(run) => {
                let Kind::Histogram(counting) = &setup.kind else { return Err(astray()) };
                let times = run.times().to_vec();
                let (_, columns) = run.finish()?;
                counts::write(&comm, (&setup, counting), &times, &columns, path)
            }
            Run::Welch(run) => {
                let Kind::Welch(spectra) = &setup.kind else { return Err(astray()) };
                let times = run.times().to_vec();
                let (fold, columns) = run.finish()?;
                spectra::write(&comm, (&setup, spectra), &times, (&fold, &columns), path)
            }
            Run::Eof(records) => {
                let Kind::Eof(modes) = &setup.kind else { return Err(astray()) };
                records.finish((&setup, modes), path)
            }
            Run::Reduction(run) => {
                let times = run.times().to_vec();
                let (fold, columns) = run.finish()?;
                file::of_reduction(&comm, &setup, &times, (&fold, &columns), path)
            }
            Run::Relate(run) => {
                let times = run.times().to_vec();
                let (_, columns) = run.finish()?;
                file::of_covariance(&comm, &setup, &times, &columns, path)
            }
        }
    }
}

fn astray() -> Error {
    Error::internal("an analysis is not of its own kind")
}

/// Refuses what does not fit into the memory of a rank: bytes of so many columns and cells.
///
/// # Collective
/// Every rank calls this.
fn fits<F: halocline_core::engine::Fold>(
    comm: &Comm,
    run: &insitu::InSitu<F>,
    remedy: &str,
    bytes: impl Fn(usize, usize) -> u64,
) -> Result<()> {
    let budget = MemoryBudget::of(comm, None);
    let needed = bytes(run.columns().count(), run.columns().map(IndexBox::len).sum());
    comm.agree(if needed > budget.bytes {
        Err(budget::refuse(needed, &budget, &format!("ask for {remedy}, or run on more ranks")))
    } else {
        Ok(())
    })
}

/// The fold for the steps at these times. `parts` has the parts of a cycle of those that were met
/// before: dates are not worked out at each step for all.
fn reduction(setup: &Setup, parts: &mut Vec<u32>, times: &[f64]) -> Result<Reduction> {
    let time = Dim::new("time", times.len(), Role::Time);
    let dims: Vec<Dim> = std::iter::once(time).chain(setup.space.iter().cloned()).collect();
    let (groups, ops) = match &setup.kind {
        Kind::Climatology(cycle, ops) => {
            let calendar = setup.time.calendar();
            for &time in times.get(parts.len()..).unwrap_or_default() {
                let part = cycle.part(calendar, &setup.date(time)?);
                parts.push(part.map_or(Groups::NONE, |part| part as u32));
            }
            (Groups::cycle(parts.clone(), cycle.len(calendar) as u32)?, ops.as_slice())
        }
        Kind::Stats(ops) => (Groups::all(times.len()), ops.as_slice()),
        _ => (Groups::all(times.len()), &[][..]),
    };
    Reduction::new(&dims, &[Role::Time], ops, groups, Weights::default(), Vec::new())
}
