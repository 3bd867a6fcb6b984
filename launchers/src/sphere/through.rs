//! How maps go through a transform: window by window, each rank with maps of its own, in each window as
//! many at once as memory holds; or, where there are fewer maps than ranks or no rank holds one,
//! divided.

use super::divided::Shared;
use super::passing::{Recipe, Results, Whole};
use super::SphereMaps;
use crate::common::bytes_text;
use crate::folding::{self, plural, FoldJob};
use crate::report;
use crate::series::writing_bytes;
use halocline_algorithms::sphere::{DividedTransform, Transform};
use halocline_core::budget::refuse;
use halocline_core::engine::{Engine, Numbers, StreamSource, WholeNeeds, WholePlan};
use halocline_core::index::IndexBox;
use halocline_core::meta::Values;
use halocline_core::{Error, ErrorKind, Result};
use std::sync::{Mutex, PoisonError};

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

/// Who works on what.
enum Way {
    /// Each rank has maps of its own, so many at once.
    Whole(Box<Windows>),
    /// All ranks have rows of all maps.
    Divided(Box<Shared>),
}

/// Windows of whole maps, and how many of these go through a transform at once.
struct Windows {
    transform: Transform,
    plan: WholePlan,
    together: usize,
}

/// A transform, and how maps go through it.
pub(crate) struct Through {
    way: Way,
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
        truncation: Option<usize>,
        work: Work,
    ) -> Result<Self> {
        let writing = writing_bytes(job);
        let room = job.budget.for_buffers(job.comm).saturating_sub(writing);
        let own = Transform::bytes(&maps.grid);
        if own > room / 2 {
            let needed = job.budget.largest_base(job.comm).saturating_add(writing).saturating_add(2 * own);
            return Err(refuse(needed, job.budget, "choose a coarser grid"));
        }
        let transform = Transform::new(&maps.grid, truncation)?;
        let way = Way::choose(job, maps, transform, (work, room))?;
        let through = Self { way, writing };
        through.tell(job, maps);
        Ok(through)
    }

    pub(crate) fn transform(&self) -> &Transform {
        match &self.way {
            Way::Whole(windows) => &windows.transform,
            Way::Divided(shared) => shared.transform(),
        }
    }

    fn tell(&self, job: &FoldJob<'_>, maps: &SphereMaps) {
        let names: Vec<&str> = maps.sources.iter().map(|s| s.variable().name.as_str()).collect();
        let (estimate, shares) = match &self.way {
            Way::Whole(windows) => (windows.plan.estimate(), None),
            Way::Divided(shared) => (shared.estimate(), Some(shared.shares())),
        };
        let bytes = halocline_core::budget::resident().unwrap_or(0) + estimate + self.writing;
        let grid = self.transform().grid().describe();
        job.verbosity.say(job.comm, || {
            format!(
                "{}: {} ({grid}), up to degree {}{}; {} x {}: about {} of memory a rank of {} ({})",
                names.join(", "),
                plural(maps.count(), "map"),
                self.transform().truncation(),
                shares.map_or_else(String::new, |n| format!(
                    ", divided by latitudes and orders over {}",
                    plural(n, "rank")
                )),
                plural(job.comm.size(), "rank"),
                plural(rayon::current_num_threads(), "thread"),
                bytes_text(bytes),
                bytes_text(job.budget.bytes),
                job.budget.origin
            )
        });
        job.tell_notes(&maps.sources.iter().collect::<Vec<_>>());
        report::event(job.comm, "plan", || {
            serde_json::json!({
                "variable": names.join(", "),
                "maps": maps.count(),
                "grid": grid,
                "truncation": self.transform().truncation(),
                "decomposition": shares.map_or_else(|| "whole maps".to_owned(), |n| format!("latitudes and orders over {}", plural(n, "rank"))),
                "memory_estimate": bytes,
                "memory_promise": job.budget.bytes,
                "bytes_to_read": maps.sources.iter().map(folding::bytes_to_read).sum::<u64>(),
            })
        });
    }

    /// Has all maps go through: `recipe` makes `results` of them, `sink` is given these with the box of
    /// the sources that they are of, both also without any.
    ///
    /// # Collective
    /// Every rank calls this; `sink` may communicate.
    ///
    /// # Errors
    /// Data, if values are missing; those of reading, the recipe and the sink.
    pub(crate) fn run(
        &mut self,
        job: &FoldJob<'_>,
        maps: &SphereMaps,
        (results, recipe): (Results, &Recipe<'_>),
        sink: &mut dyn FnMut(&IndexBox, &[Values]) -> Result<()>,
    ) -> Result<()> {
        let guarded: Vec<&_> = maps.sources.iter().collect();
        folding::guarded(job.comm, &guarded, || match &mut self.way {
            Way::Divided(shared) => shared.run(job, maps, (results, recipe), sink),
            Way::Whole(windows) => {
                let Windows { transform, plan, together } = &**windows;
                let cells = maps.grid.cells();
                let used = Mutex::new(Vec::new());
                let used = || used.lock().unwrap_or_else(PoisonError::into_inner);
                let work = |window: &IndexBox, values: &[Numbers<'_>]| {
                    maps.check(window, values)?;
                    let count = window.len() / cells;
                    let mut made = results.room(count * cells, used().pop());
                    for at in (0..count).step_by(*together) {
                        let group = at..count.min(at + *together);
                        let made = made.as_mut_slice();
                        recipe(&mut Whole { transform, values, maps: group, results: made })?;
                    }
                    Ok(made)
                };
                let sources: Vec<&dyn StreamSource> =
                    maps.sources.iter().map(|s| s as &dyn StreamSource).collect();
                let engine = Engine::with_progress(job.comm, job.progress);
                engine.whole_maps(&sources, plan, &work, &mut |window, made| {
                    sink(window, &made)?;
                    used().push(made);
                    Ok(())
                })
            }
        })
        .map_err(|e| maps.blame(e))
    }
}

