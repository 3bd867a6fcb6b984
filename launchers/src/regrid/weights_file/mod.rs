//! Files of weights, as ESMF and SCRIP (and CDO) have them.

mod grid;
mod write;

pub(super) use write::write;

use super::options::Nature;
use halocline_algorithms::regrid::{Cells, Made, Matrix};
use halocline_core::comm::Comm;
use halocline_core::grid::Grid;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use halocline_io::dataset::{open_with, Dataset};
use halocline_io::{Io, OpenOptions};
use std::path::Path;

/// Most entries that a file may have: places are counted with 32 bits.
const MOST: usize = 1 << 31;

/// Names in the two kinds of files.
struct Names {
    row: &'static str,
    column: &'static str,
    value: &'static str,
    covered: &'static str,
    lat: &'static str,
    lon: &'static str,
    /// Latitudes and longitudes of source cells.
    from: [&'static str; 2],
    lat_corners: &'static str,
    lon_corners: &'static str,
    shape: [&'static str; 2],
    sizes: [&'static str; 2],
}

const ESMF: Names = Names {
    row: "row",
    column: "col",
    value: "S",
    covered: "frac_b",
    lat: "yc_b",
    lon: "xc_b",
    from: ["yc_a", "xc_a"],
    lat_corners: "yv_b",
    lon_corners: "xv_b",
    shape: ["src_grid_dims", "dst_grid_dims"],
    sizes: ["n_a", "n_b"],
};

const SCRIP: Names = Names {
    row: "dst_address",
    column: "src_address",
    value: "remap_matrix",
    covered: "dst_grid_frac",
    lat: "dst_grid_center_lat",
    lon: "dst_grid_center_lon",
    from: ["src_grid_center_lat", "src_grid_center_lon"],
    lat_corners: "dst_grid_corner_lat",
    lon_corners: "dst_grid_corner_lon",
    shape: ["src_grid_dims", "dst_grid_dims"],
    sizes: ["src_grid_size", "dst_grid_size"],
};

/// What a file of weights holds.
pub(super) struct Stored {
    pub(super) made: Made,
    /// The target grid, if the file tells it.
    pub(super) grid: Option<Grid>,
    /// What kind of weights they are.
    pub(super) nature: Nature,
}

/// Reads a file of weights for so many source and, if it is known, target cells.
///
/// # Collective
/// Every rank calls this.
pub(super) fn read(comm: &Comm, path: &Path, from: &Cells, to: Option<&Cells>, io: Io) -> Result<Stored> {
    let options = OpenOptions { io, ..OpenOptions::default() };
    let dataset = open_with(comm, &[path.display().to_string()], options)?;
    let of = |e: Error| if e.file.is_none() { e.in_file(path) } else { e };
    let work = || stored(&dataset, from, to).map_err(of);
    // Each rank reads: what rank 0 knows would have to travel to all of them.
    comm.agree(work())
}

fn stored(dataset: &Dataset, of_source: &Cells, of_target: Option<&Cells>) -> Result<Stored> {
    let (columns, rows) = (of_source.len(), of_target.map(Cells::len));
    let has = |name: &str| dataset.variable(name).is_ok();
    let names = [ESMF, SCRIP].into_iter().find(|n| has(n.row) && has(n.column) && has(n.value));
    let Some(names) = names else {
        return Err(Error::data("is no file of weights: it has neither row, col and S, as of ESMF, nor dst_address, src_address and remap_matrix, as of SCRIP")
            .remedy("make one with --save-weights, ESMF_RegridWeightGen or cdo gencon"));
    };
    let shapes = [0, 1].map(|which| shape(dataset, &names, which));
    for (which, (stated, needed)) in shapes.iter().zip([Some(columns), rows]).enumerate() {
        if let (Some(stated), Some(needed)) = (stated, needed) {
            let cells = stated.iter().product::<usize>();
            if cells != needed {
                let grid = ["source", "target"][which];
                return Err(Error::data(format!(
                    "its weights are for a {grid} grid of {cells} cells, the {grid} grid has {needed}"
                ))
                .remedy("name the file of weights that was made for these grids (and select no --box)"));
            }
        }
    }
    check_places(dataset, names.from, of_source, "source")?;
    if let Some(cells) = of_target {
        check_places(dataset, [names.lat, names.lon], cells, "target")?;
    }
    let rows = rows.or_else(|| shapes[1].as_ref().map(|s| s.iter().product())).ok_or_else(|| {
        Error::data("does not tell the size of the target grid").remedy("name it with --to")
    })?;
    let values = numbers(dataset, names.value)?;
    let entries = dataset.variable(names.row)?.variable.shape().iter().product::<usize>();
    // SCRIP has further weights, for gradients, behind the first.
    let each = values.len().checked_div(entries).unwrap_or(0);
    if entries > MOST || each == 0 || values.len() != entries * each {
        return Err(Error::data(format!("{entries} addresses don't fit {} weights", values.len()))
            .in_variable(names.value));
    }
    // Those of SCRIP's bicubic method, which wants gradients of the field.
    if each == 4 {
        return Err(Error::data("has four weights for each link, as for bicubic interpolation, which needs gradients of the field")
            .in_variable(names.value)
            .remedy("make weights of another method"));
    }
    let (to, from) = (addresses(dataset, names.row, rows)?, addresses(dataset, names.column, columns)?);
    if to.len() != entries || from.len() != entries {
        return Err(Error::data("row and column addresses are not equally many").in_variable(names.column));
    }
    let all: Vec<(u32, u32, f64)> =
        to.iter().zip(&from).zip(values.chunks(each)).map(|((r, c), v)| (*r, *c, v[0])).collect();
    let matrix = Matrix::from_entries(rows, columns, &all)?;
    let covered = match numbers(dataset, names.covered) {
        Ok(covered) if covered.len() == rows => covered,
        _ => (0..rows).map(|r| f64::from(u8::from(!matrix.row(r).0.is_empty()))).collect(),
    };
    let grid = shapes[1].as_ref().and_then(|shape| grid::target(dataset, &names, shape));
    let nature = nature(dataset);
    Ok(Stored { made: Made { matrix, covered, crossed: [0, 0] }, grid, nature })
}

fn numbers(dataset: &Dataset, name: &str) -> Result<Vec<f64>> {
    let shape = dataset.variable(name)?.variable.shape();
    Ok(dataset.read(name, &IndexBox::whole(&shape))?.to_f64())
}

/// Cells that are farther apart than this, in degrees, are others.
const ELSEWHERE: f64 = 0.01;

/// Refuses weights whose cells, as far as the file tells, are not where those of the grid are: of as
/// many cells in another order, or of another shape.
fn check_places(dataset: &Dataset, names: [&str; 2], cells: &Cells, which: &str) -> Result<()> {
    let [Some(lat), Some(lon)] = names.map(|name| degrees(dataset, name)) else { return Ok(()) };
    let (own_lat, own_lon) = cells.centres()?;
    let apart = |a: f64, b: f64| {
        let turns = (a - b) - 360.0 * ((a - b) / 360.0).round();
        turns.abs() > ELSEWHERE
    };
    let elsewhere = |c: &usize| {
        (lat[*c] - own_lat[*c]).abs() > ELSEWHERE || own_lat[*c].abs() < 89.9 && apart(lon[*c], own_lon[*c])
    };
    if lat.len() != cells.len() || lon.len() != cells.len() {
        return Ok(());
    }
    match (0..cells.len()).find(elsewhere) {
        None => Ok(()),
        Some(c) => Err(Error::data(format!(
            "its weights are for another {which} grid of as many cells: cell {} is at latitude {}, longitude {} there, and at {}, {} here",
            c + 1, lat[c], lon[c], own_lat[c], own_lon[c]
        ))
        .remedy("name the file of weights that was made for these grids, in this order of rows and columns")),
    }
}

/// Coordinates in degrees, whichever units the file has them in.
fn degrees(dataset: &Dataset, name: &str) -> Option<Vec<f64>> {
    let info = dataset.variable(name).ok()?;
    let is_radians = info.variable.units().is_some_and(|u| u.starts_with("rad"));
    let factor = if is_radians { 180.0 / std::f64::consts::PI } else { 1.0 };
    Some(numbers(dataset, name).ok()?.into_iter().map(|v| v * factor).collect())
}

/// What kind of weights they are, by the attributes that ESMF and SCRIP give them.
fn nature(dataset: &Dataset) -> Nature {
    let has = |attribute: &str, word: &str| {
        dataset.attributes().text(attribute).is_some_and(|t| t.to_ascii_lowercase().contains(word))
    };
    let is_conservative = has("map_method", "conserv");
    Nature {
        is_conservative,
        is_bilinear: has("map_method", "bilinear"),
        of_whole_cells: is_conservative && has("normalization", "destarea"),
    }
}

/// Addresses, counted from 0.
fn addresses(dataset: &Dataset, name: &str, cells: usize) -> Result<Vec<u32>> {
    let wrong = |v: f64| {
        Error::data(format!("address {v} is none of 1 to {cells}"))
            .in_variable(name)
            .remedy("name the file of weights that was made for these grids")
    };
    let whole = |v: f64| {
        if v >= 1.0 && v <= cells as f64 && v.fract() == 0.0 {
            Ok((v - 1.0) as u32)
        } else {
            Err(wrong(v))
        }
    };
    numbers(dataset, name)?.into_iter().map(whole).collect()
}

/// The shape of a grid, slowest dimension first; 1-D, if only its size is known.
fn shape(dataset: &Dataset, names: &Names, which: usize) -> Option<Vec<usize>> {
    let size = dataset.dims().iter().find(|d| d.name == names.sizes[which]).map(|d| d.len);
    let stated: Option<Vec<usize>> = numbers(dataset, names.shape[which])
        .ok()
        .map(|v| v.iter().rev().map(|&n| n as usize).filter(|&n| n > 0).collect())
        .filter(|s: &Vec<usize>| !s.is_empty());
    match (stated, size) {
        (Some(shape), Some(size)) if shape.iter().product::<usize>() != size => Some(vec![size]),
        (Some(shape), _) => Some(shape),
        (None, size) => size.map(|n| vec![n]),
    }
}
