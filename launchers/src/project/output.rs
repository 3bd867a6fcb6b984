//! The NetCDF file of a projection.

use super::load::Basis;
use super::options::MissingChoice;
use super::ProjectArgs;
use crate::carry;
use crate::common::described;
use halocline_core::comm::Comm;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;

/// What came out.
pub(super) struct Series<'a> {
    /// Time × modes.
    pub(super) values: &'a [f64],
    /// Of each time, where cells may be missing.
    pub(super) missing: Option<&'a Vec<u64>>,
    pub(super) tiling: &'a str,
}

/// Writes the file.
///
/// # Collective
/// Every rank calls this with the same series.
pub(super) fn write(
    comm: &Comm,
    args: &ProjectArgs,
    (dataset, source): (&Dataset, &Source),
    basis: &Basis,
    result: &Series<'_>,
) -> Result<WriteReport> {
    let attributes = global(args, dataset, basis, result.tiling);
    let mut schema = Schema { attributes, ..Schema::new() };
    let mut pending = schema.add_coordinate(source.time_coordinate())?;
    let modes: Vec<i32> = basis.numbers().iter().map(|&n| n as i32).collect();
    schema.add_dim("mode", modes.len())?;
    let number = Attributes::new().with("long_name", "mode number").with("units", "1");
    schema.add_variable(VariableSpec::new("mode", ["mode"], DType::I32).attributes(number));
    let time = source.variable().dims[0].name.as_str();
    let mut spec = VariableSpec::new("pc", [time, "mode"], DType::F64);
    spec.fill = result.missing.is_some();
    let mut about = basis.describe(source);
    if let Some(level) = source.level() {
        pending.extend(schema.add_coordinate(level)?);
        about.set("coordinates", level.variable.name.as_str());
    }
    schema.add_variable(spec.attributes(about));
    if result.missing.is_some() {
        let about = Attributes::new()
            .with("long_name", "cells that are missing where the patterns have values")
            .with("units", "1");
        schema.add_variable(VariableSpec::new("missing_cells", [time], DType::I32).attributes(about));
    }
    let mut output = Output::create(comm, &args.output, &schema)?;
    output.write_pending(&pending)?;
    output.write_whole("mode", &Values::I32(modes))?;
    output.write_whole("pc", &Values::F64(result.values.to_vec()))?;
    if let Some(missing) = result.missing {
        let counts = missing.iter().map(|&n| i32::try_from(n).unwrap_or(i32::MAX)).collect();
        output.write_whole("missing_cells", &Values::I32(counts))?;
    }
    output.finish_with_report()
}

fn global(args: &ProjectArgs, dataset: &Dataset, basis: &Basis, tiling: &str) -> Attributes {
    let labels = args.names().unwrap_or_else(|_| args.var.clone());
    let names = labels.join(", ");
    let patterns = crate::run::scratch::told(&args.patterns);
    let modes: Vec<String> = basis.numbers().iter().map(i64::to_string).collect();
    let mut options = vec![
        format!("variable={}", labels.join(",")),
        format!("patterns={patterns}"),
        format!("modes={}", modes.join(",")),
        format!("anomaly={}", basis.departure().name()),
    ];
    if let Basis::Foreign(foreign) = basis {
        options.push(foreign.options());
    }
    let missing = if args.missing == MissingChoice::Skip { "skip" } else { "refuse" };
    options.push(format!("missing={missing}"));
    options.extend(args.with.iter().map(|with| format!("with={}", crate::run::scratch::told(with))));
    options.extend(described(&args.input, &args.selection));
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Projection of {names} on {patterns}"))
        .with("source", format!("halocline {}, projection of {names} on patterns", env!("CARGO_PKG_VERSION")))
        .with("references", "Hannachi et al. (2007), doi:10.1002/joc.1499")
        .with("halocline_project_options", options.join("; "))
        .with("halocline_tiling", tiling);
    carry::add_origin(&mut attributes, dataset);
    attributes
}
