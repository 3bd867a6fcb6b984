//! The time coordinate of a source, as results carry it on.

use super::{coordinate, SourceFile};
use crate::cf::Element;
use crate::direct;
use crate::io_mode::Io;
use halocline_core::calendar::{TimeAxis, TimeUnits};
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::Result;
use std::path::Path;

/// The coordinate with its bounds (where every file has them), in the units of `axis`.
pub(super) fn time_coordinate(
    name: &str,
    dim: &Dim,
    attributes: &Attributes,
    axis: &TimeAxis,
    files: &[SourceFile],
) -> Result<Coordinate> {
    let mut kept = coordinate::of_decoded(attributes);
    kept.remove("bounds");
    // Climatological bounds mean what they mean for the averages of the input alone.
    kept.remove("climatology");
    kept.set("units", axis.units.text());
    kept.set("calendar", axis.calendar.name());
    kept.set("axis", "T");
    if kept.get("standard_name").is_none() {
        kept.set("standard_name", "time");
    }
    let bounds = match attributes.text("bounds") {
        Some(bounds) => read_bounds(name, bounds, axis, files)?,
        None => None,
    };
    let bounds = bounds.map(|(vertices, values)| {
        let bounds = attributes.text("bounds").unwrap_or("time_bnds").to_owned();
        Box::new(Coordinate {
            variable: Variable {
                name: bounds,
                dims: vec![dim.clone(), Dim::new(vertices, 2, Role::Other)],
                dtype: DType::F64,
                attributes: Attributes::new(),
            },
            values: Values::F64(values),
            bounds: None,
        })
    });
    let variable =
        Variable { name: name.to_owned(), dims: vec![dim.clone()], dtype: DType::F64, attributes: kept };
    Ok(Coordinate { variable, values: Values::F64(axis.values.clone()), bounds })
}

/// The bounds of all times and the name of their dimension of vertices; `None` where a file has
/// none that fit.
fn read_bounds(
    name: &str,
    bounds: &str,
    axis: &TimeAxis,
    files: &[SourceFile],
) -> Result<Option<(String, Vec<f64>)>> {
    let mut all = Vec::with_capacity(2 * axis.values.len());
    let mut vertices = String::new();
    for file in files {
        let (reader, meta) = direct::meta::read(Path::new(&file.path), Io::Auto)?;
        let meta = meta.share(None);
        let (Some(time), Some(stored)) = (meta.variable(name), meta.variable(bounds)) else {
            return Ok(None);
        };
        let fits = stored.dtype.is_numeric() && stored.shape.len() == 2 && stored.shape[1] == 2;
        if !fits || stored.dims.first() != time.dims.first() {
            return Ok(None);
        }
        vertices.clone_from(&stored.dims[1]);
        let ranges = [file.first..file.first + file.times.len(), 0..2];
        let values = stored.decode().map_err(|e| e.in_file(&file.path))?;
        let values = values.decode(reader.read_raw(bounds, &ranges)?, Element::F64).to_f64();
        // Bounds are in the units of their coordinate; what does not decode is left out.
        let units = time.attributes.text("units").unwrap_or_default();
        let converted = TimeUnits::parse(units, axis.calendar)
            .and_then(|units| TimeAxis::new(units, values))
            .and_then(|bounds| bounds.converted(&axis.units));
        match converted {
            Ok(bounds) => all.extend(bounds.values),
            Err(_) => return Ok(None),
        }
    }
    Ok((all.len() == 2 * axis.values.len() && !vertices.is_empty()).then_some((vertices, all)))
}
