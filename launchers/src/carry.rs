//! What results carry on from their input: coordinates, the mapping of the grid, the history.

use crate::common::command_line;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
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
fn history(dataset: &Dataset) -> String {
    let history = history_line(&command_line());
    match dataset.attributes().text("history") {
        Some(earlier) => format!("{history}\n{earlier}"),
        None => history,
    }
}

/// Adds what the input tells of itself, behind all else that a file says.
pub(crate) fn add_origin(attributes: &mut Attributes, dataset: &Dataset) {
    attributes.set("history", history(dataset));
    if let Some(title) = dataset.attributes().text("title") {
        attributes.set("input_title", title);
    }
}

/// The attributes of a variable that are true of what is made of its values, too.
pub(crate) fn attributes(source: &Source) -> Attributes {
    let mut attributes = source.decoded_attributes();
    for of_values in ["actual_range", "cell_methods", "ancillary_variables", "cell_measures"] {
        attributes.remove(of_values);
    }
    attributes
}

/// The middle of a span of time.
pub(crate) fn middle([start, end]: [f64; 2]) -> f64 {
    start + 0.5 * (end - start)
}

/// A time coordinate like `times`, of other times: `dims` is the dimension of time, or none for a
/// scalar; each value has two bounds.
pub(crate) fn times_like(
    times: &Coordinate,
    dims: Vec<Dim>,
    values: Vec<f64>,
    bounds: Vec<f64>,
) -> Coordinate {
    let (name, vertices) = times.bounds.as_ref().map_or_else(
        || (format!("{}_bnds", times.variable.name), "bnds".to_owned()),
        |b| (b.variable.name.clone(), b.variable.dims[1].name.clone()),
    );
    let both = dims.iter().cloned().chain([Dim::new(vertices, 2, Role::Other)]).collect();
    let stored = Variable { name, dims: both, dtype: DType::F64, attributes: Attributes::new() };
    let bounds = Coordinate { variable: stored, values: Values::F64(bounds), bounds: None };
    Coordinate {
        variable: Variable { dims, dtype: DType::F64, ..times.variable.clone() },
        values: Values::F64(values),
        bounds: Some(Box::new(bounds)),
    }
}
