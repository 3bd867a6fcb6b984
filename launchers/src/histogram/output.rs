//! The NetCDF file of histograms.

use super::count::Counted;
use super::{HistogramArgs, Weights};
use crate::pairs::whole_time;
use crate::{carry, common};
use halocline_algorithms::statistics::{make_densities, Bins, HistogramState};
use halocline_core::comm::{Comm, Reduce};
use halocline_core::index::IndexBox;
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
    args: &HistogramArgs,
    dataset: &Dataset,
    sources: &[Source],
    counted: &Counted,
) -> Result<WriteReport> {
    let source = &sources[0];
    let names = labels(sources);
    let mut schema = Schema { attributes: global(args, dataset, &names, counted), ..Schema::new() };
    let dims = &source.variable().dims;
    let kept: Vec<&Dim> =
        dims.iter().zip(&counted.over).filter(|(_, over)| !**over).map(|(d, _)| d).collect();
    let coordinates = coordinates(source, &kept);
    let bins: Vec<Coordinate> =
        names.iter().zip(sources).zip(&args.bins).map(|((n, s), b)| bin_coordinate(n, s, b)).collect();
    for dim in &kept {
        schema.add_dim(&dim.name, dim.len)?;
    }
    let mut pending = Vec::new();
    for coordinate in coordinates.iter().chain(&bins) {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    let of_kept: Vec<String> = kept.iter().map(|d| d.name.clone()).collect();
    let of_bins: Vec<String> =
        of_kept.iter().cloned().chain(bins.iter().map(|b| b.variable.name.clone())).collect();
    let joint = names.join("_");
    let exact = !args.density && args.weights == Weights::None;
    let main = format!("{joint}_{}", if args.density { "density" } else { "histogram" });
    let auxiliary = auxiliary(&coordinates, &kept);
    let refer = |mut attributes: Attributes| {
        if !auxiliary.is_empty() {
            attributes.set("coordinates", auxiliary.join(" "));
        }
        attributes
    };
    let dtype = if exact { DType::I64 } else { DType::F64 };
    let spec = VariableSpec::data(&main, of_bins, dtype).attributes(refer(describe(args, sources, &names)));
    schema.add_variable(spec);
    let mut apart = vec![(format!("{joint}_missing"), "number of missing values, in no bin".to_owned())];
    for name in &names {
        apart.push((format!("{name}_below"), format!("number of values of {name} below the lowest bin")));
        apart.push((format!("{name}_above"), format!("number of values of {name} above the highest bin")));
    }
    if names.len() > 1 {
        "number of pairs of which one value at least is missing".clone_into(&mut apart[0].1);
    }
    for (name, text) in &apart {
        let attributes = Attributes::new().with("long_name", text.as_str()).with("units", "1");
        schema.add_variable(
            VariableSpec::data(name, of_kept.clone(), DType::I64).attributes(refer(attributes)),
        );
    }
    args.compress.apply(&mut schema);
    let mut output = Output::create(comm, &args.output, &schema)?;
    output.limit_memory(counted.writing);
    output.write_pending(&pending)?;
    // As often as the rank with the most columns needs: every rank takes part.
    let mut rounds = [counted.columns.len() as u64];
    comm.all_reduce(&mut rounds, Reduce::Max);
    for round in 0..rounds[0] as usize {
        let column = counted.columns.get(round);
        let place = match column {
            Some((place, _)) => place.clone(),
            None => IndexBox::new(vec![0..0; kept.len()]),
        };
        let inner = args.bins.iter().map(|b| if column.is_some() { 0..b.len() } else { 0..0 });
        let block = IndexBox::new(place.ranges().iter().cloned().chain(inner).collect());
        let values = match column {
            Some((_, state)) if exact => Values::I64(state.counts(&args.bins)),
            Some((_, state)) => Values::F64(numbers(args, state)),
            None if exact => Values::I64(Vec::new()),
            None => Values::F64(Vec::new()),
        };
        output.write_block(&main, &block, &values)?;
        let beside = column.map(|(_, state)| state.apart(&args.bins));
        let mut columns: Vec<Vec<i64>> = vec![beside.as_ref().map_or_else(Vec::new, |a| a.missing.clone())];
        for k in 0..names.len() {
            columns.push(beside.as_ref().map_or_else(Vec::new, |a| a.below[k].clone()));
            columns.push(beside.as_ref().map_or_else(Vec::new, |a| a.above[k].clone()));
        }
        for ((name, _), values) in apart.iter().zip(columns) {
            if kept.is_empty() {
                // The only column is the first rank's.
                output.write_whole(name, &Values::I64(vec![values.first().copied().unwrap_or(0)]))?;
            } else {
                output.write_block(name, &place, &Values::I64(values))?;
            }
        }
    }
    output.finish_with_report()
}

/// The numbers of a column, weighed or made densities.
fn numbers(args: &HistogramArgs, state: &HistogramState) -> Vec<f64> {
    let mut values: Vec<f64> = match args.weights {
        Weights::None => state.counts(&args.bins).into_iter().map(|n| n as f64).collect(),
        Weights::Area => state.sums(&args.bins),
    };
    if args.density {
        make_densities(&mut values, &args.bins);
    }
    values
}

/// What the variables are called: two of one name are told apart.
fn labels(sources: &[Source]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for source in sources {
        let name = &source.variable().name;
        names.push(if names.contains(name) { format!("{name}_2") } else { name.clone() });
    }
    names
}

/// The coordinates that belong to what is kept, and the time that is counted over.
fn coordinates(source: &Source, kept: &[&Dim]) -> Vec<Coordinate> {
    let grid = source.grid();
    let time = if kept.iter().any(|d| d.role == Role::Time) {
        source.time_coordinate().clone()
    } else {
        whole_time(source)
    };
    let space =
        source.levels().iter().chain(source.level()).chain(&grid.lat).chain(&grid.lon).chain(&grid.extra);
    let belongs = |c: &&Coordinate| {
        let dims = &c.variable.dims;
        dims.iter().all(|d| kept.iter().any(|k| k.name == d.name))
            // A grid mapping says nothing without a grid.
            && (!dims.is_empty() || kept.len() > 1 || source.level().is_some_and(|l| l.variable.name == c.variable.name))
    };
    std::iter::once(time).chain(space.filter(belongs).cloned()).collect()
}

/// Those that are not of their own dimension.
fn auxiliary<'a>(coordinates: &'a [Coordinate], kept: &[&Dim]) -> Vec<&'a str> {
    let own = |c: &&Coordinate| c.variable.dims.len() == 1 && kept.iter().any(|d| d.name == c.variable.name);
    let is_mapping = |c: &Coordinate| c.variable.attributes.get("grid_mapping_name").is_some();
    coordinates.iter().filter(|c| !own(c) && !is_mapping(c)).map(|c| c.variable.name.as_str()).collect()
}

