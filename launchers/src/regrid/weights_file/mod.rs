//! Files of weights, as ESMF and SCRIP (and CDO) have them.

mod grid;
mod write;

pub(super) use write::write;

use halocline_algorithms::regrid::{Made, Matrix};
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
}

/// Reads a file of weights for so many source and, if it is known, target cells.
///
/// # Collective
/// Every rank calls this.
pub(super) fn read(comm: &Comm, path: &Path, columns: usize, rows: Option<usize>, io: Io) -> Result<Stored> {
    let options = OpenOptions { io, ..OpenOptions::default() };
    let dataset = open_with(comm, &[path.display().to_string()], options)?;
    let of = |e: Error| if e.file.is_none() { e.in_file(path) } else { e };
    let work = || stored(&dataset, columns, rows).map_err(of);
    // Each rank reads: what rank 0 knows would have to travel to all of them.
    comm.agree(work())
}

fn stored(dataset: &Dataset, columns: usize, rows: Option<usize>) -> Result<Stored> {
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
    Ok(Stored { made: Made { matrix, covered, crossed: [0, 0] }, grid })
}

fn numbers(dataset: &Dataset, name: &str) -> Result<Vec<f64>> {
    let shape = dataset.variable(name)?.variable.shape();
    Ok(dataset.read(name, &IndexBox::whole(&shape))?.to_f64())
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
