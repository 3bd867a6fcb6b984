//! What results carry on from their input: coordinates, the mapping of the grid, the history.

use crate::common::command_line;
use halocline_core::meta::Attributes;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::output::{history_line, Pending, Schema};
use halocline_io::source::Source;

/// Adds the dimensions and coordinates that a map of `source` has: horizontal ones, levels, the
/// scalar level.
pub(crate) fn add_space<'a>(schema: &mut Schema, source: &'a Source) -> Result<Vec<Pending<'a>>> {
    let grid = source.grid();
    for dim in source.variable().dims.iter().skip(1) {
        schema.add_dim(&dim.name, dim.len)?;
    }
    let mut pending = Vec::new();
    for coordinate in
        source.levels().iter().chain([&grid.lat, &grid.lon].into_iter().flatten()).chain(&grid.extra)
    {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    if let Some(level) = source.level() {
        pending.extend(schema.add_coordinate(level)?);
    }
    Ok(pending)
}

/// Names in the attributes of a map which coordinates it has beside those of its dimensions, and
/// its grid mapping.
pub(crate) fn refer_to_space(attributes: &mut Attributes, source: &Source) {
    let grid = source.grid();
    let mut auxiliary: Vec<&str> = Vec::new();
    for coordinate in source.levels().iter().chain([&grid.lat, &grid.lon].into_iter().flatten()) {
        // A coordinate that is not its own dimension has to be named.
        let variable = &coordinate.variable;
        if variable.dims.len() != 1 || variable.dims[0].name != variable.name {
            auxiliary.push(&variable.name);
        }
    }
    if let Some(level) = source.level() {
        auxiliary.push(&level.variable.name);
    }
    if auxiliary.is_empty() {
        attributes.remove("coordinates");
    } else {
        attributes.set("coordinates", auxiliary.join(" "));
    }
    let mapping = source.variable().attributes.text("grid_mapping");
    match mapping.filter(|m| grid.extra.iter().any(|c| c.variable.name == *m)) {
        Some(mapping) => attributes.set("grid_mapping", mapping),
        None => drop(attributes.remove("grid_mapping")),
    }
}

/// The command in front of the input's own history.
pub(crate) fn history(dataset: &Dataset) -> String {
    let history = history_line(&command_line());
    match dataset.attributes().text("history") {
        Some(earlier) => format!("{history}\n{earlier}"),
        None => history,
    }
}
