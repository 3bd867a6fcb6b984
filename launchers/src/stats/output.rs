//! The NetCDF file of statistics.

use super::{Reduced, StatsArgs};
use crate::carry;
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
    results: &[Reduced],
) -> Result<WriteReport> {
    let mut schema = Schema { attributes: global(args, dataset, results), ..Schema::new() };
    let times: Vec<Coordinate> = results.iter().map(|r| whole_time(&r.source)).collect();
    let mut pending = Vec::new();
    for (reduced, time) in results.iter().zip(&times) {
        pending.extend(schema.add_coordinate(time)?);
        pending.extend(carry::add_space(&mut schema, &reduced.source)?);
    }
    for reduced in results {
        for &op in &args.op {
            let dims = reduced.source.variable().dims.iter().map(|d| d.name.as_str());
            let dtype = if op == TimeOp::Count { DType::I32 } else { DType::F64 };
            let spec = VariableSpec::data(args.name_of(&reduced.name, op), dims, dtype);
            let attributes = attributes(&reduced.source, &reduced.name, op);
            schema.add_variable(spec.attributes(attributes));
        }
    }
    let mut output = Output::create(comm, &args.output, &schema)?;
    output.write_pending(&pending)?;
    for reduced in results {
        for (op, values) in args.op.iter().zip(&reduced.values) {
            let values = match op {
                TimeOp::Count => Values::I32(values.iter().map(|&n| n as i32).collect()),
                _ => Values::F64(values.clone()),
            };
            output.write_block(&args.name_of(&reduced.name, *op), &reduced.block, &values)?;
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

fn attributes(source: &Source, name: &str, op: TimeOp) -> Attributes {
    let mut attributes = source.decoded_attributes();
    let long_name = attributes.text("long_name").unwrap_or(name).to_owned();
    carry::refer_to_space(&mut attributes, source);
    // What held of single values.
    for of_values in ["actual_range", "cell_methods", "ancillary_variables", "cell_measures"] {
        attributes.remove(of_values);
    }
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

fn global(args: &StatsArgs, dataset: &Dataset, results: &[Reduced]) -> Attributes {
    let names: Vec<&str> = results.iter().map(|r| r.name.as_str()).collect();
    let ops: Vec<&str> = args.op.iter().map(|op| op.names().0).collect();
    let mut options =
        vec![format!("op={}", ops.join(",")), "over=time".to_owned(), "missing=skip".to_owned()];
    let selected = args.input.describe().into_iter().chain(args.selection.describe());
    options.extend(selected.map(|(k, v)| format!("{k}={v}")));
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Statistics of {}", names.join(", ")))
        .with("source", format!("halocline {}, statistics over time", env!("CARGO_PKG_VERSION")))
        .with("halocline_stats_options", options.join("; "));
    if let Some(first) = results.first() {
        attributes.set("halocline_tiling", first.tiling.as_str());
    }
    attributes.set("history", carry::history(dataset));
    if let Some(title) = dataset.attributes().text("title") {
        attributes.set("input_title", title);
    }
    attributes
}
