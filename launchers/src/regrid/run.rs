//! The command as a step: weights, then all maps through them, window by window, to the file.

use super::options::{Nature, RegridArgs};
use super::{output, target, weights_file};
use crate::common::{bytes_text, check_output, paths};
use crate::folding::{self, FoldJob};
use crate::step::{Alone, ByItself};
use halocline_algorithms::regrid::{Cells, Made, Regridded};
use halocline_core::budget::refuse;
use halocline_core::engine::{Engine, MapPlan, NumbersMut, StreamMap, StreamSource as _};
use halocline_core::grid::Grid;
use halocline_core::index::IndexBox;
use halocline_core::meta::Coordinate;
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::{default_chunks, Compression, Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;
use std::path::{Path, PathBuf};

/// Bytes that the writer may take, at most.
const WRITING: u64 = 352 << 20;

/// `halocline regrid`, opened.
pub(crate) struct Regridding<'a> {
    args: &'a RegridArgs,
    dataset: Dataset,
    /// Files that are read.
    files: Vec<PathBuf>,
    variables: Vec<Source>,
    from: Cells,
    /// None: the file of weights tells it.
    to: Option<Cells>,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a RegridArgs) -> Result<Regridding<'a>> {
    args.check()?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let dataset = args.input.open(job.comm, job.verbosity)?;
    let mut files = paths(&dataset);
    let to = match &args.to {
        None => None,
        Some(to) => {
            let (grid, file) = target::grid(job.comm, to, args.input.io)?;
            files.extend(file);
            let of = |e: Error| Error { message: format!("--to {to}: {}", e.message), ..e };
            Some(Cells::new(grid).map_err(of)?)
        }
    };
    files.extend(args.weights.clone());
    for output in [Some(&args.output), args.save_weights.as_ref()].into_iter().flatten() {
        check_output(job.comm, output, &files)?;
    }
    let mut variables: Vec<Source> = Vec::new();
    for name in &args.var {
        let blame = |e| folding::blame(e, files.first(), name);
        let source = dataset.source(job.comm, name, &selection)?;
        folding::check_is_data(name, &source).map_err(blame)?;
        if let Some(first) = variables.first() {
            if !is_same_grid(first.grid(), source.grid()) {
                return Err(blame(
                    Error::usage(format!("is on another grid than {}", first.variable().name))
                        .remedy("regrid them one by one"),
                ));
            }
        }
        variables.push(source);
    }
    let first = variables.first().ok_or_else(|| Error::usage("no variable is named"))?;
    let from =
        Cells::new(first.grid().clone()).map_err(|e| folding::blame(e, files.first(), &args.var[0]))?;
    Ok(Regridding { args, dataset, files, variables, from, to })
}

/// Whether two variables are on the same grid: places that are missing in both, as on the land of some
/// grids, are the same.
fn is_same_grid(a: &Grid, b: &Grid) -> bool {
    let bits = |c: &Coordinate| -> Vec<u64> {
        let bounds = c.bounds.iter().flat_map(|bounds| bounds.values.to_f64());
        let canonical = |v: f64| if v.is_nan() { f64::NAN.to_bits() } else { (v + 0.0).to_bits() };
        c.values.to_f64().into_iter().chain(bounds).map(canonical).collect()
    };
    let same = |a: Option<&Coordinate>, b: Option<&Coordinate>| a.map(bits) == b.map(bits);
    a.kind == b.kind
        && a.dims == b.dims
        && a.excluded == b.excluded
        && a.edges == b.edges
        && same(a.lat.as_ref(), b.lat.as_ref())
        && same(a.lon.as_ref(), b.lon.as_ref())
}

impl ByItself for Regridding<'_> {
    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().chain([&self.args.output]).chain(&self.args.save_weights).cloned().collect()
    }
    fn reads(&self) -> Vec<Alone> {
        let of = |source: &Source| Alone {
            what: format!("maps of {}", source.variable().name),
            bytes: folding::bytes_to_read(source),
            is_first: false,
        };
        self.variables.iter().map(of).collect()
    }
    fn output(&self) -> &Path {
        &self.args.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.write(job)
    }
}

