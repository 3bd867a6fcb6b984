//! The command as a step.

use super::areas::{areas, once, strips};
use super::land::water;
use super::output::Results;
use super::{ImpliedHeatArgs, Residual};
use crate::common::{bytes_text, check_output, paths};
use crate::folding::{self, plural, FoldJob};
use crate::quantities::Quantity;
use crate::series::writing_bytes;
use crate::step::{Alone, ByItself};
use crate::transport::collect::Waiting;
use crate::transport::ocean::{find, Places};
use halocline_algorithms::transport::{gained, implied_transport, OF_STRIP};
use halocline_core::engine::{Engine, Numbers, StreamSource, WholeNeeds, WholePlan};
use halocline_core::grid::GridKind;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use halocline_io::output::WriteReport;
use halocline_io::{Dataset, Source};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

const FLUX: find::Wanted = find::Wanted {
    what: "flux of heat into the ocean",
    option: "--flux",
    standard: &["surface_downward_heat_flux_in_sea_water"],
    names: &["hfds", "SHF", "qt_oce", "qt", "sohefldo", "tohfds", "TFLUX", "oceQnet", "qnet"],
    quantity: Quantity::HeatFlux,
};

/// `halocline transport implied-heat`, opened.
pub(crate) struct Implied {
    pub(super) args: ImpliedHeatArgs,
    pub(super) dataset: Dataset,
    pub(super) source: Source,
    files: Vec<PathBuf>,
    areas: Vec<f64>,
    /// The strip of each cell.
    strips: Vec<u32>,
    /// Latitudes of lines, from south to north: one more than strips.
    pub(super) lines: Vec<f64>,
    /// Whether lines are circles of latitude.
    pub(super) is_circles: bool,
    /// Names of basins beside the whole ocean, and their cells.
    pub(super) basins: Vec<(String, Vec<bool>)>,
    /// Without a mask: fluxes of exactly 0 are taken as land in areas.
    zero_is_land: bool,
    /// 1 if the flux counts downward, else -1.
    sign: f64,
    notes: Vec<String>,
}

/// What a time, or the mean, gives.
pub(super) struct Finished {
    /// Transports of the basins across lines, W.
    pub(super) transport: Vec<f64>,
    /// What the whole ocean gains, W, and its area, without land.
    pub(super) whole: [f64; 2],
}

impl Implied {
    pub(super) fn open(job: &FoldJob<'_>, args: ImpliedHeatArgs) -> Result<Self> {
        let sets = args.input.open_groups(job.comm, job.verbosity)?;
        let mut files: Vec<PathBuf> = sets.iter().flat_map(paths).collect();
        let found = find::needed(&sets, args.flux.as_deref(), &FLUX)?;
        let set = &sets[found.set];
        let blame = |e| folding::blame(e, paths(set).first(), &found.name);
        let source = set.source(job.comm, &found.name, &args.selection()?)?;
        folding::check_is_data(&found.name, &source).map_err(blame)?;
        let places = Places::of(&source).map_err(blame)?;
        if source.variable().dims.len() != 3 {
            let error = Error::data("has more than times and a map").remedy("select one level first");
            return Err(blame(error));
        }
        let mut notes: Vec<String> = FLUX.quantity.assumed(source.variable()).into_iter().collect();
        let attributes = &source.variable().attributes;
        let mut sign = 1.0;
        if attributes.text("positive").is_some_and(|p| p.eq_ignore_ascii_case("up")) {
            sign = -1.0;
            notes.push(format!("{} counts upward: its sign is turned", found.name));
        }
        let (mut areas, note) = areas(job.comm, (&sets, &source), &args, &mut files).map_err(blame)?;
        notes.push(note);
        let shape = [places.rows, places.columns];
        let mask = water(job.comm, &sets, args.mask.as_deref(), shape, &mut files)?;
        let zero_is_land = mask.is_none();
        if let Some((water, name)) = mask {
            let land = areas.iter_mut().zip(water).filter(|(_, water)| !water);
            land.for_each(|(area, _)| *area = 0.0);
            notes.push(format!("land: where {name} is 0"));
        }
        let first = || -> Result<Vec<bool>> {
            let block = IndexBox::new(vec![0..1, 0..places.rows, 0..places.columns]);
            let values = job.comm.on_root(|| source.read(&block))?.to_f64();
            Ok(values.iter().map(|v| !v.is_nan() && *v != 0.0).collect())
        };
        let twice = once(&places, &mut areas, first).map_err(blame)?;
        if twice > 0 {
            notes.push(format!("{} where another is: left out", plural(twice, "cell")));
        }
        let (lines, strips) = strips(&source, &places, args.bins).map_err(blame)?;
        let mut basins = Vec::new();
        for basin in &args.basin {
            basins.extend(basin.cells((job.comm, &sets), (&places.lat, &places.lon), &mut files)?);
        }
        crate::common::check_once(&basins.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())?;
        check_output(job.comm, &args.output, &files)?;
        let is_circles = args.bins.is_some() || source.grid().kind == GridKind::Rectilinear;
        let dataset = sets.into_iter().nth(found.set).ok_or_else(|| Error::internal("no data set"))?;
        Ok(Self {
            args,
            dataset,
            source,
            files,
            areas,
            strips,
            lines,
            is_circles,
            basins,
            zero_is_land,
            sign,
            notes,
        })
    }

