//! What the file says.

use super::options::Nature;
use super::RegridArgs;
use crate::carry;
use halocline_algorithms::regrid::{Cells, Missing};
use halocline_core::grid::Grid;
use halocline_core::meta::{Attributes, Coordinate, Variable};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::{Pending, Schema};
use halocline_io::source::Source;

/// The variable on the target grid.
pub(super) fn variable(args: &RegridArgs, source: &Source, grid: &Grid, nature: Nature) -> Variable {
    let of = source.variable();
    let kept = of.dims.len() - source.grid().dims.len();
    let dims = of.dims[..kept].iter().chain(&grid.dims).cloned().collect();
    let mut attributes = source.decoded_attributes();
    for of_values in [
        "actual_range",
        "valid_min",
        "valid_max",
        "valid_range",
        "ancillary_variables",
        "cell_measures",
        "grid_mapping",
    ] {
        attributes.remove(of_values);
    }
    if nature.is_conservative {
        let before = attributes.text("cell_methods").map(|m| format!("{m} ")).unwrap_or_default();
        if !before.contains("area: mean") {
            attributes.set("cell_methods", format!("{before}area: mean"));
        }
    }
    let auxiliary: Vec<&str> = source
        .levels()
        .iter()
        .chain([&grid.lat, &grid.lon].into_iter().flatten())
        .filter(|c| c.variable.dims.len() != 1 || c.variable.dims[0].name != c.variable.name)
        .chain(source.level())
        .map(|c| c.variable.name.as_str())
        .collect();
    if auxiliary.is_empty() {
        attributes.remove("coordinates");
    } else {
        attributes.set("coordinates", auxiliary.join(" "));
    }
    if let Some(mapping) = mapping(grid) {
        attributes.set("grid_mapping", mapping.variable.name.as_str());
    }
    attributes.set("regridding", format!("{} to {}", args.method_name(), describe(grid)));
    let dtype = match source.element() {
        halocline_io::Element::F32 => halocline_core::meta::DType::F32,
        halocline_io::Element::F64 => halocline_core::meta::DType::F64,
    };
    Variable { name: of.name.clone(), dims, dtype, attributes }
}

fn mapping(grid: &Grid) -> Option<&Coordinate> {
    grid.extra.iter().find(|c| c.variable.attributes.text("grid_mapping_name").is_some())
}

/// A grid for people.
pub(super) fn describe(grid: &Grid) -> String {
    let lengths: Vec<String> = grid.dims.iter().map(|d| format!("{} {}", d.len, d.name)).collect();
    lengths.join(" x ")
}

/// Adds dimensions and coordinates of the target grid, levels and times.
pub(super) fn add_coordinates<'a>(
    schema: &mut Schema,
    source: &'a Source,
    target: &'a Cells,
) -> Result<Vec<Pending<'a>>> {
    let grid = &target.grid;
    let kept = source.variable().dims.len() - source.grid().dims.len();
    let others = &source.variable().dims[..kept];
    if let Some(both) = grid.dims.iter().find(|d| others.iter().any(|o| o.name == d.name)) {
        return Err(Error::usage(format!(
            "dimension `{}` of the target grid has the name of another of the variable",
            both.name
        ))
        .remedy("rename it in the file that --to names"));
    }
    let mut pending = schema.add_coordinate(source.time_coordinate())?;
    for dim in others.iter().skip(1).chain(&grid.dims) {
        schema.add_dim(&dim.name, dim.len)?;
    }
    let space = [&grid.lat, &grid.lon].into_iter().flatten().chain(&grid.extra);
    for coordinate in source.levels().iter().chain(source.level()).chain(space) {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    Ok(pending)
}

/// Attributes of the file.
pub(super) fn global(args: &RegridArgs, dataset: &Dataset, missing: Missing) -> Attributes {
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("{} on another grid", args.var.join(", ")))
        .with("source", format!("halocline {}, regrid", env!("CARGO_PKG_VERSION")))
        .with("halocline_regrid_options", args.describe(missing));
    carry::add_origin(&mut attributes, dataset);
    attributes
}
