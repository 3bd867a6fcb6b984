//! The NetCDF file of statistics.

use super::options::{missing_text, word};
use super::reduce::{quantities, Results};
use super::{describe, space, StatsArgs};
use crate::carry;
use halocline_algorithms::statistics::{Op, Quantity};
use halocline_core::comm::Comm;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};

/// Writes the file.
///
/// # Collective
/// Every rank calls this with its part of the results.
pub(super) fn write(
    comm: &Comm,
    args: &StatsArgs,
    dataset: &Dataset,
    mut results: Vec<Results>,
) -> Result<WriteReport> {
    let wanted = quantities(&args.op);
    let values: Vec<Vec<Vec<f64>>> = results.iter_mut().map(|r| std::mem::take(&mut r.values)).collect();
    let mut schema = Schema { attributes: global(args, dataset, &results), ..Schema::new() };
    let mut pending = Vec::new();
    for result in &results {
        pending.extend(schema.add_coordinate(&result.time)?);
        pending.extend(space::add(&mut schema, &result.source, &result.reduced)?);
    }
    for result in &results {
        for (op, quantity) in &wanted {
            let name = describe::name(args, &result.name, *op, *quantity);
            if schema.variable(&name).is_some() {
                return Err(Error::usage(format!("two results or coordinates would be called `{name}`"))
                    .remedy("run the command once for each variable"));
            }
            let dims = space::dims(&result.source, &result.reduced);
            let spec = VariableSpec::data(name, dims, dtype(*quantity, result.most));
            schema.add_variable(spec.attributes(describe::attributes(args, result, *quantity)));
        }
    }
    let mut output = Output::create(comm, &args.output, &schema)?;
    output.write_pending(&pending)?;
    for (result, values) in results.iter().zip(values) {
        for ((op, quantity), values) in wanted.iter().zip(values) {
            let values = match dtype(*quantity, result.most) {
                DType::I32 => Values::I32(values.iter().map(|&n| n as i32).collect()),
                DType::I64 => Values::I64(values.iter().map(|&n| n as i64).collect()),
                _ => Values::F64(values),
            };
            let name = describe::name(args, &result.name, *op, *quantity);
            output.write_block(&name, &result.block, &values)?;
        }
    }
    output.finish_with_report()
}

/// Counts are whole numbers, as wide as the greatest needs.
fn dtype(quantity: Quantity, most: u64) -> DType {
    match quantity {
        Quantity::Count if i32::try_from(most).is_ok() => DType::I32,
        Quantity::Count => DType::I64,
        _ => DType::F64,
    }
}

fn global(args: &StatsArgs, dataset: &Dataset, results: &[Results]) -> Attributes {
    let names: Vec<&str> = results.iter().map(|r| r.name.as_str()).collect();
    let ops: Vec<&str> = args.op.iter().map(|op| op.name()).collect();
    let over = args.over.join(",");
    let mut options = vec![
        format!("op={}", ops.join(",")),
        format!("over={over}"),
        format!("by={}", word(&args.by)),
        format!("weights={}", results.first().map_or("none", |r| r.used.text())),
        format!("missing={}", missing_text(args.missing)),
    ];
    if args.op.iter().any(|op| matches!(op, Op::Std | Op::Var)) {
        options.push(format!("ddof={}", args.ddof()));
    }
    if args.op.contains(&Op::Trend) {
        options.push(format!("per={}", word(&args.per())));
    }
    options.push(format!("convention={}", word(&args.convention)));
    options.extend(args.selection.describe().into_iter().map(|(k, v)| format!("{k}={v}")));
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Statistics of {}", names.join(", ")))
        .with("source", format!("halocline {}, statistics over {over}", env!("CARGO_PKG_VERSION")))
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
