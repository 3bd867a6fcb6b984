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

mod file;
mod setup;

pub use setup::{Kind, Setup};

use halocline_algorithms::statistics::relate::{Relate, Wanted};
use halocline_algorithms::statistics::{Groups, Reduction, Weights};
use halocline_core::blocks::Blocks;
use halocline_core::comm::Comm;
use halocline_core::engine::insitu::{self, View};
use halocline_core::meta::{Dim, Role};
use halocline_core::Result;
use std::cell::RefCell;
use std::path::Path;

/// An analysis under way in a running program.
#[derive(Debug)]
pub struct InSitu {
    comm: Comm,
    setup: Setup,
    run: Run,
}

#[derive(Debug)]
enum Run {
    Reduction(insitu::InSitu<Reduction>),
    Relate(insitu::InSitu<Relate>),
}

impl InSitu {
    /// Begins an analysis of a program whose ranks hold `blocks` of the domain.
    ///
    /// # Collective
    /// Every rank calls this with the same setup.
    ///
    /// # Errors
    /// Usage, if setup and blocks don't fit each other.
    pub fn begin(comm: &Comm, setup: Setup, blocks: &Blocks) -> Result<Self> {
        let (fields, missing) = (setup.field_count(), setup.missing);
        let space = setup.space.clone();
        let domain = (space.as_slice(), blocks);
        let run = match setup.kind {
            Kind::Covariance { .. } => {
                let wanted = Wanted { moments: true, neighbours: false, trend: false };
                let make = Box::new(move |_: &[f64]| Ok(Relate::to_field(wanted)));
                Run::Relate(insitu::InSitu::begin(comm, domain, fields, missing, make)?)
            }
            Kind::Stats(_) | Kind::Climatology(..) => {
                let own = setup.clone();
                let parts = RefCell::new(Vec::new());
                let make = Box::new(move |times: &[f64]| reduction(&own, &mut parts.borrow_mut(), times));
                Run::Reduction(insitu::InSitu::begin(comm, domain, fields, missing, make)?)
            }
        };
        Ok(Self { comm: comm.clone(), setup, run })
    }

    /// Gives dimension `d` its coordinate, see [`Setup::axis`].
    ///
    /// # Errors
    /// As there.
    pub fn axis(&mut self, d: usize, values: &[f64], units: &str) -> Result<()> {
        self.setup.axis(d, values, units)
    }
    /// What is found.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }
    /// Steps so far, those before a restart too.
    pub fn steps(&self) -> usize {
        match &self.run {
            Run::Reduction(run) => run.steps(),
            Run::Relate(run) => run.steps(),
        }
    }

    /// Takes a step: this rank's block of each field, or what was found wrong with it. After an error
    /// the program goes on as it likes; a step that was refused has changed nothing.
    ///
    /// # Collective
    /// Every rank calls this at the same steps, those that hold nothing too.
    ///
    /// # Errors
    /// On every rank, as [`insitu::InSitu::push`]; usage, if a time is no date.
    pub fn push(&mut self, time: f64, fields: Result<Vec<View<'_>>>) -> Result<()> {
        let fields = self.setup.date(time).and(fields);
        match &mut self.run {
            Run::Reduction(run) => run.push(time, fields),
            Run::Relate(run) => run.push(time, fields),
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
        let job = self.setup.describe().to_owned();
        match &mut self.run {
            Run::Reduction(run) => run.save(path, &job),
            Run::Relate(run) => run.save(path, &job),
        }
        .map(|_| ())
    }

    /// Goes on from a file that [`Self::save`] wrote, on any number of ranks and in any blocks.
    ///
    /// # Collective
    /// Every rank calls this, before the first step.
    ///
    /// # Errors
    /// Data, if it is none, damaged, or of another analysis; system, if it can't be read.
    pub fn load(&mut self, path: &Path) -> Result<()> {
        let job = self.setup.describe().to_owned();
        match &mut self.run {
            Run::Reduction(run) => run.load(path, &job),
            Run::Relate(run) => run.load(path, &job),
        }
    }

    /// Writes the results to a NetCDF file.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Usage, if there was no step; system, if the file can't be written.
    pub fn finish(self, path: &Path) -> Result<()> {
        let Self { comm, setup, run } = self;
        match run {
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
            (Groups::new(parts.clone(), cycle.len(calendar) as u32)?, ops.as_slice())
        }
        Kind::Stats(ops) => (Groups::all(times.len()), ops.as_slice()),
        Kind::Covariance { .. } => (Groups::all(times.len()), &[][..]),
    };
    Reduction::new(&dims, &[Role::Time], ops, groups, Weights::default(), Vec::new())
}
