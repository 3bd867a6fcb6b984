//! The NetCDF file of statistics.

use super::options::{missing_text, word};
use super::reduce::{quantities, Results};
use super::{describe, space, StatsArgs};
use crate::asked::{name_of, Asked};
use crate::{carry, common};
use halocline_algorithms::statistics::{Op, QuantileMethod, Quantity};
use halocline_core::comm::Comm;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Pending, Schema, VariableSpec, WriteReport};

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
    let wanted = quantities(&args.ops());
    let values: Vec<Vec<Vec<f64>>> = results.iter_mut().map(|r| std::mem::take(&mut r.values)).collect();
    let mut maps: Vec<_> = results.iter_mut().map(|r| r.series.take()).collect();
    let errors: Vec<Option<f64>> = maps.iter().map(|maps| maps.as_ref().and_then(|m| m.error)).collect();
    let (mut schema, pending) = define(args, dataset, &results, &errors)?;
    args.compress.apply(&mut schema);
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
    for (result, maps) in results.iter().zip(&mut maps) {
        let Some(maps) = maps else { continue };
        for (which, percent) in args.percents().into_iter().enumerate() {
            maps.write(&mut output, &name_of(&args.op, &result.name, Asked::Percentile(percent)), which)?;
        }
    }
    output.finish_with_report()
}

/// The file: its variables, and the values of coordinates; `errors` are those of the percentiles of
/// each result.
pub(super) fn define<'a>(
    args: &StatsArgs,
    dataset: &Dataset,
    results: &'a [Results],
    errors: &[Option<f64>],
) -> Result<(Schema, Vec<Pending<'a>>)> {
    let wanted = quantities(&args.ops());
    let used = results.first().map_or("none", |r| r.used.text());
    let tiling = results.first().map(|r| r.tiling.as_str());
    let mut schema = Schema { attributes: global(args, dataset, used, tiling), ..Schema::new() };
    let mut pending = Vec::new();
    for result in results {
        pending.extend(schema.add_coordinate(&result.time)?);
        pending.extend(space::add(&mut schema, &result.source, &result.reduced)?);
    }
    for result in results {
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
    for (result, error) in results.iter().zip(errors) {
        for percent in args.percents() {
            let name = name_of(&args.op, &result.name, Asked::Percentile(percent));
            let dims = space::dims(&result.source, &result.reduced);
            let attributes = describe::percentile(args, result, percent, *error);
            schema.add_variable(VariableSpec::data(name, dims, DType::F64).attributes(attributes));
        }
    }
    Ok((schema, pending))
}

/// Counts are whole numbers, as wide as the greatest needs.
fn dtype(quantity: Quantity, most: u64) -> DType {
    match quantity {
        Quantity::Count if i32::try_from(most).is_ok() => DType::I32,
        Quantity::Count => DType::I64,
        _ => DType::F64,
    }
}

/// Attributes of the file.
pub(super) fn global(args: &StatsArgs, dataset: &Dataset, used: &str, tiling: Option<&str>) -> Attributes {
    let ops: Vec<String> = args.op.iter().map(|asked| asked.name()).collect();
    let over = args.over.join(",");
    let mut options = vec![
        format!("op={}", ops.join(",")),
        format!("over={over}"),
        format!("by={}", word(&args.by)),
        format!("weights={}", used),
        format!("missing={}", missing_text(args.missing)),
    ];
    if args.ops().iter().any(|op| matches!(op, Op::Std | Op::Var)) {
        options.push(format!("ddof={}", args.ddof()));
    }
    if args.ops().contains(&Op::Trend) {
        options.push(format!("per={}", word(&args.per())));
    }
    options.extend(args.running.map(|n| format!("running={n}")));
    match (args.approx, args.percents().is_empty()) {
        (Some(error), _) => options.push(format!("approx={error}")),
        (None, false) => {
            let method = args.percentile.unwrap_or(QuantileMethod::Linear).name();
            options.push(format!("percentile={method}"));
        }
        (None, true) => {}
    }
    options.push(format!("convention={}", word(&args.convention)));
    options.extend(common::described(&args.input, &args.selection));
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Statistics of {}", args.var.join(", ")))
        .with("source", format!("halocline {}, statistics over {over}", env!("CARGO_PKG_VERSION")))
        .with("halocline_stats_options", options.join("; "));
    if let Some(tiling) = tiling {
        attributes.set("halocline_tiling", tiling);
    }
    carry::add_origin(&mut attributes, dataset);
    attributes
}
