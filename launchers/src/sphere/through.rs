//! How maps go through a transform: window by window, in each as many at once as memory holds.

use super::SphereMaps;
use crate::common::bytes_text;
use crate::folding::{self, plural, FoldJob};
use crate::series::writing_bytes;
use halocline_algorithms::sphere::{SphereGrid, Transform};
use halocline_core::budget::refuse;
use halocline_core::engine::{Engine, Numbers, StreamSource, WholeNeeds, WholePlan};
use halocline_core::index::IndexBox;
use halocline_core::Result;
use std::ops::Range;

/// Maps that go together, at most: matrices are wide enough then.
const TOGETHER: usize = 32;

/// What a command does with a map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    /// Fields that are analysed, and that are synthesised, at a time.
    pub(crate) fields: (usize, usize),
    /// Bytes that are made of a map of all variables, until they are written.
    pub(crate) made: u64,
}

/// A transform, and how maps go through it.
pub(crate) struct Through {
    pub(crate) transform: Transform,
    plan: WholePlan,
    together: usize,
    /// Bytes for writing.
    pub(crate) writing: u64,
}

impl Through {
    /// Plans within the memory that there is.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Usage, if the grid does not resolve the truncation; memory.
    pub(crate) fn plan(
        job: &FoldJob<'_>,
        maps: &SphereMaps,
        grid: &SphereGrid,
        truncation: Option<usize>,
        work: Work,
    ) -> Result<Self> {
        let writing = writing_bytes(job);
        let all = job.budget.for_buffers(job.comm);
        let (room, own) = (all.saturating_sub(writing), Transform::bytes(grid));
        if own > room / 2 {
            let needed = job.budget.largest_base(job.comm).saturating_add(writing).saturating_add(2 * own);
            return Err(refuse(needed, job.budget, "choose a coarser grid"));
        }
        let transform = Transform::new(grid, truncation)?;
        let threads = halocline_core::threads::for_plans();
        let takes = |together: usize| transform.working(together, work.fields, threads);
        let mut together = TOGETHER;
        while together > 1 && takes(together) > (room - own) / 2 {
            together /= 2;
        }
        let needs = WholeNeeds { made: work.made, fixed: own + takes(together) };
        let sources: Vec<&dyn StreamSource> = maps.sources.iter().map(|s| s as &dyn StreamSource).collect();
        let plan = WholePlan::new(&sources, (job.comm.size(), threads), room, needs)
            .map_err(|e| folding::of_budget(e, job.budget, 0))?;
        let through = Self { transform, plan, together, writing };
        through.tell(job, maps);
        Ok(through)
    }

    fn tell(&self, job: &FoldJob<'_>, maps: &SphereMaps) {
        let names: Vec<&str> = maps.sources.iter().map(|s| s.variable().name.as_str()).collect();
        let count: usize = maps.leading().iter().map(|d| d.len).product();
        let bytes = halocline_core::budget::resident().unwrap_or(0) + self.plan.estimate() + self.writing;
        job.verbosity.say(job.comm, || {
            format!(
                "{}: {} ({}), up to degree {}; {} x {}: about {} of memory a rank of {} ({})",
                names.join(", "),
                plural(count, "map"),
                self.transform.grid().describe(),
                self.transform.truncation(),
                plural(job.comm.size(), "rank"),
                plural(rayon::current_num_threads(), "thread"),
                bytes_text(bytes),
                bytes_text(job.budget.bytes),
                job.budget.origin
            )
        });
        job.tell_notes(&maps.sources.iter().collect::<Vec<_>>());
    }

    /// Has all maps go through: `work` is given the values of a window and how many maps that is,
    /// `sink` what comes of it, both also without any.
    ///
    /// # Collective
    /// Every rank calls this; `sink` may communicate.
    ///
    /// # Errors
    /// Data, if values are missing; those of reading, the work and the sink.
    pub(crate) fn run<R: Send>(
        &self,
        job: &FoldJob<'_>,
        maps: &SphereMaps,
        work: &(dyn Fn(&[Numbers<'_>], usize) -> R + Sync),
        sink: &mut dyn FnMut(&IndexBox, R) -> Result<()>,
    ) -> Result<()> {
        let engine = Engine::with_progress(job.comm, job.progress);
        let sources: Vec<&dyn StreamSource> = maps.sources.iter().map(|s| s as &dyn StreamSource).collect();
        let guarded: Vec<&_> = maps.sources.iter().collect();
        let cells = maps.grid.cells();
        folding::guarded(job.comm, &guarded, || {
            let checked = |window: &IndexBox, values: &[Numbers<'_>]| {
                maps.check(window, values)?;
                Ok(work(values, window.len() / cells))
            };
            engine.whole_maps(&sources, &self.plan, &checked, sink)
        })
        .map_err(|e| maps.blame(e))
    }

    /// Groups of maps that go together.
    pub(crate) fn groups(&self, maps: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        (0..maps).step_by(self.together).map(move |at| at..maps.min(at + self.together))
    }
    /// The values of some maps.
    pub(crate) fn pick<'v>(&self, values: Numbers<'v>, maps: &Range<usize>) -> Numbers<'v> {
        let cells = self.transform.grid().cells();
        match values {
            Numbers::F32(v) => Numbers::F32(&v[maps.start * cells..maps.end * cells]),
            Numbers::F64(v) => Numbers::F64(&v[maps.start * cells..maps.end * cells]),
        }
    }
}