impl Regridding<'_> {
    /// The weights, and the grid that they lead to.
    fn weights(&self, job: &FoldJob<'_>) -> Result<(Made, Cells, Nature)> {
        let (args, comm) = (self.args, job.comm);
        if let Some(path) = &args.weights {
            let stored = weights_file::read(comm, path, &self.from, self.to.as_ref(), args.input.io)?;
            let to = match (&self.to, stored.grid) {
                (Some(to), _) => to.clone(),
                (None, Some(grid)) => Cells::new(grid).map_err(|e| e.in_file(path))?,
                (None, None) => {
                    return Err(Error::data("does not tell the target grid")
                        .in_file(path)
                        .remedy("name it with --to"))
                }
            };
            return Ok((stored.made, to, stored.nature));
        }
        let to = self
            .to
            .clone()
            .ok_or_else(|| Error::usage("--to is missing").remedy("name the grid to go to"))?;
        let _timer = job.progress.phases.start(Phase::Compute);
        // Each rank makes its share of the rows; no row knows of another.
        let (rank, ranks) = (comm.rank(), comm.size());
        let share = to.len() * rank / ranks..to.len() * (rank + 1) / ranks;
        let blame = |e| folding::blame(e, self.files.first(), &args.var[0]);
        let own = rayon::join(|| args.method().weights(&self.from, &to, share), || ()).0;
        let own = comm.agree(own.map_err(blame))?;
        let made = if ranks == 1 { own } else { Made::joined(Engine::new(comm).gather(&own)?)? };
        let made = if args.of_whole_cells() { made.of_whole_cells()? } else { made };
        Ok((made, to, args.nature()))
    }

    /// As the input is: who keeps it without has chosen speed.
    fn compression(&self, name: &str) -> Compression {
        /// Checksums, in the registry of HDF5's filters.
        const FLETCHER: u16 = 3;
        let is_plain = self.dataset.variable(name).is_ok_and(|info| {
            let is_known = info.filters_known || info.chunks.is_none();
            is_known && info.deflate.is_none() && info.other_filters.iter().all(|f| *f == FLETCHER)
        });
        if is_plain {
            Compression::None
        } else {
            Compression::Deflate(1)
        }
    }

    fn write(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (comm, args) = (job.comm, self.args);
        let before = job.budget.for_buffers(comm);
        let (made, to, nature) = self.weights(job)?;
        let missing = args.missing().unwrap_or_else(|| nature.missing());
        let held = made.matrix.bytes() + 8 * made.covered.len() as u64;
        if held > before / 2 {
            let needed = job.budget.largest_base(comm).saturating_add(2 * held);
            return Err(refuse(needed, job.budget, "regrid a --box, or to fewer cells"));
        }
        let empty = made.covered.iter().filter(|c| **c == 0.0).count();
        job.verbosity.say(comm, || {
            let outside =
                if empty > 0 { format!(", {empty} cells outside of the source grid") } else { String::new() };
            format!(
                "{} to {}, {}: {} weights ({}){outside}",
                output::describe(&self.from.grid),
                output::describe(&to.grid),
                args.method_name(),
                made.matrix.entries(),
                bytes_text(made.matrix.bytes())
            )
        });
        for (which, count) in ["source", "target"].iter().zip(made.crossed).filter(|(_, count)| *count > 0) {
            job.verbosity.say(comm, || {
                format!(
                    "note: {} of the {which} grid with sides that cross each other left out, as at the fold of ocean grids",
                    folding::plural(count, "cell")
                )
            });
        }
        let counts_cells = nature.is_conservative || !nature.is_bilinear && made.matrix.entries() > to.len();
        let repeated = if counts_cells { comm.on_root(|| Ok(self.from.grid.repeated()?.len()))? } else { 0 };
        if repeated > 0 {
            job.verbosity.say(comm, || {
                format!(
                    "note: {} repeated in the source grid, as a column at the longitude of another: where they meet, \
                     values count as often as the file holds them, as in CDO and ESMF",
                    folding::plural(repeated, "cell")
                )
            });
        }
        if let Some(path) = &args.save_weights {
            let about = (args.method_name(), nature, args.weights_format);
            weights_file::write(comm, path, &made, (&self.from, &to), &about)?;
            job.verbosity.say(comm, || format!("wrote {}", path.display()));
        }
        let rest = before.saturating_sub(held);
        let writing = (rest / 3).min(WRITING);
        let mut plans = Vec::new();
        let mut fields = Vec::new();
        for source in &self.variables {
            let blame = |e| folding::blame(e, self.files.first(), &source.variable().name);
            let variable = output::variable(args, source, &to.grid, nature);
            let chunks = default_chunks(&variable.shape(), variable.dtype.size());
            let horizontal = source.grid().dims.len();
            let field = Regridded::new(source, horizontal, &made.matrix, missing, variable, chunks.clone())
                .map_err(blame)?;
            let compression =
                args.compression()?.unwrap_or_else(|| self.compression(&source.variable().name));
            let make = if compression == Compression::None { MapPlan::uncompressed } else { MapPlan::new };
            let threads = halocline_core::threads::for_plans();
            let plan = make(&field, &chunks, comm.size(), threads, rest - writing)
                .map_err(|e| blame(folding::of_budget(e, job.budget, held)))?;
            plans.push(plan);
            fields.push((field, compression));
        }
        job.tell_notes(&self.variables.iter().collect::<Vec<_>>());
        let mut schema = Schema { attributes: output::global(args, &self.dataset, missing), ..Schema::new() };
        let mut pending = Vec::new();
        for source in &self.variables {
            pending.extend(output::add_coordinates(&mut schema, source, &to)?);
        }
        for (field, compression) in &fields {
            let variable = field.variable();
            let names = variable.dims.iter().map(|d| d.name.as_str());
            let spec = VariableSpec::data(&variable.name, names, variable.dtype).compression(*compression);
            schema.add_variable(spec.chunks(field.chunks()).attributes(variable.attributes.clone()));
        }
        let mut file = Output::create(comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        let engine = Engine::with_progress(comm, job.progress);
        for ((source, (field, _)), plan) in self.variables.iter().zip(&fields).zip(&plans) {
            let name = &source.variable().name;
            let done = folding::guarded(comm, &[source], || {
                engine.map_through(field, plan, &mut AsItIs, &mut |block, values| {
                    let _timer = job.progress.phases.start(Phase::Write);
                    file.hand_over(name, block, values)
                })
            });
            done.map_err(|e| folding::blame(e, self.files.first(), name))?;
        }
        job.write(|| file.finish_with_report())
    }
}

/// Changes nothing: values are made as they are read.
struct AsItIs;

impl StreamMap for AsItIs {
    fn prepare(&mut self, _window: &IndexBox) -> Result<()> {
        Ok(())
    }
    fn apply(&self, _block: &IndexBox, _values: NumbersMut<'_>) -> Result<()> {
        Ok(())
    }
}