impl Way {
    /// Divides maps by hand, or where they are fewer than the ranks that could share them, or where memory
    /// does not hold them otherwise; the same on all ranks.
    ///
    /// # Collective
    /// Every rank calls this.
    fn choose(
        job: &FoldJob<'_>,
        maps: &SphereMaps,
        transform: Transform,
        (work, room): (Work, u64),
    ) -> Result<Self> {
        let ranks = job.comm.size();
        let divided = |transform: Transform, shares: usize| {
            let transform = DividedTransform::among(transform, ranks, shares);
            Shared::plan(job, maps, transform, (shares, work)).map(|shared| Self::Divided(Box::new(shared)))
        };
        if let Some(shares) = maps.shares {
            return if shares > 1 {
                divided(transform, shares)
            } else {
                Self::whole(job, maps, transform, (work, room))
            };
        }
        if maps.count() < ranks.min(DividedTransform::most(&transform)) {
            return divided(transform, ranks);
        }
        let again = (transform.grid().clone(), transform.truncation());
        match Self::whole(job, maps, transform, (work, room)) {
            Err(e) if e.kind == ErrorKind::Memory && ranks > 1 => {
                divided(Transform::new(&again.0, Some(again.1))?, ranks)
            }
            other => other,
        }
    }

    /// Windows of whole maps.
    fn whole(
        job: &FoldJob<'_>,
        maps: &SphereMaps,
        transform: Transform,
        (work, room): (Work, u64),
    ) -> Result<Self> {
        let own = Transform::bytes(transform.grid());
        let threads = halocline_core::threads::for_plans();
        let takes = |together: usize| transform.working(together, work.fields, threads);
        let mut together = TOGETHER;
        while together > 1 && takes(together) > (room - own) / 2 {
            together /= 2;
        }
        let needs = WholeNeeds { made: work.made, fixed: own + takes(together) };
        let sources: Vec<&dyn StreamSource> = maps.sources.iter().map(|s| s as &dyn StreamSource).collect();
        let plan = WholePlan::new(&sources, (job.comm.size(), threads), room, needs)
            .map_err(|e: Error| folding::of_budget(e, job.budget, 0))?;
        Ok(Self::Whole(Box::new(Windows { transform, plan, together })))
    }
}
