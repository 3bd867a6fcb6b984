//! The coordinates in space that results still have.

use super::over::Reduced;
use halocline_core::meta::{Attributes, Coordinate};
use halocline_core::Result;
use halocline_io::output::{Pending, Schema};
use halocline_io::source::Source;

/// Coordinates of what is not reduced: levels and others, horizontal ones.
fn kept<'a>(source: &'a Source, reduced: &'a Reduced) -> impl Iterator<Item = &'a Coordinate> {
    let grid = source.grid();
    let gone = move |name: &str| {
        let mut dims = source.variable().dims.iter().zip(&reduced.dims);
        dims.any(|(d, r)| *r && d.name == name)
    };
    source
        .levels()
        .iter()
        .chain([&grid.lat, &grid.lon].into_iter().flatten())
        .filter(move |c| !c.variable.dims.iter().any(|d| gone(&d.name)))
}

/// Whether a map is left, with all of its horizontal dimensions.
fn is_map(source: &Source, reduced: &Reduced) -> bool {
    !source.grid().dims.iter().any(|d| reduced.has(d.role))
}

/// Dimensions of the results, by name.
pub(crate) fn dims<'a>(source: &'a Source, reduced: &'a Reduced) -> impl Iterator<Item = &'a str> {
    let dims = source.variable().dims.iter().zip(&reduced.dims).enumerate();
    dims.filter(|(k, (_, r))| *k == 0 || !**r).map(|(_, (d, _))| d.name.as_str())
}

/// Adds the dimensions and coordinates in space that results have.
pub(crate) fn add<'a>(
    schema: &mut Schema,
    source: &'a Source,
    reduced: &'a Reduced,
) -> Result<Vec<Pending<'a>>> {
    for (dim, is_reduced) in source.variable().dims.iter().zip(&reduced.dims).skip(1) {
        if !is_reduced {
            schema.add_dim(&dim.name, dim.len)?;
        }
    }
    let mut pending = Vec::new();
    for coordinate in kept(source, reduced) {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    let gone = |c: &Coordinate| {
        let mut dims = source.variable().dims.iter().zip(&reduced.dims);
        dims.any(|(d, r)| *r && c.variable.dims.iter().any(|own| own.name == d.name))
    };
    for coordinate in source.grid().extra.iter().filter(|c| !gone(c)) {
        // The mapping of a grid that is no more says nothing.
        if !coordinate.variable.dims.is_empty() || is_map(source, reduced) {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
    }
    if let Some(level) = source.level() {
        pending.extend(schema.add_coordinate(level)?);
    }
    Ok(pending)
}

/// Names in the attributes of a result which coordinates it has beside those of its dimensions,
/// and its grid mapping.
pub(crate) fn refer(attributes: &mut Attributes, source: &Source, reduced: &Reduced) {
    let mut auxiliary: Vec<&str> = Vec::new();
    for coordinate in kept(source, reduced) {
        // A coordinate that is not its own dimension has to be named.
        let variable = &coordinate.variable;
        if variable.dims.len() != 1 || variable.dims[0].name != variable.name {
            auxiliary.push(&variable.name);
        }
    }
    auxiliary.extend(source.level().map(|level| level.variable.name.as_str()));
    if auxiliary.is_empty() {
        attributes.remove("coordinates");
    } else {
        attributes.set("coordinates", auxiliary.join(" "));
    }
    let mapping = source.variable().attributes.text("grid_mapping").filter(|_| is_map(source, reduced));
    match mapping.filter(|m| source.grid().extra.iter().any(|c| c.variable.name == *m)) {
        Some(mapping) => attributes.set("grid_mapping", mapping),
        None => drop(attributes.remove("grid_mapping")),
    }
}
