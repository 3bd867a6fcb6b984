//! Volumes, all levels of a time, turned into maps: what these commands share.

use crate::carry;
use crate::checkpoint::CheckpointArgs;
use crate::common::{bytes_text, Verbosity};
use crate::folding::{self, plural, FoldJob};
use crate::series::writing_bytes;
use crate::step::{self, Alone, ByItself};
use crate::transport::coordinate::methods;
use crate::transport::ocean::{Ocean, OceanArgs};
use halocline_core::comm::Comm;
use halocline_core::engine::{Engine, Numbers, StreamSource, WholeNeeds, WholePlan};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Values};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use std::path::PathBuf;

/// A variable of the result.
pub(crate) struct Made {
    pub(in crate::transport) name: &'static str,
    pub(in crate::transport) attributes: Attributes,
}

/// What is made of the volume of a time.
pub(crate) trait Columns: Sync {
    fn title(&self) -> &'static str;
    /// As outputs record it.
    fn describe(&self) -> Vec<String>;
    fn made(&self) -> Vec<Made>;
    /// A dimension of its own between time and the map, if there is one.
    fn layers(&self) -> Option<Coordinate> {
        None
    }
    /// Where maps stand, if not where the first variable does: coordinates of latitude and longitude.
    fn places(&self) -> Option<&[Option<Coordinate>; 2]> {
        None
    }
    /// All variables at one time, one after the other: maps, of each layer. `m` is the number of the
    /// first map of the volume in `values`.
    fn maps(&self, ocean: &Ocean, values: &[Numbers<'_>], m: usize) -> Vec<f64>;
}

/// A command of this family.
pub(crate) trait ColumnCommand {
    #[doc(hidden)]
    fn ocean(&self) -> &OceanArgs;
    /// Refuses what makes no sense before any file is opened.
    fn check(&self) -> Result<()>;
    #[doc(hidden)]
    fn begin(&self, job: &FoldJob<'_>) -> Result<(Ocean, Box<dyn Columns>)>;
}

/// Runs a command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &dyn ColumnCommand, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.ocean().memory, &CheckpointArgs::none(), |job| open(job, args))
}

/// A command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open(job: &FoldJob<'_>, args: &dyn ColumnCommand) -> Result<Volumes> {
    args.check()?;
    args.ocean().check_no_basins()?;
    let (ocean, columns) = args.begin(job)?;
    Ok(Volumes { args: args.ocean().clone(), ocean, columns })
}

/// A command, opened.
pub(crate) struct Volumes {
    args: OceanArgs,
    ocean: Ocean,
    columns: Box<dyn Columns>,
}

impl Volumes {
    fn compute(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (ocean, columns) = (&self.ocean, &self.columns);
        let made = columns.made();
        let layers = columns.layers();
        let depth = layers.as_ref().map_or(1, |l| l.values.len());
        let (cells, levels) = (ocean.cells(), ocean.levels().max(1));
        let writing = writing_bytes(job);
        let streams = ocean.streams();
        let sources: Vec<&dyn StreamSource> = streams.iter().map(|s| s as _).collect();
        let threads = halocline_core::threads::for_plans();
        let maps = (8 * made.len() * depth * cells) as u64;
        let needs = WholeNeeds { made: 2 * maps, fixed: ocean.bytes() };
        let room = job.budget.for_buffers(job.comm).saturating_sub(writing);
        let plan = WholePlan::columns(&sources, (job.comm.size(), threads), room, needs)
            .map_err(|e| folding::of_budget(e, job.budget, ocean.bytes()))?;
        let bytes = halocline_core::budget::resident().unwrap_or(0) + plan.estimate() + writing;
        job.verbosity.say(job.comm, || {
            format!(
                "{} of {} levels; {} x {}: about {} of memory a rank of {} ({})",
                plural(ocean.times(), "time"),
                levels,
                plural(job.comm.size(), "rank"),
                plural(threads, "thread"),
                bytes_text(bytes),
                bytes_text(job.budget.bytes),
                job.budget.origin
            )
        });
        ocean.tell(job);
        let mut file = self.file(job, (&made, layers.as_ref()), writing)?;
        let work = |window: &IndexBox, values: &[Numbers<'_>]| {
            let times = window.len() / (cells * levels).max(1);
            let all = (0..times).map(|t| columns.maps(ocean, values, t * levels)).collect::<Vec<_>>();
            Ok(all)
        };
        let engine = Engine::with_progress(job.comm, job.progress);
        let guarded: Vec<&_> = ocean.sources.iter().collect();
        let (rows, width) = ocean.shape;
        folding::guarded(job.comm, &guarded, || {
            engine.whole_maps(&sources, &plan, &work, &mut |window, times| {
                let _timer = job.progress.phases.start(Phase::Write);
                let full = |n: usize| if times.is_empty() { 0..0 } else { 0..n };
                let mut ranges = Vec::from([window.range(0)]);
                ranges.extend(layers.as_ref().map(|_| full(depth)));
                ranges.extend([full(rows), full(width)]);
                let block = IndexBox::new(ranges);
                let each = depth * cells;
                for (k, one) in made.iter().enumerate() {
                    let values: Vec<f64> =
                        times.iter().flat_map(|all| all[k * each..(k + 1) * each].iter().copied()).collect();
                    file.write_block(one.name, &block, &Values::F64(values))?;
                }
                Ok(())
            })
        })?;
        job.write(|| file.finish_with_report())
    }

