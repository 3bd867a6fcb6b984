//! The NetCDF file of a climatology.

use super::parts::Parts;
use super::{ClimatologyArgs, Job};
use crate::asked::{self, name_of, Asked};
use crate::{carry, cf, series};
use halocline_algorithms::climatology::{axis, Axis};
use halocline_algorithms::statistics::Op;
use halocline_core::calendar::Cycle;
use halocline_core::comm::Comm;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;

/// Writes the file.
///
/// # Collective
/// Every rank calls this with its part of the results.
pub(super) fn write(
    comm: &Comm,
    args: &ClimatologyArgs,
    job: &Job,
    dataset: &Dataset,
    results: &mut [Parts],
) -> Result<WriteReport> {
    let mut maps: Vec<_> = results.iter_mut().map(|parts| parts.series.take()).collect();
    let results: &[Parts] = results;
    let mut schema = Schema { attributes: global(args, job, dataset, results), ..Schema::new() };
    let axis = |r: &Parts| {
        let template = &r.source.time_coordinate().variable;
        axis(job.cycle, &r.source.time().units, &r.source.dates()?, template)
    };
    let axes: Vec<Axis> = results.iter().map(axis).collect::<Result<Vec<Axis>>>()?;
    let mut pending = Vec::new();
    for (parts, axis) in results.iter().zip(&axes) {
        for coordinate in [&axis.time, &axis.bounds, &axis.label] {
            if schema.variable(&coordinate.variable.name).is_none() {
                pending.extend(schema.add_coordinate(coordinate)?);
            }
        }
        pending.extend(carry::add_space(&mut schema, &parts.source)?);
    }
    for parts in results {
        for op in asked::ops(&job.asked) {
            let dims = parts.source.variable().dims.iter().map(|d| d.name.as_str());
            let dtype = if op == Op::Count { DType::I32 } else { DType::F64 };
            let spec = VariableSpec::data(name_of(&job.asked, &parts.name, Asked::Op(op)), dims, dtype);
            schema.add_variable(spec.attributes(attributes(job, parts, op)));
        }
        for percent in asked::percents(&job.asked) {
            let dims = parts.source.variable().dims.iter().map(|d| d.name.as_str());
            let name = name_of(&job.asked, &parts.name, Asked::Percentile(percent));
            let spec = VariableSpec::data(name, dims, DType::F64);
            schema.add_variable(spec.attributes(of_percentile(job, parts, percent)));
        }
    }
    let mut output = Output::create(comm, &args.output, &schema)?;
    output.write_pending(&pending)?;
    for parts in results {
        for op in asked::ops(&job.asked) {
            let name = name_of(&job.asked, &parts.name, Asked::Op(op));
            for &quantity in op.quantities() {
                parts.each(quantity, &mut |block, values| {
                    let values = match op {
                        Op::Count => Values::I32(values.iter().map(|&n| n.max(0.0) as i32).collect()),
                        _ => Values::F64(values),
                    };
                    output.write_block(&name, block, &values)
                })?;
            }
        }
    }
    for (parts, maps) in results.iter().zip(&mut maps) {
        let Some(maps) = maps else { continue };
        for (which, percent) in asked::percents(&job.asked).into_iter().enumerate() {
            maps.write(&mut output, &name_of(&job.asked, &parts.name, Asked::Percentile(percent)), which)?;
        }
    }
    output.finish_with_report()
}

/// How CF describes what was done within and over the periods. The spread is that of all values
/// of a part, for which CF has no words.
fn methods(cycle: Cycle, op: Op, dim: &str) -> Option<String> {
    let periods = if cycle == Cycle::Hour { "days" } else { "years" };
    let nested =
        |method: &str| Some(format!("{dim}: {method} within {periods} {dim}: {method} over {periods}"));
    let pooled = |method: &str, how: &str| {
        Some(format!("{dim}: {method} (of all values of the {} in all {periods}{how})", cycle.name()))
    };
    let method = cf::method(op.quantities()[0])?;
    match op {
        Op::Std | Op::Var => pooled(method, ", divided by n - 1"),
        Op::Range | Op::Rms => pooled(method, ""),
        _ => nested(method),
    }
}

fn attributes(job: &Job, parts: &Parts, op: Op) -> Attributes {
    let source = &parts.source;
    let mut attributes = carry::attributes(source);
    let long_name = attributes.text("long_name").unwrap_or(&parts.name).to_owned();
    let dim = &source.variable().dims[0].name;
    let method = methods(job.cycle, op, dim);
    cf::set_units(&mut attributes, op.quantities()[0]);
    if op == Op::Var {
        attributes.remove("standard_name");
    }
    if method.is_none() {
        attributes = Attributes::new()
            .with("long_name", format!("number of values of {long_name} that are not missing"))
            .with("units", "1");
    }
    if let Some(method) = method {
        attributes.set("cell_methods", method);
    }
    refer(&mut attributes, job, source);
    attributes
}

/// Names the coordinates beside those of dimensions: the part of the cycle, and those of space.
fn refer(attributes: &mut Attributes, job: &Job, source: &Source) {
    carry::refer_to_space(attributes, source);
    let others = attributes.text("coordinates").map_or_else(String::new, |c| format!(" {c}"));
    attributes.set("coordinates", format!("{}{others}", job.cycle.name()));
}

/// Of a percentile of all values of a part, for which CF has no words but for some.
fn of_percentile(job: &Job, parts: &Parts, percent: f64) -> Attributes {
    let source = &parts.source;
    let mut attributes = carry::attributes(source);
    let name = (parts.name.as_str(), source.variable().dims[0].name.as_str());
    series::describe(&mut attributes, name, None, percent, job.method.name(), None);
    refer(&mut attributes, job, source);
    attributes
}

fn global(args: &ClimatologyArgs, job: &Job, dataset: &Dataset, results: &[Parts]) -> Attributes {
    let names: Vec<&str> = results.iter().map(|r| r.name.as_str()).collect();
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Climatology of {} by {}", names.join(", "), job.cycle.name()))
        .with("source", format!("halocline {}, climatology", env!("CARGO_PKG_VERSION")))
        .with("halocline_climatology_options", args.describe(job));
    if let Some(first) = results.first() {
        attributes.set("halocline_tiling", first.tiling.as_str());
    }
    carry::add_origin(&mut attributes, dataset);
    attributes
}
