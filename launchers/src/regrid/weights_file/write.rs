//! Weights as a file.

use halocline_algorithms::regrid::{Cells, Made};
use halocline_core::comm::Comm;
use halocline_core::meta::{Attributes, Values};
use halocline_core::Result;
use halocline_io::output::{history_line, Output, Schema, VariableSpec, WriteReport};
use std::path::Path;

/// Writes weights as ESMF does.
///
/// # Collective
/// Every rank calls this.
pub(in crate::regrid) fn write(
    comm: &Comm,
    path: &Path,
    made: &Made,
    from: &Cells,
    to: &Cells,
    method: &str,
) -> Result<WriteReport> {
    let matrix = &made.matrix;
    let of = |cells: &Cells| -> Result<[Values; 2]> {
        let (lat, lon) = cells.centres()?;
        Ok([Values::F64(lat), Values::F64(lon)])
    };
    let (mut rows, mut columns, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..matrix.rows() {
        let (places, weights) = matrix.row(row);
        rows.extend(places.iter().map(|_| row as i32 + 1));
        columns.extend(places.iter().map(|&p| p as i32 + 1));
        values.extend_from_slice(weights);
    }
    let dims = |cells: &Cells| Values::I32(cells.grid.shape().iter().rev().map(|&n| n as i32).collect());
    let [yc_a, xc_a] = of(from)?;
    let [yc_b, xc_b] = of(to)?;
    let mut schema = Schema::new();
    schema.attributes = Attributes::new()
        .with("title", format!("regridding weights, {method}"))
        .with("conventions", "NCAR-CSM")
        .with("map_method", method)
        .with("source", format!("halocline {}, regrid", env!("CARGO_PKG_VERSION")))
        .with("history", history_line(&crate::common::command_line()));
    let rank = |cells: &Cells| cells.grid.dims.len();
    for (name, len) in [
        ("n_a", from.len()),
        ("n_b", to.len()),
        ("n_s", matrix.entries()),
        ("src_grid_rank", rank(from)),
        ("dst_grid_rank", rank(to)),
    ] {
        schema.add_dim(name, len)?;
    }
    let all: Vec<(&str, &str, &str, Values)> = vec![
        ("src_grid_dims", "src_grid_rank", "", dims(from)),
        ("dst_grid_dims", "dst_grid_rank", "", dims(to)),
        ("yc_a", "n_a", "degrees", yc_a),
        ("xc_a", "n_a", "degrees", xc_a),
        ("yc_b", "n_b", "degrees", yc_b),
        ("xc_b", "n_b", "degrees", xc_b),
        ("frac_b", "n_b", "unitless", Values::F64(made.covered.clone())),
        ("row", "n_s", "", Values::I32(rows)),
        ("col", "n_s", "", Values::I32(columns)),
        ("S", "n_s", "", Values::F64(values)),
    ];
    for (name, dim, units, values) in &all {
        let mut attributes = Attributes::new();
        if !units.is_empty() {
            attributes.set("units", *units);
        }
        schema.add_variable(VariableSpec::new(*name, [*dim], values.dtype()).attributes(attributes));
    }
    let mut file = Output::create(comm, path, &schema)?;
    for (name, _, _, values) in &all {
        file.write_whole(name, values)?;
    }
    file.finish_with_report()
}