    /// The file, ready for maps.
    fn file(
        &self,
        job: &FoldJob<'_>,
        (made, layers): (&[Made], Option<&Coordinate>),
        writing: u64,
    ) -> Result<Output> {
        let (ocean, columns) = (&self.ocean, &self.columns);
        let options: Vec<String> = columns.describe().into_iter().chain(self.args.describe()).collect();
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", columns.title())
            .with("source", format!("halocline {}, transport", env!("CARGO_PKG_VERSION")))
            .with("halocline_transport_options", options.join("; "))
            .with("halocline_transport_inputs", ocean.described());
        carry::add_origin(&mut attributes, &ocean.dataset);
        let mut schema = Schema { attributes, ..Schema::new() };
        let source = &ocean.sources[0];
        let mut pending = schema.add_coordinate(source.time_coordinate())?;
        if let Some(layers) = layers {
            pending.extend(schema.add_coordinate(layers)?);
        }
        let grid = source.grid();
        for dim in &grid.dims {
            schema.add_dim(&dim.name, dim.len)?;
        }
        let own = [grid.lat.clone(), grid.lon.clone()];
        let places = columns.places().unwrap_or(&own);
        // What else goes along the dimensions is of where the variable stands.
        let extra = if columns.places().is_some() { &[][..] } else { &grid.extra[..] };
        for c in places.iter().flatten().chain(extra) {
            pending.extend(schema.add_coordinate(c)?);
        }
        let time = source.variable().dims[0].name.clone();
        for one in made {
            let mut dims = vec![time.clone()];
            dims.extend(layers.map(|l| l.variable.dims[0].name.clone()));
            dims.extend(grid.dims.iter().map(|d| d.name.clone()));
            let mut attributes = one.attributes.clone();
            if let Some(methods) = methods(ocean, false) {
                attributes.set("cell_methods", methods);
            }
            carry::refer_to_space(&mut attributes, source);
            if columns.places().is_some() {
                attributes.remove("grid_mapping");
            }
            schema.add_variable(VariableSpec::data(one.name, dims, DType::F64).attributes(attributes));
        }
        let mut file = Output::create(job.comm, &self.args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        Ok(file)
    }
}

impl ByItself for Volumes {
    fn files(&self) -> Vec<PathBuf> {
        self.ocean.files.iter().chain([&self.args.output]).cloned().collect()
    }
    fn reads(&self) -> Vec<Alone> {
        self.ocean.alone()
    }
    fn output(&self) -> &std::path::Path {
        &self.args.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.compute(job).map_err(|e| self.ocean.blame(e))
    }
}

/// Refuses a constant that is not above 0.
pub(super) fn positive(option: &str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::usage(format!("{option} {value} must be above 0")))
}
