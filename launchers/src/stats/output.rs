//! The NetCDF file of statistics.

use super::{Reduced, StatsArgs};
use crate::carry;
use crate::series;
use halocline_algorithms::statistics::TimeOp;
use halocline_core::comm::Comm;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
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
    args: &StatsArgs,
    dataset: &Dataset,
    results: &mut [Reduced],
) -> Result<WriteReport> {
    let tiling = results.first().map(|r| r.tiling.clone());
    let mut schema = Schema { attributes: global(args, dataset, tiling), ..Schema::new() };
    let times: Vec<Coordinate> = results.iter().map(|r| whole_time(&r.source)).collect();
    let mut pending = Vec::new();
    let mut maps: Vec<_> = results.iter_mut().map(|r| r.series.take()).collect();
    let results: &[Reduced] = results;
    for (reduced, time) in results.iter().zip(&times) {
        pending.extend(schema.add_coordinate(time)?);
        pending.extend(carry::add_space(&mut schema, &reduced.source)?);
    }
    for (reduced, maps) in results.iter().zip(&maps) {
        let error = maps.as_ref().and_then(|maps| maps.error);
        let dims = || reduced.source.variable().dims.iter().map(|d| d.name.as_str());
        for percent in args.percents() {
            let name = args.name_of(&reduced.name, &series::percentile_name(percent));
            let spec = VariableSpec::data(name, dims(), DType::F64);
            let method = args.percentile.name();
            schema.add_variable(spec.attributes(of_percentile(reduced, percent, method, error)));
        }
        for op in args.op() {
            let dims = dims();
            let dtype = if op == TimeOp::Count { DType::I32 } else { DType::F64 };
            let spec = VariableSpec::data(args.name_of(&reduced.name, op.names().0), dims, dtype);
            let attributes = attributes(&reduced.source, &reduced.name, op);
            schema.add_variable(spec.attributes(attributes));
        }
    }
    let mut output = Output::create(comm, &args.output, &schema)?;
    output.write_pending(&pending)?;
    for (reduced, maps) in results.iter().zip(&mut maps) {
        for (k, percent) in args.percents().into_iter().enumerate() {
            let name = args.name_of(&reduced.name, &series::percentile_name(percent));
            maps.as_mut().map_or(Ok(()), |maps| maps.write(&mut output, &name, k))?;
        }
        for (op, values) in args.op().iter().zip(&reduced.values) {
            let values = match op {
                TimeOp::Count => Values::I32(values.iter().map(|&n| n as i32).collect()),
                _ => Values::F64(values.clone()),
            };
            output.write_block(&args.name_of(&reduced.name, op.names().0), &reduced.block, &values)?;
        }
    }
    output.finish_with_report()
}

/// One time that stands for all: its bounds are the ends of the first and the last, it lies in
/// the middle.
fn whole_time(source: &Source) -> Coordinate {
    let times = source.time_coordinate();
    let values = match &times.bounds {
        Some(bounds) => bounds.values.to_f64(),
        None => times.values.to_f64(),
    };
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let dim = Dim::new(times.variable.dims[0].name.clone(), 1, Role::Time);
    let (name, vertices) = times.bounds.as_ref().map_or_else(
        || (format!("{}_bnds", times.variable.name), "bnds".to_owned()),
        |b| (b.variable.name.clone(), b.variable.dims[1].name.clone()),
    );
    let bounds = Coordinate {
        variable: Variable {
            name,
            dims: vec![dim.clone(), Dim::new(vertices, 2, Role::Other)],
            dtype: DType::F64,
            attributes: Attributes::new(),
        },
        values: Values::F64(vec![least, greatest]),
        bounds: None,
    };
    Coordinate {
        variable: Variable { dims: vec![dim], dtype: DType::F64, ..times.variable.clone() },
        values: Values::F64(vec![least + 0.5 * (greatest - least)]),
        bounds: Some(Box::new(bounds)),
    }
}

/// What a map of any operation has of its variable, without what held of single values.
fn of_maps(source: &Source) -> Attributes {
    let mut attributes = source.decoded_attributes();
    carry::refer_to_space(&mut attributes, source);
    for of_values in ["actual_range", "cell_methods", "ancillary_variables", "cell_measures"] {
        attributes.remove(of_values);
    }
    attributes
}

fn of_percentile(reduced: &Reduced, percent: f64, method: &str, error: Option<f64>) -> Attributes {
    let mut attributes = of_maps(&reduced.source);
    let variable = reduced.source.variable();
    let (earlier, name) = (variable.attributes.text("cell_methods"), reduced.name.as_str());
    series::describe(&mut attributes, (name, &variable.dims[0].name), earlier, percent, method, error);
    attributes
}

fn attributes(source: &Source, name: &str, op: TimeOp) -> Attributes {
    let mut attributes = of_maps(source);
    let long_name = attributes.text("long_name").unwrap_or(name).to_owned();
    let dim = &source.variable().dims[0].name;
    let earlier =
        source.variable().attributes.text("cell_methods").map_or_else(String::new, |m| format!("{m} "));
    if let (_, Some(method)) = op.names() {
        attributes.set("cell_methods", format!("{earlier}{dim}: {method}"));
        return attributes;
    }
    let mut count = Attributes::new()
        .with("long_name", format!("number of times at which {long_name} is not missing"))
        .with("units", "1");
    carry::refer_to_space(&mut count, source);
    count
}

pub(super) fn global(args: &StatsArgs, dataset: &Dataset, tiling: Option<String>) -> Attributes {
    let names = &args.var;
    let mut options =
        vec![format!("op={}", args.words.join(",")), "over=time".to_owned(), "missing=skip".to_owned()];
    options.extend(args.running.map(|n| format!("running={n}")));
    if let Some(error) = args.approx {
        options.push(format!("approx={error}"));
    } else if !args.percents().is_empty() {
        options.push(format!("percentile={}", args.percentile.name()));
    }
    options.extend(args.selection.describe().into_iter().map(|(k, v)| format!("{k}={v}")));
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Statistics of {}", names.join(", ")))
        .with("source", format!("halocline {}, statistics over time", env!("CARGO_PKG_VERSION")))
        .with("halocline_stats_options", options.join("; "));
    if let Some(tiling) = tiling {
        attributes.set("halocline_tiling", tiling);
    }
    attributes.set("history", carry::history(dataset));
    if let Some(title) = dataset.attributes().text("title") {
        attributes.set("input_title", title);
    }
    attributes
}
