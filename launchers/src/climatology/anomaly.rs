//! The second pass: values less the climatology that was written.

use super::{ClimatologyArgs, Job};
use crate::asked::{name_of, Asked};
use crate::carry;
use crate::common::bytes_text;
use crate::folding::{self, FoldJob};
use halocline_algorithms::climatology::{self, Departures, Reference};
use halocline_algorithms::statistics::Op;
use halocline_core::engine::{Engine, MapPlan, NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType};
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::output::{default_chunks, Compression, Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;
use halocline_io::{OpenOptions, Selection};
use std::path::Path;

/// Maps of a climatology in a file.
struct Stored(Source);

impl Reference for Stored {
    fn map(&self, part: usize, space: &IndexBox) -> Result<Vec<f64>> {
        let block =
            IndexBox::new(std::iter::once(part..part + 1).chain(space.ranges().iter().cloned()).collect());
        let mut values = vec![0.0; block.len()];
        StreamSource::read(&self.0, &block, NumbersMut::F64(&mut values))?;
        Ok(values)
    }
}

/// Writes the anomalies of all variables.
///
/// # Collective
/// Every rank calls this.
pub(super) fn write(
    job: &FoldJob<'_>,
    args: &ClimatologyArgs,
    wanted: &Job,
    dataset: &Dataset,
    fields: &[Source],
    path: &Path,
) -> Result<WriteReport> {
    let comm = job.comm;
    let options = OpenOptions { cache: false, io: args.input.io, ..OpenOptions::default() };
    let clim = halocline_io::open_with(comm, &[args.output.to_string_lossy().into_owned()], options)?;
    let selection = Selection { all_levels: true, io: args.input.io, ..Selection::default() };
    let stored = |name: &str, op: Op| -> Result<Stored> {
        Ok(Stored(clim.source(comm, &name_of(&wanted.asked, name, Asked::Op(op)), &selection)?))
    };
    let chunks: Vec<Vec<usize>> = fields.iter().map(chunks).collect();
    let mut schema = Schema { attributes: global(args, wanted, dataset), ..Schema::new() };
    let mut pending = Vec::new();
    for (field, chunk) in fields.iter().zip(&chunks) {
        pending.extend(schema.add_coordinate(field.time_coordinate())?);
        pending.extend(carry::add_space(&mut schema, field)?);
        let variable = StreamSource::variable(field);
        let dims = variable.dims.iter().map(|d| d.name.as_str());
        let spec = VariableSpec::data(&variable.name, dims, dtype(field)).compression(wanted.compression);
        schema.add_variable(spec.chunks(chunk.clone()).attributes(attributes(args, wanted, field)));
    }
    // A quarter for windows on their way, a quarter for maps of the climatology, half for writing.
    let room = job.budget.for_buffers(comm);
    let mut output = Output::create(comm, path, &schema)?;
    output.limit_memory(usize::try_from(room / 2).unwrap_or(usize::MAX).min(352 << 20));
    output.write_pending(&pending)?;
    for (field, chunk) in fields.iter().zip(&chunks) {
        let name = StreamSource::variable(field).name.clone();
        let plan_of =
            if wanted.compression == Compression::None { MapPlan::uncompressed } else { MapPlan::new };
        let plan = plan_of(field, chunk, comm.size(), halocline_core::threads::for_plans(), room / 4)
            .map_err(|e| folding::of_budget(e, job.budget, 0))?;
        job.verbosity
            .say(comm, || format!("anomalies of {name}: windows of {} a rank", bytes_text(plan.estimate())));
        let groups = climatology::groups(wanted.cycle, field.time().calendar, &field.dates()?)?;
        let mean = stored(&name, Op::Mean)?;
        let deviation = if args.standardize { Some(stored(&name, Op::Std)?) } else { None };
        let deviation = deviation.as_ref().map(|d| d as &dyn Reference);
        let mut map = Departures::new(&groups, &mean, deviation, (room / 4) as usize);
        let engine = Engine::with_progress(comm, job.progress);
        folding::guarded(comm, &[field], || {
            engine.map_through(field, &plan, &mut map, &mut |block, values| {
                let _timer = job.progress.phases.start(Phase::Write);
                output.hand_over(&name, block, values)
            })
        })
        .map_err(|e| e.in_variable(&name))?;
    }
    job.write(|| output.finish_with_report())
}

fn dtype(field: &Source) -> DType {
    if StreamSource::is_single(field) {
        DType::F32
    } else {
        DType::F64
    }
}

/// The chunks of the input, where they are of a size that readers like.
fn chunks(field: &Source) -> Vec<usize> {
    let shape = StreamSource::variable(field).shape();
    let size = dtype(field).size();
    let own = Source::chunks(field).map(|_| StreamSource::chunks(field));
    let likes =
        |chunk: &Vec<usize>| ((64 << 10)..(16 << 20)).contains(&(chunk.iter().product::<usize>() * size));
    own.filter(likes).unwrap_or_else(|| default_chunks(&shape, size))
}

fn attributes(args: &ClimatologyArgs, wanted: &Job, field: &Source) -> Attributes {
    let mut attributes = field.decoded_attributes();
    let name = StreamSource::variable(field).name.as_str();
    let long_name = attributes.text("long_name").unwrap_or(name).to_owned();
    // True of the values, not of their departures.
    for of_values in
        ["standard_name", "actual_range", "valid_min", "valid_max", "valid_range", "ancillary_variables"]
    {
        attributes.remove(of_values);
    }
    let base = args.base.as_ref().map_or_else(String::new, |base| format!(" of {base}"));
    let kind = if args.standardize { "standardized anomaly" } else { "anomaly" };
    attributes.set(
        "long_name",
        format!("{kind} of {long_name} about its climatology by {}{base}", wanted.cycle.name()),
    );
    if args.standardize {
        attributes.set("units", "1");
    }
    carry::refer_to_space(&mut attributes, field);
    attributes
}

fn global(args: &ClimatologyArgs, wanted: &Job, dataset: &Dataset) -> Attributes {
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Anomalies of {} by {}", args.var.join(", "), wanted.cycle.name()))
        .with("source", format!("halocline {}, climatology", env!("CARGO_PKG_VERSION")))
        .with("halocline_climatology_options", args.describe(wanted));
    carry::add_origin(&mut attributes, dataset);
    attributes
}