/// The middles of bins, with their edges as bounds.
fn bin_coordinate(name: &str, source: &Source, bins: &Bins) -> Coordinate {
    let dim = Dim::new(format!("{name}_bin"), bins.len(), Role::Other);
    let long_name = source.variable().attributes.text("long_name").unwrap_or(name).to_owned();
    let mut attributes = Attributes::new().with("long_name", format!("bins of {long_name}, their middles"));
    if let Some(standard_name) = source.variable().attributes.text("standard_name") {
        attributes.set("standard_name", standard_name);
    }
    if let Some(units) = source.variable().units() {
        attributes.set("units", units);
    }
    attributes.set(
        "comment",
        "half open: a value on the edge of two bins is in the upper one; the last bin is closed",
    );
    let edges = (0..bins.len()).flat_map(|k| [bins.edge(k), bins.edge(k + 1)]).collect();
    let bounds = Coordinate {
        variable: Variable {
            name: format!("{name}_bin_bnds"),
            dims: vec![dim.clone(), Dim::new("bin_vertices", 2, Role::Other)],
            dtype: DType::F64,
            attributes: Attributes::new(),
        },
        values: Values::F64(edges),
        bounds: None,
    };
    Coordinate {
        variable: Variable { name: dim.name.clone(), dims: vec![dim], dtype: DType::F64, attributes },
        values: Values::F64((0..bins.len()).map(|k| bins.centre(k)).collect()),
        bounds: Some(Box::new(bounds)),
    }
}

fn describe(args: &HistogramArgs, sources: &[Source], names: &[String]) -> Attributes {
    let what = names.join(" and ");
    let joint = if names.len() > 1 { "joint " } else { "" };
    let (text, units) = match (args.density, args.weights) {
        (true, _) => {
            let all: Vec<&str> = sources.iter().filter_map(|s| s.variable().units()).collect();
            let inverse: Vec<String> =
                all.iter().filter(|u| **u != "1").map(|u| format!("({u})-1")).collect();
            let known = all.len() == sources.len();
            let units = if inverse.is_empty() { "1".to_owned() } else { inverse.join(" ") };
            (format!("{joint}probability density of {what}"), known.then_some(units))
        }
        (false, Weights::Area) => (
            format!("{joint}histogram of {what}, each value counted by the share of its cell in the area"),
            Some("1".into()),
        ),
        (false, Weights::None) => (format!("{joint}histogram of {what}: number of values"), Some("1".into())),
    };
    let mut attributes = Attributes::new().with("long_name", text);
    if let Some(units) = units {
        attributes.set("units", units);
    }
    attributes
}

fn global(args: &HistogramArgs, dataset: &Dataset, names: &[String], counted: &Counted) -> Attributes {
    let weights = if args.weights == Weights::Area { "area" } else { "none" };
    let mut options = vec![
        format!("over={}", args.over.join(",")),
        format!("density={}", args.density),
        format!("weights={weights}"),
        "missing=counted apart".to_owned(),
    ];
    options.extend(args.with.iter().map(|w| format!("with={}", crate::run::scratch::told(w))));
    options.extend(common::described(&args.input, &args.selection));
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Histogram of {}", names.join(" and ")))
        .with("source", format!("halocline {}, histograms", env!("CARGO_PKG_VERSION")))
        .with("halocline_histogram_options", options.join("; "))
        .with("halocline_tiling", counted.tiling.as_str());
    carry::add_origin(&mut attributes, dataset);
    attributes
}
