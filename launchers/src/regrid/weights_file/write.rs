//! Weights as a file.

use crate::regrid::options::{Format, Nature};
use halocline_algorithms::regrid::{Cells, Made};
use halocline_core::comm::Comm;
use halocline_core::grid::GridKind;
use halocline_core::meta::{Attributes, Values};
use halocline_core::Result;
use halocline_io::output::{history_line, Output, Schema, VariableSpec, WriteReport};
use std::path::Path;

/// A variable: name, dimensions, units, values.
type Column = (String, Vec<String>, &'static str, Values);

/// Names of SCRIP for those of ESMF.
const SCRIP: [(&str, &str); 22] = [
    ("n_a", "src_grid_size"),
    ("n_b", "dst_grid_size"),
    ("nv_a", "src_grid_corners"),
    ("nv_b", "dst_grid_corners"),
    ("n_s", "num_links"),
    ("yc_a", "src_grid_center_lat"),
    ("yc_b", "dst_grid_center_lat"),
    ("xc_a", "src_grid_center_lon"),
    ("xc_b", "dst_grid_center_lon"),
    ("yv_a", "src_grid_corner_lat"),
    ("yv_b", "dst_grid_corner_lat"),
    ("xv_a", "src_grid_corner_lon"),
    ("xv_b", "dst_grid_corner_lon"),
    ("mask_a", "src_grid_imask"),
    ("mask_b", "dst_grid_imask"),
    ("area_a", "src_grid_area"),
    ("area_b", "dst_grid_area"),
    ("frac_a", "src_grid_frac"),
    ("frac_b", "dst_grid_frac"),
    ("row", "dst_address"),
    ("col", "src_address"),
    ("S", "remap_matrix"),
];

/// The name that a format has for what ESMF calls `name`.
fn called(format: Format, name: &str) -> String {
    let known = SCRIP.iter().find(|(esmf, _)| format == Format::Scrip && *esmf == name);
    known.map_or(name, |(_, scrip)| scrip).to_owned()
}

/// Writes weights as ESMF or SCRIP does.
///
/// # Collective
/// Every rank calls this.
pub(in crate::regrid) fn write(
    comm: &Comm,
    path: &Path,
    made: &Made,
    (from, to): (&Cells, &Cells),
    (method, nature, format): &(String, Nature, Format),
) -> Result<WriteReport> {
    let (matrix, nature, format) = (&made.matrix, *nature, *format);
    let name_of = |name: &str| called(format, name);
    let (mut rows, mut columns, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..matrix.rows() {
        let (places, weights) = matrix.row(row);
        rows.extend(places.iter().map(|_| row as i32 + 1));
        columns.extend(places.iter().map(|&p| p as i32 + 1));
        values.extend_from_slice(weights);
    }
    let mut schema = Schema::new();
    schema.attributes = Attributes::new()
        .with("title", format!("regridding weights, {method}"))
        .with("conventions", if format == Format::Scrip { "SCRIP" } else { "NCAR-CSM" })
        .with("map_method", map_method(method, nature))
        .with("normalization", if nature.of_whole_cells { "destarea" } else { "fracarea" })
        .with("source", format!("halocline {}, regrid", env!("CARGO_PKG_VERSION")))
        .with("history", history_line(&crate::common::command_line()));
    if format == Format::Scrip {
        // Without these CDO takes it for no file of weights.
        schema.attributes.set("source_grid", kind(from));
        schema.attributes.set("dest_grid", kind(to));
    }
    let mut all: Vec<Column> = Vec::new();
    let areas = [from.grid.areas().ok(), to.grid.areas().ok()];
    let shared = shared(made, nature, &areas);
    for (side, cells, area, covered) in
        [("a", from, &areas[0], shared), ("b", to, &areas[1], made.covered.clone())]
    {
        all.extend(of_grid(side, cells, area.as_deref(), covered)?);
    }
    let links = [("row", Values::I32(rows)), ("col", Values::I32(columns)), ("S", Values::F64(values))];
    all.extend(links.map(|(name, values)| (name.to_owned(), vec!["n_s".to_owned()], "", values)));
    for (side, cells) in [("a", from), ("b", to)] {
        let grid = if side == "a" { "src" } else { "dst" };
        schema.add_dim(&name_of(&format!("n_{side}")), cells.len())?;
        schema.add_dim(&format!("{grid}_grid_rank"), cells.grid.dims.len())?;
        if let Some(corners) = corners(cells) {
            schema.add_dim(&name_of(&format!("nv_{side}")), corners)?;
        }
    }
    schema.add_dim(&name_of("n_s"), matrix.entries())?;
    for (name, dims, _, _) in &mut all {
        *name = name_of(name);
        dims.iter_mut().for_each(|dim| *dim = name_of(dim));
        if name == "remap_matrix" {
            // One weight a link: there are more where gradients count.
            schema.add_dim("num_wgts", 1)?;
            dims.push("num_wgts".to_owned());
        }
    }
    for (name, dims, units, values) in &all {
        let mut attributes = Attributes::new();
        if !units.is_empty() {
            attributes.set("units", *units);
        }
        schema.add_variable(VariableSpec::new(name, dims, values.dtype()).attributes(attributes));
    }
    let mut file = Output::create(comm, path, &schema)?;
    for (name, _, _, values) in &all {
        file.write_whole(name, values)?;
    }
    file.finish_with_report()
}

/// The kind of a grid in CDO's words.
fn kind(cells: &Cells) -> &'static str {
    match cells.grid.kind {
        GridKind::Rectilinear => "lonlat",
        GridKind::Curvilinear => "curvilinear",
        _ => "unstructured",
    }
}

/// The method in ESMF's words, by which others know it.
fn map_method(method: &str, nature: Nature) -> &'static str {
    match method {
        _ if nature.is_conservative => "Conservative remapping",
        _ if nature.is_bilinear => "Bilinear remapping",
        "nearest" => "Nearest neighbor",
        method if method.starts_with("distance") => "Distance weighted average of neighbors",
        _ => "weights of another file",
    }
}