    pub(super) fn basins(&self) -> usize {
        1 + self.basins.len()
    }
    pub(super) fn strips(&self) -> usize {
        self.lines.len() - 1
    }
    /// Sums of a map: of each basin and strip those of [`gained`].
    fn each(&self) -> usize {
        OF_STRIP * self.basins() * self.strips()
    }
    /// How it was found, for outputs.
    pub(super) fn described(&self) -> String {
        let name = format!("variables: {}", self.source.variable().name);
        std::iter::once(name).chain(self.notes.iter().cloned()).collect::<Vec<_>>().join("; ")
    }

    /// Sums of the maps of a window.
    fn sums(&self, values: &[Numbers<'_>], maps: usize) -> Vec<f64> {
        let cells = self.areas.len();
        let one = |m: usize| -> Vec<f64> {
            let map = values[0].slice(m * cells..(m + 1) * cells);
            let mut all = vec![[0.0; OF_STRIP]; self.basins() * self.strips()];
            let cells = (self.areas.as_slice(), self.strips.as_slice());
            for (basin, out) in all.chunks_exact_mut(self.strips()).enumerate() {
                let selected = basin.checked_sub(1).map(|b| self.basins[b].1.as_slice());
                gained(map, cells, selected, self.zero_is_land, out);
            }
            all.into_iter().flat_map(|[heat, area, there]| [self.sign * heat, area, there]).collect()
        };
        (0..maps).into_par_iter().flat_map_iter(one).collect()
    }

    /// What the sums of a map give.
    pub(super) fn finish(&self, sums: &[f64]) -> Finished {
        let pairs: Vec<[f64; 2]> = sums.chunks_exact(OF_STRIP).map(|p| [p[0], p[1]]).collect();
        let mut basins = pairs.chunks_exact(self.strips());
        let add = |[heat, area]: [f64; 2], strip: &[f64; 2]| [heat + strip[0], area + strip[1]];
        let whole = basins.clone().next().map_or([0.0; 2], |all| all.iter().fold([0.0; 2], add));
        let spread =
            if self.args.residual == Residual::Spread && whole[1] > 0.0 { whole[0] / whole[1] } else { 0.0 };
        let side = self.args.side();
        let transport = basins.by_ref().flat_map(|strips| implied_transport(strips, side, spread)).collect();
        Finished { transport, whole }
    }

    fn compute(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let writing = writing_bytes(job);
        let cells = self.areas.len();
        let held = (12 + self.basins.len() as u64) * cells as u64 + 8 * 4 * self.each() as u64;
        let sources: [&dyn StreamSource; 1] = [&self.source];
        let (ranks, threads) = (job.comm.size(), halocline_core::threads::for_plans());
        let needs = WholeNeeds { made: 3 * 8 * self.each() as u64, fixed: held };
        let room = job.budget.for_buffers(job.comm).saturating_sub(writing);
        let plan = WholePlan::apart(&sources, (ranks, threads), room, needs)
            .map_err(|e| folding::of_budget(e, job.budget, held))?;
        let bytes = halocline_core::budget::resident().unwrap_or(0) + plan.estimate() + writing;
        job.verbosity.say(job.comm, || {
            format!(
                "{} of {}; {} x {}: about {} of memory a rank of {} ({})",
                plural(self.source.time().len(), "time"),
                plural(self.lines.len(), "line"),
                plural(ranks, "rank"),
                plural(threads, "thread"),
                bytes_text(bytes),
                bytes_text(job.budget.bytes),
                job.budget.origin
            )
        });
        job.verbosity.say(job.comm, || format!("reads {}", self.source.variable().name));
        for note in &self.notes {
            job.verbosity.say(job.comm, || format!("note: {note}"));
        }
        job.tell_notes(&[&self.source]);
        let mut results = Results::create(self, job, writing)?;
        let mut waiting = Waiting::new(1, self.each());
        let work = |window: &IndexBox, values: &[Numbers<'_>]| {
            Ok(if window.is_empty() { Vec::new() } else { self.sums(values, window.range(0).len()) })
        };
        let engine = Engine::with_progress(job.comm, job.progress);
        folding::guarded(job.comm, &[&self.source], || {
            engine.maps_apart(&sources, &plan, &work, &mut |window, sums| {
                results.take(self, job, &waiting.add(job.comm, (window, None), &sums))
            })
        })?;
        waiting.finish()?;
        results.finish(self, job)
    }
}

impl ByItself for Implied {
    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().chain([&self.args.output]).cloned().collect()
    }
    fn reads(&self) -> Vec<Alone> {
        vec![Alone {
            what: format!("maps of {}", self.source.variable().name),
            bytes: folding::bytes_to_read(&self.source),
            is_first: false,
        }]
    }
    fn output(&self) -> &Path {
        &self.args.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let name = self.source.variable().name.clone();
        self.compute(job).map_err(|e| folding::blame(e, self.files.first(), &name))
    }
}