/// Corners of each cell, if the grid tells them.
fn corners(cells: &Cells) -> Option<usize> {
    cells.grid.corners().ok().map(|c| c.len() / cells.len().max(1)).filter(|n| *n > 0)
}

/// What share of source cells is used: Σ S(k, i) A(k) c(k) / A(i) of conservative weights, else 1.
fn shared(made: &Made, nature: Nature, areas: &[Option<Vec<f64>>; 2]) -> Vec<f64> {
    let matrix = &made.matrix;
    let (true, [Some(from), Some(to)]) = (nature.is_conservative, areas) else {
        return vec![1.0; matrix.columns()];
    };
    let mut used = vec![0.0; matrix.columns()];
    for (row, (area, covered)) in to.iter().zip(&made.covered).enumerate() {
        let (places, weights) = matrix.row(row);
        let area = if nature.of_whole_cells { *area } else { area * covered };
        places.iter().zip(weights).for_each(|(&place, weight)| used[place as usize] += weight * area);
    }
    used.iter().zip(from).map(|(used, area)| if *area > 0.0 { used / area } else { 0.0 }).collect()
}

/// What is told of a grid, `side` being a (source) or b (target).
fn of_grid(side: &str, cells: &Cells, area: Option<&[f64]>, covered: Vec<f64>) -> Result<Vec<Column>> {
    let cell = || vec![format!("n_{side}")];
    let grid = if side == "a" { "src" } else { "dst" };
    let lengths = cells.grid.shape().iter().rev().map(|&n| n as i32).collect();
    let (lat, lon) = cells.centres()?;
    let mask = lat.iter().zip(&lon).map(|(a, o)| i32::from(a.is_finite() && o.is_finite())).collect();
    let mut all: Vec<Column> = vec![
        (format!("{grid}_grid_dims"), vec![format!("{grid}_grid_rank")], "", Values::I32(lengths)),
        (format!("yc_{side}"), cell(), "degrees", Values::F64(lat)),
        (format!("xc_{side}"), cell(), "degrees", Values::F64(lon)),
        (format!("mask_{side}"), cell(), "unitless", Values::I32(mask)),
        (format!("frac_{side}"), cell(), "unitless", Values::F64(covered)),
    ];
    if let Some(area) = area {
        all.push((format!("area_{side}"), cell(), "square radians", Values::F64(area.to_vec())));
    }
    if let Some(corners) = cells.grid.corners().ok().filter(|_| corners(cells).is_some()) {
        let both = || vec![format!("n_{side}"), format!("nv_{side}")];
        let lat = corners.iter().map(|p| p[2].clamp(-1.0, 1.0).asin().to_degrees()).collect();
        let lon = corners.iter().map(|p| p[1].atan2(p[0]).to_degrees().rem_euclid(360.0)).collect();
        all.push((format!("yv_{side}"), both(), "degrees", Values::F64(lat)));
        all.push((format!("xv_{side}"), both(), "degrees", Values::F64(lon)));
    }
    Ok(all)
}
